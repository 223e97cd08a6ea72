// Package memory is the reference sink: what the contract means, with maps. It
// keeps everything in memory and is what tests of other packages commit to.
package memory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// Sink keeps batches in memory. Safe for concurrent use.
type Sink struct {
	now func() time.Time

	mu       sync.Mutex
	sequence int64
	streams  map[string]*stream
	current  map[string]map[schemas.Key]row // by source and table
	rejects  map[string]bool
}

// row is the current row of a key.
type row struct {
	hash     uint64
	revision int32
	wallet   string
	at       time.Time
	line     line
	listed   arrow.Record // the row itself, of tables that retire; else nil
}

type stream struct {
	done    sinks.Done
	verdict map[time.Time]sinks.Chain // by window start
}

var _ sinks.Sink = (*Sink)(nil)

// New returns an empty sink. now stamps Done.LastRead.
func New(now func() time.Time) *Sink {
	return &Sink{now: now, streams: map[string]*stream{}, current: map[string]map[schemas.Key]row{}, rejects: map[string]bool{}}
}

// Commit implements sinks.Sink. The batch is read whole before anything
// changes, so that an error changes nothing.
func (s *Sink) Commit(ctx context.Context, b sinks.Batch) (sinks.Receipt, error) {
	defer func() {
		for i := range b.Parts {
			b.Parts[i].Release()
		}
	}()
	read := make([][]offered, len(b.Parts))
	for i := range b.Parts {
		if st := b.Parts[i].Stream; st.Source != b.Parts[0].Stream.Source || st.Table.Name != b.Parts[0].Stream.Table.Name {
			return sinks.Receipt{}, fmt.Errorf("commit: %s and %s cannot share a batch", b.Parts[0].Stream, st)
		}
		var err error
		if read[i], err = readPart(&b.Parts[i]); err != nil {
			return sinks.Receipt{}, err
		}
	}
	if err := ctx.Err(); err != nil {
		return sinks.Receipt{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var r sinks.Receipt
	changed := false
	stated := statedKeys(read)
	for i := range b.Parts {
		read[i] = append(read[i], s.unlisted(&b.Parts[i], stated)...)
	}
	settled := s.settled(b, read)
	for i := range b.Parts {
		if s.store(&b.Parts[i], read[i], stated, settled, &r) {
			changed = true
		}
	}
	if changed {
		s.sequence++
		r.Sequence = s.sequence
	}
	return r, nil
}

// settled finds the keys that the sink shows already as the batch leaves them:
// their rows are duplicates, whatever the batch says in between.
func (s *Sink) settled(b sinks.Batch, read [][]offered) map[schemas.Key]bool {
	m := map[schemas.Key]bool{}
	for i := range b.Parts {
		st := b.Parts[i].Stream
		for _, o := range read[i] {
			old, ok := s.current[st.Source+"/"+st.Table.Name][o.key]
			m[o.key] = ok && old.hash == o.row.hash
		}
	}
	return m
}

// offered is a row of a part.
type offered struct {
	key schemas.Key
	row row
}

func readPart(p *sinks.Part) ([]offered, error) {
	var out []offered
	h := schemas.NewHasher(p.Stream.Table)
	for rec, err := range p.Rows.All() {
		if err != nil {
			return nil, fmt.Errorf("commit %s: %w", p.Stream, err)
		}
		keys, hashes := h.Rows(rec, nil, nil)
		for i := range keys {
			out = append(out, offered{keys[i], row{hash: hashes[i], line: lineOf(p.Stream.Table, rec, i), wallet: p.Stream.Wallet,
				at: timeOf(p.Stream.Table, rec, i), listed: listed(p.Stream.Table, rec, i)}})
		}
	}
	return out, nil
}

// store adds one part and reports whether it said anything new.
func (s *Sink) store(p *sinks.Part, rows []offered, stated, settled map[schemas.Key]bool, r *sinks.Receipt) bool {
	table := p.Stream.Source + "/" + p.Stream.Table.Name
	if s.current[table] == nil {
		s.current[table] = map[schemas.Key]row{}
	}
	st := s.streams[p.Stream.String()]
	if st == nil {
		st = &stream{verdict: map[time.Time]sinks.Chain{}}
		s.streams[p.Stream.String()] = st
	}
	before := *r
	for _, o := range rows {
		if settled[o.key] {
			r.Read++
			r.Duplicates++
			continue
		}
		s.offer(s.current[table], o, st, r)
	}
	for _, x := range p.Rejects {
		if id := x.ID(p.Stream); !s.rejects[id] {
			s.rejects[id] = true
			r.Quarantined++
		}
	}
	s.withdraw(p, s.current[table], stated, st, r)
	changed := r.Inserted+r.Retracted+r.Quarantined > before.Inserted+before.Retracted+before.Quarantined
	if p.Final && !p.Window.IsZero() && !covered(st.done.Complete, p.Window) {
		changed = true
		st.done.Complete = merge(st.done.Complete, p.Window)
	}
	chain := s.judge(p, st, s.current[table])
	r.Chains = append(r.Chains, chain)
	old, known := st.verdict[p.Window.From]
	if !p.Window.IsZero() && (known && !same(old, chain) || !known && len(chain.Breaks) > 0) {
		changed = true
	}
	if st.news(p.File) {
		changed = true
	}
	if changed {
		st.note(p.File)
		st.verdict[p.Window.From] = chain
		st.done.LastRead = s.now()
	}
	return changed
}

func (s *Sink) offer(current map[schemas.Key]row, o offered, st *stream, r *sinks.Receipt) {
	r.Read++
	old, ok := current[o.key]
	if ok && old.hash == o.row.hash {
		r.Duplicates++
		return
	}
	if ok {
		r.Retracted++
	} else {
		st.done.Rows++
	}
	r.Inserted++
	o.row.revision = old.revision + 1
	current[o.key] = o.row
}

// Done implements sinks.Sink.
func (s *Sink) Done(_ context.Context, q schemas.Stream) (sinks.Done, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.streams[q.String()]
	if st == nil {
		return sinks.Done{}, nil
	}
	d := st.done
	d.Complete, d.Owed, d.Files = slices.Clone(d.Complete), nil, maps.Clone(d.Files)
	for _, c := range st.verdict {
		for _, b := range c.Breaks {
			d.Owed = merge(d.Owed, schemas.Window{From: b.From, To: b.To.Add(time.Microsecond)})
		}
	}
	return d, nil
}

func covered(spans []schemas.Window, w schemas.Window) bool {
	return slices.ContainsFunc(spans, func(c schemas.Window) bool { return !c.From.After(w.From) && !c.To.Before(w.To) })
}

// merge adds a window to disjoint ascending ones.
func merge(spans []schemas.Window, w schemas.Window) []schemas.Window {
	var out []schemas.Window
	for _, s := range spans {
		if s.To.Before(w.From) || w.To.Before(s.From) {
			out = append(out, s)
			continue
		}
		if s.From.Before(w.From) {
			w.From = s.From
		}
		if s.To.After(w.To) {
			w.To = s.To
		}
	}
	out = append(out, w)
	slices.SortFunc(out, func(a, b schemas.Window) int { return a.From.Compare(b.From) })
	return out
}

func same(a, b sinks.Chain) bool {
	return a.State == b.State && slices.EqualFunc(a.Breaks, b.Breaks, func(x, y sinks.Break) bool { return x == y })
}

// line is a row as far as the balance chain needs it.
type line struct {
	id              string
	at              time.Time
	amount, balance int64
	balanced        bool
	pending         bool
}

func lineOf(t *schemas.Table, rec arrow.Record, i int) line {
	if t.Balance == "" {
		return line{}
	}
	l := line{id: rec.Column(t.Index(t.Key[len(t.Key)-1])).ValueStr(i), at: timeOf(t, rec, i)}
	l.amount = rec.Column(t.Index(t.Amount)).(*array.Int64).Value(i)
	balance := rec.Column(t.Index(t.Balance)).(*array.Int64)
	l.balance, l.balanced = balance.Value(i), balance.IsValid(i)
	l.pending = t.Has("status") && rec.Column(t.Index("status")).ValueStr(i) == "pending"
	return l
}

// judge walks the balance chain of a part's window, from the simplest reading
// of the contract: no boundary, and of rows of equal time always one that
// follows, if there is one.
func (s *Sink) judge(p *sinks.Part, _ *stream, current map[schemas.Key]row) sinks.Chain {
	c := sinks.Chain{Stream: p.Stream.String(), Window: p.Window, State: sinks.ChainNone}
	var lines []line
	for _, r := range current {
		if p.Stream.Table.Balance != "" && r.wallet == p.Stream.Wallet && p.Window.Contains(r.line.at) && !r.line.pending {
			lines = append(lines, r.line)
		}
	}
	slices.SortFunc(lines, func(a, b line) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id)) })
	var at *line
	for len(lines) > 0 {
		i := follows(lines, at)
		l := lines[i]
		lines = slices.Delete(lines, i, i+1)
		if !l.balanced {
			if at != nil {
				l.balance = at.balance + l.amount
				at = &l
			}
			continue
		}
		c.State = sinks.ChainClosed
		if at != nil && at.balance+l.amount != l.balance {
			c.Breaks = append(c.Breaks, sinks.Break{After: at.id, Before: l.id, From: at.at, To: l.at, Missing: l.balance - l.amount - at.balance})
		}
		at = &l
	}
	if len(c.Breaks) > 0 {
		c.State = sinks.ChainOpen
		if p.Past {
			c.State = sinks.ChainBroken
		}
	}
	return c
}

// follows chooses the next of the lines with the earliest time.
func follows(lines []line, at *line) int {
	for i, l := range lines {
		if !l.at.Equal(lines[0].at) {
			break
		}
		before := l.balance - l.amount
		if at != nil && before == at.balance {
			return i
		}
		if at == nil && !slices.ContainsFunc(lines, func(o line) bool { return o.at.Equal(l.at) && o.balance == before && o.id != l.id }) {
			return i
		}
	}
	return 0
}
