package schemas

// Templates are a wallet's favourites: payments that its owner repeats.
var Templates = &Table{
	Name: "templates", Version: 1,
	Doc:       "Payment templates (favourites) of wallets.",
	Key:       []string{"wallet_id", "template_id"},
	Catalogue: true,
	Provider:  "provider_code",
	Fields: []Field{
		{Name: "source", Kind: Code, Doc: "source name in the configuration"},
		{Name: "wallet_id", Kind: Code, Doc: "wallet, as configured"},
		{Name: "template_id", Kind: String, Doc: "the template's id"},
		{Name: "name", Kind: String, Doc: "what its owner calls it; a telephone or card number in it is masked"},
		{Name: "provider_code", Kind: Code, Doc: "bill provider, in the catalogue's own vocabulary"},
		{Name: "subscriber_ref", Kind: String, Doc: "subscriber at the provider; telephone and card numbers are masked"},
		{Name: "status", Kind: Code, Doc: "active, retired (also when the source no longer lists it), or as the source says"},
		{Name: "updated_at", Kind: Instant, Doc: "when its owner changed it, UTC; the epoch when the source does not say"},
	},
}
