package mpaytest

import "time"

// Activity is what a Book may know of its wallets beside their statements. The
// endpoints of a Book without it answer 404, but for the balance, which every
// statement tells.
type Activity interface {
	// Balance is what a wallet holds at now.
	Balance(wallet string, now time.Time) Balance
	// FundingEvents are those with from <= OccurredAt < to, in ascending order,
	// as they stand at now, after leaving out the first skip of them.
	FundingEvents(wallet string, from, to, now time.Time, skip, limit int) []FundingEvent
	// AssuranceEvents: the same.
	AssuranceEvents(wallet string, from, to, now time.Time, skip, limit int) []AssuranceEvent
	// Templates are a wallet's favourites at now.
	Templates(wallet string, now time.Time) []Template
}

// WorkflowBook is a Book with a catalogue of NFC workflows.
type WorkflowBook interface {
	Workflows(now time.Time) []Workflow
}

// Balance is one observation. Amounts are minor units, served as decimals.
type Balance struct {
	AsOf                          time.Time
	AvailableMinor, ReservedMinor int64
}

// FundingEvent is money that came, or tried to come, into a wallet. Empty text
// is left out of the answer.
type FundingEvent struct {
	ID              string
	OccurredAt      time.Time
	Method          string // card, terminal
	TerminalID      string
	TerminalNetwork string
	CardMask        string
	AmountMinor     int64
	FeeMinor        int64
	Status          string
	LedgerID        string
}

// AssuranceEvent is how somebody proved who they are.
type AssuranceEvent struct {
	ID             string
	OccurredAt     time.Time
	SessionID      string
	Event          string // otp_verified, password, step_up_required, step_up_completed
	Method         string // otp, password, sima
	AssuranceLevel string
	LedgerID       string
	AmountMinor    int64 // 0: the event names none
}

// Template is a favourite.
type Template struct {
	ID, Name, ProviderCode, SubscriberRef string
	UpdatedAt                             time.Time
}

// Workflow is the sequence by which a telephone writes a meter's card.
type Workflow struct {
	ID, ProviderCode, Platform, CardFamily string
	Steps                                  []string // in order
	UpdatedAt                              time.Time
}
