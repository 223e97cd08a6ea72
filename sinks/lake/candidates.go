package lake

import (
	"context"
	"slices"

	"github.com/paylake/paylake/schemas"
)

// candidates finds the rows that a lost object can have held. A key's rows are
// revision 1, its withdrawal, revision 2 and so on: what the surviving objects
// lack of that is what is lost.
type candidates struct {
	l     *Lake
	t     *schemas.Table
	lay   layout
	group []Damage
	recs  []batchRec // read again, then old rows taken from surviving objects

	rows  []entry // what may be lost
	units []int32 // of each row: rows of one unit belong to one object
	count int32   // units so far
}

// keyHistory is what the surviving objects hold of one key.
type keyHistory struct {
	seen []seenRow
	last int32 // newest revision seen
}

type seenRow struct {
	revision, sign int32
	hash           uint64
	object         int32
	row            uint32
}

func (h *keyHistory) find(revision, sign int32) *seenRow {
	for i := range h.seen {
		if s := &h.seen[i]; s.revision == revision && s.sign == sign {
			return s
		}
	}
	return nil
}

// wish is a row to be taken from a surviving object under another sign.
type wish struct {
	row            uint32
	revision, sign int32
	hash           uint64
	unit           int32
}

// collect lists every row that may be lost.
func (c *candidates) collect(ctx context.Context, lost []Damage) error {
	if err := hashAll(c.t, c.recs, c.l.opts.Parallel); err != nil {
		return err
	}
	index := newKeyIndex(1024)
	newest := map[int32]entry{} // of each key that was read again
	for n := range c.recs {
		for row, k := range c.recs[n].keys {
			if 2*len(index.keys) >= len(index.slots) {
				index = index.grown()
			}
			newest[index.add(k)] = entry{rec: uint32(n), row: uint32(row), hash: c.recs[n].hashes[row]}
		}
	}
	objects, histories, err := c.survivors(ctx, lost, index)
	if err != nil {
		return err
	}
	wishes := map[int32][]wish{}
	for _, k := range index.keys {
		id, _ := index.find(k)
		c.missing(histories[k], newest[id], true, wishes)
		delete(histories, k)
	}
	for _, h := range histories {
		c.missing(h, entry{}, false, wishes)
	}
	return c.fetch(ctx, objects, wishes)
}

// grown is the same index with more room.
func (x *keyIndex) grown() *keyIndex {
	n := newKeyIndex(len(x.slots))
	for _, k := range x.keys {
		n.add(k)
	}
	return n
}

// survivors reads what the other objects hold of the keys, and every key with
// revisions: its history may have a hole.
func (c *candidates) survivors(ctx context.Context, lost []Damage, index *keyIndex) ([]object, map[schemas.Key]*keyHistory, error) {
	var needs []need
	for _, d := range c.group {
		needs = append(needs, need{anyWallet, span{micros(d.at.MinTime), micros(d.at.MaxTime)}})
	}
	c.l.mu.Lock()
	state := c.l.state(tableID{c.group[0].Source, c.group[0].Table})
	objects := slices.Clone(state.touched(needs))
	c.l.mu.Unlock()
	objects, err := c.standIns(ctx, objects, lost)
	if err != nil {
		return nil, nil, err
	}
	found := map[schemas.Key]*keyHistory{}
	find := &finder{bucket: c.l.bucket, cache: newCache(1), lay: layoutOf(c.t)}
	for n, o := range objects {
		err := find.each(ctx, o, false, func(from int, cols *keyColumns) error {
			for i, k := range cols.keys {
				if !index.has(k) && cols.sign[i] > 0 && cols.revision[i] == 1 {
					continue
				}
				h := found[k]
				if h == nil {
					h = &keyHistory{}
					found[k] = h
				}
				h.seen = append(h.seen, seenRow{cols.revision[i], int32(cols.sign[i]), cols.hashes[i], int32(n), uint32(from + i)})
				h.last = max(h.last, cols.revision[i])
			}
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
	}
	return objects, found, nil
}

// standIns leaves the lost objects out. Where one of them was merged, those that
// it was merged from hold the rows that it did.
func (c *candidates) standIns(ctx context.Context, objects []object, lost []Damage) ([]object, error) {
	var kin *kinship
	var out []object
	for len(objects) > 0 {
		o := objects[0]
		objects = objects[1:]
		if !containsPath(lost, c.l.full(o.path)) {
			out = append(out, o)
			continue
		}
		if kin == nil {
			var err error
			if kin, err = c.l.kinship(ctx); err != nil {
				return nil, err
			}
		}
		for _, p := range kin.parts[o.path] {
			objects = append(objects, objectAt(kin.meta[p.Path].Object, p.Sequence))
		}
	}
	return out, nil
}

// missing notes what the history of one key lacks. now is the row as it was
// read again; read is false when the source did not give it.
func (c *candidates) missing(h *keyHistory, now entry, read bool, wishes map[int32][]wish) {
	if h == nil {
		h = &keyHistory{}
	}
	from := func(s *seenRow, revision, sign int32) {
		wishes[s.object] = append(wishes[s.object], wish{s.row, revision, sign, s.hash, c.count})
	}
	anew := func(revision int32) {
		now.revision, now.sign = revision, 1
		c.rows, c.units = append(c.rows, now), append(c.units, c.count)
	}
	for r := int32(1); r <= h.last; r++ {
		in, out := h.find(r, 1), h.find(r, -1)
		switch {
		case in == nil && out != nil: // the withdrawal repeats the row
			from(out, r, 1)
			c.count++
		case in != nil && out == nil && r < h.last: // the row is there, its withdrawal is not
			from(in, r, -1)
			c.count++
		case in == nil && out == nil && read: // the source may have gone back to it
			anew(r)
			c.count++
		}
	}
	if !read {
		return
	}
	in, out := h.find(h.last, 1), h.find(h.last, -1)
	switch {
	case h.last == 0, out != nil:
		anew(h.last + 1)
		c.count++
	case in != nil && in.hash != now.hash: // withdrawn and replaced in the lost object
		from(in, h.last, -1)
		anew(h.last + 1)
		c.count++
	}
}

// fetch reads the rows that surviving objects give.
func (c *candidates) fetch(ctx context.Context, objects []object, wishes map[int32][]wish) error {
	p := &planner{lay: c.lay, find: &finder{bucket: c.l.bucket, lay: c.lay}}
	for n := range objects {
		list := wishes[int32(n)]
		if len(list) == 0 {
			continue
		}
		rows := make([]retraction, len(list))
		for i, w := range list {
			rows[i] = retraction{row: w.row}
		}
		rec, err := p.oldRows(ctx, objects[n], rows)
		if err != nil {
			return err
		}
		at := uint32(len(c.recs))
		c.recs = append(c.recs, batchRec{rec: rec})
		for i, w := range list {
			c.rows = append(c.rows, entry{rec: at, row: uint32(i), hash: w.hash, revision: w.revision, sign: w.sign})
			c.units = append(c.units, w.unit)
		}
	}
	return nil
}
