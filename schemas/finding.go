package schemas

import "time"

// FindingKind is one thing that the warehouse looks for in its rows. Nothing of
// it is stored: a finding is there as long as its rows are, and has the same id
// whenever it is looked at.
type FindingKind struct {
	Name string // public: stands in the view findings and in decisions
	Doc  string // what it says, in one sentence
	Rows string // which rows row_ids names
}

// Kinds of findings.
const (
	ChainBreak        = "chain_break"
	PSPBalance        = "psp_balance"
	DuplicatePayment  = "duplicate_payment"
	VelocityFinding   = "velocity"
	StepUpMissing     = "step_up_missing"
	ScaleFinding      = "scale"
	PaymentDifference = "payment_difference"
)

// FindingKinds lists them in the order in which they are told.
func FindingKinds() []FindingKind {
	return []FindingKind{
		{ChainBreak, "a wallet's balance does not follow from the one before it: rows are missing in between, or one of the two is wrong", "the row before (where it is known) and the row after"},
		{PSPBalance, "the platform's balance has moved by something else than its operations, fees and chargebacks since the reading before", "both readings, as instants"},
		{DuplicatePayment, "one bill was paid twice: the same provider, amount and provider's reference, or the same subscriber within a moment", "both payments, the earlier one first"},
		{VelocityFinding, "one person was paid, or paid, too often or too much within a span of time, all wallets together", "the transfers of that span, and those after it as long as it goes on"},
		{StepUpMissing, "a payment or transfer from the configured amount on, without a completed step-up for it or for its session", "the statement row"},
		{ScaleFinding, "two amounts are a power of ten apart where they should agree, or an amount is a power of ten beyond what its provider usually sees", "the row, or both"},
		{PaymentDifference, "the register of payments, the platform's list and the wallet's statement say different things of one payment", "the payment, its operations and statement rows"},
	}
}

// Findings are the thresholds beyond which the warehouse reports what it sees.
// A view that is made of them is a function of the rows and of these values.
type Findings struct {
	Off        []string // kinds that nobody wants to see
	Duplicates Duplicates
	Velocity   []Velocity
	StepUp     map[string]int64 // minor units by currency: from this amount on a step-up is expected
	History    History
	Payments   string // mpay source in whose ledger every payment made here must appear; empty: that is not asked
}

// Duplicates bound how far apart two payments of one bill may lie.
type Duplicates struct {
	Reference  time.Duration // with the same reference of the provider
	Subscriber time.Duration // of the same subscriber, where one of the two has no reference
	Click      time.Duration // of the same subscriber with two references: a button that was pressed twice
}

// Velocity is one span of time and what is too much within it.
type Velocity struct {
	Window time.Duration
	Count  int64            // so many transfers; 0: any number
	Sum    map[string]int64 // minor units by currency
}

// History says when the amounts of a provider are known well enough to call
// another one unusual.
type History struct{ Least int64 } // rows of one provider and currency

// MaxDuplicates keeps bills that recur every month apart.
const MaxDuplicates = 20 * 24 * time.Hour

// DefaultFindings are the thresholds of a configuration that names none.
func DefaultFindings() Findings {
	return Findings{
		Duplicates: Duplicates{Reference: 72 * time.Hour, Subscriber: time.Hour, Click: 2 * time.Minute},
		Velocity:   []Velocity{{Window: 24 * time.Hour, Count: 30, Sum: map[string]int64{"AZN": 20_000_00}}},
		StepUp:     map[string]int64{"AZN": 250_00},
		History:    History{Least: 100},
	}
}
