package schemas_test

import (
	"testing"

	"github.com/paylake/paylake/schemas"
)

// Checks name columns that exist, and one name means one thing per table.
func TestChecksFitTheirTables(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range schemas.Checks() {
		table, ok := schemas.ByName(c.Table)
		if !ok || c.Doc == "" || seen[c.Table+c.Name] || c.Severity != schemas.SeverityWarn && c.Severity != schemas.SeverityReject {
			t.Fatalf("%+v", c)
		}
		seen[c.Table+c.Name] = true
		columns := []string{c.Field}
		switch r := c.Rule.(type) {
		case schemas.Capability:
			columns = append(columns, r.Method, r.Type, r.Payment)
		case schemas.SameAmount:
			columns = append(columns, r.Amount, r.Currency, r.Other, r.OtherIn)
		case schemas.SameCurrency:
			columns = append(columns, r.As)
		case schemas.MethodCurrency:
			columns = append(columns, r.Method)
		case schemas.WalletCurrency:
			columns = append(columns, "wallet_id")
			if other, ok := schemas.ByName(r.Table); !ok || !other.Has("wallet_id") || !other.Has(r.Column) {
				t.Errorf("%s: no wallet of %s has a %s", c.Name, r.Table, r.Column)
			}
		}
		for _, name := range columns {
			if name != "" && !table.Has(name) {
				t.Errorf("%s: %s has no column %s", c.Name, c.Table, name)
			}
		}
	}
}
