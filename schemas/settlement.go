package schemas

// Settlements are the wallet's notices that a payment was settled: what it
// tells before the statement has the row. They are evidence, never spend; the
// statement alone is counted.
var Settlements = &Table{
	Name: "settlements", Version: 1,
	Doc:      "Notices of settled wallet payments (payment.settled), one row per notice, beside the statement row that they announce.",
	Key:      []string{"wallet_id", "idempotency_key"},
	Time:     "settled_at",
	Amount:   "amount_minor",
	Currency: "currency",
	Provider: "provider_code",
	Fields: []Field{
		{Name: "source", Kind: Code, Doc: "source name in the configuration"},
		{Name: "wallet_id", Kind: Code, Doc: "wallet, as configured"},
		{Name: "idempotency_key", Kind: String, Doc: "names the notice: the same one again is the same"},
		{Name: "event", Kind: Code, Doc: "payment.settled; others as they came"},
		{Name: "settled_at", Kind: Instant, Doc: "when the notice was signed, UTC: it carries no other time"},
		{Name: "business_date", Kind: Date, Doc: "calendar day of settled_at in the source's zone"},
		{Name: "amount_minor", Kind: Minor, Doc: "signed minor units: negative leaves the wallet"},
		{Name: "currency", Kind: Code, Doc: "ISO 4217"},
		{Name: "provider_code", Kind: Code, Doc: "code of the bill catalogue, as it came"},
		{Name: "external_reference", Kind: String, Doc: "reference that the statement row carries, too"},
	},
}
