// Planning one day of one wallet.

package sandbox

import (
	"slices"
	"time"
)

// day is one planned day.
type day struct {
	slots []slot
	close int64 // balance at its end
	left  dues  // what it causes on later days
}

// planner plans a day slot by slot.
type planner struct {
	w       *World
	b       *walletBook
	day     int
	n       int
	balance int64
	queue   dues
	winter  bool
	weights []float64 // cumulative, by biller
	out     []slot
	feeFor  int // slot that the next slot is the fee of; -1 for none
	fee     int64
}

// plan computes a day from its opening balance and what earlier days caused.
func (b *walletBook) plan(w *World, d int, opening int64, carry dues) day {
	p := planner{
		w: w, b: b, day: d, n: b.counts[d+1] - b.counts[d], balance: opening, queue: slices.Clone(carry), feeFor: -1,
	}
	month := w.cal.start(d).Month()
	p.winter = month >= time.November || month <= time.March
	p.weigh()
	p.out = make([]slot, 0, p.n)
	for i := range p.n {
		dc := diceAt(w.seed, purposeSlot, place(b.index, d, i))
		at := w.cal.starts[d] + b.clock.second(i, p.n, dc.unit())
		s := p.decide(i, at, &dc)
		s.visible = w.visibleAt(b.index, d, i, s.at)
		p.out = append(p.out, s)
	}
	return day{slots: p.out, close: p.balance, left: p.queue}
}

// weigh prepares the choice among billers for this day.
func (p *planner) weigh() {
	t := p.w.cal.start(p.day)
	sum := 0.0
	p.weights = make([]float64, len(billers))
	for i := range billers {
		b := &billers[i]
		weight := b.weight * p.b.who.bills[b.class]
		if !p.w.season.paid(b.code, t) {
			weight = 0
		}
		if b.days[1] > 0 && (t.Day() < b.days[0] || t.Day() > b.days[1]) {
			weight /= 8
		}
		if b.winter && p.winter {
			weight *= 2
		}
		sum += weight
		p.weights[i] = sum
	}
}

// decide says what slot i becomes: the fee of the slot before, what an earlier
// row caused, or something new.
func (p *planner) decide(i int, at int64, d *dice) slot {
	if p.feeFor >= 0 {
		of := p.out[p.feeFor]
		s := p.post(slot{at: of.at, kind: kindFee, amount: -p.fee, biller: of.biller, ref: p.here(p.feeFor)})
		p.feeFor = -1
		return s
	}
	for {
		caused, ok := p.queue.take(at)
		if !ok {
			return p.fresh(i, at, d)
		}
		if p.balance+caused.amount < 0 {
			continue // the money of a charged-back top-up is spent: nothing to take
		}
		p.flip(caused, at)
		return p.post(slot{at: at, kind: caused.kind, amount: caused.amount, biller: caused.biller, ref: caused.ref})
	}
}

// post moves the balance.
func (p *planner) post(s slot) slot {
	p.balance += s.amount
	s.balance = p.balance
	s.reversed = never
	return s
}

// flip marks the row that a reversal reverses, if it is of this day; rows of
// earlier days are marked by whoever planned all days.
func (p *planner) flip(d due, at int64) {
	if d.kind == kindReversal && int(d.ref.day) == p.day+1 {
		p.out[d.ref.slot].reversed = at
	}
}

func (p *planner) here(slot int) ref { return ref{int32(p.day) + 1, int32(slot)} }

// fresh makes a new row. Money that is not there is topped up first; money
// that heaps up is passed on.
func (p *planner) fresh(i int, at int64, d *dice) slot {
	role := d.pick(p.b.roles)
	if p.balance > p.b.who.ceiling && (role == roleIn || role == roleTopup) {
		amount := max(p.balance/200*d.between(40, 120)/100*100, 100)
		return p.send(i, at, min(amount, p.balance-500), d)
	}
	switch role {
	case roleBill:
		return p.bill(i, at, d)
	case roleOut:
		return p.send(i, at, d.skewed(200, 30_000, 100), d)
	case roleIn:
		return p.post(slot{at: at, kind: kindIn, amount: d.skewed(300, 40_000, 50), biller: noBiller})
	default:
		return p.topup(i, at, 0, d)
	}
}

func (p *planner) bill(i int, at int64, d *dice) slot {
	which := d.pick(p.weights)
	b := &billers[which]
	amount := b.price(d, p.winter)
	fee := p.feeOf(i, b.commission(amount))
	if p.balance < amount+fee {
		return p.topup(i, at, amount+fee, d)
	}
	s := p.post(slot{at: at, kind: kindBill, amount: -amount, biller: uint8(which)})
	p.chargeFee(i, fee)
	switch fate := d.below(1000); {
	case fate < 9:
		p.queue.add(due{at + d.between(300, 30*3600), kindReversal, amount, uint8(which), p.here(i)})
	case fate < 21:
		part := max(amount*d.between(10, 100)/100, 1)
		p.queue.add(due{at + d.between(7200, 40*3600), kindRefund, part, uint8(which), p.here(i)})
	case fate < 24: // reversed, but the money went back to a card: no row of its own
		s.reversed = at + d.between(600, 20*3600)
	}
	return s
}

func (p *planner) send(i int, at, amount int64, d *dice) slot {
	fee := int64(0)
	if d.below(100) < 45 {
		fee = p.feeOf(i, max(amount/200, 10))
	}
	if p.balance < amount+fee {
		return p.topup(i, at, amount+fee, d)
	}
	s := p.post(slot{at: at, kind: kindOut, amount: -amount, biller: noBiller})
	p.chargeFee(i, fee)
	return s
}

// feeOf drops the fee of a day's last slot, which has no room for it.
func (p *planner) feeOf(i int, fee int64) int64 {
	if i == p.n-1 {
		return 0
	}
	return fee
}

func (p *planner) chargeFee(i int, fee int64) {
	if fee > 0 {
		p.feeFor, p.fee = i, fee
	}
}

// topup puts in at least what is missing: by card, or notes into a terminal,
// which keeps a commission of its own. Some card payments hang.
func (p *planner) topup(i int, at, need int64, d *dice) slot {
	missing := max(need-p.balance, 0)
	amount := (missing+499)/500*500 + []int64{500, 1000, 2000, 2000, 3000, 5000, 10_000, 15_000}[d.below(8)]
	which, fee := uint8(noBiller), int64(0)
	if d.below(100) < 55 {
		which = p.b.terminals[d.below(int64(len(p.b.terminals)))]
		if d.below(3) == 0 {
			fee = max(amount/100, 10)
		}
	} else if d.below(100) < 6 {
		if d.below(100) < 75 {
			p.queue.add(due{at + d.between(240, 5*3600), kindTopup, amount, which, p.here(i)})
		}
		return slot{at: at, kind: kindPending, amount: amount, biller: which, reversed: never}
	}
	s := p.post(slot{at: at, kind: kindTopup, amount: amount, fee: fee, biller: which})
	if which == noBiller && d.below(1000) < 8 {
		p.queue.add(due{at + d.between(3600, 36*3600), kindReversal, -amount, which, p.here(i)})
	}
	return s
}
