package account

import (
	"fmt"
	"slices"
	"strings"

	"github.com/paylake/paylake/cmd/internal/export"
)

// Names is how the columns are called.
type Names string

const (
	Own    Names = ""       // as in the ledger
	Berlin Names = "berlin" // in the style of the Berlin Group's interface
)

// AllNames are the values of Names that a user may write.
var AllNames = []string{"own", string(Berlin)}

// ParseNames reads a name of names.
func ParseNames(text string) (Names, error) {
	switch text {
	case "", "own":
		return Own, nil
	case string(Berlin):
		return Berlin, nil
	}
	return Own, fmt.Errorf("names are %s, not %q", strings.Join(AllNames, " or "), text)
}

// arranged renames the columns. Members of one object become neighbours, and a
// balance gets its currency, as an amount has it.
func (n Names) arranged(list []column) []column {
	if n != Berlin {
		return list
	}
	out := slices.Clone(list)
	for i := range out {
		out[i].Name = out[i].berlin
		if out[i].Sums != "" {
			out[i].Sums = "transactionAmount.currency"
		}
		if out[i].Currency != "" {
			out[i].Currency = "transactionAmount.currency"
		}
	}
	at := slices.IndexFunc(out, func(c column) bool { return c.Name == "balanceAfterTransaction.balanceAmount.amount" })
	currency := column{export.Column{Name: "balanceAfterTransaction.balanceAmount.currency", Kind: export.Text}, "", "if(balance_after_minor_ IS NULL, '', toString(currency_))"}
	out = slices.Insert(out, at, currency)
	amount := slices.IndexFunc(out, func(c column) bool { return c.Name == "transactionAmount.amount" })
	moved := out[amount]
	out = slices.Delete(out, amount, amount+1)
	return slices.Insert(out, slices.IndexFunc(out, func(c column) bool { return c.Name == "transactionAmount.currency" })+1, moved)
}
