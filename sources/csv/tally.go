package csv

// tally counts rows of one file by hash, 16 bytes a row at most two thirds full.
type tally struct {
	slots []slot
	n     int
}

type slot struct{ key, value uint64 }

// at returns the value of a key, 0 at first, for the caller to change.
func (t *tally) at(key uint64) *uint64 {
	if t.n*3 >= len(t.slots)*2 {
		t.grow()
	}
	s := t.find(max(key, 1))
	if s.key == 0 {
		s.key = max(key, 1)
		t.n++
	}
	return &s.value
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
func (t *tally) has(key uint64) bool { return t.n > 0 && t.find(max(key, 1)).key != 0 }

func (t *tally) grow() {
	old := t.slots
	t.slots = make([]slot, max(1024, 2*len(old)))
	for _, s := range old {
		if s.key != 0 {
			*t.find(s.key) = s
		}
	}
}
