package matching

import (
	"time"

	"github.com/paylake/paylake/cmd/internal/match"
)

// Rule is a rule of package match and the rows that it is about.
type Rule struct {
	match.Rule
	Left, Right               string // kinds
	LeftSources, RightSources []string
	Merchants                 []string // words, one of which a bank entry must have
	// Once says that its pairs make the side that does not count be taken off
	// spend. The pairs of the default rules that are spend on both sides are found
	// by the view double_counts itself, from the moment when the rows are there.
	Once bool
}

const day = 24 * time.Hour

// Manual is the rule of pairs that people make.
const Manual = "manual"

// Defaults are the rules of every user.
func Defaults() []Rule {
	rule := func(name, left, right string, r match.Rule) Rule {
		r.Name, r.Weights = name, match.DefaultWeights()
		return Rule{Rule: r, Left: left, Right: right}
	}
	card := rule("topup_card", "card_topup", "card_load", match.Rule{Before: day, After: 3 * day, Related: 31 * day, Resolution: time.Hour, Enough: 55})
	card.Merchants = []string{"mpay"}
	return []Rule{
		rule("topup_terminal", "terminal_topup", "terminal_event", match.Rule{Before: day, After: day, Related: 31 * day, Resolution: 10 * time.Minute, Enough: 60, OtherSource: true}),
		card,
		rule("payment_receipt", "payment", "receipt", match.Rule{Related: 31 * day, Resolution: time.Hour, Enough: 90, NeedReference: true}),
		rule("payment_card", "card_payment", "merchant_debit", match.Rule{Before: 3 * day, After: 3 * day, Related: 31 * day, Resolution: time.Minute, Enough: 60, NeedProvider: true}),
		rule("operation_report", "report", "report", match.Rule{Related: 31 * day, Resolution: time.Hour, Enough: 90, NeedReference: true, OtherSource: true}),
		rule("operation_settlement", "operation", "bank_credit", match.Rule{Before: time.Hour, After: 5 * day, Related: 31 * day, Resolution: time.Hour, Enough: 45, NeedReference: true, Groups: match.LeftGroups}),
	}
}

// rank orders tables by which of two rows of one payment counts: the wallet's
// own word goes before the platform's, and that before the bank's.
var rank = map[string]int{"ledger": 1, "operations": 2, "funding_events": 3, "bank_entries": 4}

// counted is the side that counts of a pair of rows.
func counted(l, r match.Key) string {
	if a, b := rank[l.Table], rank[r.Table]; a != b {
		return map[bool]string{true: "left", false: "right"}[a < b]
	}
	if l.Source <= r.Source {
		return "left"
	}
	return "right"
}
