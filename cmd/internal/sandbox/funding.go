// Funding: how the money of every top-up came, and the attempts that failed.

package sandbox

import (
	"strings"
	"time"

	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

// FundingEvents implements mpaytest.Activity.
func (w *World) FundingEvents(wallet string, from, to, now time.Time, skip, limit int) []mpaytest.FundingEvent {
	return perDay(w, wallet, from, to, now, skip, limit, w.fundingDay,
		func(e *mpaytest.FundingEvent) (time.Time, string) { return e.OccurredAt, e.ID })
}

// fundingDay is one event for every visible top-up of a day, and one for every
// card that was refused before it.
func (w *World) fundingDay(b *walletBook, d int, now int64) (out []mpaytest.FundingEvent) {
	slots := b.slots(w, d)
	for i := range slots {
		s := &slots[i]
		if (s.kind != kindTopup && s.kind != kindPending) || s.at > now || s.visible > now {
			continue
		}
		dc := diceAt(w.seed, purposeFunding, place(b.index, d, i))
		e := mpaytest.FundingEvent{
			ID: w.eventID("fnd_", purposeFunding, b.index, d, 2*i), OccurredAt: time.Unix(s.at, 0).In(w.cal.zone),
			AmountMinor: s.amount, FeeMinor: s.fee, Status: "completed", LedgerID: w.entryID(b.index, ref{int32(d) + 1, int32(i)}),
		}
		if s.biller == noBiller {
			payByCard(&e, &dc)
		} else {
			e.Method, e.TerminalNetwork = "terminal", billers[s.biller].en
			e.TerminalID = coded(strings.ToUpper(billers[s.biller].reference)+"-", "0123456789", dc.next(), 5)
		}
		switch {
		case s.kind == kindPending:
			e.Status = "pending"
		case s.reversed <= now:
			e.Status = "reversed"
		}
		out = append(out, e)
		if s.biller == noBiller && dc.below(100) < 7 {
			out = append(out, w.refused(b, d, i, e))
		}
	}
	return out
}

// payByCard charges one of two cards, sometimes with the acquirer's fee.
func payByCard(e *mpaytest.FundingEvent, d *dice) {
	e.Method = "card"
	e.CardMask = []string{"416973******", "510014******"}[d.below(2)] + coded("", "0123456789", d.next(), 4)
	if d.below(10) < 6 {
		e.FeeMinor = max(e.AmountMinor/200, 10)
	}
}

// refused is the attempt before one that went through; it moved nothing.
func (w *World) refused(b *walletBook, d, slot int, e mpaytest.FundingEvent) mpaytest.FundingEvent {
	at := max(e.OccurredAt.Unix()-40, w.cal.starts[d])
	e.ID, e.OccurredAt = w.eventID("fnd_", purposeFunding, b.index, d, 2*slot+1), time.Unix(at, 0).In(w.cal.zone)
	e.Status, e.LedgerID, e.FeeMinor = "failed", "", 0
	return e
}
