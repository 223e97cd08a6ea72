// What is random is a function of the seed and of the thing's place in the
// world, so that any row can be made without the rows before it.

package sandbox

// mix is splitmix64's finaliser: a bijection of 64 bits that looks random.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}

// place packs wallet, day and slot; different places differ.
func place(wallet, day, slot int) uint64 {
	return uint64(wallet)<<56 | uint64(day)<<40 | uint64(slot)
}

// dice is a stream of random values. Copies go on independently.
type dice uint64

// diceAt returns the dice of one place for one purpose.
func diceAt(seed, purpose, at uint64) dice {
	return dice(mix(mix(seed^purpose*0xa0761d6478bd642f) ^ at))
}

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	return mix(uint64(*d))
}

// below returns 0 … n-1.
func (d *dice) below(n int64) int64 {
	if n <= 1 {
		return 0
	}
	return int64(d.next() % uint64(n))
}

// between returns lo … hi.
func (d *dice) between(lo, hi int64) int64 { return lo + d.below(hi-lo+1) }

// unit returns 0 <= u < 1.
func (d *dice) unit() float64 { return float64(d.next()>>11) / (1 << 53) }

// skewed returns lo … hi, small values more often, in steps.
func (d *dice) skewed(lo, hi, step int64) int64 {
	u := d.unit()
	v := lo + int64(u*u*float64(hi-lo))
	return max(lo, v-v%step)
}

// pick returns an index of cumulative weights.
func (d *dice) pick(cumulative []float64) int {
	u := d.unit() * cumulative[len(cumulative)-1]
	for i, c := range cumulative {
		if u < c {
			return i
		}
	}
	return len(cumulative) - 1
}
