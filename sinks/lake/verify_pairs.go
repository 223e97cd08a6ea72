package lake

import (
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/paylake/paylake/schemas"
)

// keyRow is a row as far as revisions go.
type keyRow struct {
	key      schemas.Key
	hash     uint64
	revision int32
	sign     int32
	object   int32 // index into the list of objects of the run
}

// pairing collects the keys of a month: of those that the pass is about.
type pairing struct {
	pass, passes uint64
	size         int

	mu     sync.Mutex
	rows   keyColumns
	begins []int   // first row of each object that has come
	object []int32 // and which one it is
}

func newPairing(pass, passes uint64, size int) *pairing {
	return &pairing{pass: pass, passes: passes, size: size}
}

func (p *pairing) add(object int32, k *keyColumns) {
	if k == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	r := &p.rows
	if r.keys == nil {
		*r = *newKeyColumns(p.size + p.size/16)
	}
	p.begins, p.object = append(p.begins, len(r.keys)), append(p.object, object)
	if p.passes == 1 {
		r.keys, r.hashes = append(r.keys, k.keys...), append(r.hashes, k.hashes...)
		r.revision, r.sign = append(r.revision, k.revision...), append(r.sign, k.sign...)
		return
	}
	for i, key := range k.keys {
		if key.Hi%p.passes == p.pass {
			r.keys, r.hashes, r.revision, r.sign = append(r.keys, key), append(r.hashes, k.hashes[i]), append(r.revision, k.revision[i]), append(r.sign, k.sign[i])
		}
	}
}

func (p *pairing) row(i int32) keyRow {
	at := sort.SearchInts(p.begins, int(i)+1) - 1
	return keyRow{p.rows.keys[i], p.rows.hashes[i], p.rows.revision[i], int32(p.rows.sign[i]), p.object[at]}
}

// keyShares is how many shares keys are looked at in: one fits a core's cache.
const keyShares = 64

// unpaired returns the rows of keys whose revisions do not explain each other.
// Nearly every key has one row, which needs no sorting.
func (v *verifier) unpaired(p *pairing) ([]keyRow, error) {
	order, begins := p.shares()
	odd := make([][]keyRow, keyShares)
	var g errgroup.Group
	var next atomic.Int32
	for range v.opts.Parallel {
		g.Go(func() error {
			var t shareTable
			for share := int(next.Add(1)) - 1; share < keyShares; share = int(next.Add(1)) - 1 {
				odd[share] = v.oddOf(p, order[begins[share]:begins[share+1]], &t)
			}
			return nil
		})
	}
	err := g.Wait()
	return slices.Concat(odd...), err
}

// shares sorts rows by the highest bits of their keys.
func (p *pairing) shares() (order []int32, begins [keyShares + 1]int) {
	const shift = 64 - 6
	for _, k := range p.rows.keys {
		begins[k.Lo>>shift+1]++
	}
	for i := range keyShares {
		begins[i+1] += begins[i]
	}
	at := begins
	order = make([]int32, len(p.rows.keys))
	for i, k := range p.rows.keys {
		share := k.Lo >> shift
		order[at[share]] = int32(i)
		at[share]++
	}
	return order, begins
}

// shareTable finds rows of one key in a share by half of the key: rows of two
// keys that meet there are looked at closely, and that is all that happens.
type shareTable struct {
	slots   []int32  // place in the share plus one, by hash
	halves  []uint64 // of the keys, by place
	first   []int32  // place of the first row with the same half
	several []bool   // by first place: more than one plain row
}

// fill describes a share and reports whether any key needs a closer look.
func (t *shareTable) fill(rows *keyColumns, order []int32) (some bool) {
	size := 64
	for size < 2*len(order) {
		size *= 2
	}
	t.slots = slices.Grow(t.slots[:0], size)[:size]
	clear(t.slots)
	t.halves, t.first = slices.Grow(t.halves[:0], len(order)), slices.Grow(t.first[:0], len(order))
	t.several = slices.Grow(t.several[:0], len(order))[:len(order)]
	clear(t.several)
	mask := uint64(size - 1)
	for n, i := range order {
		half := rows.keys[i].Hi
		at := half & mask
		for t.slots[at] != 0 && t.halves[t.slots[at]-1] != half {
			at = (at + 1) & mask
		}
		first := t.slots[at] - 1
		if first < 0 {
			first = int32(n)
			t.slots[at] = first + 1
		}
		t.halves, t.first = append(t.halves, half), append(t.first, first)
		if first != int32(n) || rows.revision[i] != 1 || rows.sign[i] < 0 {
			t.several[first], some = true, true
		}
	}
	return some
}

// oddOf looks at one share.
func (v *verifier) oddOf(p *pairing, order []int32, t *shareTable) (odd []keyRow) {
	if !t.fill(&p.rows, order) {
		return nil
	}
	var list []keyRow
	for n, i := range order {
		if t.several[t.first[n]] {
			list = append(list, p.row(i))
		}
	}
	slices.SortFunc(list, compareKeyRows)
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].key == list[0].key {
			n++
		}
		if _, ok := explained(list[:n], v.withdraws); !ok {
			odd = append(odd, list[:n]...)
		}
		list = list[n:]
	}
	return odd
}
