package chains

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/clickhouse"
)

// Break is a place where a wallet's balance does not follow from the one before
// it. Amounts are whole minor units of Currency, as texts.
type Break struct {
	ID            string    `json:"finding_id"`
	Source        string    `json:"source"`
	Wallet        string    `json:"wallet_id"`
	Chain         string    `json:"chain"`      // open: late rows may come still; broken: they should be there
	Before        string    `json:"row_before"` // empty: not known by name
	BeforeAt      time.Time `json:"before_at"`
	BalanceBefore string    `json:"balance_before_minor"`
	After         string    `json:"row_after"` // empty: the window as a whole
	AfterAt       time.Time `json:"after_at"`
	BalanceAfter  string    `json:"balance_after_minor"`
	Amount        string    `json:"amount_minor"`  // of the row after
	Missing       string    `json:"missing_minor"` // what rows between the two must come to
	Currency      string    `json:"currency"`
	State         string    `json:"state"` // what was decided: open, explained, confirmed
	Windows       []Window  `json:"windows"`
}

// Window is a window of a pipeline that has to be read again.
type Window struct {
	Pipeline string `json:"pipeline"`
	schemas.Window
}

// Explained reports whether somebody has said why the chain does not close.
func (b Break) Explained() bool { return b.State == "explained" }

// instants are written by the warehouse.
const instantForm = "2006-01-02 15:04:05.000000"

// FromFinding reads a break out of a finding of kind chain_break.
func FromFinding(f clickhouse.Finding) (Break, error) {
	var e struct {
		Chain         string
		Before        string `json:"row_before"`
		BeforeAt      string `json:"before_at"`
		BalanceBefore string `json:"balance_before_minor"`
		After         string `json:"row_after"`
		AfterAt       string `json:"after_at"`
		BalanceAfter  string `json:"balance_after_minor"`
		Amount        string `json:"amount_minor"`
		MissingMinor  string `json:"missing_minor"`
	}
	if err := json.Unmarshal(f.Evidence, &e); err != nil {
		return Break{}, fmt.Errorf("finding %s: its evidence cannot be read: %w", f.ID, err)
	}
	b := Break{ID: f.ID, Source: f.Source, Wallet: f.Wallet, Chain: e.Chain, Before: e.Before, BalanceBefore: e.BalanceBefore, After: e.After, BalanceAfter: e.BalanceAfter,
		Amount: e.Amount, Missing: e.MissingMinor, Currency: f.Currency, State: f.State, Windows: []Window{}}
	var err error
	for _, one := range []struct {
		text string
		into *time.Time
	}{{e.BeforeAt, &b.BeforeAt}, {e.AfterAt, &b.AfterAt}} {
		if *one.into, err = time.Parse(instantForm, one.text); err != nil {
			return Break{}, fmt.Errorf("finding %s: %q is no instant: %w", f.ID, one.text, err)
		}
	}
	return b, nil
}
