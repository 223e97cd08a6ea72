package schemas

// Severity says what happens to a row for which a check does not hold.
type Severity string

const (
	SeverityWarn   Severity = "warn"   // the row is kept and flagged: an alarm
	SeverityReject Severity = "reject" // the row goes to quarantine
)

// Check is one thing that must hold of the rows of a table. Checks are data:
// the warehouse turns them into the view `alarms` and into the flags of a row,
// the pipeline turns those that reject into a Judge.
type Check struct {
	Name     string // public: stands in alarms and flags
	Table    string
	Field    string // the column at fault; empty where a check is about the table as a whole
	Severity Severity
	Rule     Rule
	Doc      string      // what it means when it does not hold
	Source   string      // its rows alone; empty: those of every source
	Except   []string    // sources whose rows it leaves alone
	When     []Condition // it is about rows for which all of them hold
}

// Condition holds for rows whose text in a column is one of those listed.
type Condition struct {
	Column string
	Among  []string
}

// Rule is what must hold. The kinds are those of this package; who turns rules
// into something else (SQL, a Judge) has a case for each of them.
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

// SameCurrency: the field and the column As name one currency, where both were
// sent.
type SameCurrency struct{ As string }

// MethodCurrency: the field is the currency of the payment method that the
// column Method names (MethodCurrencies).
type MethodCurrency struct{ Method string }

// WalletCurrency: the field is a currency that the row's wallet has in rows of
// another table. It holds for wallets that have none there: nothing is known.
type WalletCurrency struct{ Table, Column string }

func (Capability) rule()     {}
func (SameAmount) rule()     {}
func (SameCurrency) rule()   {}
func (MethodCurrency) rule() {}
func (WalletCurrency) rule() {}

// wholeSum are the operations that are about the whole sum of their payment.
func wholeSum() []string { return []string{"sale", "auth", "recurring", "payout"} }

// Checks lists the checks that are true for every user. All of them warn;
// pipelines add others and can switch these off by name.
func Checks() []Check {
	sums := SameAmount{Amount: "amount_minor", Currency: "currency", Other: "payment_minor", OtherIn: "payment_currency", Types: wholeSum()}
	scale := sums
	scale.Scale = true
	noNumber := "it has the length of a telephone number and is none: it was mistyped, or is another kind of id"
	return []Check{
		{Name: "impossible_operation", Table: "operations", Field: "type", Severity: SeverityWarn, Rule: Capability{Method: "method", Type: "type"},
			Doc: "the payment method cannot have an operation of this type"},
		{Name: "impossible_operation", Table: "chargebacks", Field: "method", Severity: SeverityWarn,
			Rule: Capability{Method: "method", Always: "chargeback", Payment: "payment_id"},
			Doc:  "the payment method knows no chargebacks"},
		{Name: "amount_scale", Table: "operations", Field: "payment_minor", Severity: SeverityWarn, Rule: scale,
			Doc: "the payment's sum is the operation's times a power of ten: one of the two is in another unit"},
		{Name: "amount_differs", Table: "operations", Field: "payment_minor", Severity: SeverityWarn, Rule: sums,
			Doc: "the payment's sum is not the operation's"},
		{Name: "currency_differs", Table: "operations", Field: "payment_currency", Severity: SeverityWarn, Rule: SameCurrency{As: "currency"},
			Doc: "the payment's sum is in another currency than the operation's"},
		{Name: "impossible_currency", Table: "operations", Field: "currency", Severity: SeverityWarn, Rule: MethodCurrency{Method: "method"},
			Doc: "the payment method moves money in another currency alone"},
		{Name: "currency_differs", Table: "settlements", Field: "currency", Severity: SeverityWarn, Rule: WalletCurrency{Table: "balances", Column: "currency"},
			Doc: "the notice is about a currency in which the wallet has never had a balance"},
		{Name: "not_a_number", Table: "ledger", Field: "counterparty_masked", Severity: SeverityWarn,
			Rule: Number{Person: "counterparty", Masked: "counterparty_masked"}, Doc: "the other person's number is no telephone number"},
		{Name: "not_a_number", Table: "operations", Field: "customer_id", Severity: SeverityWarn, Rule: Number{Text: "customer_id"}, Doc: noNumber},
		{Name: "not_a_number", Table: "chargebacks", Field: "customer_id", Severity: SeverityWarn, Rule: Number{Text: "customer_id"}, Doc: noNumber},
		{Name: "listed_twice", Table: "providers", Field: "provider_code", Severity: SeverityWarn, Rule: Once{},
			Doc: "one answer lists the code twice, and says different things of it; what it said last counts"},
		{Name: "negative_reserve", Table: "balances", Field: "reserved_minor", Severity: SeverityWarn, Rule: Range{Min: new(int64)},
			Doc: "money that is reserved cannot be less than nothing"},
		{Name: "balance_chain", Table: "ledger", Field: "balance_after_minor", Severity: SeverityWarn, Rule: Chain{},
			Doc: "a balance does not follow from the one before: rows are missing between the two"},
	}
}

// ChecksOf lists those of the checks that look at single rows of a table.
func ChecksOf(table string, checks []Check) []Check {
	var out []Check
	for _, c := range checks {
		if c.Table == table && OfRows(c.Rule) {
			out = append(out, c)
		}
	}
	return out
}
