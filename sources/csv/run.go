package csv

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"os"
	"slices"
)

// run is a sorted file of slots, and the first key of each of its pages.
type run struct {
	file  *os.File
	n     int
	index []uint64
}

// runPage is the number of slots in a page of 4 KiB.
const runPage = 256

// newRun sorts slots and writes them to a file that only this process sees.
func newRun(dir string, slots []slot) (*run, error) {
	slices.SortFunc(slots, func(a, b slot) int { return cmp.Compare(a.key, b.key) })
	f, err := os.CreateTemp(dir, "paylake-rows-*")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(f.Name()) // where open files can be: nothing is left behind by a crash
	r := &run{file: f, n: len(slots)}
	w := bufio.NewWriterSize(f, 256<<10)
	for i, s := range slots {
		if i%runPage == 0 {
			r.index = append(r.index, s.key)
		}
		var b [16]byte
		binary.LittleEndian.PutUint64(b[:], s.key)
		binary.LittleEndian.PutUint64(b[8:], s.value)
		_, _ = w.Write(b[:]) // Flush has the error
	}
	if err := w.Flush(); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// get looks into the one page where a key may be.
func (r *run) get(key uint64) (value uint64, ok bool, err error) {
	at, exact := slices.BinarySearch(r.index, key)
	if !exact {
		at--
	}
	if at < 0 {
		return 0, false, nil
	}
	var page [16 * runPage]byte
	b := page[:16*min(runPage, r.n-at*runPage)]
	if _, err := r.file.ReadAt(b, int64(at)*int64(len(page))); err != nil {
		return 0, false, err
	}
	for ; len(b) > 0; b = b[16:] {
		if binary.LittleEndian.Uint64(b) == key {
			return binary.LittleEndian.Uint64(b[8:]), true, nil
		}
	}
	return 0, false, nil
}

func (r *run) close() {
	r.file.Close()
	_ = os.Remove(r.file.Name()) // where it could not be removed before
}

// sieve says of a key that it is new, or that it may not be: a Bloom filter of
// one cache line a key, so that asking costs one access to memory.
type sieve struct {
	lines [][8]uint64
	left  int
}

// newSieve takes n keys, at 12 bits each. Of new keys, one in a hundred or two is
// taken for a known one then.
func newSieve(n int) *sieve { return &sieve{lines: make([][8]uint64, n*12/512+1), left: n} }

func (s *sieve) full() bool { return s.left == 0 }

// line and bits of a key; it is a hash already, but its low bits are those by
// which tally spreads its keys.
func (s *sieve) place(key uint64) (*[8]uint64, uint64) {
	h := key * 0x9e3779b97f4a7c15
	return &s.lines[(h>>32)*uint64(len(s.lines))>>32], (h ^ h>>29) * 0xbf58476d1ce4e5b9
}

func (s *sieve) add(key uint64) {
	line, bits := s.place(key)
	for range 6 {
		line[bits>>6&7] |= 1 << (bits & 63)
		bits >>= 9
	}
	s.left--
}

func (s *sieve) has(key uint64) bool {
	line, bits := s.place(key)
	for range 6 {
		if line[bits>>6&7]&(1<<(bits&63)) == 0 {
			return false
		}
		bits >>= 9
	}
	return true
}
