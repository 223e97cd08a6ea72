package lake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gocloud.dev/blob/memblob"

	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/sinktest"
)

// race lets 8 writers create one key and returns how many won.
func race(t *testing.T, b bucket, key string) int {
	t.Helper()
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { errs[i] = b.Create(context.Background(), key, []byte(fmt.Sprintf("writer %d of %s", i, key))) })
	}
	wg.Wait()
	winner, wins := -1, 0
	for i, err := range errs {
		if err == nil {
			winner, wins = i, wins+1
		} else if !errors.Is(err, errTaken) {
			t.Fatal(err)
		}
	}
	if data, err := b.Read(t.Context(), key, 0, -1); wins == 1 && (err != nil || string(data) != fmt.Sprintf("writer %d of %s", winner, key)) {
		t.Fatalf("%s holds %q (%v), writer %d won", key, data, err, winner)
	}
	return wins
}

func TestCreateHasOneWinner(t *testing.T) {
	links, noLinks := named(t), named(t)
	noLinks.publish = renameNoReplace
	for name, b := range map[string]bucket{"nameless": fileBucketOf(t), "link": links, "renameat2": noLinks, "mem": cloudBucket{b: memblob.OpenBucket(nil)}} {
		t.Run(name, func(t *testing.T) {
			for i := range 1000 {
				if wins := race(t, b, fmt.Sprintf("manifests/%d", i)); wins != 1 {
					t.Fatalf("race %d had %d winners", i, wins)
				}
			}
			if f, ok := b.(*fileBucket); ok {
				if left, _ := filepath.Glob(filepath.Join(f.root, "manifests", sinks.TempPrefix+"*")); len(left) != 0 {
					t.Fatalf("left behind: %v", left)
				}
			}
		})
	}
}

// named writes by way of temporary files, as where the system has no others.
func named(t *testing.T) *fileBucket {
	b := fileBucketOf(t)
	b.nameless = func(string, string, []byte) error { return errNameless }
	return b
}

// A folder on Linux needs no temporary files: a crash can leave none behind.
func TestFilesWithoutNames(t *testing.T) {
	b := fileBucketOf(t)
	if err := b.makeDir(b.path("manifests")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []error{nil, errTaken} {
		if err := createNameless(b.path("manifests"), b.path("manifests/x"), []byte("x")); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
}

// careless is what a bucket must not do: plain rename replaces.
func careless(t *testing.T) *fileBucket {
	b := named(t)
	b.publish = os.Rename
	return b
}

func TestPlainRenameLetsTwoWin(t *testing.T) {
	b := careless(t)
	for i := range 1000 {
		if race(t, b, fmt.Sprintf("manifests/%d", i)) > 1 {
			return
		}
	}
	t.Fatal("1,000 races with plain rename had one winner each: the race test proves nothing")
}

// ignorant stores whatever comes, as an object store without conditional
// writes does.
type ignorant struct{ bucket }

func (b ignorant) Create(ctx context.Context, key string, data []byte) error {
	err := b.bucket.Create(ctx, key, data)
	if errors.Is(err, errTaken) {
		return nil
	}
	return err
}

// What a killed probe left goes after an hour, and nothing else does.
func TestProbesAreSwept(t *testing.T) {
	b := fileBucketOf(t)
	left := fmt.Sprintf("probe/%d-KILLED", noon.Add(-2*time.Hour).Unix())
	for _, key := range []string{left, "probe/notes.txt"} {
		if err := b.Create(t.Context(), key, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	young := fmt.Sprintf("probe/%d-BUSY", noon.Add(-time.Minute).Unix())
	if err := b.Create(t.Context(), young, nil); err != nil {
		t.Fatal(err)
	}
	if err := probe(t.Context(), b, 1, noon); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for f, err := range b.List(t.Context(), "probe/") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, f.Key)
	}
	slices.Sort(keys)
	if !slices.Equal(keys, []string{young, "probe/notes.txt"}) {
		t.Errorf("%q", keys)
	}
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestProbe(t *testing.T) {
	if err := probe(t.Context(), fileBucketOf(t), checkRounds, noon); err != nil {
		t.Fatal(err)
	}
	err := probe(t.Context(), ignorant{fileBucketOf(t)}, 1, noon)
	if err == nil || !strings.Contains(err.Error(), "8 of 8 writers") {
		t.Fatalf("a store without preconditions passed: %v", err)
	}
	b := fileBucketOf(t)
	if err := CheckBucket(t.Context(), "file://"+b.root); err != nil {
		t.Fatal(err)
	}
	if err := CheckBucket(t.Context(), "mem://"); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"lake", "file://host/x", "file://relative", "nope://x"} {
		if err := CheckBucket(t.Context(), bad); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func TestFullDiskAndRights(t *testing.T) {
	b := named(t)
	b.publish = func(string, string) error { return fs.ErrInvalid }
	l := openTest(t, b, false)
	if _, err := l.Commit(t.Context(), batchOf(partOf(t, "wlt_1", days(0, 1), ledgerRows(ledgerSpec{rows: 3}), 2))); err == nil {
		t.Fatal("a write error must fail the commit")
	}
	err := storageError("write", "x", fmt.Errorf("write: %w", syscall.ENOSPC))
	if !strings.Contains(err.Error(), "full") {
		t.Fatal(err)
	}
}

// faultyBucket injects faults below the lake: objects and manifests.
type faultyBucket struct {
	bucket
	faults *sinktest.Faults
}

func (b faultyBucket) Create(ctx context.Context, key string, data []byte) error {
	return b.faults.Do(func() error { return b.bucket.Create(ctx, key, data) })
}

// TestFaultsBelow: whatever write fails, stored or not, repeating the commits
// ends in the lake that no fault would have given.
func TestFaultsBelow(t *testing.T) {
	rows := ledgerRows(ledgerSpec{rows: 240, step: 6 * time.Hour})
	run := func(b bucket, every int) Report {
		f := &sinktest.Faults{Every: every}
		l := openTest(t, b, false)
		l.bucket = faultyBucket{b, f}
		if every == 0 {
			l.bucket = b
		}
		for d := 0; d < 60; d += 10 {
			for try := 0; ; try++ {
				_, err := l.Commit(t.Context(), batchOf(partOf(t, "wlt_1", days(d, d+10), within(rows, days(d, d+10)), 10)))
				if err == nil {
					break
				}
				if !errors.Is(err, sinktest.ErrFault) || try > 50 {
					t.Fatal(err)
				}
			}
		}
		if every > 0 && (f.Lost.Load() == 0 || f.Ghost.Load() == 0) {
			t.Fatalf("faults did not fire: %d lost, %d ghost", f.Lost.Load(), f.Ghost.Load())
		}
		r, err := Verify(t.Context(), l.URL(), VerifyOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	want := run(fileBucketOf(t), 0)
	for every := 1; every < 8; every++ {
		got := run(fileBucketOf(t), every)
		if got.Rows != want.Rows || got.Visible != 240 || fmt.Sprint(got.Totals) != fmt.Sprint(want.Totals) || len(got.Foreign) != 0 {
			t.Fatalf("every %d: %+v, want %+v", every, got, want)
		}
	}
}

func TestReadRanges(t *testing.T) {
	for name, b := range map[string]bucket{"file": fileBucketOf(t), "mem": cloudBucket{b: memblob.OpenBucket(nil)}} {
		if err := b.Create(t.Context(), "a/b", []byte("0123456789")); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			off, n int64
			want   string
		}{{0, -1, "0123456789"}, {3, 4, "3456"}, {8, 2, "89"}} {
			got, err := b.Read(t.Context(), "a/b", c.off, c.n)
			if err != nil || !bytes.Equal(got, []byte(c.want)) {
				t.Errorf("%s %d+%d: %q %v", name, c.off, c.n, got, err)
			}
		}
		if _, err := b.Read(t.Context(), "a/absent", 0, -1); !errors.Is(err, errAbsent) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
