package clickhouse

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/lake"
)

// smallLake commits many small objects: new rows, revisions, operations,
// catalogues, over two months.
func smallLake(t testing.TB, l *lake.Lake, commits int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(11, 4))
	w := schemas.Window{From: day0, To: day0.AddDate(0, 1, 0)}
	for n := range commits {
		var rows []row
		for _, id := range rng.Perm(12)[:rng.IntN(4)+1] {
			rows = append(rows, ledgerRow(fmt.Sprintf("e%02d", id), day0.AddDate(0, 0, id/3).Add(time.Duration(id)*time.Hour), -int64(100*n+id+1), row{"provider_code": []string{"azersu", "azercell"}[rng.IntN(2)]}))
		}
		p := part(schemas.Ledger, "mpay", "wlt_1", w, rows...)
		p.Final = false
		commit(t, l, p)
		if n%4 == 1 {
			commit(t, l, part(schemas.Providers, "mpay", "", schemas.Window{}, row{"source": "mpay", "provider_code": "azersu", "name_az": fmt.Sprint("Azərsu ", n), "category": "utilities"}))
		}
		if n%5 == 2 {
			at := day0.Add(time.Duration(n) * time.Hour)
			o := part(schemas.Operations, "psp", "", w, row{"source": "psp", "project_id": int64(210), "operation_id": fmt.Sprint("o", n), "payment_id": "p", "type": "sale",
				"status": "success", "created_at": at, "completed_at": at, "business_date": at, "amount_minor": int64(5000 + n), "currency": "KGS", "provider_code": "mbank", "method": "mbank"})
			o.Final = false
			commit(t, l, o)
		}
	}
}

// views that a compaction may not change, at any snapshot.
var compared = []string{
	"SELECT * FROM ledger ORDER BY ALL", "SELECT * FROM operations ORDER BY ALL", "SELECT * FROM providers ORDER BY ALL", "SELECT * FROM providers_history ORDER BY ALL",
	"SELECT * FROM spend_by_provider ORDER BY ALL",
}

// allTimes is what readers see of every snapshot up to head.
func allTimes(t testing.TB, w *Warehouse, head int64) []string {
	t.Helper()
	out := make([]string, head+1)
	for n := int64(1); n <= head; n += max(1, head/2) {
		var b strings.Builder
		for _, sql := range compared {
			b.WriteString(sql + "\n" + lines(askAt(t, w, sql, n)))
		}
		out[n] = b.String()
	}
	return out
}

func sameTimes(t testing.TB, when string, got, want []string) {
	t.Helper()
	for n := range want {
		if got[n] != want[n] {
			t.Fatalf("%s, snapshot %d:\n%s\nwant:\n%s", when, n, got[n], want[n])
		}
	}
}

func compactAll(t testing.TB, l *lake.Lake) []lake.Compaction {
	t.Helper()
	done, err := l.Compact(t.Context(), lake.CompactOptions{SmallRows: 1000, Before: day0.AddDate(1, 0, 0)})
	if err != nil || len(done) == 0 {
		t.Fatalf("%+v %v", done, err)
	}
	return done
}

func shownLoads(t testing.TB, w *Warehouse) string {
	return cell(t, w, "SELECT count() FROM "+w.seen())
}

// Every snapshot shows what it showed before a compaction: in a warehouse that
// changes over, in one that was behind and that rows are sent to, in one that is
// made anew, after the old rows are swept, and after they are merged again.
func TestCompactionChangesNothing(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	smallLake(t, l, 5)
	behind := open(t, l, c, true)
	follow(t, behind) // and waits
	smallLakeMore(t, l)
	w := open(t, l, c, false)
	head := follow(t, w).Applied
	want := allTimes(t, w, head)
	before := shownLoads(t, w)
	done := compactAll(t, l)
	follow(t, w)
	sameTimes(t, "changed over", allTimes(t, w, head), want)
	after := shownLoads(t, w)
	if len(after) > len(before) || len(after) == len(before) && after >= before {
		t.Errorf("%s loads are shown, %s before", after, before)
	}
	follow(t, behind)
	sameTimes(t, "was behind", allTimes(t, behind, head), want)

	anew := open(t, l, c, false)
	follow(t, anew)
	sameTimes(t, "made anew", allTimes(t, anew, head), want)
	if n := cell(t, anew, "SELECT count() FROM "+anew.db+".loads"); n != after || len(done) == 0 {
		t.Errorf("a new warehouse made %s loads for %s objects", n, after)
	}

	// A while later the old rows go.
	c.advance(w.sweepAfter() + time.Minute)
	rows := cell(t, w, "SELECT count() FROM "+w.db+".ledger_rows")
	swept := reopen(t, l, c, false, w.db)
	smallLakeMore(t, l)
	follow(t, swept)
	if left := cell(t, swept, "SELECT count() FROM "+w.db+".ledger_rows"); len(left) > len(rows) || len(left) == len(rows) && left >= rows {
		t.Errorf("%s rows, %s before the sweep", left, rows)
	}
	sameTimes(t, "swept", allTimes(t, swept, head), want)
	again := reopen(t, l, c, false, w.db) // what was swept is not missed
	follow(t, again)
	if s, err := again.Status(t.Context()); err != nil || s.Doubles != 0 || s.Applied != s.Head {
		t.Errorf("%+v %v", s, err)
	}
	// Merged again, with what came since.
	compactAll(t, l)
	follow(t, again)
	sameTimes(t, "merged twice", allTimes(t, again, head), want)
	twice := open(t, l, c, false)
	follow(t, twice)
	sameTimes(t, "made anew of what was merged twice", allTimes(t, twice, head), want)
}

// smallLakeMore commits what smallLake has not: a few more rows.
func smallLakeMore(t testing.TB, l *lake.Lake) {
	t.Helper()
	head, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for n := range 4 {
		p := part(schemas.Ledger, "mpay", "wlt_1", days(0, 30), ledgerRow(fmt.Sprintf("e%02d", n), day0.AddDate(0, 0, n/3).Add(time.Duration(n)*time.Hour), -1000*head-int64(n), nil),
			ledgerRow(fmt.Sprintf("m%d-%d", head, n), day0.AddDate(0, 0, 3), -7, nil))
		p.Final = false
		commit(t, l, p)
	}
}

// Whoever asks while the follower changes over sees every row once.
func TestChangingOverHasNoGap(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	smallLake(t, l, 6)
	w := open(t, l, c, false)
	follow(t, w)
	questions := []string{"SELECT count(), sum(amount_minor), uniqExact(entry_id) FROM ledger", "SELECT sum(spend_minor), sum(entries) FROM spend_by_provider"}
	want := []string{lines(ask(t, w, questions[0])), lines(ask(t, w, questions[1]))}
	compactAll(t, l)
	reader := reopen(t, l, c, false, w.db)
	ask(t, reader, "SELECT 1")
	ctx, stop := context.WithCancel(t.Context())
	answers := make(chan struct{})
	go func() {
		defer close(answers)
		for n := 0; ctx.Err() == nil; n++ {
			if got := lines(ask(t, reader, questions[n%2])); got != want[n%2] {
				t.Errorf("%s, want %s", got, want[n%2])
			}
			select {
			case answers <- struct{}{}:
			default:
			}
		}
	}()
	// After every write the follower waits for a question that began while it
	// waited: the second answer is that of such a one.
	var asked atomic.Int64
	w.fault = func(_ string, after bool) error {
		for i := 0; after && i < 2; i++ {
			if _, more := <-answers; more {
				asked.Add(1)
			}
		}
		return nil
	}
	follow(t, w)
	stop()
	for range answers {
		asked.Add(1)
	}
	if asked.Load() < 12 { // six kinds of writes at the least
		t.Errorf("asked %d times only", asked.Load())
	}
}

// A write of changing over, or of a new warehouse that begins with merged
// objects, is broken before or after it happens. What readers see in between is
// never wrong, and after the next Follow nothing is missing. PAYLAKE_TEST_COMPACTION breaks
// every write both ways.
func TestEveryFaultOfACompaction(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	for n := range 3 {
		p := part(schemas.Ledger, "mpay", "wlt_1", days(0, 1), ledgerRow("a", day0, -int64(n+1), nil), ledgerRow(fmt.Sprint("b", n), day0, -100, nil))
		p.Final = false
		commit(t, l, p)
	}
	before := copied(t, l, c)
	clean := open(t, l, c, false)
	head := follow(t, clean).Applied
	const sql = "SELECT count(), sum(amount_minor), (SELECT sum(spend_minor) FROM spend_by_provider) FROM ledger"
	counts := make([]string, head+1)
	for n := int64(1); n <= head; n++ {
		counts[n] = lines(askAt(t, clean, sql, n))
	}
	compactAll(t, l)
	type fault struct {
		what        string
		after, anew bool
	}
	faults := []fault{{"load", true, false}, {"write load_visibility", true, false}, {"write load_replaced", true, false}, {"write manifests", false, false}, {"write load_visibility", true, true}}
	if os.Getenv("PAYLAKE_TEST_COMPACTION") != "" {
		faults = nil
		for _, what := range []string{"write loads", "load", "write spend_rollup", "write load_visibility", "write load_replaced", "write manifests"} {
			for i := range 4 {
				faults = append(faults, fault{what, i%2 == 1, i > 1})
			}
		}
	}
	for _, f := range faults {
		t.Run(fmt.Sprintf("%s after=%t anew=%t", f.what, f.after, f.anew), func(t *testing.T) {
			w := open(t, l, c, false)
			if !f.anew {
				loaded := open(t, before, c, false)
				follow(t, loaded)
				w = reopen(t, l, c, true, loaded.db)
			}
			if err := w.ensure(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.parallel = 1
			broke := false
			w.fault = func(what string, after bool) error {
				if broke || what != f.what || after != f.after {
					return nil
				}
				broke = true
				return fmt.Errorf("%w: %w", errFault, sinks.ErrUnavailable)
			}
			_, _ = w.Follow(t.Context())
			w.fault = nil
			if !broke {
				t.Fatal("it never fired")
			}
			var applied int64
			_, _ = fmt.Sscan(cell(t, w, "SELECT max(sequence) FROM "+w.db+".manifests"), &applied)
			if applied > 0 {
				if got := lines(ask(t, w, sql)); got != counts[min(applied, head)] {
					t.Errorf("manifest %d is shown: %s, want %s", applied, got, counts[min(applied, head)])
				}
			}
			next := reopen(t, l, c, false, w.db)
			follow(t, next)
			for n := int64(1); n <= head; n++ {
				if got := lines(askAt(t, next, sql, n)); got != counts[n] {
					t.Errorf("again, snapshot %d: %s, want %s", n, got, counts[n])
				}
			}
		})
	}
}

// copied is a lake's files as they are now.
func copied(t testing.TB, l *lake.Lake, c *clock) *lake.Lake {
	t.Helper()
	root, ok := l.LocalPath("")
	if !ok {
		t.Fatal("no folder")
	}
	dir := filepath.Join(t.TempDir(), "lake")
	if err := os.CopyFS(dir, os.DirFS(root)); err != nil {
		t.Fatal(err)
	}
	other, err := lake.Open(t.Context(), lake.Options{URL: "file://" + dir, TempDir: t.TempDir(), Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	return other
}
