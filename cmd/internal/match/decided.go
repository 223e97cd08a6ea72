package match

import "hash/maphash"

// Decided is what people said about pairs. They always win.
type Decided struct {
	// Bound are facts in a match that a person made: no rule looks at them.
	Bound []Key
	// Never are pairs that a person took apart: left, right.
	Never map[[2]Key]bool
}

// forbids reports whether a person took the pair apart.
func (d Decided) forbids(l, r *Fact) bool {
	return len(d.Never) > 0 && (d.Never[[2]Key{l.Key, r.Key}] || d.Never[[2]Key{r.Key, l.Key}])
}

// taken is a set of keys: 16 bytes for each, hashed under seeds of this process,
// so that nobody can make two keys collide. Two of a billion do with a chance of
// one in 10^20.
type taken struct {
	seeds [2]maphash.Seed
	slots [][2]uint64
	n     int
}

func newTaken() *taken {
	return &taken{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, slots: make([][2]uint64, 64)}
}

func (t *taken) hash(k *Key) (h [2]uint64) {
	for i, seed := range t.seeds {
		h[i] = maphash.Comparable(seed, *k)
	}
	h[0] |= 1 // no slot in use is zero
	return h
}

func (t *taken) find(h [2]uint64) (at uint64, found bool) {
	mask := uint64(len(t.slots) - 1)
	for at = h[1] & mask; t.slots[at] != [2]uint64{}; at = (at + 1) & mask {
		if t.slots[at] == h {
			return at, true
		}
	}
	return at, false
}

func (t *taken) has(f *Fact) bool {
	_, found := t.find(t.hash(&f.Key))
	return found
}

func (t *taken) add(k *Key) {
	if 2*t.n >= len(t.slots) {
		old := t.slots
		t.slots = make([][2]uint64, 2*len(old))
		for _, h := range old {
			if h != [2]uint64{} {
				at, _ := t.find(h)
				t.slots[at] = h
			}
		}
	}
	h := t.hash(k)
	if at, found := t.find(h); !found {
		t.slots[at] = h
		t.n++
	}
}
