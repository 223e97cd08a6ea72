package webhook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/lake"
)

var day0 = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// cells are the columns of a row that are not empty.
type cells map[string]any

// record makes rows of a table.
func record(t testing.TB, table *schemas.Table, rows ...cells) arrow.Record {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, table.ArrowSchema())
	defer b.Release()
	for _, r := range rows {
		for name := range r {
			if table.Index(name) < 0 {
				t.Fatalf("%s has no column %s", table.Name, name)
			}
		}
		for i, f := range table.Fields {
			switch b := b.Field(i).(type) {
			case *array.StringBuilder:
				v, _ := r[f.Name].(string)
				b.Append(v)
			case *array.Int64Builder:
				v, there := r[f.Name].(int)
				if !there && f.Nullable {
					b.AppendNull()
					continue
				}
				b.Append(int64(v))
			case *array.TimestampBuilder:
				v, there := r[f.Name].(time.Time)
				if !there && f.Nullable {
					b.AppendNull()
					continue
				}
				if !there {
					v = day0
				}
				b.Append(arrow.Timestamp(v.UnixMicro()))
			case *array.Date32Builder:
				b.Append(arrow.Date32(day0.Unix() / 86400))
			default:
				b.AppendEmptyValue()
			}
		}
	}
	return b.NewRecord()
}

// newLake makes an empty lake in a folder.
func newLake(t testing.TB) *lake.Lake {
	t.Helper()
	l, err := lake.Open(t.Context(), lake.Options{URL: "file://" + t.TempDir(), TempDir: t.TempDir(), Now: func() time.Time { return day0 }, Create: true, SkipProbe: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// commit commits rows of one window of one wallet.
func commit(t testing.TB, l *lake.Lake, p sinks.Part, rows ...cells) {
	t.Helper()
	p.Rows = sinks.NewSpool(p.Stream.Table.ArrowSchema(), t.TempDir(), 1000)
	rec := record(t, p.Stream.Table, rows...)
	if err := p.Rows.Append(rec); err != nil {
		t.Fatal(err)
	}
	if !p.Stream.Table.Whole() && p.Window.IsZero() {
		p.Window = schemas.Window{From: day0, To: day0.AddDate(0, 0, 1)}
	}
	if _, err := l.Commit(t.Context(), sinks.Batch{Parts: []sinks.Part{p}}); err != nil {
		t.Fatal(err)
	}
}

func part(table *schemas.Table, wallet string) sinks.Part {
	return sinks.Part{Stream: schemas.Stream{Source: "src", Wallet: wallet, Table: table}}
}

// post is an Outbox and the Deliveries behind it, in memory: what their
// contracts say, with maps. Every write can be made to fail, before it happens
// or after.
type post struct {
	mu        sync.Mutex
	endpoints map[int64]*Endpoint
	list      []*Delivery
	byKey     map[string]*Delivery // endpoint and event
	queued    []string             // keys of steps that were added and not taken
	fault     func(after bool) error
}

func newPost(all ...Endpoint) *post {
	p := &post{endpoints: map[int64]*Endpoint{}, byKey: map[string]*Delivery{}}
	for i, e := range all {
		e.ID = int64(i + 1)
		p.endpoints[e.ID] = &e
	}
	return p
}

var errFault = errors.New("the database is gone")

// write does a change under the faults of the test.
func (p *post) write(do func()) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault != nil {
		if err := p.fault(false); err != nil {
			return err
		}
	}
	do()
	if p.fault != nil {
		return p.fault(true)
	}
	return nil
}

func (p *post) Endpoints(context.Context) (out []Endpoint, _ error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id := int64(1); int(id) <= len(p.endpoints); id++ {
		if e := p.endpoints[id]; e.Disabled == "" {
			out = append(out, *e)
		}
	}
	return out, nil
}

func (p *post) Put(_ context.Context, upTo int64, mail []Mail) error {
	return p.write(func() {
		for _, m := range mail {
			if e := p.endpoints[m.Endpoint]; upTo > 0 && e.Applied == m.From {
				e.Applied = upTo
			}
			for _, ev := range m.Events {
				key := fmt.Sprint(m.Endpoint, "/", ev.ID)
				if p.byKey[key] != nil {
					continue
				}
				d := &Delivery{ID: int64(len(p.list) + 1), Endpoint: Endpoint{ID: m.Endpoint}, Event: ev, Status: Pending}
				p.list, p.byKey[key] = append(p.list, d), d
				p.queued = append(p.queued, fmt.Sprint(d.ID))
			}
		}
	})
}

func (p *post) Load(_ context.Context, id int64) (Delivery, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if id < 1 || int(id) > len(p.list) {
		return Delivery{}, ErrNoDelivery
	}
	d := *p.list[id-1]
	d.Endpoint = *p.endpoints[d.Endpoint.ID]
	if d.Endpoint.Ordered {
		d.Blocked = slices.ContainsFunc(p.list[:id-1], func(b *Delivery) bool { return b.Endpoint.ID == d.Endpoint.ID && b.Status == Pending })
	}
	return d, nil
}

func (p *post) Hold(_ context.Context, id int64, first time.Time) error {
	return p.write(func() {
		if d := p.list[id-1]; d.First.IsZero() {
			d.First = first
		}
	})
}

func (p *post) Probe(_ context.Context, endpoint int64, open, until time.Time) (ours bool, _ error) {
	err := p.write(func() {
		if e := p.endpoints[endpoint]; e.Open.Equal(open) {
			e.Open, ours = until, true
		}
	})
	return ours, err
}

func (p *post) Settle(_ context.Context, d Delivery, o Outcome) error {
	return p.write(func() {
		one, e := p.list[d.ID-1], p.endpoints[d.Endpoint.ID]
		one.Status, one.First, one.Next = o.Status, o.First, o.Next
		one.Tries++
		if o.Answer.ok() {
			e.Failures, e.Open = 0, time.Time{}
		} else {
			e.Failures, e.Open = e.Failures+1, o.Open
			if e.Disabled == "" {
				e.Disabled = o.Disabled
			}
		}
		if !e.Ordered || o.Status == Pending {
			return
		}
		for _, next := range p.list {
			if next.Endpoint.ID == e.ID && next.Status == Pending {
				p.queued = append(p.queued, fmt.Sprint(next.ID))
				return
			}
		}
	})
}

// take empties the queue.
func (p *post) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.queued
	p.queued = nil
	return out
}
