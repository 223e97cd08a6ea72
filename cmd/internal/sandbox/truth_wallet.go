// Truth about what wallets have beside their statements.

package sandbox

import "time"

// WalletTruth is the part of the truth that is about wallets' other data.
// Amounts are minor units; lists are ordered by their fields.
type WalletTruth struct {
	Observed        []Observation     `json:"observed_balances"`
	Funding         []FundingSum      `json:"funding_events"`
	Assurance       []AssuranceSum    `json:"assurance_events"`
	LedgerAssurance []LedgerAssurance `json:"ledger_assurance"`
	TransferEdges   []TransferEdge    `json:"transfer_edges"`
	TransferDays    []TransferDay     `json:"transfer_days"`
	Templates       []TemplateLine    `json:"templates"`
	Workflows       []WorkflowLine    `json:"nfc_workflows"`
}

// Observation is what a wallet's balance says when it is asked at Until.
type Observation struct {
	Source         string    `json:"source"`
	WalletID       string    `json:"wallet_id"`
	Currency       string    `json:"currency"`
	AsOf           time.Time `json:"as_of"`
	AvailableMinor int64     `json:"available_minor"`
	ReservedMinor  int64     `json:"reserved_minor"`
}

// FundingSum sums funding events; WithLedger of them name a statement row.
type FundingSum struct {
	Source          string `json:"source"`
	WalletID        string `json:"wallet_id"`
	BusinessDate    string `json:"business_date"`
	Method          string `json:"method"`
	TerminalNetwork string `json:"terminal_network"`
	Status          string `json:"status"`
	Currency        string `json:"currency"`
	Events          int64  `json:"events"`
	WithLedger      int64  `json:"with_ledger"`
	AmountMinor     int64  `json:"amount_minor"`
	FeeMinor        int64  `json:"fee_minor"`
}

// AssuranceSum sums assurance events.
type AssuranceSum struct {
	Source         string `json:"source"`
	WalletID       string `json:"wallet_id"`
	BusinessDate   string `json:"business_date"`
	Event          string `json:"event"`
	AssuranceLevel string `json:"assurance_level"`
	Events         int64  `json:"events"`
	AmountMinor    int64  `json:"amount_minor"`
}

// LedgerAssurance counts statement rows by what their payment or else their
// session proved.
type LedgerAssurance struct {
	Source         string `json:"source"`
	WalletID       string `json:"wallet_id"`
	BusinessDate   string `json:"business_date"`
	StepUpRequired bool   `json:"step_up_required"`
	AssuranceLevel string `json:"assurance_level"`
	Rows           int64  `json:"rows"`
	AmountMinor    int64  `json:"amount_minor"`
}

// TransferEdge sums the transfers between a wallet and one person; amounts are
// positive. The number is of somebody who does not exist.
type TransferEdge struct {
	Source      string `json:"source"`
	WalletID    string `json:"wallet_id"`
	MSISDN      string `json:"counterparty_msisdn"`
	Direction   string `json:"direction"` // out, in
	Currency    string `json:"currency"`
	Entries     int64  `json:"entries"`
	AmountMinor int64  `json:"amount_minor"`
}

// TransferDay sums a wallet's transfers of one day and direction.
type TransferDay struct {
	Source         string `json:"source"`
	WalletID       string `json:"wallet_id"`
	BusinessDate   string `json:"business_date"`
	Direction      string `json:"direction"`
	Currency       string `json:"currency"`
	Counterparties int64  `json:"counterparties"`
	Entries        int64  `json:"entries"`
	AmountMinor    int64  `json:"amount_minor"`
}

// TemplateLine is one favourite.
type TemplateLine struct {
	Source       string `json:"source"`
	WalletID     string `json:"wallet_id"`
	TemplateID   string `json:"template_id"`
	ProviderCode string `json:"provider_code"`
}

// WorkflowLine is one NFC workflow with its steps in order.
type WorkflowLine struct {
	Source       string   `json:"source"`
	WorkflowID   string   `json:"workflow_id"`
	ProviderCode string   `json:"provider_code"`
	Platform     string   `json:"platform"`
	Supported    bool     `json:"supported"`
	Steps        []string `json:"steps"`
}
