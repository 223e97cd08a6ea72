package mpay

import (
	"bytes"

	"github.com/paylake/paylake/schemas"
)

// rowMoney is the money of one statement row, in minor units of its currency.
type rowMoney struct {
	currency             []byte
	amount, fee, balance int64
	hasBalance           bool
}

var azn = []byte("AZN")

// currency is the row's own, else what its amount's spelling implies, else the
// page's.
func (l *ledgerRows) currency(d *decoder) []byte {
	if c := l.text(fCurrency); len(c) > 0 {
		return c
	}
	if len(l.text(fAmount)) == 0 && len(l.text(fAmountAZN)) > 0 {
		return azn
	}
	return d.currency
}

// exponent is schemas.Exponent without making a string for the usual one.
func exponent(currency []byte) (int, error) {
	if string(currency) == "AZN" {
		return 2, nil
	}
	return schemas.Exponent(string(currency))
}

// readMoney reads amount, fee and balance by their digits; what is wrong with
// them is noted in d.
func (l *ledgerRows) readMoney(d *decoder) (m rowMoney) {
	m.currency = l.currency(d)
	if len(m.currency) == 0 {
		d.bad(schemas.ReasonMissing, "currency")
		return m
	}
	digits, err := exponent(m.currency)
	if err != nil {
		d.bad(schemas.ReasonCurrency, "currency")
		return m
	}
	m.amount = l.amount(d, m.currency, digits)
	if fee := l.text(fFee); len(fee) > 0 {
		m.fee = l.minor(d, fFee, digits)
	}
	if b := l.text(fBalance); len(b) > 0 {
		m.balance, m.hasBalance = l.minor(d, fBalance, digits), true
	}
	return m
}

// amount reads either spelling. Both together must be the same money.
func (l *ledgerRows) amount(d *decoder, currency []byte, digits int) int64 {
	plain, named := len(l.text(fAmount)) > 0, len(l.text(fAmountAZN)) > 0
	if named && !bytes.Equal(currency, azn) {
		d.bad(schemas.ReasonConflict, "amount_azn")
		return 0
	}
	if !named {
		return l.minor(d, fAmount, digits)
	}
	v := l.minor(d, fAmountAZN, digits)
	if plain && l.minor(d, fAmount, digits) != v {
		d.bad(schemas.ReasonConflict, "amount_azn")
	}
	return v
}

func (l *ledgerRows) minor(d *decoder, f, digits int) int64 {
	v, err := schemas.ParseMinor(l.text(f), digits)
	if err != nil {
		d.bad(schemas.AmountReason(err), fieldNames[f])
	}
	return v
}

func knownType(t []byte) bool {
	switch string(t) {
	case "bill_pay", "transfer_out", "transfer_in", "topup", "refund", "reversal", "fee":
		return true
	}
	return false
}

func knownCategory(c []byte) bool {
	switch string(c) {
	case "", "utilities", "mobile", "internet", "bank", "store_credit":
		return true
	}
	return false
}
