// The payment platform: Mbank and card sales in KGS of one project, and refunds
// of the latter. Times and fates of all operations are kept (a few words each),
// their text is made when asked.

package sandbox

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"github.com/paylake/paylake/sources/flashpay/flashpaytest"
)

const (
	// ProjectID is the platform's only project.
	ProjectID = 210
	// operationShare is the number of ledger rows per operation.
	operationShare = 4
	maxOperations  = 250_000
	// slowest is how long after its creation an operation may still change.
	slowest = 9 * 86400
)

// turn is one change of an operation.
type turn struct {
	at   int64
	fate uint8 // index of fates
}

// operation is the life of one operation: turns[0] is its creation, the last of
// n turns is final.
type operation struct {
	turns [3]turn
	n     uint8
	kind  uint8 // mbankSale, cardSale, cardRefund
	sale  int32 // of a refund: place of its sale
}

func (o *operation) created() int64 { return o.turns[0].at }
func (o *operation) last() int64    { return o.turns[o.n-1].at }

// state is the turn that holds at an instant; false before the creation.
func (o *operation) state(now int64) (turn, bool) {
	for i := int(o.n) - 1; i >= 0; i-- {
		if o.turns[i].at <= now {
			return o.turns[i], true
		}
	}
	return turn{}, false
}

type operationBook struct {
	seed uint64
	cal  calendar
	ops  []operation // by creation
	done []int32     // indexes of ops by last turn

	planted *plants
}

func newOperationBook(o Options, days, rows int) (*operationBook, error) {
	cal, err := newCalendar("Asia/Bishkek", o.Day, days, aheadDays)
	if err != nil {
		return nil, err
	}
	b := &operationBook{seed: o.Seed, cal: cal}
	perDay := float64(min(max(rows/operationShare, 1), maxOperations)) / float64(days+1)
	clock, owed := newClock(), 0.0
	for d := range cal.days() {
		dc := diceAt(o.Seed, purposeDay, place(200, d, 0))
		owed += perDay * cal.busy(d) * (0.8 + 0.4*dc.unit())
		n := int(owed)
		owed -= float64(n)
		for i := range n {
			dc := diceAt(o.Seed, purposeOperation, place(200, d, i))
			o := newOperation(cal.starts[d]+clock.second(i, n, dc.unit()), &dc)
			if dc.below(100) < cardPercent {
				o.kind = cardSale
			}
			b.ops = append(b.ops, o)
		}
	}
	b.addRefunds()
	b.done = make([]int32, len(b.ops))
	for i := range b.done {
		b.done[i] = int32(i)
	}
	slices.SortStableFunc(b.done, func(x, y int32) int { return cmp.Compare(b.ops[x].last(), b.ops[y].last()) })
	return b, nil
}

// newOperation draws a life: most are paid within minutes, some are declined,
// some hang for an hour, and a few of those turn out paid days later.
func newOperation(at int64, d *dice) operation {
	o := operation{n: 2}
	o.turns[0] = turn{at, fateProcessing}
	switch p := d.below(1000); {
	case p < 850:
		o.turns[1] = turn{at + d.between(20, 180), fateSuccess}
	case p < 945:
		o.turns[1] = turn{at + d.between(25, 900), uint8(d.between(firstDecline, int64(len(fates)-1)))}
	case p < 965:
		o.turns[1] = turn{at + d.between(600, 3500), fateSuccess}
	case p < 990:
		o.turns[1] = turn{at + 3600, fateTimeout}
	default:
		o.turns[1] = turn{at + 3600, fateUnconfirmed}
		o.turns[2] = turn{at + d.between(6*3600, slowest), fateSuccess}
		o.n = 3
	}
	return o
}

// changed is an operation and when it last changed.
type changed struct {
	at int64
	op int32
}

// list implements flashpaytest.Book. Operations that are final at now lie in
// order already; the few that are not are merged in.
func (b *operationBook) list(from, to, now time.Time, skip, limit int) []flashpaytest.Operation {
	lo, hi, at := ceilUnix(from), to.Unix(), now.Unix()
	if limit <= 0 || lo > hi {
		return nil
	}
	open := b.unfinished(lo, hi, at)
	first := sort.Search(len(b.done), func(i int) bool { return b.ops[b.done[i]].last() >= lo })
	end := sort.Search(len(b.done), func(i int) bool { return b.ops[b.done[i]].last() > min(hi, at) })
	var out []flashpaytest.Operation
	for len(out) < limit && (first < end || len(open) > 0) {
		if len(open) == 0 && skip > 0 {
			jump := min(skip, end-first)
			first, skip = first+jump, skip-jump
			continue
		}
		var op int32
		if first < end && (len(open) == 0 || b.ops[b.done[first]].last() <= open[0].at) {
			op, first = b.done[first], first+1
		} else {
			op, open = open[0].op, open[1:]
		}
		if skip > 0 {
			skip--
			continue
		}
		out = append(out, b.show(op, at))
	}
	return out
}

// unfinished lists what exists but is not final at an instant, and changed in
// the interval, by that change.
func (b *operationBook) unfinished(lo, hi, now int64) []changed {
	var out []changed
	i := sort.Search(len(b.ops), func(i int) bool { return b.ops[i].created() >= now-slowest })
	for ; i < len(b.ops) && b.ops[i].created() <= now; i++ {
		if b.ops[i].last() <= now {
			continue
		}
		if t, ok := b.ops[i].state(now); ok && t.at >= lo && t.at <= hi {
			out = append(out, changed{t.at, int32(i)})
		}
	}
	slices.SortStableFunc(out, func(x, y changed) int { return cmp.Compare(x.at, y.at) })
	return out
}
