package schemas

// NFCWorkflows are the sequences by which a telephone writes a meter's card:
// what a field worker's device has to know before it is on site.
var NFCWorkflows = &Table{
	Name: "nfc_workflows", Version: 1,
	Doc:       "NFC meter-card workflows by provider and platform, with their steps in order.",
	Key:       []string{"workflow_id"},
	Catalogue: true,
	Provider:  "provider_code",
	Fields: []Field{
		{Name: "source", Kind: Code, Doc: "source name in the configuration"},
		{Name: "workflow_id", Kind: String, Doc: "the workflow's id"},
		{Name: "provider_code", Kind: Code, Doc: "utility whose cards it writes, in the catalogue's own vocabulary"},
		{Name: "platform", Kind: Code, Doc: "android; others as they came"},
		{Name: "card_family", Kind: Code, Doc: "family of the meter's card"},
		{Name: "steps", Kind: String, Doc: `steps in order as canonical JSON: [{"seq":1,"name":"…"},…]`},
		{Name: "status", Kind: Code, Doc: "active, retired (also when the source no longer lists it), or as the source says"},
		{Name: "updated_at", Kind: Instant, Doc: "when the catalogue changed this row, UTC; the epoch when it does not say"},
	},
}
