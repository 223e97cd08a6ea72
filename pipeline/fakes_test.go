package pipeline

// A source and a sink that work, in a few lines: one ledger row an hour.

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"go.uber.org/goleak"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sources"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var epoch = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func daily(name string) Spec {
	return Spec{Name: name, Start: epoch, Step: Step{Days: 1}, Lookback: 48 * time.Hour, Zone: time.UTC}
}

func at(t time.Time) func() time.Time { return func() time.Time { return t } }

// gauge counts rows between the source and the sink.
type gauge struct {
	mu        sync.Mutex
	now, peak int64
}

func (g *gauge) add(n int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now += n
	g.peak = max(g.peak, g.now)
}

// hours is a source with perHour rows an hour, in pages of perPage hours.
type hours struct {
	stream  schemas.Stream
	perHour int
	perPage int
	alloc   memory.Allocator
	flight  *gauge
	// before is called before each page; its error ends the window.
	before func(ctx context.Context, w schemas.Window, hour time.Time) error
	reject func(hour time.Time) []schemas.Reject
}

func wallet(alloc memory.Allocator, id string) *hours {
	return &hours{stream: schemas.Stream{Source: "src", Wallet: id, Table: schemas.Ledger}, perHour: 1, perPage: 6, alloc: alloc}
}

func (h *hours) Stream() schemas.Stream { return h.stream }

func (h *hours) Pages(ctx context.Context, w schemas.Window, from sources.Cursor) iter.Seq2[sources.Page, error] {
	return func(yield func(sources.Page, error) bool) {
		hour := w.From
		if from != "" {
			hour, _ = time.Parse(time.RFC3339, string(from))
		}
		for hour.Before(w.To) {
			if h.before != nil {
				if err := h.before(ctx, w, hour); err != nil {
					yield(sources.Page{}, err)
					return
				}
			}
			next := hour.Add(time.Duration(h.perPage) * time.Hour)
			if next.After(w.To) {
				next = w.To
			}
			if !yield(h.page(hour, next), nil) {
				return
			}
			hour = next
		}
	}
}

func (h *hours) page(from, to time.Time) sources.Page {
	b := array.NewRecordBuilder(h.alloc, h.stream.Table.ArrowSchema())
	defer b.Release()
	rows := 0
	p := sources.Page{Next: sources.Cursor(to.Format(time.RFC3339)), Outside: 1, Unknown: map[string]int64{"field:x": 1}}
	for hour := from; hour.Before(to); hour = hour.Add(time.Hour) {
		for i := range h.perHour {
			appendRow(b, h.stream.Table, fmt.Sprintf("%s/%s/%d", h.stream.Wallet, hour.Format("0102T15"), i))
			rows++
		}
		if h.reject != nil {
			p.Rejects = append(p.Rejects, h.reject(hour)...)
		}
	}
	p.Rows = b.NewRecord()
	if h.flight != nil {
		h.flight.add(int64(rows))
	}
	return p
}

func appendRow(b *array.RecordBuilder, t *schemas.Table, id string) {
	for i, f := range t.Fields {
		if f.Name == "entry_id" || f.Name == "provider_code" {
			b.Field(i).(*array.StringBuilder).Append(id)
			continue
		}
		b.Field(i).AppendEmptyValue()
	}
}

// store is a sink that keeps ids and completed windows. It is not the lake: it
// knows no revisions.
type store struct {
	mu       sync.Mutex
	rows     map[string]int // id → times it was stored (1, unless something is wrong)
	complete map[string][]schemas.Window
	owed     map[string][]schemas.Window
	rejects  map[string]bool
	batches  [][]sinks.Part // without their rows
	flight   *gauge
	// fault is asked before ("lost") and after ("ghost") a batch is stored.
	fault func(n int, when string) error
	slow  time.Duration
	busy  bool
	chain sinks.ChainState
}

func newStore() *store {
	return &store{rows: map[string]int{}, complete: map[string][]schemas.Window{}, owed: map[string][]schemas.Window{},
		rejects: map[string]bool{}}
}

func (s *store) Commit(ctx context.Context, b sinks.Batch) (r sinks.Receipt, err error) {
	defer func() {
		for i := range b.Parts {
			if s.flight != nil {
				s.flight.add(-b.Parts[i].Rows.Len())
			}
			b.Parts[i].Release()
		}
	}()
	s.mu.Lock()
	if s.busy {
		panic("two commits at once")
	}
	s.busy = true
	n := len(s.batches)
	s.mu.Unlock()
	if s.slow > 0 {
		time.Sleep(s.slow)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy = false
	if err := ctx.Err(); err != nil {
		return r, err
	}
	if s.fault != nil {
		if err := s.fault(n, "lost"); err != nil {
			return r, err
		}
	}
	for _, p := range b.Parts {
		if err := s.store(p, &r); err != nil {
			return r, err
		}
	}
	s.batches = append(s.batches, slices.Clone(b.Parts))
	r.Sequence = int64(len(s.batches))
	if s.fault != nil {
		if err := s.fault(n, "ghost"); err != nil {
			return sinks.Receipt{}, err
		}
	}
	return r, nil
}

func (s *store) store(p sinks.Part, r *sinks.Receipt) error {
	for rec, err := range p.Rows.All() {
		if err != nil {
			return err
		}
		ids := rec.Column(schemas.Ledger.Index("entry_id")).(*array.String)
		if p.Stream.Table.Catalogue {
			ids = rec.Column(p.Stream.Table.Index("provider_code")).(*array.String)
		}
		for i := range ids.Len() {
			r.Read++
			if id := ids.Value(i); s.rows[id] > 0 {
				r.Duplicates++
			} else {
				s.rows[string([]byte(id))]++
				r.Inserted++
			}
		}
	}
	for _, reject := range p.Rejects {
		if id := reject.ID(p.Stream); !s.rejects[id] {
			s.rejects[id] = true
			r.Quarantined++
		}
	}
	if p.Final {
		s.complete[p.Stream.String()] = append(s.complete[p.Stream.String()], p.Window)
	}
	if s.chain != "" {
		r.Chains = append(r.Chains, sinks.Chain{Stream: p.Stream.String(), Window: p.Window, State: s.chain})
	}
	return nil
}

func (s *store) Done(_ context.Context, stream schemas.Stream) (sinks.Done, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sinks.Done{Complete: ascending(s.complete[stream.String()]), Owed: s.owed[stream.String()]}, nil
}

// holds checks that the store has exactly one row per wallet and hour.
func (s *store) holds(t *testing.T, from, to time.Time, wallets ...string) {
	t.Helper()
	want := 0
	for _, w := range wallets {
		for hour := from; hour.Before(to); hour = hour.Add(time.Hour) {
			want++
			if id := fmt.Sprintf("%s/%s/0", w, hour.Format("0102T15")); s.rows[id] != 1 {
				t.Errorf("%s is there %d times", id, s.rows[id])
				return
			}
		}
	}
	if len(s.rows) != want {
		t.Errorf("%d rows, want %d", len(s.rows), want)
	}
}

func (s *store) commits() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.batches)
}

// parts lists what was committed, in order.
func (s *store) parts() (all []sinks.Part) {
	for _, b := range s.batches {
		all = append(all, b...)
	}
	return all
}

// checked is an allocator that must end empty.
func checked(t *testing.T) *memory.CheckedAllocator {
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	t.Cleanup(func() { alloc.AssertSize(t, 0) })
	return alloc
}

func job(sink sinks.Sink, now time.Time, streams ...sources.Source) Job {
	return Job{Spec: daily("ledger"), Streams: streams, Sink: sink, Now: at(now), Limits: Limits{BatchWait: time.Minute}}
}

var errBoom = errors.New("boom")
