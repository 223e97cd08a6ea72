package schemas

// Matches are pairs of rows of two systems that are the same money, as paylake
// itself finds them and as people decide: one row for each pair, so a match of
// one row with n others has n rows. They are made from what the lake shows, by
// rules whose outcome does not depend on what arrived first. A pair that no
// longer holds is withdrawn, like a row that its upstream no longer states.
//
// The instant is the left row's and part of the key: a row that moves to
// another instant leaves one pair and makes another.
var Matches = &Table{
	Name: "matches", Version: 1,
	Doc:      "Pairs of rows of two systems that are the same money: one row for each pair. They are about amounts of other tables, and never spend.",
	Key:      []string{"left_at", "link_id"},
	Time:     "left_at",
	Amount:   "amount_minor",
	Currency: "currency",
	Fields: []Field{
		{Name: "source", Kind: Code, Doc: "paylake: nobody else says it"},
		{Name: "link_id", Kind: String, Doc: "the pair: a function of the rule and of both rows' keys"},
		{Name: "match_id", Kind: String, Doc: "pairs that are one match have it in common"},
		{Name: "left_at", Kind: Instant, Doc: "when the left row happened, UTC"},
		{Name: "business_date", Kind: Date, Doc: "calendar day of the left row in its source's zone"},
		{Name: "rule", Kind: Code, Doc: "rule that made the pair; manual: a person did"},
		{Name: "state", Kind: Code, Doc: "matched; ambiguous: one of several that are equally good, and none is chosen; unmatched: a person took the pair apart, and no rule makes it again"},
		{Name: "shape", Kind: Code, Doc: "1:1, 1:n or n:1"},
		{Name: "score", Kind: Int32, Doc: "points that speak for it, 0 to 100; 100 where a person decided"},
		{Name: "reasons", Kind: String, Doc: "what the points are for; of a person's decision its reason"},
		{Name: "counted", Kind: Code, Doc: "left or right: the side that counts where both are spend; both: the pair is evidence alone"},
		{Name: "adds", Kind: Code, Doc: "double_count: the pair itself makes the other side not count; empty: only the rows do, by the view's own rules"},
		{Name: "left_table", Kind: Code, Doc: "table of the left row"},
		{Name: "left_source", Kind: Code, Doc: "its source"},
		{Name: "left_account", Kind: String, Doc: "its wallet, account or project"},
		{Name: "left_id", Kind: String, Doc: "its id there"},
		{Name: "right_table", Kind: Code, Doc: "table of the right row"},
		{Name: "right_source", Kind: Code, Doc: "its source"},
		{Name: "right_account", Kind: String, Doc: "its wallet, account or project"},
		{Name: "right_id", Kind: String, Doc: "its id there"},
		{Name: "right_at", Kind: Instant, Doc: "when the right row happened, UTC"},
		{Name: "currency", Kind: Code, Doc: "ISO 4217 of all amounts"},
		{Name: "amount_minor", Kind: Minor, Doc: "money that the pair is about, minor units: what the row of the side with more rows says; a refund in a settlement is below zero"},
		{Name: "left_minor", Kind: Minor, Doc: "amount of the left row, minor units, with the sign that both sides share"},
		{Name: "right_minor", Kind: Minor, Doc: "amount of the right row, likewise"},
		{Name: "difference_minor", Kind: Minor, Doc: "left side of the whole match less its right side, minor units: a fee that is known"},
		{Name: "decision_id", Kind: String, Doc: "decision of a person; empty where a rule decided"},
	},
}
