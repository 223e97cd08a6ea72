package clickhouse

import (
	"fmt"

	"github.com/paylake/paylake/schemas"
)

// Views of what is read from files. Pure.

// files are the views of bank_entries and loyalty_entries.
func (v viewer) files() []string {
	return append(v.pair("bank_entries", v.bankEntries), v.pair("loyalty_entries", v.loyaltyEntries)...)
}

// bankEntries: amounts also as decimals, as accountants write them.
func (v viewer) bankEntries(at string) string {
	t := schemas.BankEntries
	return fmt.Sprintf("SELECT %s, own_code AS foreign_code, flags\nFROM %s",
		v.fields(t, v.replaced("bank_entries", nil), map[string]string{
			"currency":            decimal("amount_minor", "currency") + " AS amount",
			"fee_minor":           decimal("fee_minor", "currency") + " AS fee",
			"balance_after_minor": decimal("balance_after_minor", "currency") + " AS balance_after_transaction"}),
		v.aliased(v.currentRows(t, at)))
}

// loyaltyEntries: points also as decimals.
func (v viewer) loyaltyEntries(at string) string {
	t := schemas.LoyaltyEntries
	return fmt.Sprintf("SELECT %s, own_code AS foreign_code, flags\nFROM %s",
		v.fields(t, v.replaced("loyalty_entries", nil), map[string]string{
			"points_centi":        "toDecimal128(points_centi, 2) / 100 AS points",
			"balance_after_centi": "toDecimal128(balance_after_centi, 2) / 100 AS balance_after",
			"currency":            decimal("amount_minor", "currency") + " AS amount"}),
		v.aliased(v.currentRows(t, at)))
}
