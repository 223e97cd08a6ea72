// What wallets have beside their statements: lists of events, any part of them
// at once, day by day.

package sandbox

import (
	"slices"
	"strings"
	"time"

	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

var (
	_ mpaytest.Activity     = (*World)(nil)
	_ mpaytest.WorkflowBook = (*World)(nil)
)

// Purposes of the dice of this file and its neighbours.
const (
	purposeFunding uint64 = 100 + iota
	purposeAssurance
	purposeTemplate
	purposeHold
)

// perDay lists the events of a wallet between two instants, as they stand at
// now: day makes those of one day, in any order.
func perDay[T any](w *World, wallet string, from, to, now time.Time, skip, limit int,
	day func(b *walletBook, d int, now int64) []T, key func(*T) (at time.Time, id string)) (out []T) {
	b, ok := w.byID[wallet]
	if !ok {
		return nil
	}
	seen := w.seen(now).Unix()
	for d := max(w.cal.dayOf(ceilUnix(from)), 0); d < w.cal.days() && len(out) < limit; d++ {
		if w.cal.starts[d] >= ceilUnix(to) || w.cal.starts[d] > seen {
			break
		}
		list := slices.DeleteFunc(day(b, d, seen), func(e T) bool {
			at, _ := key(&e)
			return at.Before(from) || !at.Before(to)
		})
		slices.SortFunc(list, func(x, y T) int {
			at1, id1 := key(&x)
			at2, id2 := key(&y)
			if c := at1.Compare(at2); c != 0 {
				return c
			}
			return strings.Compare(id1, id2)
		})
		n := min(skip, len(list))
		skip -= n
		list = list[n:]
		out = append(out, list[:min(len(list), limit-len(out))]...)
	}
	return out
}

// eventID is unique in the world for a purpose: mix is a bijection.
func (w *World) eventID(prefix string, purpose uint64, wallet, day, slot int) string {
	return coded(prefix, hexDigits, mix(place(wallet, day+1, slot)^mix(w.seed^purpose*0x9e3779b97f4a7c15)), 16)
}

// Balance implements mpaytest.Activity: the balance after the last visible row,
// of which a part may be held for payments under way.
func (w *World) Balance(wallet string, now time.Time) mpaytest.Balance {
	now = w.seen(now).Truncate(time.Second)
	out := mpaytest.Balance{AsOf: now}
	b, ok := w.byID[wallet]
	if !ok {
		return out
	}
	balance := w.balanceAt(b, now.Unix())
	d := diceAt(w.seed, purposeHold, place(b.index, w.cal.dayOf(now.Unix()), now.Hour()))
	if d.below(10) < 4 {
		out.ReservedMinor = balance * d.between(5, 20) / 100
	}
	out.AvailableMinor = balance - out.ReservedMinor
	return out
}

func (w *World) balanceAt(b *walletBook, now int64) int64 {
	for d := min(w.cal.dayOf(now), w.cal.days()-1); d >= 0; d-- {
		for _, s := range slices.Backward(b.slots(w, d)) {
			if s.kind != kindPending && s.at <= now && s.visible <= now {
				return s.balance
			}
		}
	}
	return 0
}
