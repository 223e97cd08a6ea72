package lake

import (
	"context"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// TestReadersBesideCommits: status and followers read while this process and
// another one commit.
func TestReadersBesideCommits(t *testing.T) {
	b := fileBucketOf(t)
	mine, other := openTest(t, b, false), openTest(t, b, false)
	stream := schemas.Stream{Source: "mpay", Wallet: "wlt_1", Table: schemas.Ledger}
	rows := ledgerRows(ledgerSpec{rows: 480, step: time.Hour})
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if d, err := mine.Done(context.Background(), stream); err != nil || len(d.Complete) > 20 {
				t.Error(d, err)
			}
		}
	})
	var writers sync.WaitGroup
	for _, l := range []*Lake{mine, other} {
		writers.Go(func() {
			for d := range 20 {
				commit(t, l, partOf(t, "wlt_1", days(d, d+1), within(rows, days(d, d+1)), 10))
			}
		})
	}
	writers.Wait()
	close(stop)
	wg.Wait()
	d, err := mine.Done(t.Context(), stream)
	if err != nil || d.Rows != 480 || !reflect.DeepEqual(d.Complete, []schemas.Window{days(0, 20)}) || len(d.Owed) != 0 {
		t.Fatalf("%+v %v", d, err)
	}
	if r, err := Verify(t.Context(), mine.URL(), VerifyOptions{}); err != nil || r.Visible != 480 {
		t.Fatalf("%+v %v", r, err)
	}
}

// TestFirstLoadReadsNothing: loading in order of time opens no object, and a
// look-back opens each object once.
func TestFirstLoadReadsNothing(t *testing.T) {
	b := &countingBucket{bucket: fileBucketOf(t)}
	l := openTest(t, b, false)
	rows := ledgerRows(ledgerSpec{rows: 2000, step: 30 * time.Minute})
	load := func() {
		for d := range 40 {
			for _, w := range []string{"wlt_1", "wlt_2"} {
				mine := within(rows, days(d, d+1))
				for i := range mine {
					mine[i].wallet = w
				}
				commit(t, l, partOf(t, w, days(d, d+1), mine, 100))
			}
		}
	}
	load()
	if b.objects != 0 {
		t.Fatalf("a first load read objects %d times", b.objects)
	}
	mine := within(rows, days(38, 39))
	commit(t, l, partOf(t, "wlt_1", days(38, 39), mine, 100))
	first := b.objects
	commit(t, l, partOf(t, "wlt_1", days(38, 39), mine, 100))
	if first == 0 || b.objects != first {
		t.Fatalf("reads: %d, then %d", first, b.objects)
	}
	if len(b.touched) != 1 {
		t.Fatalf("objects read: %v", b.touched)
	}
}

// However many windows of an object a batch reads again, the object is decoded
// once, also when the cache is too small to keep it: else reading a month again
// costs the month once per window.
func TestABatchReadsAnObjectOnce(t *testing.T) {
	b := &countingBucket{bucket: fileBucketOf(t)}
	l := openTest(t, b, false)
	rows := ledgerRows(ledgerSpec{rows: 1000, step: 30 * time.Minute})
	batch := func(n int) (parts []sinks.Part) {
		for d := range n {
			parts = append(parts, partOf(t, "wlt_1", days(d, d+1), within(rows, days(d, d+1)), 100))
		}
		return parts
	}
	commit(t, l, batch(20)...)
	again := func(n int) int {
		l.cache = newCache(1)
		before := b.objects
		if r := commit(t, l, batch(n)...); r.Inserted != 0 || r.Duplicates == 0 {
			t.Fatalf("read again: %+v", r)
		}
		return b.objects - before
	}
	if one, all := again(1), again(20); one == 0 || all != one {
		t.Errorf("%d reads for one window, %d for twenty windows of the same object", one, all)
	}
}

type countingBucket struct {
	bucket
	objects int
	touched map[string]bool
}

func (b *countingBucket) Read(ctx context.Context, key string, off, n int64) ([]byte, error) {
	if strings.HasPrefix(key, "objects/") {
		b.objects++
		if b.touched == nil {
			b.touched = map[string]bool{}
		}
		b.touched[key] = true
	}
	return b.bucket.Read(ctx, key, off, n)
}
