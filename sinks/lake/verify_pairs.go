package lake

import (
	"slices"
	"sort"
	"sync"

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
	g.SetLimit(v.opts.Parallel)
	for share := range keyShares {
		g.Go(func() error {
			odd[share] = v.oddOf(p, order[begins[share]:begins[share+1]])
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

// oddOf looks at one share.
func (v *verifier) oddOf(p *pairing, order []int32) (odd []keyRow) {
	rows := &p.rows
	index := newKeyIndex(len(order))
	ids := make([]int32, len(order))
	several := make([]bool, len(order))
	for n, i := range order {
		before := len(index.keys)
		ids[n] = index.add(rows.keys[i])
		if len(index.keys) == before || rows.revision[i] != 1 || rows.sign[i] < 0 {
			several[ids[n]] = true
		}
	}
	var list []keyRow
	for n, i := range order {
		if several[ids[n]] {
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
