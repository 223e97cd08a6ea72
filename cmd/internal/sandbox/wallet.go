// walletBook: the ledger of one wallet, any part of it at once.

package sandbox

import "sync"

// walletBook keeps per day what is needed to plan that day alone: how many
// rows lie before it, its opening balance, what earlier days caused on it, and
// which of its rows later days reversed.
type walletBook struct {
	index     int
	who       *person
	clock     *clock
	roles     []float64 // cumulative
	terminals []uint8
	counts    []int // rows before a day; one more than there are days
	opening   []int64
	carry     []dues
	flips     [][]flip
	cache     dayCache
}

// makeWallets shares the rows out and plans every day once, wallet by wallet
// in parallel.
func (w *World) makeWallets() {
	w.byID = map[string]*walletBook{}
	clock := newClock()
	for i := range people {
		b := &walletBook{index: i, who: &people[i], clock: clock, roles: cumulative(people[i].roles[:])}
		for k := range billers {
			if billers[k].class == "cash" {
				b.terminals = append(b.terminals, uint8(k))
			}
		}
		w.wallets = append(w.wallets, b)
		w.byID[b.who.id] = b
	}
	w.shareRows()
	var wg sync.WaitGroup
	for _, b := range w.wallets {
		wg.Go(func() { b.build(w) })
	}
	wg.Wait()
}

func cumulative(weights []float64) []float64 {
	out, sum := make([]float64, len(weights)), 0.0
	for i, v := range weights {
		sum += v
		out[i] = sum
	}
	return out
}

// shareRows gives every day of every wallet its number of rows: exactly the
// wanted number up to the end of today, the same pace afterwards.
func (w *World) shareRows() {
	weigh := func(b *walletBook, d int) float64 {
		dc := diceAt(w.seed, purposeDay, place(b.index, d, 0))
		return b.who.busy * w.cal.busy(d) * (0.8 + 0.4*dc.unit())
	}
	total := 0.0
	for _, b := range w.wallets {
		for d := range w.cal.today + 1 {
			total += weigh(b, d)
		}
	}
	sum, given := 0.0, 0
	for _, b := range w.wallets {
		b.counts = make([]int, w.cal.days()+1)
		for d := range w.cal.days() {
			n := int(weigh(b, d) / total * float64(w.rows))
			if d <= w.cal.today {
				sum += weigh(b, d)
				n = int(sum/total*float64(w.rows)+0.5) - given
				given += n
			}
			b.counts[d+1] = b.counts[d] + n
		}
	}
}

// build plans every day in order and keeps what joins them.
func (b *walletBook) build(w *World) {
	days := w.cal.days()
	b.opening, b.carry, b.flips = make([]int64, days), make([]dues, days), make([][]flip, days)
	balance, carry := int64(0), dues(nil)
	for d := range days {
		b.opening[d], b.carry[d] = balance, carry
		planned := b.plan(w, d, balance, carry)
		for _, s := range planned.slots {
			if back := int(s.ref.day) - 1; s.kind == kindReversal && back < d {
				b.flips[back] = append(b.flips[back], flip{s.ref.slot, s.at})
			}
		}
		balance, carry = planned.close, planned.left
	}
	b.cache.budget = max(200_000/len(people), 2*b.counts[days]/days)
}

// slots returns a day's slots, planned again when they are not at hand.
func (b *walletBook) slots(w *World, d int) []slot {
	if s, ok := b.cache.get(d); ok {
		return s
	}
	s := b.plan(w, d, b.opening[d], b.carry[d]).slots
	for _, f := range b.flips[d] {
		s[f.slot].reversed = f.at
	}
	b.cache.put(d, s)
	return s
}

// dayCache keeps the last planned days up to a number of slots.
type dayCache struct {
	mu     sync.Mutex
	budget int
	held   int
	days   map[int][]slot
	order  []int
}

func (c *dayCache) get(d int) ([]slot, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.days[d]
	return s, ok
}

func (c *dayCache) put(d int, s []slot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.days[d]; ok {
		return
	}
	if c.days == nil {
		c.days = map[int][]slot{}
	}
	for len(c.order) > 0 && c.held+len(s) > c.budget {
		c.held -= len(c.days[c.order[0]])
		delete(c.days, c.order[0])
		c.order = c.order[1:]
	}
	c.days[d], c.order, c.held = s, append(c.order, d), c.held+len(s)
}
