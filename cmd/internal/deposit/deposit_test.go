package deposit

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Of many writers one creates, and what it wrote is there whole.
func TestOneCreates(t *testing.T) {
	dir := t.TempDir()
	p, err := Open(t.Context(), "file://"+dir+"/new")
	if err != nil {
		t.Fatal(err)
	}
	for round := range 50 {
		key := fmt.Sprintf("a/b/%d.csv", round)
		var winners atomic.Int32
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				created, err := p.Create(t.Context(), key, strings.NewReader(strings.Repeat(fmt.Sprint(w), 9)))
				if err != nil {
					t.Error(err)
				}
				if created {
					winners.Add(1)
				}
			})
		}
		wg.Wait()
		data, err := p.Read(t.Context(), key)
		if err != nil || winners.Load() != 1 || len(data) != 9 || strings.Trim(string(data), string(data[:1])) != "" {
			t.Fatalf("%d winners, %q, %v", winners.Load(), data, err)
		}
	}
	if keys, err := p.Keys(t.Context(), "a/"); err != nil || len(keys) != 50 || !slices.Contains(keys, "a/b/7.csv") {
		t.Errorf("%v %v", keys, err)
	}
	if keys, err := p.Keys(t.Context(), "none/"); err != nil || len(keys) != 0 {
		t.Errorf("%v %v", keys, err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
}

type failing struct{ n int }

func (f *failing) Read(p []byte) (int, error) {
	if f.n++; f.n > 3 {
		return 0, io.ErrUnexpectedEOF
	}
	return len(p), nil
}

// What cannot be finished has no name, and leaves nothing.
func TestHalfIsNothing(t *testing.T) {
	dir := t.TempDir()
	p, err := Open(t.Context(), "file://"+dir)
	if err != nil {
		t.Fatal(err)
	}
	if created, err := p.Create(t.Context(), "x", &failing{}); err == nil || created {
		t.Errorf("%v %v", created, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("%v", left)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"file://" + file, "plain", "ftp://x"} {
		if _, err := Open(context.Background(), bad); err == nil {
			t.Errorf("%s is opened", bad)
		}
	}
}
