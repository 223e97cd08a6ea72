package lake

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// Files: what a stream was read from, and what a corrected file withdraws.

// newsOf reports whether a part says something new of its file.
func (t *tableState) newsOf(p *Part) bool {
	if !p.File.Last {
		return false
	}
	s := t.streams[p.WalletID]
	if s == nil {
		return true
	}
	old, ok := s.files[p.File.Name]
	return !ok || !old.Last || old.Version != p.File.Version
}

// withdraw retracts the rows of a corrected file's days that no file states any
// more. The part holds all rows of all files of those days, so what it does not
// hold is gone. The rows lie in objects of their own.
func (l *Lake) withdraw(ctx context.Context, p *planner, b sinks.Batch, out *objectWriter) error {
	var stated *keyIndex
	for i := range p.parts {
		f := p.parts[i].in.File
		if f == nil || f.Replaces.IsZero() {
			continue
		}
		if stated == nil {
			var err error
			if stated, err = statedKeys(p.lay.table, b); err != nil {
				return err
			}
		}
		days := windowSpan(f.Replaces)
		gone, err := p.gone(ctx, stated, p.state.touched([]need{{anyWallet, span{days.from, days.to - 1}}}), days)
		if err != nil {
			return fmt.Errorf("withdraw rows of %s: %w", f.Name, err)
		}
		p.parts[i].out.Retracted += int64(len(gone.entries))
		p.parts[i].withdrawn += int64(len(gone.entries))
		if err := out.write(ctx, nil, recordsOf(gone.recs), gone.entries); err != nil {
			return err
		}
	}
	return nil
}

// statedKeys are the keys of all rows of the batch, 16 bytes each.
func statedKeys(t *schemas.Table, b sinks.Batch) (*keyIndex, error) {
	index := newKeyIndex(int(b.Rows()))
	h := schemas.NewHasher(t)
	var keys []schemas.Key
	var hashes []uint64
	for i := range b.Parts {
		for rec, err := range b.Parts[i].Rows.All() {
			if err != nil {
				return nil, err
			}
			keys, hashes = h.Rows(rec, keys[:0], hashes[:0])
			for _, k := range keys {
				index.add(k)
			}
		}
	}
	return index, nil
}

// gone finds the visible rows of objects within a span whose keys are not stated.
func (p *planner) gone(ctx context.Context, stated *keyIndex, among []object, s span) (planned, error) {
	type place struct {
		current
		within bool
	}
	found := map[schemas.Key]place{}
	var objects []object
	for _, o := range among {
		cols, times, err := p.keysAndTimes(ctx, o)
		if err != nil {
			return planned{}, err
		}
		for i, k := range cols.keys {
			if stated.has(k) {
				continue
			}
			c := found[k]
			if cols.sign[i] < 0 {
				c.gone = max(c.gone, cols.revision[i])
			} else if cols.revision[i] > c.revision {
				c.current = current{revision: cols.revision[i], gone: c.gone, hash: cols.hashes[i], object: int32(len(objects)), row: uint32(i)}
				c.within = times[i] >= s.from && times[i] < s.to
			}
			found[k] = c
		}
		objects = append(objects, o)
	}
	old := map[int32][]retraction{}
	for k, c := range found {
		if c.visible() && c.within {
			old[c.object] = append(old[c.object], retraction{c.row, c.revision, c.hash})
			stated.add(k) // two corrected files of a batch withdraw it once
		}
	}
	var out planned
	return out, p.fetchOld(ctx, &out, objects, old)
}

func (p *planner) keysAndTimes(ctx context.Context, o object) (*keyColumns, []int64, error) {
	cols, err := p.find.columns(ctx, o, false)
	if err != nil {
		return nil, nil, err
	}
	if p.lay.time < 0 {
		return cols, make([]int64, len(cols.keys)), nil
	}
	r, err := openObject(ctx, p.find.bucket, o.path, o.bytes)
	if err != nil {
		return nil, nil, err
	}
	var a arrow.Array
	if a, err = r.read(p.lay.field(p.lay.time)); err != nil {
		return nil, nil, err
	}
	return cols, slices.Clone(int64s(a)), nil
}

// replaced is the stretch of time that the batch states anew, as a need: a
// corrected row may have moved to another day.
func (p *planner) replaced() []need {
	var out []need
	for i := range p.parts {
		if f := p.parts[i].in.File; f != nil && !f.Replaces.IsZero() {
			out = append(out, need{anyWallet, windowSpan(schemas.Window{From: f.Replaces.From, To: f.Replaces.To.Add(-time.Microsecond)})})
		}
	}
	return out
}
