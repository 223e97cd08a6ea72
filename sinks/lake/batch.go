package lake

import (
	"github.com/apache/arrow/go/v17/arrow"
	"golang.org/x/sync/errgroup"

	"github.com/paylake/paylake/schemas"
)

// batchRec is a record of a batch with what is computed from its rows.
type batchRec struct {
	rec    arrow.Record
	keys   []schemas.Key
	hashes []uint64
	part   int32
	parts  []int32 // part of each row, where they differ
}

func (r *batchRec) partOf(row uint32) int32 {
	if r.parts != nil {
		return r.parts[row]
	}
	return r.part
}

func recordsOf(recs []batchRec) []arrow.Record {
	out := make([]arrow.Record, len(recs))
	for i := range recs {
		out[i] = recs[i].rec
	}
	return out
}

// hashAll computes keys and content hashes of records that have none yet.
func hashAll(t *schemas.Table, recs []batchRec, parallel int) error {
	var g errgroup.Group
	step := (len(recs) + parallel - 1) / parallel
	for len(recs) > 0 {
		mine := recs[:min(step, len(recs))]
		recs = recs[len(mine):]
		g.Go(func() error {
			h := schemas.NewHasher(t)
			for i := range mine {
				r := &mine[i]
				if r.keys == nil {
					n := r.rec.NumRows()
					r.keys, r.hashes = h.Rows(r.rec, make([]schemas.Key, 0, n), make([]uint64, 0, n))
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// keyIndex numbers the distinct keys of a batch. A key is a hash already, so
// the table needs none of its own.
type keyIndex struct {
	keys  []schemas.Key
	slots []int32 // index + 1
	mask  uint64
}

func newKeyIndex(rows int) *keyIndex {
	size := 64
	for size < rows*2 {
		size *= 2
	}
	return &keyIndex{keys: make([]schemas.Key, 0, rows), slots: make([]int32, size), mask: uint64(size - 1)}
}

// find returns the index of a key, or -1 and its empty slot.
func (x *keyIndex) find(k schemas.Key) (int32, uint64) {
	for at := k.Lo & x.mask; ; at = (at + 1) & x.mask {
		i := x.slots[at] - 1
		if i < 0 || x.keys[i] == k {
			return i, at
		}
	}
}

func (x *keyIndex) add(k schemas.Key) int32 {
	i, slot := x.find(k)
	if i < 0 {
		if 2*len(x.keys) >= len(x.slots) { // more keys than was said: never full, find would not end
			x.grow()
			_, slot = x.find(k)
		}
		i = int32(len(x.keys))
		x.keys = append(x.keys, k)
		x.slots[slot] = i + 1
	}
	return i
}

func (x *keyIndex) grow() {
	x.slots = make([]int32, 2*len(x.slots))
	x.mask = uint64(len(x.slots) - 1)
	for i, k := range x.keys {
		_, slot := x.find(k)
		x.slots[slot] = int32(i) + 1
	}
}

// has reports whether a key is in the batch.
func (x *keyIndex) has(k schemas.Key) bool {
	i, _ := x.find(k)
	return i >= 0
}

// current is what is known of a key: its newest row and the newest revision
// that a retraction has withdrawn.
type current struct {
	hash     uint64
	revision int32
	gone     int32
	object   int32 // of the touched objects; -1 when the row is in this batch
	rec, row uint32
}

func (c *current) visible() bool { return c.revision > c.gone }
