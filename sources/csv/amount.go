package csv

import "github.com/paylake/paylake/schemas"

// The money of a row: currency, amount, and the side it stands on.

// readMoney reads currency and amount, sign included.
func (r *rowReader) readMoney(fields [][]byte) (minor int64, currency string, bad *fault) {
	if r.fAmount < 0 {
		return 0, "", nil
	}
	if r.currency >= 0 {
		if text := trim(fields[r.currency]); len(text) > 0 {
			r.known.be(text)
		} else {
			r.known.be(r.constCurrency)
		}
	}
	currency = r.known.name
	some := r.amount >= 0 && len(trim(fields[r.amount])) > 0 || r.debit >= 0 || r.credit >= 0
	if !some && r.table.Name == "loyalty_entries" {
		return 0, "", nil // points without money
	}
	exponent, err := r.known.exponent, r.known.err
	if err != nil {
		return 0, "", r.fault(schemas.ReasonCurrency, r.currency, "currency")
	}
	r.texts[r.fCurrency] = r.known.text
	if r.amount >= 0 {
		minor, bad = r.readAmount(fields, exponent)
	} else {
		minor, bad = r.readSides(fields, exponent)
	}
	if bad == nil && r.unsignedOnly && minor < 0 {
		bad = r.fault(schemas.ReasonRange, r.amount, "amount")
	}
	r.numbers[r.fAmount] = minor
	return minor, currency, bad
}

func (r *rowReader) parseAmount(fields [][]byte, at int, exponent int, name string) (int64, *fault) {
	text, ok := r.decoder.text(fields[at])
	if !ok {
		return 0, r.fault(schemas.ReasonText, at, name)
	}
	v, err := r.money.parse(text, exponent)
	if err != nil {
		return 0, r.fault(schemas.AmountReason(err), at, name)
	}
	return v, nil
}

func (r *rowReader) readAmount(fields [][]byte, exponent int) (int64, *fault) {
	if len(trim(fields[r.amount])) == 0 {
		return 0, r.fault(schemas.ReasonMissing, r.amount, colAmount)
	}
	v, bad := r.parseAmount(fields, r.amount, exponent, colAmount)
	if bad != nil || r.signed {
		return v, bad
	}
	if v < 0 {
		return 0, r.fault(schemas.ReasonRange, r.amount, colAmount)
	}
	word := r.constDirection
	if r.direction >= 0 {
		text, ok := r.decoder.text(trim(fields[r.direction]))
		if !ok {
			return 0, r.fault(schemas.ReasonText, r.direction, colDirection)
		}
		word = string(r.words.of(text))
	}
	switch word {
	case colCredit:
		return v, nil
	case colDebit:
		return -v, nil
	}
	return 0, r.fault(schemas.ReasonType, r.direction, colDirection)
}

// readSides reads an amount that stands in one of two columns.
func (r *rowReader) readSides(fields [][]byte, exponent int) (int64, *fault) {
	var v [2]int64
	filled, last := 0, max(r.debit, r.credit)
	for i, at := range [2]int{r.debit, r.credit} {
		if at < 0 || len(trim(fields[at])) == 0 {
			continue
		}
		n, bad := r.parseAmount(fields, at, exponent, [2]string{colDebit, colCredit}[i])
		switch {
		case bad != nil:
			return 0, bad
		case n < 0 && !r.signed:
			return 0, r.fault(schemas.ReasonRange, at, [2]string{colDebit, colCredit}[i])
		}
		v[i] = n
		filled++
	}
	switch {
	case filled == 0:
		return 0, r.fault(schemas.ReasonMissing, last, colAmount)
	case v[0] != 0 && v[1] != 0:
		return 0, r.fault(schemas.ReasonConflict, last, colAmount)
	case r.signed:
		return v[0] + v[1], nil
	}
	return v[1] - v[0], nil
}

// currency is the currency of the last row: nearly always the next one's, too.
type currency struct {
	name     string
	text     []byte
	exponent int
	err      error
}

func (c *currency) be(text []byte) {
	if c.text != nil && string(text) == c.name {
		return
	}
	c.name = string(text)
	c.text = []byte(c.name)
	c.exponent, c.err = schemas.Exponent(c.name)
}

func side(minor int64) []byte {
	if minor < 0 {
		return []byte("debit")
	}
	return []byte("credit")
}
