package schemas

// ChargebackHints are unsigned notices of chargebacks. Nobody vouches for them:
// they carry no money, count for nothing, and are confirmed, or not, by the
// platform's own list.
var ChargebackHints = &Table{
	Name: "chargeback_hints", Version: 1,
	Doc:      "Unsigned notices of chargebacks, as received; the view says whether the platform's list confirms them.",
	Key:      []string{"received_at", "project_id", "payment_id"},
	Time:     "received_at",
	Observed: true,
	Fields: []Field{
		{Name: "source", Kind: Code, Doc: "source name in the configuration"},
		{Name: "received_at", Kind: Instant, Doc: "when it was received, UTC"},
		{Name: "business_date", Kind: Date, Doc: "calendar day of received_at in the source's zone"},
		{Name: "project_id", Kind: Int64, Doc: "project that the notice names"},
		{Name: "payment_id", Kind: String, Doc: "payment that the notice names; longer digit runs are masked"},
		{Name: "operation_id", Kind: String, Doc: "operation that the notice names; empty when it names none"},
	},
}
