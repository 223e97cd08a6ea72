// Assurance: how the owner of a wallet proved who they are, at the beginning of
// a day's session and before payments of high amounts.

package sandbox

import (
	"time"

	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

// stepUpFrom is the amount from which this world's wallets ask for a signature.
// The real limit is not public.
const stepUpFrom = 25_000

// login is how a wallet's session of one day began.
type login struct {
	otp    bool // else the password alone
	stepUp bool // signed for the whole session
}

func (w *World) login(b *walletBook, d int) login {
	dc := diceAt(w.seed, purposeAssurance, place(b.index, d, 0))
	l := login{otp: dc.below(6) != 0}
	l.stepUp = l.otp && dc.below(20) == 0
	return l
}

func (l login) level() string {
	switch {
	case l.stepUp:
		return "A3"
	case l.otp:
		return "A2"
	}
	return "A1"
}

// needsStepUp tells whether a statement row is a payment that was signed for.
func needsStepUp(s *slot) bool {
	return (s.kind == kindBill || s.kind == kindOut) && s.amount <= -stepUpFrom
}

// sessionID is the session of a wallet's day.
func (w *World) sessionID(b *walletBook, day int) string {
	return coded("ses_", hexDigits, mix(uint64(day)<<8|uint64(b.index))^w.seed>>1|1<<60, 10)
}

// AssuranceEvents implements mpaytest.Activity.
func (w *World) AssuranceEvents(wallet string, from, to, now time.Time, skip, limit int) []mpaytest.AssuranceEvent {
	return perDay(w, wallet, from, to, now, skip, limit, w.assuranceDay,
		func(e *mpaytest.AssuranceEvent) (time.Time, string) { return e.OccurredAt, e.ID })
}

func (w *World) assuranceDay(b *walletBook, d int, now int64) (out []mpaytest.AssuranceEvent) {
	slots := b.slots(w, d)
	if len(slots) == 0 {
		return nil
	}
	session := w.sessionID(b, d)
	add := func(base string, n int, at int64, e mpaytest.AssuranceEvent) {
		if at = max(at, w.cal.starts[d]); at > now {
			return
		}
		// Events of one second are in the order of their ids.
		e.ID, e.SessionID, e.OccurredAt = base+"_"+hexDigits[n:n+1], session, time.Unix(at, 0).In(w.cal.zone)
		out = append(out, e)
	}
	l, base, first := w.login(b, d), w.eventID("asr_", purposeAssurance, b.index, d, 0), slots[0].at
	add(base, 1, first-75, mpaytest.AssuranceEvent{Event: "password", Method: "password", AssuranceLevel: "A1"})
	if l.otp {
		add(base, 2, first-45, mpaytest.AssuranceEvent{Event: "otp_verified", Method: "otp", AssuranceLevel: "A2"})
	}
	if l.stepUp {
		add(base, 3, first-30, mpaytest.AssuranceEvent{Event: "step_up_required", Method: "sima"})
		add(base, 4, first-10, mpaytest.AssuranceEvent{Event: "step_up_completed", Method: "sima", AssuranceLevel: "A3"})
	}
	for i := range slots {
		s := &slots[i]
		if !needsStepUp(s) || s.at > now {
			continue
		}
		base := w.eventID("asr_", purposeAssurance, b.index, d, i+1)
		e := mpaytest.AssuranceEvent{Method: "sima", LedgerID: w.entryID(b.index, ref{int32(d) + 1, int32(i)}), AmountMinor: -s.amount}
		e.Event = "step_up_required"
		add(base, 1, s.at-40, e)
		e.Event, e.AssuranceLevel = "step_up_completed", "A3"
		add(base, 2, s.at-12, e)
	}
	return out
}
