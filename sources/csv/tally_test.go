package csv

import (
	"math/rand/v2"
	"os"
	"testing"
)

// A tally that lies on disk for the most part says what a map says, whatever was
// changed after it had been spilled, and leaves no file behind.
func TestATallyOnDiskIsOneInMemory(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	dir := t.TempDir()
	small, want := tally{most: 400, dir: dir}, map[uint64]uint64{}
	for range 12_000 {
		key := rng.Uint64N(8_000) * 0x2545f4914f6cdd1d
		n, err := small.at(key)
		if err != nil {
			t.Fatal(err)
		}
		if *n != want[key] {
			t.Fatalf("%d is %d, want %d", key, *n, want[key])
		}
		*n++
		want[key]++
	}
	if len(small.runs) < 12 || len(small.slots) > 1024 || len(small.seen) < 2 {
		t.Fatalf("%d runs, %d slots, %d sieves: not what is to be tested", len(small.runs), len(small.slots), len(small.seen))
	}
	wrong := 0
	for i := range uint64(28_000) {
		key := i * 0x2545f4914f6cdd1d
		ok, err := small.has(key)
		if _, known := want[key]; err != nil || ok != known {
			t.Fatalf("has %d: %t %v", key, ok, err)
		}
		for _, s := range small.seen {
			if i >= 8_000 && s.has(key) {
				wrong++
			}
		}
	}
	if wrong > 20_000*len(small.seen)*3/100 {
		t.Errorf("%d of 20,000 new keys pass %d sieves", wrong, len(small.seen))
	}
	small.close()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
