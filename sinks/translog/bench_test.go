package translog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/paylake/paylake/sinks"
)

// durableFolder is a store of files that are durable before they have a name, as
// a lake in a folder is.
type durableFolder string

func (d durableFolder) path(key string) string {
	return filepath.Join(string(d), filepath.FromSlash(key))
}

func (d durableFolder) Read(_ context.Context, key string) ([]byte, error) {
	data, err := os.ReadFile(d.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", key, ErrAbsent)
	}
	return data, err
}

func (d durableFolder) Create(ctx context.Context, key string, data []byte) error {
	if there, err := d.Read(ctx, key); err == nil {
		return fmt.Errorf("%s, %t: %w", key, bytes.Equal(there, data), ErrTaken)
	}
	return d.Replace(ctx, key, data)
}

func (d durableFolder) Replace(_ context.Context, key string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(d.path(key)), 0o755); err != nil {
		return err
	}
	return sinks.ReplaceFile(d.path(key), data, 0o644)
}

// BenchmarkAppend appends one entry at a time to a log of ten entries and to one
// of a million, turn about: ratio is what the second takes of the first's time.
// In memory it is the computing alone, in files what a run waits for.
func BenchmarkAppend(b *testing.B) {
	for _, kind := range []string{"memory", "files"} {
		b.Run(kind, func(b *testing.B) { appendBoth(b, kind == "files") })
	}
}

func appendBoth(b *testing.B, files bool) {
	type log struct {
		w    *Writer
		tree tlog.Tree
		took time.Duration
	}
	var logs []*log
	for _, size := range []int64{10, 3907<<8 + 10} { // as full a last tile
		m, signer := newMemory(), newSigner(b, "")
		l := &log{w: NewWriter(m, signer, Verifiers{}, "")}
		l.tree = grow(b, l.w, size)
		if files {
			d := durableFolder(b.TempDir())
			for key, data := range m.files { // without waiting for the disk each time
				if err := errors.Join(os.MkdirAll(filepath.Dir(d.path(key)), 0o755), os.WriteFile(d.path(key), data, 0o644)); err != nil {
					b.Fatal(err)
				}
			}
			l.w = NewWriter(d, signer, Verifiers{}, "")
		}
		logs = append(logs, l)
	}
	for b.Loop() {
		for _, l := range logs {
			begin := time.Now()
			tree, err := extend(b.Context(), l.w, l.tree, l.tree.N+1)
			if err != nil {
				b.Fatal(err)
			}
			l.tree, l.took = tree, l.took+time.Since(begin)
		}
	}
	b.ReportMetric(float64(logs[0].took.Microseconds())/float64(b.N), "µs/append-to-10")
	b.ReportMetric(float64(logs[1].took.Microseconds())/float64(b.N), "µs/append-to-1M")
	b.ReportMetric(float64(logs[1].took)/float64(logs[0].took), "ratio")
}
