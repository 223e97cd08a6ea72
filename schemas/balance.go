package schemas

// Balances are what a wallet held at the instants at which its upstream was
// asked. Every observation is a row: the upstream's own instant is part of the
// key, so the same observation read twice is a duplicate, and another one is
// kept beside it even when the money has not moved.
var Balances = &Table{
	Name: "balances", Version: 1,
	Doc:      "Wallet balances as observed: available and reserved money at an instant.",
	Key:      []string{"wallet_id", "as_of"},
	Time:     "as_of",
	Observed: true,
	Amount:   "available_minor",
	Currency: "currency",
	Fields: []Field{
		{Name: "source", Kind: Code, Doc: "source name in the configuration"},
		{Name: "wallet_id", Kind: Code, Doc: "wallet, as configured"},
		{Name: "as_of", Kind: Instant, Doc: "the instant that the upstream gave for the balance, UTC"},
		{Name: "as_of_offset_s", Kind: Int32, Doc: "offset from UTC that the source gave, seconds"},
		{Name: "business_date", Kind: Date, Doc: "calendar day of as_of in the source's zone"},
		{Name: "currency", Kind: Code, Doc: "ISO 4217 of both amounts"},
		{Name: "available_minor", Kind: Minor, Doc: "money that can be spent, minor units of currency"},
		{Name: "reserved_minor", Kind: Minor, Doc: "money held for payments under way, minor units; 0 when absent"},
	},
}
