package schemas

// Severity says what happens to a row for which a check does not hold.
type Severity string

const (
	SeverityWarn   Severity = "warn"   // the row is kept and flagged: an alarm
	SeverityReject Severity = "reject" // the row goes to quarantine
)

// Check is one thing that must hold of every visible row of a table. Checks are
// data: the warehouse turns those that warn into the view `alarms` and into the
// flags of a row.
type Check struct {
	Name     string // public: stands in alarms and flags
	Table    string
	Field    string // the column at fault
	Severity Severity
	Rule     Rule
	Doc      string // what it means when it does not hold
}

// Rule is what must hold. The kinds are those of this file; who turns rules into
// something else (SQL) has a case for each of them.
type Rule interface{ rule() }

// Capability: the payment method can have operations of this type (Methods).
type Capability struct {
	Method string // column with the method
	Type   string // column with the type of operation
	Always string // the type of every row, where no column says it
	// Payment names the column by which a row without a method is traced to the
	// operations of its payment.
	Payment string
}

// SameAmount: two sums of one record agree, where both were sent in one
// currency.
type SameAmount struct {
	Amount, Currency string
	Other, OtherIn   string   // the other sum and its currency; "" for the currency counts as the same
	Types            []string // of operations that are about the whole sum
	// Scale picks sums that differ by a power of ten, false every other
	// difference.
	Scale bool
}

func (Capability) rule() {}
func (SameAmount) rule() {}

// wholeSum are the operations that are about the whole sum of their payment.
func wholeSum() []string { return []string{"sale", "auth", "recurring", "payout"} }

// Checks lists every check.
func Checks() []Check {
	sums := SameAmount{Amount: "amount_minor", Currency: "currency", Other: "payment_minor", OtherIn: "payment_currency", Types: wholeSum()}
	scale := sums
	scale.Scale = true
	return []Check{
		{"impossible_operation", "operations", "type", SeverityWarn, Capability{Method: "method", Type: "type"},
			"the payment method cannot have an operation of this type"},
		{"impossible_operation", "chargebacks", "method", SeverityWarn, Capability{Method: "method", Always: "chargeback", Payment: "payment_id"},
			"the payment method knows no chargebacks"},
		{"amount_scale", "operations", "payment_minor", SeverityWarn, scale,
			"the payment's sum is the operation's times a power of ten: one of the two is in another unit"},
		{"amount_differs", "operations", "payment_minor", SeverityWarn, sums,
			"the payment's sum is not the operation's"},
	}
}

// ChecksOf lists the checks of a table that warn.
func ChecksOf(table string) []Check {
	var out []Check
	for _, c := range Checks() {
		if c.Table == table && c.Severity == SeverityWarn {
			out = append(out, c)
		}
	}
	return out
}
