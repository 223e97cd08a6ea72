// Package sinktest holds the promises of sinks.Sink as one suite that every
// sink runs, and the faults that a sink must survive.
package sinktest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// Factory makes an empty store and returns how to open a sink on it. Opening
// again must give a sink on the same store.
type Factory func(t testing.TB) (open func() sinks.Sink)

// Run checks the contract of sinks.Sink.
func Run(t *testing.T, factory Factory) {
	t.Run("SameBatchTwice", func(t *testing.T) { rapid.Check(t, func(rt *rapid.T) { sameBatchTwice(t, rt, factory) }) })
	t.Run("HoldsWhatWasCommitted", func(t *testing.T) { rapid.Check(t, func(rt *rapid.T) { holdsWhatWasCommitted(t, rt, factory) }) })
	t.Run("Faults", func(t *testing.T) { faults(t, factory) })
	t.Run("Revisions", func(t *testing.T) { revisions(t, factory) })
	t.Run("AllOrNothing", func(t *testing.T) { allOrNothing(t, factory) })
	t.Run("OneTable", func(t *testing.T) { oneTable(t, factory) })
	t.Run("Chains", func(t *testing.T) { chains(t, factory) })
	t.Run("Files", func(t *testing.T) { files(t, factory) })
	t.Run("Catalogues", func(t *testing.T) { catalogues(t, factory) })
	t.Run("Quarantine", func(t *testing.T) { quarantine(t, factory) })
	t.Run("Writers", func(t *testing.T) { writers(t, factory) })
	t.Run("Releases", func(t *testing.T) { releases(t, factory) })
}

func sameBatchTwice(t *testing.T, rt *rapid.T, factory Factory) {
	open := factory(t)
	b := drawBatch(rt)
	first, err := open().Commit(t.Context(), b.batch(t))
	must(rt, err)
	before := doneOf(t, open(), b.streams())
	again, err := open().Commit(t.Context(), b.batch(t))
	must(rt, err)
	if again.Sequence != 0 || again.Inserted != 0 || again.Retracted != 0 || again.Duplicates != again.Read || again.Read != first.Read {
		rt.Fatalf("the same batch again: %+v after %+v", again, first)
	}
	if after := doneOf(t, open(), b.streams()); fmt.Sprint(after) != fmt.Sprint(before) {
		rt.Fatalf("the same batch again changed Done:\n%v\n%v", before, after)
	}
}

// holdsWhatWasCommitted commits batches that overlap and change rows, beside a
// model; then it offers the model: every row must be a duplicate.
func holdsWhatWasCommitted(t *testing.T, rt *rapid.T, factory Factory) {
	open := factory(t)
	m := newModel()
	for range rapid.IntRange(1, 6).Draw(rt, "batches") {
		b := drawBatch(rt)
		m.apply(b)
		if _, err := open().Commit(t.Context(), b.batch(t)); err != nil {
			rt.Fatal(err)
		}
	}
	m.check(t, rt, open())
}

// faults repeats every commit until it succeeds, while some fail before and
// some after they were stored.
func faults(t *testing.T, factory Factory) {
	var lost, ghost int64
	rapid.Check(t, func(rt *rapid.T) {
		open := factory(t)
		f := &Faults{Every: rapid.IntRange(1, 3).Draw(rt, "every")}
		m := newModel()
		for range rapid.IntRange(1, 5).Draw(rt, "batches") {
			b := drawBatch(rt)
			m.apply(b)
			must(rt, commitUntilDone(t, Faulty(open(), f), b))
		}
		m.check(t, rt, open())
		lost, ghost = lost+f.Lost.Load(), ghost+f.Ghost.Load()
	})
	if lost == 0 || ghost == 0 {
		t.Fatalf("%d lost and %d ghost faults fired; a fault that never fires proves nothing", lost, ghost)
	}
}

func commitUntilDone(t *testing.T, s sinks.Sink, b batchSpec) error {
	for range 20 {
		_, err := s.Commit(t.Context(), b.batch(t))
		if err == nil || !errors.Is(err, ErrFault) {
			return err
		}
	}
	return errors.New("20 faults in a row")
}

func revisions(t *testing.T, factory Factory) {
	sink := factory(t)()
	a, b := Row{Wallet: "w", ID: "1", At: day(0), Amount: 1}, Row{Wallet: "w", ID: "1", At: day(0), Amount: 2}
	for i, r := range []Row{a, b, a} {
		got, err := sink.Commit(t.Context(), sinks.Batch{Parts: []sinks.Part{Ledger("w", window(0, 1), r)}})
		must(t, err)
		if got.Inserted != 1 || got.Retracted != int64(min(i, 1)) {
			t.Fatalf("step %d: %+v", i, got)
		}
	}
	// Twice within one read: overlapping pages, the second with newer content.
	for _, want := range []int64{3, 0} { // once, and the same batch again
		got, err := sink.Commit(t.Context(), sinks.Batch{Parts: []sinks.Part{Ledger("w", window(0, 1), b, a, a, b)}})
		must(t, err)
		if got.Inserted != want || got.Retracted != want || got.Duplicates != 4-want {
			t.Fatalf("within one read: %+v", got)
		}
	}
	d, err := sink.Done(t.Context(), Stream("w"))
	must(t, err)
	if d.Rows != 1 {
		t.Fatalf("one row is visible, not %d", d.Rows)
	}
}

// allOrNothing breaks the second part of a batch: nothing may be visible.
func allOrNothing(t *testing.T, factory Factory) {
	sink := factory(t)()
	bad := Ledger("w2", window(0, 1), Row{Wallet: "w2", ID: "2", At: day(0)})
	bad.Rows = brokenSpool(t)
	parts := []sinks.Part{Ledger("w1", window(0, 1), Row{Wallet: "w1", ID: "1", At: day(0)}), bad}
	if _, err := sink.Commit(t.Context(), sinks.Batch{Parts: parts}); err == nil {
		t.Fatal("a part that cannot be read was committed")
	}
	for _, w := range []string{"w1", "w2"} {
		d, err := sink.Done(t.Context(), Stream(w))
		must(t, err)
		if d.Rows != 0 || len(d.Complete) != 0 {
			t.Fatalf("half a batch is visible: %+v", d)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := sink.Commit(ctx, sinks.Batch{Parts: []sinks.Part{Ledger("w1", window(0, 1), Row{Wallet: "w1", ID: "1", At: day(0)})}}); err == nil {
		return // finishing is allowed, too
	}
	d, err := sink.Done(t.Context(), Stream("w1"))
	must(t, err)
	if d.Rows != 0 {
		t.Fatalf("a commit that failed is visible: %+v", d)
	}
}

func oneTable(t *testing.T, factory Factory) {
	other := Ledger("w", window(0, 1))
	other.Stream.Source = "bank"
	if _, err := factory(t)().Commit(t.Context(), sinks.Batch{Parts: []sinks.Part{Ledger("w", window(0, 1)), other}}); err == nil {
		t.Fatal("parts of two sources in one batch were accepted")
	}
}

// chains: a missing row leaves the window owed until it is there.
func chains(t *testing.T, factory Factory) {
	sink := factory(t)()
	rows := []Row{
		{Wallet: "w", ID: "1", At: day(0).Add(time.Hour), Amount: -10, Balance: ptr(int64(90))},
		{Wallet: "w", ID: "2", At: day(0).Add(2 * time.Hour), Amount: -20, Balance: ptr(int64(70))},
		{Wallet: "w", ID: "3", At: day(0).Add(3 * time.Hour), Amount: -30, Balance: ptr(int64(40))},
	}
	part := Ledger("w", window(0, 1), rows[0], rows[2])
	got, err := sink.Commit(t.Context(), sinks.Batch{Parts: []sinks.Part{part}})
	must(t, err)
	if c := got.Chains[0]; c.State != sinks.ChainOpen || len(c.Breaks) != 1 || c.Breaks[0].Missing != -20 || c.Breaks[0].After != "1" || c.Breaks[0].Before != "3" {
		t.Fatalf("a missing row: %+v", c)
	}
	expectOwed(t, sink, []schemas.Window{{From: rows[0].At, To: rows[2].At.Add(time.Microsecond)}})

	part = Ledger("w", window(0, 1), rows[0], rows[2])
	part.Past = true
	got, err = sink.Commit(t.Context(), sinks.Batch{Parts: []sinks.Part{part}})
	must(t, err)
	if got.Chains[0].State != sinks.ChainBroken || got.Sequence == 0 {
		t.Fatalf("beyond the look-back: %+v", got)
	}

	got, err = sink.Commit(t.Context(), sinks.Batch{Parts: []sinks.Part{Ledger("w", window(0, 1), rows...)}})
	must(t, err)
	if got.Chains[0].State != sinks.ChainClosed || got.Inserted != 1 {
		t.Fatalf("the missing row arrived: %+v", got)
	}
	expectOwed(t, sink, nil)
}

func expectOwed(t *testing.T, s sinks.Sink, want []schemas.Window) {
	t.Helper()
	d, err := s.Done(t.Context(), Stream("w"))
	must(t, err)
	if !slices.Equal(d.Owed, want) {
		t.Fatalf("owed %v, want %v", d.Owed, want)
	}
}

func quarantine(t *testing.T, factory Factory) {
	sink := factory(t)()
	part := func() sinks.Part {
		p := Ledger("w", window(0, 1))
		x := schemas.Reject{RowID: "9", Reason: schemas.ReasonScale, Field: "amount", Amount: ptr(int64(5)), Currency: "AZN", Raw: []byte(`{"id":9}`)}
		p.Rejects = []schemas.Reject{x, x}
		return p
	}
	for i, want := range []int64{1, 0} {
		got, err := sink.Commit(t.Context(), sinks.Batch{Parts: []sinks.Part{part()}})
		must(t, err)
		if got.Quarantined != want {
			t.Fatalf("commit %d counted %d rejects, want %d", i, got.Quarantined, want)
		}
	}
}

// writers commit the same windows at once, each through a sink of its own.
func writers(t *testing.T, factory Factory) {
	open := factory(t)
	const n, rows = 8, 20
	var wg sync.WaitGroup
	receipts := make([]sinks.Receipt, n)
	errs := make([]error, n)
	for i := range n {
		s := open()
		wg.Go(func() {
			var list []Row
			for k := range rows { // half of each neighbour's rows, too
				list = append(list, Row{Wallet: "w", ID: fmt.Sprint(i*rows/2 + k), At: day(0).Add(time.Duration(i*rows/2+k) * time.Minute)})
			}
			receipts[i], errs[i] = s.Commit(context.Background(), sinks.Batch{Parts: []sinks.Part{Ledger("w", window(0, 1), list...)}})
		})
	}
	wg.Wait()
	var inserted, duplicates int64
	for i := range n {
		must(t, errs[i])
		inserted += receipts[i].Inserted
		duplicates += receipts[i].Duplicates
	}
	d, err := open().Done(t.Context(), Stream("w"))
	must(t, err)
	want := int64((n + 1) * rows / 2)
	if d.Rows != want || inserted != want || duplicates != n*rows-want {
		t.Fatalf("%d writers: %d rows visible, %d inserted, %d duplicates; want %d rows", n, d.Rows, inserted, duplicates, want)
	}
}

// releases: the sink owns the rows of a batch, whatever comes of it.
func releases(t *testing.T, factory Factory) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	sink := factory(t)()
	for range 2 {
		p := Ledger("w", window(0, 1))
		p.Rows = spoolOf(mem, []Row{{Wallet: "w", ID: "1", At: day(0)}, {Wallet: "w", ID: "2", At: day(0)}}, 1)
		_, err := sink.Commit(t.Context(), sinks.Batch{Parts: []sinks.Part{p}})
		must(t, err)
	}
	p, other := Ledger("w", window(0, 1)), Ledger("w", window(0, 1))
	p.Rows = spoolOf(mem, []Row{{Wallet: "w", ID: "3", At: day(0)}}, 1)
	other.Stream.Source = "bank"
	if _, err := sink.Commit(t.Context(), sinks.Batch{Parts: []sinks.Part{p, other}}); err == nil {
		t.Fatal("a mixed batch was accepted")
	}
}

func must(t interface {
	Helper()
	Fatal(...any)
}, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
