package schemas

// Operations is the payment platform's list of operations: sales, refunds,
// payouts. Amounts are unsigned minor units; the type gives the direction.
var Operations = &Table{
	Name: "operations", Version: 1,
	Doc:      "Payment platform operations, one row per operation, revised when it completes.",
	Key:      []string{"project_id", "operation_id"},
	Time:     "created_at",
	Amount:   "amount_minor",
	Currency: "currency",
	Provider: "provider_code",
	Fields: []Field{
		{Name: "source", Kind: Code, Doc: "source name in the configuration"},
		{Name: "project_id", Kind: Int64, Doc: "project at the platform"},
		{Name: "operation_id", Kind: String, Doc: "operation, unique in the platform"},
		{Name: "payment_id", Kind: String, Doc: "payment, unique in the project"},
		{Name: "type", Kind: Code, Doc: "sale, refund, reversal, payout, …; others as they came"},
		{Name: "status", Kind: Code, Doc: "success, decline, processing, …; others as they came"},
		{Name: "created_at", Kind: Instant, Doc: "when the operation was created, UTC"},
		{Name: "completed_at", Kind: Instant, Nullable: true, Doc: "when it completed, UTC; NULL while pending"},
		{Name: "business_date", Kind: Date, Doc: "calendar day of created_at in the source's zone"},
		{Name: "amount_minor", Kind: Minor, Doc: "sum_initial, unsigned minor units, as sent"},
		{Name: "currency", Kind: Code, Doc: "ISO 4217 of amount_minor"},
		{Name: "converted_minor", Kind: Minor, Doc: "sum_converted, unsigned minor units; 0 when absent"},
		{Name: "converted_currency", Kind: Code, Doc: "ISO 4217 of converted_minor"},
		{Name: "provider_code", Kind: Code, Doc: "the source's own code: the payment method"},
		{Name: "method", Kind: Code, Doc: "payment method"},
		{Name: "customer_id", Kind: String, Doc: "the merchant's customer; a telephone number becomes its pseudonym"},
		{Name: "account_masked", Kind: String, Doc: "account or card number, masked"},
		{Name: "code", Kind: Code, Doc: "operation code, as sent"},
		{Name: "message", Kind: Code, Doc: "operation message, as sent"},
	},
}
