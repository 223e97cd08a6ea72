package mpay

import (
	"cmp"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/paylake/paylake/schemas"
)

// Fields of a balance.
const (
	bWallet = iota
	bCurrency
	bAsOf
	bAvailable
	bReserved
	bError
)

var balanceFields = []field{
	{name: "wallet_id"}, {name: "currency"}, {name: "as_of"}, {name: "available", also: "0"}, {name: "reserved", also: "0"},
	{name: "error", also: "{"},
}

// balanceRows reads one observation of a balance.
type balanceRows struct {
	fieldSet
	shelf
}

func newBalanceRows(c *columns, source, wallet string, zone *time.Location) *balanceRows {
	return &balanceRows{fieldSet: newFieldSet(balanceFields), shelf: newShelf(schemas.Balances, c, source, wallet, zone, nil)}
}

func (b *balanceRows) end(d *decoder) (outside bool) {
	b.required(d, bCurrency, bAsOf, bAvailable)
	if w := b.text(bWallet); len(w) > 0 && string(w) != b.wallet {
		d.bad(schemas.ReasonForeign, "wallet_id")
	}
	m := b.moment(b.text(bAsOf))
	if m.err != nil {
		d.bad(schemas.ReasonTime, "as_of")
	}
	digits, err := exponent(b.text(bCurrency))
	if err != nil {
		d.bad(schemas.ReasonCurrency, "currency")
	}
	if d.row.reason != "" {
		return false
	}
	available, reserved := b.minor(d, bAvailable, digits), b.minor(d, bReserved, digits)
	if d.row.reason != "" {
		return false
	}
	b.cols["source"].string(b.source)
	b.cols["wallet_id"].string(b.wallet)
	b.putMoment(d, m, "as_of", "as_of_offset_s")
	b.cols["currency"].text(b.text(bCurrency))
	b.cols["available_minor"].int64(available)
	b.cols["reserved_minor"].int64(reserved)
	return false
}

func (b *balanceRows) about(d *decoder, r *schemas.Reject) {
	b.aboutMoney(d, r, bAsOf, bAvailable, bCurrency)
}

// single decodes an answer that is one row itself, not a page of rows: the same
// rules hold for it. An answer with `error` and no money is no row.
func (d *decoder) single(body []byte) (answer, error) {
	v := jsontext.Value(body)
	if v.Kind() != '{' || !v.IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
		return d.page(body) // says what it is instead of an object
	}
	a, err := d.page(append(append([]byte(`{"rows":[`), body...), `]}`...))
	b, ok := d.table.(*balanceRows)
	if err != nil || !ok || b.has&(1<<bError) == 0 || b.values[bError].kind == 'n' || len(b.text(bAvailable)) > 0 {
		return a, err
	}
	a.rows.Release()
	return answer{upstream: cmp.Or(label(b.text(bError)), "error")}, nil
}
