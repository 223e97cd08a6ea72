package lake

import (
	"github.com/paylake/paylake/schemas"
)

// Former pseudonyms: a row that was stored under an older key and is read again
// under a newer one is the same row, although its text differs.

// alike finds, among the rows that differ from what the lake shows, those that
// differ in nothing but the version of the pseudonym key: by the place of the
// row, the hash of the stored one.
func (p *planner) alike(recs []batchRec, rows []entry, ids []int32, known []current) map[int]uint64 {
	if p.former == nil {
		return nil
	}
	var found map[int]uint64
	var hasher *schemas.Hasher
	for i, e := range rows {
		c := &known[ids[i]]
		if !c.visible() || c.hash == recs[e.rec].hashes[e.row] {
			continue
		}
		if hasher == nil {
			hasher = schemas.NewHasher(p.lay.table)
			found = map[int]uint64{}
		}
		if p.renamed(hasher, recs[e.rec], int(e.row), c.hash) {
			found[i] = c.hash
		}
	}
	return found
}

// renamed reports whether a row has a hash under any of the older keys.
func (p *planner) renamed(h *schemas.Hasher, r batchRec, row int, hash uint64) bool {
	for version := h.Pseudonyms(r.rec, row) - 1; version > 0; version-- {
		rename := func(text string) (string, bool) { return p.former(text, version) }
		if got, ok := h.Renamed(r.rec, row, rename); ok && got == hash {
			return true
		}
	}
	return false
}
