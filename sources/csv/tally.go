package csv

import (
	"cmp"
	"fmt"
	"os"
)

// tally counts rows of one file by hash. Up to a million it keeps in memory, 16
// bytes each in a table at most two thirds full; what is more lies on disk in
// sorted runs, and in memory as 12 bits a row that nearly always say that a row
// is new. Not for concurrent use, but for has while nobody calls at.
type tally struct {
	most  int    // in memory; 0: tallyRows
	dir   string // of the runs; "": the system's
	slots []slot
	n     int
	runs  []*run // oldest first; a newer one overrules them
	seen  []*sieve
}

type slot struct{ key, value uint64 }

const tallyRows = 1 << 20

// at returns the value of a key, 0 at first, for the caller to change before the
// next call.
func (t *tally) at(key uint64) (*uint64, error) {
	key = max(key, 1)
	if t.n*3 >= len(t.slots)*2 {
		t.grow()
	}
	s := t.find(key)
	if s.key != 0 {
		return &s.value, nil
	}
	if most := cmp.Or(t.most, tallyRows); t.n >= most {
		if err := t.spill(); err != nil {
			return nil, err
		}
		s = t.find(key)
	}
	value, _, err := t.aside(key)
	if err != nil {
		return nil, err
	}
	*s = slot{key, value}
	t.n++
	return &s.value, nil
}

// find is the slot of a key, or the free one where it belongs.
func (t *tally) find(key uint64) *slot {
	for i := key & uint64(len(t.slots)-1); ; i = (i + 1) & uint64(len(t.slots)-1) {
		if s := &t.slots[i]; s.key == key || s.key == 0 {
			return s
		}
	}
}

// has reports whether a key was asked for before.
func (t *tally) has(key uint64) (bool, error) {
	key = max(key, 1)
	if t.n > 0 && t.find(key).key != 0 {
		return true, nil
	}
	_, ok, err := t.aside(key)
	return ok, err
}

// aside looks for a key on disk.
func (t *tally) aside(key uint64) (value uint64, ok bool, err error) {
	maybe := false
	for _, s := range t.seen {
		maybe = maybe || s.has(key)
	}
	for i := len(t.runs) - 1; maybe && i >= 0; i-- {
		if value, ok, err = t.runs[i].get(key); ok || err != nil {
			return value, ok, err
		}
	}
	return 0, false, nil
}

func (t *tally) grow() {
	old := t.slots
	t.slots = make([]slot, max(1024, 2*len(old)))
	for _, s := range old {
		if s.key != 0 {
			*t.find(s.key) = s
		}
	}
}

// spill moves everything to disk.
func (t *tally) spill() error {
	full := make([]slot, 0, t.n)
	for _, s := range t.slots {
		if s.key != 0 {
			full = append(full, s)
		}
	}
	r, err := newRun(t.dir, full)
	if err != nil {
		return fmt.Errorf("keep a file's rows apart in %s: %w; it takes 16 bytes a row there", t.place(), err)
	}
	t.runs = append(t.runs, r)
	for _, s := range full {
		if n := len(t.seen); n == 0 || t.seen[n-1].full() {
			t.seen = append(t.seen, newSieve(8*len(full)))
		}
		t.seen[len(t.seen)-1].add(s.key)
	}
	clear(t.slots)
	t.n = 0
	return nil
}

func (t *tally) place() string {
	if t.dir == "" {
		return os.TempDir()
	}
	return t.dir
}

// close removes what lies on disk.
func (t *tally) close() {
	for _, r := range t.runs {
		r.close()
	}
	*t = tally{}
}
