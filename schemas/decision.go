package schemas

// DecisionSource is the source of rows that paylake itself writes about its
// lake. No configured source may be called that.
const DecisionSource = "paylake"

// Decisions are what persons decided about what the lake holds: a difference
// accepted, a period held back, released or closed, rows matched by hand. A row
// is never changed: who thinks otherwise decides again. Amounts are those that
// were looked at and no money that moved, so they are in no control total.
var Decisions = &Table{
	Name: "decisions", Version: 1,
	Doc:  "What persons decided: one row for each decision, never changed afterwards. A later decision about the same replaces an earlier one; number is their order. Amounts are what was looked at: in no control total.",
	Key:  []string{"decision_id"},
	Time: "decided_at",
	Fields: []Field{
		{Name: "source", Kind: Code, Doc: "paylake: no upstream decides"},
		{Name: "decision_id", Kind: String, Doc: "the decision, a function of what it says and of the one that it follows"},
		{Name: "number", Kind: Int64, Doc: "decisions so far, this one included: from 1 on"},
		{Name: "decided_at", Kind: Instant, Doc: "when, UTC"},
		{Name: "business_date", Kind: Date, Doc: "calendar day of decided_at, UTC"},
		{Name: "kind", Kind: Code, Doc: "accept, explain, confirm, hold, release, compare, match, unmatch or close"},
		{Name: "period", Kind: Code, Doc: "a month (2026-03), a quarter (2026-Q1) or a month and all that follow (2026-03..); empty: of no period"},
		{Name: "subject", Kind: String, Doc: "finding that it is about; empty: the period as a whole, or the two rows"},
		{Name: "decided_by", Kind: String, Doc: "who, by name"},
		{Name: "reason", Kind: String, Doc: "why, in that person's words"},
		{Name: "follows", Kind: String, Doc: "decision about the same that it replaces; empty for the first"},
		{Name: "what", Kind: String, Doc: "what the subject said at that time, in words"},
		{Name: "about_wallet", Kind: Code, Doc: "wallet of a compared total; empty: all"},
		{Name: "about_provider", Kind: Code, Doc: "provider of a compared total; empty: all, - for none"},
		{Name: "about_category", Kind: Code, Doc: "category of a compared total; empty: all, - for none"},
		{Name: "measure", Kind: Code, Doc: "what was summed up: spend, refunds, net, debit or credit; empty where nothing was"},
		{Name: "currency", Kind: Code, Doc: "ISO 4217 of the amounts; empty where there are none"},
		{Name: "amount_minor", Kind: Minor, Nullable: true, Doc: "difference that was accepted as it was; NULL where none was"},
		{Name: "amount_rows", Kind: Int64, Nullable: true, Doc: "rows by which the number was off then; NULL where no number was expected"},
		{Name: "expected_minor", Kind: Minor, Nullable: true, Doc: "expected total; NULL where none was"},
		{Name: "lake_minor", Kind: Minor, Nullable: true, Doc: "the same total from the lake; NULL where none was"},
		{Name: "warehouse_minor", Kind: Minor, Nullable: true, Doc: "the same total from the warehouse; NULL where none was"},
		{Name: "as_of_snapshot", Kind: Int64, Doc: "manifest as of which it was looked at; 0: at none"},
		{Name: "evidence", Kind: String, Doc: "SHA-256 of the file of expectations, 64 hexadecimal digits; empty without one"},
		{Name: "left_table", Kind: Code, Doc: "table of the one row of a match; empty where nothing is matched"},
		{Name: "left_source", Kind: Code, Doc: "its source"},
		{Name: "left_account", Kind: String, Doc: "its wallet or account"},
		{Name: "left_id", Kind: String, Doc: "its id"},
		{Name: "right_table", Kind: Code, Doc: "table of the other row of a match"},
		{Name: "right_source", Kind: Code, Doc: "its source"},
		{Name: "right_account", Kind: String, Doc: "its wallet or account"},
		{Name: "right_id", Kind: String, Doc: "its id"},
	},
}
