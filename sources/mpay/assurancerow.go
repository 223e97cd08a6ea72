package mpay

import (
	"time"

	"github.com/paylake/paylake/schemas"
)

// Fields of an assurance event.
const (
	aID = iota
	aAt
	aSession
	aEvent
	aMethod
	aLevel
	aLedger
	aAmount
	aCurrency
)

var assuranceFields = []field{
	{name: "id"}, {name: "occurred_at"}, {name: "session_id"}, {name: "event"}, {name: "method"}, {name: "assurance_level"},
	{name: "ledger_id"}, {name: "amount", also: "0"}, {name: "currency"},
}

// assuranceRows reads authentication and step-up events.
type assuranceRows struct {
	fieldSet
	shelf
	span
}

func newAssuranceRows(c *columns, source, wallet string, zone *time.Location, p *people) *assuranceRows {
	return &assuranceRows{fieldSet: newFieldSet(assuranceFields), shelf: newShelf(schemas.AssuranceEvents, c, source, wallet, zone, p)}
}

func (a *assuranceRows) end(d *decoder) (outside bool) {
	m := a.moment(a.text(aAt))
	if a.outside(d, m) {
		return true
	}
	a.required(d, aID, aAt, aEvent)
	if m.err != nil {
		d.bad(schemas.ReasonTime, "occurred_at")
	}
	if d.row.reason != "" {
		return false
	}
	currency, digits, ok := a.currencyOf(d, a.text(aCurrency), len(a.text(aAmount)) > 0)
	if !ok {
		return false
	}
	amount := a.minor(d, aAmount, digits)
	if d.row.reason != "" {
		return false
	}
	a.known(d, "event:", a.text(aEvent), "otp_verified", "password", "step_up_required", "step_up_completed")
	a.known(d, "method:", a.text(aMethod), "otp", "password", "sima")
	a.cols["source"].string(a.source)
	a.cols["wallet_id"].string(a.wallet)
	a.cols["event_id"].text(a.text(aID))
	a.putMoment(d, m, "occurred_at", "occurred_offset_s")
	a.cols["session_id"].text(a.text(aSession))
	a.cols["event"].text(a.text(aEvent))
	a.cols["method"].text(a.text(aMethod))
	a.cols["assurance_level"].text(a.text(aLevel))
	a.cols["ledger_id"].text(a.text(aLedger))
	a.cols["amount_minor"].int64(amount)
	a.cols["currency"].text(currency)
	return false
}

func (a *assuranceRows) about(d *decoder, r *schemas.Reject) {
	a.aboutMoney(d, r, aID, aAmount, aCurrency)
}
