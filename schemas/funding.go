package schemas

// FundingEvents are the ways in which money came, or tried to come, into a
// wallet: by bank card or through a cash terminal. An event that moved money
// names its statement row.
var FundingEvents = &Table{
	Name: "funding_events", Version: 1,
	Doc:      "Wallet funding by card and terminal, one row per attempt, revised when its status changes.",
	Key:      []string{"wallet_id", "event_id"},
	Time:     "occurred_at",
	Amount:   "amount_minor",
	Currency: "currency",
	Fields: []Field{
		{Name: "source", Kind: Code, Doc: "source name in the configuration"},
		{Name: "wallet_id", Kind: Code, Doc: "wallet, as configured; empty where the source has none"},
		{Name: "event_id", Kind: String, Doc: "the event's id"},
		{Name: "occurred_at", Kind: Instant, Doc: "when it happened, UTC"},
		{Name: "occurred_offset_s", Kind: Int32, Doc: "offset from UTC that the source gave, seconds"},
		{Name: "business_date", Kind: Date, Doc: "calendar day of occurred_at in the source's zone"},
		{Name: "method", Kind: Code, Doc: "card or terminal; others as they came"},
		{Name: "terminal_id", Kind: String, Doc: "terminal that took the cash; longer digit runs are masked"},
		{Name: "terminal_network", Kind: Code, Doc: "network of the terminal, as the source calls it"},
		{Name: "card_mask", Kind: String, Doc: "card that was charged, masked: never more than its first six and last four digits"},
		{Name: "amount_minor", Kind: Minor, Doc: "money for the wallet, minor units of currency"},
		{Name: "currency", Kind: Code, Doc: "ISO 4217 of both amounts"},
		{Name: "fee_minor", Kind: Minor, Doc: "fee of the card or the terminal, minor units; 0 when absent"},
		{Name: "status", Kind: Code, Doc: "completed, pending, failed or reversed; others as they came"},
		{Name: "ledger_id", Kind: String, Doc: "statement row (entry_id) that the event became; empty when it moved nothing"},
		{Name: "external_reference", Kind: String, Doc: "reference of the acquirer or the terminal's network"},
	},
}
