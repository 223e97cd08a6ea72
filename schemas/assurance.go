package schemas

// AssuranceEvents say how a person proved who they were: at the beginning of a
// session, or at the boundary of one payment.
var AssuranceEvents = &Table{
	Name: "assurance_events", Version: 1,
	Doc:      "Authentication and step-up events of wallets, per session or per payment.",
	Key:      []string{"wallet_id", "event_id"},
	Time:     "occurred_at",
	Amount:   "amount_minor",
	Currency: "currency",
	Fields: []Field{
		{Name: "source", Kind: Code, Doc: "source name in the configuration"},
		{Name: "wallet_id", Kind: Code, Doc: "wallet, as configured"},
		{Name: "event_id", Kind: String, Doc: "the event's id"},
		{Name: "occurred_at", Kind: Instant, Doc: "when it happened, UTC"},
		{Name: "occurred_offset_s", Kind: Int32, Doc: "offset from UTC that the source gave, seconds"},
		{Name: "business_date", Kind: Date, Doc: "calendar day of occurred_at in the source's zone"},
		{Name: "session_id", Kind: String, Doc: "session that it happened in"},
		{Name: "event", Kind: Code, Doc: "otp_verified, password, step_up_required or step_up_completed; others as they came"},
		{Name: "method", Kind: Code, Doc: "otp, password or sima; others as they came"},
		{Name: "assurance_level", Kind: Code, Doc: "level that holds after the event, as the source calls it (A2)"},
		{Name: "ledger_id", Kind: String, Doc: "statement row (entry_id) whose payment it is about; empty for a whole session"},
		{Name: "amount_minor", Kind: Minor, Doc: "amount of that payment, minor units of currency; 0 when the event names none"},
		{Name: "currency", Kind: Code, Doc: "ISO 4217 of amount_minor"},
	},
}
