package schemas

// BankEntries is an account statement as a bank exports it: one row per booked
// debit or credit. The names are those of account information services in
// snake_case. Amounts are signed minor units: negative leaves the account.
//
// The booking instant is part of the key, because an entry that a corrected
// file moves to another day is withdrawn on the one and entered on the other.
var BankEntries = &Table{
	Name: "bank_entries", Version: 1,
	Doc:      "Bank account statements, read from files.",
	Key:      []string{"account_id", "booked_at", "entry_id"},
	Time:     "booked_at",
	Amount:   "amount_minor",
	Currency: "currency",
	Provider: "provider_code",
	Fields: []Field{
		{Name: "source", Kind: Code, Doc: "source name in the configuration"},
		{Name: "account_id", Kind: Code, Doc: "account of the statement; an IBAN or card number is masked in its middle"},
		{Name: "entry_id", Kind: String, Doc: "the bank's reference, else a function of the row's own content and its place among equal rows"},
		{Name: "booked_at", Kind: Instant, Doc: "when the entry was booked, UTC; midnight in the source's zone where the file has a date alone"},
		{Name: "booked_offset_s", Kind: Int32, Doc: "offset from UTC at booked_at, seconds"},
		{Name: "business_date", Kind: Date, Doc: "calendar day of booked_at in the source's zone"},
		{Name: "booking_date", Kind: Date, Doc: "day of booking as the file names it"},
		{Name: "value_date", Kind: Date, Nullable: true, Doc: "day from which the amount counts; NULL when the file does not say"},
		{Name: "amount_minor", Kind: Minor, Doc: "signed amount, minor units of currency"},
		{Name: "currency", Kind: Code, Doc: "ISO 4217"},
		{Name: "credit_debit", Kind: Code, Doc: "credit or debit, from the sign of the amount"},
		{Name: "fee_minor", Kind: Minor, Doc: "fee named by the row, minor units; 0 when absent"},
		{Name: "balance_after_minor", Kind: Minor, Nullable: true, Doc: "balance after the entry, minor units; NULL when the file does not say"},
		{Name: "status", Kind: Code, Doc: "booked or pending; others as they came"},
		{Name: "bank_transaction_code", Kind: Code, Doc: "kind of transaction, in the bank's words"},
		{Name: "category", Kind: Code, Doc: "category named by the bank"},
		{Name: "provider_code", Kind: Code, Doc: "the bank's own word for the payee or merchant; telephone and card numbers are masked"},
		{Name: "creditor_name", Kind: String, Doc: "who receives, where the file says"},
		{Name: "debtor_name", Kind: String, Doc: "who pays, where the file says"},
		{Name: "counterparty", Kind: String, Doc: "keyed pseudonym of the other side's account or telephone number"},
		{Name: "counterparty_masked", Kind: String, Doc: "the same for people, masked"},
		{Name: "card_masked", Kind: String, Doc: "card that was used, masked"},
		{Name: "remittance_information", Kind: String, Doc: "purpose of payment, unstructured; telephone and card numbers are masked"},
		{Name: "end_to_end_id", Kind: String, Doc: "reference of the payer, carried through"},
		{Name: "external_reference", Kind: String, Doc: "reference at another system"},
		{Name: "signature_method", Kind: Code, Doc: "how the payment was signed, such as sima"},
		{Name: "signature_id", Kind: String, Doc: "id of the signature at its provider: evidence, not the signature"},
		{Name: "signature_status", Kind: Code, Doc: "verdict on the signature, as the bank names it"},
		{Name: "signed_at", Kind: Instant, Nullable: true, Doc: "when it was signed, UTC; NULL when the file does not say"},
	},
}

// LoyaltyEntries are rewards: points earned, redeemed or expired.
var LoyaltyEntries = &Table{
	Name: "loyalty_entries", Version: 1,
	Doc:      "Loyalty programmes: points earned, redeemed and expired, read from files.",
	Key:      []string{"program", "posted_at", "entry_id"},
	Time:     "posted_at",
	Amount:   "amount_minor",
	Currency: "currency",
	Provider: "provider_code",
	Fields: []Field{
		{Name: "source", Kind: Code, Doc: "source name in the configuration"},
		{Name: "program", Kind: Code, Doc: "loyalty programme"},
		{Name: "entry_id", Kind: String, Doc: "the programme's reference, else a function of the row's own content and its place among equal rows"},
		{Name: "posted_at", Kind: Instant, Doc: "when the entry was posted, UTC"},
		{Name: "posted_offset_s", Kind: Int32, Doc: "offset from UTC at posted_at, seconds"},
		{Name: "business_date", Kind: Date, Doc: "calendar day of posted_at in the source's zone"},
		{Name: "type", Kind: Code, Doc: "earn, redeem, expire or adjust; others as they came"},
		{Name: "points_centi", Kind: Int64, Doc: "signed hundredths of a point"},
		{Name: "balance_after_centi", Kind: Int64, Nullable: true, Doc: "points after the entry, hundredths; NULL when the file does not say"},
		{Name: "amount_minor", Kind: Minor, Doc: "money that the points were earned with, or are worth, minor units; 0 when absent"},
		{Name: "currency", Kind: Code, Doc: "ISO 4217 of amount_minor"},
		{Name: "provider_code", Kind: Code, Doc: "the programme's own word for the partner or merchant"},
		{Name: "campaign", Kind: Code, Doc: "campaign or tariff that gave the points"},
		{Name: "status", Kind: Code, Doc: "posted or pending; others as they came"},
		{Name: "member", Kind: String, Doc: "keyed pseudonym of the member's telephone number or card"},
		{Name: "member_masked", Kind: String, Doc: "the same for people, masked"},
		{Name: "description", Kind: String, Doc: "free text; telephone and card numbers are masked"},
		{Name: "external_reference", Kind: String, Doc: "reference at another system, such as the payment that earned the points"},
		{Name: "expires_at", Kind: Instant, Nullable: true, Doc: "when the points expire, UTC; NULL when the file does not say"},
	},
}
