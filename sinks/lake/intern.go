package lake

import (
	"math/bits"

	"github.com/zeebo/xxh3"
)

// interner numbers distinct texts in order of first sight. It is a hash table
// of its own because this is the hottest loop of encoding: most values equal
// the one before them.
type interner struct {
	values  []byte
	offsets []uint32 // len = distinct + 1
	slots   []int32  // index + 1, 0 is empty
	hashes  []uint64
	last    int32
}

func newInterner() *interner {
	return &interner{offsets: []uint32{0}, slots: make([]int32, 256), last: -1}
}

func (d *interner) len() int { return len(d.offsets) - 1 }

func (d *interner) value(i int32) []byte { return d.values[d.offsets[i]:d.offsets[i+1]] }

// names lists the texts by number.
func (d *interner) names() []string {
	names := make([]string, d.len())
	for i := range names {
		names[i] = string(d.value(int32(i)))
	}
	return names
}

func (d *interner) intern(s string) int32 {
	if d.last >= 0 && string(d.value(d.last)) == s {
		return d.last
	}
	h := xxh3.HashString(s)
	mask := uint64(len(d.slots) - 1)
	for at := h & mask; ; at = (at + 1) & mask {
		i := d.slots[at] - 1
		if i < 0 {
			i = d.add(s, h, at)
			d.last = i
			return i
		}
		if d.hashes[i] == h && string(d.value(i)) == s {
			d.last = i
			return i
		}
	}
}

func (d *interner) add(s string, h, at uint64) int32 {
	i := int32(d.len())
	d.values = append(d.values, s...)
	d.offsets = append(d.offsets, uint32(len(d.values)))
	d.hashes = append(d.hashes, h)
	d.slots[at] = i + 1
	if d.len()*2 > len(d.slots) {
		d.grow()
	}
	return i
}

func (d *interner) grow() {
	d.slots = make([]int32, len(d.slots)*4)
	mask := uint64(len(d.slots) - 1)
	for i, h := range d.hashes {
		at := h & mask
		for d.slots[at] != 0 {
			at = (at + 1) & mask
		}
		d.slots[at] = int32(i) + 1
	}
}

// width is the number of bits of an index, at least one: some readers refuse a
// width of zero.
func (d *interner) width() int { return max(bits.Len32(uint32(d.len()-1)), 1) }
