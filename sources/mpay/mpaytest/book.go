package mpaytest

import "time"

// Book is what the fake wallet upstream serves. A test fills one with a few
// rows; the sandbox generates one of any size.
type Book interface {
	// Wallets lists the wallets, in a stable order.
	Wallets() []Wallet
	// Entries returns at most limit statement rows of a wallet with
	// from <= PostedAt < to, in ascending order of posting, after leaving out
	// the first skip of them; only what the upstream shows at the instant now
	// (a late row appears after its PostedAt). It must be cheap for any skip.
	Entries(wallet string, from, to, now time.Time, skip, limit int) []Entry
	// Providers returns the catalogue as it stands at now, retired rows
	// included, and its version.
	Providers(now time.Time) (version string, rows []Provider)
}

// Wallet is one wallet of the fake upstream.
type Wallet struct {
	ID     string
	MSISDN string // E.164
}

// Entry is one statement row, in the upstream's words. Empty text is left out
// of the answer.
type Entry struct {
	ID                string
	PostedAt          time.Time
	Type              string
	AmountMinor       int64 // signed; served as a major-unit decimal
	FeeMinor          int64
	BalanceAfterMinor *int64
	ProviderCode      string
	ServiceCode       string
	Category          string
	Channel           string
	SubscriberRef     string
	Counterparty      string // MSISDN, E.164
	Status            string
	ExternalReference string
	VATReceipt        string
	ReversalOf        string
	ReversalCode      string
	SessionID         string
}

// Provider is one catalogue row.
type Provider struct {
	Code                   string
	NameAZ, NameEN, NameRU string
	Category               string
	ServiceCode            string
	Status                 string // active, retired
	UpdatedAt              time.Time
}
