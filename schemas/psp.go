package schemas

// OperationFees is the payment platform's financial report: what an operation
// cost. Rows meet those of Operations by project_id and operation_id.
var OperationFees = &Table{
	Name: "operation_fees", Version: 1,
	Doc:      "Payment platform operations as finance sees them: each with the fee that was charged.",
	Key:      []string{"project_id", "operation_id"},
	Time:     "created_at",
	Amount:   "fee_minor",
	Currency: "fee_currency",
	Provider: "provider_code",
	Fields: []Field{
		{Name: "source", Kind: Code, Doc: "source name in the configuration"},
		{Name: "project_id", Kind: Int64, Doc: "project at the platform"},
		{Name: "operation_id", Kind: String, Doc: "operation, unique in the platform"},
		{Name: "payment_id", Kind: String, Doc: "payment, unique in the project"},
		{Name: "type", Kind: Code, Doc: "type of the operation, as it came"},
		{Name: "status", Kind: Code, Doc: "status of the operation, as it came"},
		{Name: "created_at", Kind: Instant, Doc: "when the operation was created, UTC"},
		{Name: "completed_at", Kind: Instant, Nullable: true, Doc: "when it completed, UTC; NULL while pending"},
		{Name: "business_date", Kind: Date, Doc: "calendar day of created_at in the source's zone"},
		{Name: "fee_minor", Kind: Minor, Doc: "fee charged, minor units, all fees of the operation; negative when returned; 0 when none"},
		{Name: "fee_currency", Kind: Code, Doc: "ISO 4217 of fee_minor"},
		{Name: "amount_minor", Kind: Minor, Doc: "amount of the operation, unsigned minor units"},
		{Name: "currency", Kind: Code, Doc: "ISO 4217 of amount_minor"},
		{Name: "provider_code", Kind: Code, Doc: "the source's own code: the payment method"},
		{Name: "method", Kind: Code, Doc: "payment method"},
	},
}

// Chargebacks is the payment platform's list of disputed payments. A row is
// revised while the dispute goes on.
var Chargebacks = &Table{
	Name: "chargebacks", Version: 1,
	Doc:      "Disputed payments, one row per chargeback, revised as the dispute goes on.",
	Key:      []string{"project_id", "chargeback_id"},
	Time:     "created_at",
	Amount:   "amount_minor",
	Currency: "currency",
	Provider: "provider_code",
	Fields: []Field{
		{Name: "source", Kind: Code, Doc: "source name in the configuration"},
		{Name: "project_id", Kind: Int64, Doc: "project at the platform"},
		{Name: "chargeback_id", Kind: String, Doc: "chargeback, unique in the platform"},
		{Name: "payment_id", Kind: String, Doc: "disputed payment, unique in the project"},
		{Name: "operation_id", Kind: String, Doc: "disputed operation; empty when not sent"},
		{Name: "type", Kind: Code, Doc: "chargeback, pre-arbitration, retrieval, …; as it came"},
		{Name: "status", Kind: Code, Doc: "status of the dispute, as it came"},
		{Name: "created_at", Kind: Instant, Doc: "when the platform recorded the chargeback, UTC"},
		{Name: "updated_at", Kind: Instant, Nullable: true, Doc: "when it last changed, UTC; NULL when not sent"},
		{Name: "due_at", Kind: Instant, Nullable: true, Doc: "until when it can be answered, UTC; NULL when not sent"},
		{Name: "business_date", Kind: Date, Doc: "calendar day of created_at in the source's zone"},
		{Name: "amount_minor", Kind: Minor, Doc: "disputed amount, unsigned minor units"},
		{Name: "currency", Kind: Code, Doc: "ISO 4217 of amount_minor"},
		{Name: "provider_code", Kind: Code, Doc: "the source's own code: the payment method"},
		{Name: "method", Kind: Code, Doc: "payment method of the disputed payment"},
		{Name: "reason_code", Kind: Code, Doc: "reason code of the card scheme, as sent"},
		{Name: "reason", Kind: Code, Doc: "reason in words, as sent"},
		{Name: "customer_id", Kind: String, Doc: "the merchant's customer; a telephone number becomes its pseudonym"},
		{Name: "account_masked", Kind: String, Doc: "account or card number, masked"},
		{Name: "arn", Kind: String, Doc: "acquirer's reference number of the disputed operation"},
	},
}

// PSPBalances is what the payment platform says it owes, each time it was
// asked.
var PSPBalances = &Table{
	Name: "psp_balances", Version: 1,
	Doc:      "Balances at the payment platform; every observation is kept.",
	Key:      []string{"observed_at", "currency", "name"},
	Time:     "observed_at",
	Observed: true,
	Amount:   "amount_minor",
	Currency: "currency",
	Fields: []Field{
		{Name: "source", Kind: Code, Doc: "source name in the configuration"},
		{Name: "observed_at", Kind: Instant, Doc: "when the platform had answered, UTC"},
		{Name: "business_date", Kind: Date, Doc: "calendar day of observed_at in the source's zone"},
		{Name: "name", Kind: Code, Doc: "the platform's name of the balance; says nothing about its currency"},
		{Name: "currency", Kind: Code, Doc: "ISO 4217: the key under which the amount came"},
		{Name: "amount_minor", Kind: Minor, Doc: "available balance, minor units; negative when the merchant owes"},
	},
}

// CurrencyRates is what the payment platform converts at, each time it was
// asked. A rate is an exact decimal: as text, and as an integer with a scale.
var CurrencyRates = &Table{
	Name: "currency_rates", Version: 1,
	Doc:      "Conversion rates of the payment platform; every observation is kept.",
	Key:      []string{"observed_at", "base", "quote"},
	Time:     "observed_at",
	Observed: true,
	Fields: []Field{
		{Name: "source", Kind: Code, Doc: "source name in the configuration"},
		{Name: "observed_at", Kind: Instant, Doc: "when the platform had answered, UTC"},
		{Name: "business_date", Kind: Date, Doc: "calendar day of observed_at in the source's zone"},
		{Name: "base", Kind: Code, Doc: "ISO 4217: one unit of it"},
		{Name: "quote", Kind: Code, Doc: "ISO 4217: costs rate units of it"},
		{Name: "valid_at", Kind: Instant, Nullable: true, Doc: "from when the platform says it holds, UTC; NULL when not sent"},
		{Name: "rate", Kind: String, Doc: "the rate, a plain decimal, digit by digit as it came"},
		{Name: "rate_scale", Kind: Int32, Doc: "number of fraction digits of rate"},
		{Name: "rate_scaled", Kind: Int64, Doc: "the rate's digits without the point: rate × 10^rate_scale"},
	},
}
