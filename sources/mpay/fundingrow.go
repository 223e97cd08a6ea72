package mpay

import (
	"time"

	"github.com/paylake/paylake/schemas"
)

// Fields of a funding event.
const (
	nID = iota
	nAt
	nMethod
	nTerminal
	nNetwork
	nCard
	nAmount
	nFee
	nCurrency
	nStatus
	nLedger
	nReference
)

var fundingFields = []field{
	{name: "id"}, {name: "occurred_at"}, {name: "method"}, {name: "terminal_id", also: "0"}, {name: "terminal_network"},
	{name: "card_mask"}, {name: "amount", also: "0"}, {name: "fee", also: "0"}, {name: "currency"}, {name: "status"},
	{name: "ledger_id"}, {name: "external_reference"},
}

// fundingRows reads card loads and terminal cash-ins.
type fundingRows struct {
	fieldSet
	shelf
	span
}

func newFundingRows(c *columns, source, wallet string, zone *time.Location, p *people) *fundingRows {
	return &fundingRows{fieldSet: newFieldSet(fundingFields), shelf: newShelf(schemas.FundingEvents, c, source, wallet, zone, p)}
}

func (f *fundingRows) end(d *decoder) (outside bool) {
	m := f.moment(f.text(nAt))
	if f.outside(d, m) {
		return true
	}
	f.required(d, nID, nAt, nMethod, nAmount)
	if m.err != nil {
		d.bad(schemas.ReasonTime, "occurred_at")
	}
	if d.row.reason != "" {
		return false
	}
	currency, digits, ok := f.currencyOf(d, f.text(nCurrency), true)
	if !ok {
		return false
	}
	amount, fee := f.minor(d, nAmount, digits), f.minor(d, nFee, digits)
	if d.row.reason != "" {
		return false
	}
	f.cols["source"].string(f.source)
	f.cols["wallet_id"].string(f.wallet)
	f.cols["event_id"].text(f.text(nID))
	f.putMoment(d, m, "occurred_at", "occurred_offset_s")
	f.cols["amount_minor"].int64(amount)
	f.cols["currency"].text(currency)
	f.cols["fee_minor"].int64(fee)
	f.words(d)
	return false
}

func (f *fundingRows) words(d *decoder) {
	f.known(d, "method:", f.text(nMethod), "card", "terminal")
	f.known(d, "status:", f.text(nStatus), "completed", "pending", "failed", "reversed")
	f.cols["method"].text(f.text(nMethod))
	f.cols["terminal_id"].string(schemas.MaskLong(string(f.text(nTerminal))))
	f.cols["terminal_network"].text(f.text(nNetwork))
	f.cols["card_mask"].string(schemas.MaskCard(string(f.text(nCard))))
	f.cols["status"].text(f.text(nStatus))
	f.cols["ledger_id"].text(f.text(nLedger))
	f.people.reference(f.cols["external_reference"], f.text(nReference))
}

func (f *fundingRows) about(d *decoder, r *schemas.Reject) {
	f.aboutMoney(d, r, nID, nAmount, nCurrency)
}
