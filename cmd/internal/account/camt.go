package account

import "math/big"

// Code is an entry of the external list of bank transaction codes.
type Code struct{ Domain, Family, SubFamily string }

// CodeOf is the bank transaction code of a line: by its type, its direction and,
// of payments and top-ups, by what was paid with. What the list has no word for,
// and what nobody knows, is "not available"; the type itself goes with every
// entry as the proprietary code.
func CodeOf(kind, channel string, credit bool) Code {
	family := "ICDT" // issued credit transfers
	if credit {
		family = "RCDT" // received
	}
	switch kind {
	case "bill_pay":
		if channel == "card" {
			return Code{"PMNT", "CCRD", "POSD"} // card payment at a point of sale
		}
		return Code{"PMNT", family, "DMCT"} // domestic credit transfer
	case "transfer_out", "transfer_in":
		return Code{"PMNT", family, "BOOK"} // within the institution
	case "topup":
		if channel == "terminal" {
			return Code{"PMNT", "CNTR", "CDPT"} // cash deposit at a counter
		}
		return Code{"PMNT", family, "DMCT"}
	case "refund":
		return Code{"PMNT", family, "RRTN"} // reversal after a payment's return
	case "reversal":
		return Code{"PMNT", family, "RPCR"} // reversal after a cancellation
	case "fee":
		return Code{"PMNT", family, "FEES"}
	}
	return Code{"PMNT", "NTAV", "NTAV"}
}

// Breaks is by how much the lines of an account miss its balances: closing −
// opening − (credit + debit), in minor units. Nil where no balance is named.
func (a Account) Breaks() *big.Int {
	opening, ok := new(big.Int).SetString(a.Opening, 10)
	closing, also := new(big.Int).SetString(a.Closing, 10)
	if !ok || !also {
		return nil
	}
	sum := closing.Sub(closing, opening)
	for _, text := range []string{a.Credit, a.Debit} {
		n, _ := new(big.Int).SetString(text, 10)
		if n == nil {
			return nil
		}
		sum.Sub(sum, n)
	}
	return sum
}
