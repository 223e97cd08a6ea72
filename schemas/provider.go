package schemas

// Providers is the bill catalogue: who can be paid, under which code. It is
// read whole; a changed row is a revision, a retired row stays.
var Providers = &Table{
	Name: "providers", Version: 1,
	Doc:       "Bill provider catalogue with its names in three languages.",
	Key:       []string{"provider_code"},
	Catalogue: true,
	Provider:  "provider_code",
	Fields: []Field{
		{Name: "source", Kind: Code, Doc: "source name in the configuration"},
		{Name: "provider_code", Kind: String, Doc: "the vocabulary's code"},
		{Name: "name_az", Kind: String, Doc: "display name, Azerbaijani"},
		{Name: "name_en", Kind: String, Doc: "display name, English"},
		{Name: "name_ru", Kind: String, Doc: "display name, Russian"},
		{Name: "category", Kind: Code, Doc: "utilities, mobile, internet, bank, store_credit, …"},
		{Name: "service_code", Kind: Code, Doc: "default service of the provider"},
		{Name: "status", Kind: Code, Doc: "active, or retired: the catalogue says so, or lists it no more"},
		{Name: "updated_at", Kind: Instant, Doc: "when the catalogue changed this row, UTC"},
	},
}

// All lists every table, in the order in which documentation shows them.
func All() []*Table {
	return []*Table{
		Ledger, Operations, Providers,
		Balances, FundingEvents, AssuranceEvents, Templates, NFCWorkflows, Settlements,
		OperationFees, Chargebacks, ChargebackHints, PSPBalances, CurrencyRates, PaymentIntents, Decisions,
		BankEntries, LoyaltyEntries,
		Matches,
	}
}

// ByName finds a table.
func ByName(name string) (*Table, bool) {
	for _, t := range All() {
		if t.Name == name {
			return t, true
		}
	}
	return nil, false
}
