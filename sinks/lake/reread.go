package lake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// Rereader is a sink that commits nothing. It takes rows that were read again
// from their source and finds among them, and in the rest of the lake, the rows
// of lost objects: a row that no surviving object holds, a row that a later
// retraction repeats, a retraction whose row is still there. Whether they are
// the right ones, the digest says.
type Rereader struct {
	l    *Lake
	lost []Damage

	mu   sync.Mutex
	recs []arrow.Record // rows that may lie in a lost object, in reading order
}

var _ sinks.Sink = (*Rereader)(nil)

// Reread prepares to restore lost objects, all of one source and table.
func (l *Lake) Reread(lost []Damage) *Rereader { return &Rereader{l: l, lost: lost} }

// Done implements sinks.Sink: everything is to be read.
func (r *Rereader) Done(context.Context, schemas.Stream) (sinks.Done, error) {
	return sinks.Done{}, nil
}

// Commit implements sinks.Sink: it copies the rows that may be lost ones.
func (r *Rereader) Commit(_ context.Context, b sinks.Batch) (sinks.Receipt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var receipt sinks.Receipt
	for i := range b.Parts {
		p := &b.Parts[i]
		for rec, err := range p.Rows.All() {
			if err != nil {
				return receipt, err
			}
			receipt.Read += rec.NumRows()
			r.take(p.Stream.Table, rec)
		}
		p.Release()
	}
	return receipt, nil
}

// take copies the rows of a record that lie where something is lost.
func (r *Rereader) take(t *schemas.Table, rec arrow.Record) {
	entries := make([]entry, rec.NumRows())
	for i := range entries {
		entries[i].row = uint32(i)
	}
	if len(entries) == 0 {
		return
	}
	o := orderOf(layoutOf(t), []arrow.Record{rec}, entries)
	var rows []int32
	for i := range entries {
		if slices.ContainsFunc(r.lost, func(d Damage) bool { return d.holds(o, &entries[i]) }) {
			rows = append(rows, int32(i))
		}
	}
	if len(rows) == 0 {
		return
	}
	arrays := make([]arrow.Array, rec.NumCols())
	for i := range arrays {
		arrays[i] = take(rec.Column(i), rows)
	}
	r.recs = append(r.recs, array.NewRecord(rec.Schema(), arrays, int64(len(rows))))
}

// holds reports whether a row lies between the bounds of the lost object.
func (d *Damage) holds(o *order, e *entry) bool {
	if w := o.wallets[e.wallet]; d.Rejects || w < d.at.MinWallet || w > d.at.MaxWallet {
		return false
	}
	return d.at.MinTime.IsZero() || e.time >= micros(d.at.MinTime) && e.time <= micros(d.at.MaxTime)
}

// Unrestored is a lost object that the rows did not give back, and why.
type Unrestored struct {
	Damage
	Why string
}

// Restore puts back what the collected rows give. What it returns as left stays
// lost: the source no longer says what it said.
func (r *Rereader) Restore(ctx context.Context) (back []Damage, left []Unrestored, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	lost := slices.Clone(r.lost)
	for len(lost) > 0 {
		n := 1
		for n < len(lost) && lost[n].Manifest == lost[0].Manifest && lost[n].at.Month == lost[0].at.Month && !lost[0].Rejects && !lost[n].Rejects {
			n++
		}
		group := lost[:n]
		why, err := r.restoreGroup(ctx, group)
		if err != nil {
			return back, left, err
		}
		if why == "" {
			back = append(back, group...)
			r.lost = slices.DeleteFunc(r.lost, func(d Damage) bool { return d.Path == group[0].Path || containsPath(group, d.Path) })
		} else {
			for _, d := range group {
				left = append(left, Unrestored{d, why})
			}
		}
		lost = lost[n:]
	}
	return back, left, nil
}

func containsPath(list []Damage, path string) bool {
	return slices.ContainsFunc(list, func(d Damage) bool { return d.Path == path })
}

// restoreGroup restores the lost objects of one manifest and month. The reason
// is empty when it did.
func (r *Rereader) restoreGroup(ctx context.Context, group []Damage) (why string, err error) {
	t := group[0].Schema()
	if t == nil || group[0].Rejects {
		return "rejected rows are kept in the warehouse and the vault alone", nil
	}
	if group[0].merged() {
		return "objects that it was merged from are lost, too", nil
	}
	c := &candidates{l: r.l, t: t, lay: layoutOf(t), group: group}
	for _, rec := range r.recs {
		as, ok := project(rec, t)
		if !ok {
			return "a field that the pipeline kept then is not kept any more; add it to keep: again", nil
		}
		c.recs = append(c.recs, batchRec{rec: as})
	}
	if err := c.collect(ctx, r.lost); err != nil {
		return "", err
	}
	entries, o, why := c.choose()
	if why != "" {
		return why, nil
	}
	recs := recordsOf(c.recs)
	slices.SortStableFunc(group, c.inOrder)
	for _, d := range group {
		mine := entries[:min(d.at.Rows, int64(len(entries)))]
		entries = entries[len(mine):]
		err := r.l.restore(ctx, d, o, recs, mine, nil)
		if errors.Is(err, ErrOtherBytes) {
			return "the rows that the source gives now are not the ones that were committed", nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", nil
}

// inOrder sorts lost objects as their manifest lists them: a month with many
// rows is cut into several.
func (c *candidates) inOrder(a, b Damage) int {
	at := func(d Damage) int {
		return slices.IndexFunc(d.entry.Objects, func(o Object) bool { return o.Path == d.at.Path })
	}
	return cmp.Compare(at(a), at(b))
}

// project gives a record the columns of a table's earlier version.
func project(rec arrow.Record, t *schemas.Table) (arrow.Record, bool) {
	arrays := make([]arrow.Array, len(t.Fields))
	for i, f := range t.Fields {
		at := rec.Schema().FieldIndices(f.Name)
		if len(at) != 1 {
			return nil, false
		}
		arrays[i] = rec.Column(at[0])
	}
	return array.NewRecord(t.ArrowSchema(), arrays, rec.NumRows()), true
}

// String says which object is left, and why.
func (u Unrestored) String() string { return fmt.Sprintf("%s: %s", u.Path, u.Why) }
