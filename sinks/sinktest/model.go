package sinktest

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// partSpec is a part before it has memory of its own, so that the same batch
// can be committed twice.
type partSpec struct {
	wallet string
	window schemas.Window
	final  bool
	rows   []Row
	page   int
}

type batchSpec []partSpec

// drawBatch draws windows of few wallets and days with rows of few ids, so that
// batches overlap, repeat and change each other. Balances are left out: a drawn
// chain would nearly always be broken.
func drawBatch(rt *rapid.T) batchSpec {
	var b batchSpec
	for range rapid.IntRange(1, 3).Draw(rt, "parts") {
		from := rapid.IntRange(0, 3).Draw(rt, "day")
		p := partSpec{wallet: rapid.SampledFrom([]string{"w1", "w2"}).Draw(rt, "wallet"), window: window(from, from+1),
			final: rapid.Bool().Draw(rt, "final"), page: rapid.IntRange(1, 4).Draw(rt, "page")}
		for range rapid.IntRange(0, 6).Draw(rt, "rows") {
			n := rapid.IntRange(0, 7).Draw(rt, "id")
			p.rows = append(p.rows, Row{Wallet: p.wallet, ID: fmt.Sprintf("%d-%d", from, n), At: day(from).Add(time.Duration(n/2) * time.Hour),
				Amount: int64(rapid.IntRange(-2, 2).Draw(rt, "amount")), Provider: rapid.SampledFrom([]string{"", "azersu"}).Draw(rt, "provider")})
		}
		b = append(b, p)
	}
	return b
}

func (b batchSpec) batch(t *testing.T) sinks.Batch {
	t.Helper()
	var out sinks.Batch
	for _, p := range b {
		part := Ledger(p.wallet, p.window)
		part.Final = p.final
		part.Rows.Release()
		part.Rows = spoolOf(nil, p.rows, p.page)
		out.Parts = append(out.Parts, part)
	}
	return out
}

func (b batchSpec) streams() []schemas.Stream {
	var out []schemas.Stream
	for _, p := range b {
		out = append(out, Stream(p.wallet))
	}
	return out
}

func doneOf(t *testing.T, s sinks.Sink, streams []schemas.Stream) []sinks.Done {
	t.Helper()
	var out []sinks.Done
	for _, st := range streams {
		d, err := s.Done(t.Context(), st)
		must(t, err)
		d.LastRead, d.Reached = time.Time{}, time.Time{}
		out = append(out, d)
	}
	return out
}

// model is what a sink must hold.
type model struct {
	rows     map[string]map[string]Row // by wallet and id
	complete map[string]map[int]bool   // by wallet and day
}

func newModel() *model {
	return &model{rows: map[string]map[string]Row{}, complete: map[string]map[int]bool{}}
}

func (m *model) apply(b batchSpec) {
	for _, p := range b {
		if m.rows[p.wallet] == nil {
			m.rows[p.wallet], m.complete[p.wallet] = map[string]Row{}, map[int]bool{}
		}
		for _, r := range p.rows {
			m.rows[p.wallet][r.ID] = r
		}
		if p.final {
			m.complete[p.wallet][int(p.window.From.Sub(day(0)).Hours()/24)] = true
		}
	}
}

// check compares Done with the model and offers the model's rows again.
func (m *model) check(t *testing.T, rt *rapid.T, s sinks.Sink) {
	for _, w := range slices.Sorted(maps.Keys(m.rows)) {
		d, err := s.Done(t.Context(), Stream(w))
		must(rt, err)
		if d.Rows != int64(len(m.rows[w])) {
			rt.Fatalf("%s: %d rows visible, want %d", w, d.Rows, len(m.rows[w]))
		}
		for n := range 5 {
			at := day(n).Add(time.Hour)
			has := slices.ContainsFunc(d.Complete, func(c schemas.Window) bool { return c.Contains(at) })
			if has != m.complete[w][n] {
				rt.Fatalf("%s: day %d complete is %t: %v", w, n, has, d.Complete)
			}
		}
		for i := 1; i < len(d.Complete); i++ {
			if !d.Complete[i-1].To.Before(d.Complete[i].From) {
				rt.Fatalf("%s: spans are not merged: %v", w, d.Complete)
			}
		}
		p := Ledger(w, window(0, 5), slices.Collect(maps.Values(m.rows[w]))...)
		p.Final = false
		got, err := s.Commit(t.Context(), sinks.Batch{Parts: []sinks.Part{p}})
		must(rt, err)
		if got.Inserted+got.Retracted != 0 || got.Duplicates != int64(len(m.rows[w])) {
			rt.Fatalf("%s: the sink does not hold what was committed: %+v", w, got)
		}
	}
}
