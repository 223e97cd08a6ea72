package schemas

// PaymentIntents are the steps of payments that paylake itself initiates: one
// row for each change of state, never changed afterwards. A payment has several
// rows, and one that was never made has some, too: so no amount of theirs goes
// into control totals, where it would pass for money that has moved. What moved
// is in Operations, as the platform says.
//
// A tenant's payment_id is the same in every source, so the newest version
// counts whichever source it names. payment_id is the last of the key because it
// is what a person calls the row.
var PaymentIntents = &Table{
	Name: "payment_intents", Version: 1,
	Doc:      "Payments initiated here, one row for each step of each of them. Amounts are what was ordered, repeated in every row: in no control total, and never spend. The view payment_intents shows the newest version of each payment, payment_intents_history all of them.",
	Key:      []string{"version", "payment_id"},
	Time:     "changed_at",
	Provider: "provider_code",
	Fields: []Field{
		{Name: "source", Kind: Code, Doc: "source name in the configuration: the platform that is asked to carry it out"},
		{Name: "payment_id", Kind: String, Doc: "payment at the platform, a function of tenant and key"},
		{Name: "version", Kind: Int64, Doc: "steps of the payment so far, this one included: from 1 on"},
		{Name: "changed_at", Kind: Instant, Doc: "when the step was taken, UTC"},
		{Name: "business_date", Kind: Date, Doc: "calendar day of changed_at in the source's zone"},
		{Name: "from_status", Kind: Code, Doc: "state before the step; empty for the first"},
		{Name: "status", Kind: Code, Doc: "state after it: draft, approved, sending, accepted, unknown, success, decline, manual or withdrawn"},
		{Name: "event", Kind: Code, Doc: "what happened: planned, approved, claimed, answered, …"},
		{Name: "changed_by", Kind: String, Doc: "a person, or the part of paylake that took the step: sender, poll, callback"},
		{Name: "reason", Kind: String, Doc: "why the payment stands where it stands; telephone and card numbers are masked"},
		{Name: "tenant", Kind: Code, Doc: "whose money it is"},
		{Name: "job", Kind: Code, Doc: "job that planned it"},
		{Name: "key", Kind: String, Doc: "what is paid, unique in the tenant: an invoice, a bill and its month; a telephone or card number is masked"},
		{Name: "project_id", Kind: Int64, Doc: "project at the platform"},
		{Name: "method", Kind: Code, Doc: "payment method"},
		{Name: "operation", Kind: Code, Doc: "operation that is asked for: sale"},
		{Name: "provider_code", Kind: Code, Doc: "beneficiary, in the catalogue's own vocabulary"},
		{Name: "amount_minor", Kind: Minor, Doc: "amount of the order, unsigned minor units"},
		{Name: "currency", Kind: Code, Doc: "ISO 4217"},
		{Name: "customer_id", Kind: String, Doc: "the payer in the project; a telephone number becomes its pseudonym"},
		{Name: "account", Kind: String, Doc: "keyed pseudonym of the payer's telephone number"},
		{Name: "account_masked", Kind: String, Doc: "the same number for people, masked"},
		{Name: "fingerprint", Kind: String, Doc: "stands for every byte of the order, under a key that is nowhere but here: 64 hexadecimal digits"},
		{Name: "maker", Kind: String, Doc: "who planned it"},
		{Name: "checker", Kind: String, Doc: "who approved it; empty before that"},
		{Name: "batch", Kind: String, Doc: "batch whose approval covers it; empty before that"},
		{Name: "attempt", Kind: Int64, Doc: "times that it was claimed for sending; 0 before the first"},
		{Name: "sent_at", Kind: Instant, Nullable: true, Doc: "when it was first claimed for sending, UTC; NULL before that"},
		{Name: "accepted_at", Kind: Instant, Nullable: true, Doc: "when the platform was first known to have it, UTC; NULL before that"},
		{Name: "settled_at", Kind: Instant, Nullable: true, Doc: "when it became final, UTC; NULL before that"},
		{Name: "told", Kind: Code, Doc: "the platform's latest word for the payment's state, as it came; telephone and card numbers are masked"},
		{Name: "operation_id", Kind: String, Doc: "operation at the platform; empty as long as it named none"},
		{Name: "request_id", Kind: String, Doc: "request at the platform; empty as long as it named none"},
		{Name: "code_space", Kind: Code, Doc: "request or operation: which of the two the code is of; they use the same numbers for different things"},
		{Name: "code", Kind: Code, Doc: "code of the latest refusal or decision, as sent"},
		{Name: "code_message", Kind: Code, Doc: "its words, as sent; telephone and card numbers are masked"},
		{Name: "finding", Kind: String, Doc: "what a person should look at; empty: nothing. Telephone and card numbers are masked"},
	},
}
