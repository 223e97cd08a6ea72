package main

// The ledger's part of the daily check: what the wallets' statements say of
// payments that were made here.

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/clickhouse"
	"github.com/paylake/paylake/sinks/gate"
)

// ofLedger are the differences that only a statement can show; the others are
// found from the register itself, which knows more than the warehouse.
var ofLedger = []string{clickhouse.ChargedAnyway, clickhouse.LedgerAmount, clickhouse.NotInLedger}

// ledgerDifferences asks the warehouse, which holds the statements.
func ledgerDifferences(ctx context.Context, ch *clickhouse.Warehouse) ([]gate.Difference, error) {
	list, err := ch.Findings(ctx, clickhouse.FindingFilter{Kinds: []string{schemas.PaymentDifference}})
	if err != nil {
		return nil, err
	}
	return ledgerPart(list)
}

// ledgerPart picks them. Pure.
func ledgerPart(list []clickhouse.Finding) (out []gate.Difference, err error) {
	for _, f := range list {
		var e struct {
			Difference string `json:"difference"`
			Ordered    string `json:"ordered_minor"`
			Charged    string `json:"ledger_minor"`
			Row        string `json:"ledger_row"`
		}
		if err := json.Unmarshal(f.Evidence, &e); err != nil || len(f.Rows) == 0 {
			return nil, fmt.Errorf("finding %s: its evidence cannot be read: %w", f.ID, err)
		}
		if !slices.Contains(ofLedger, e.Difference) {
			continue
		}
		detail := fmt.Sprintf("%s are settled here, and no statement shows them", wholeUnits(e.Ordered, f.Currency))
		switch e.Difference {
		case clickhouse.ChargedAnyway:
			detail = fmt.Sprintf("the wallet was charged %s (row %s), and the payment was not made", wholeUnits(e.Charged, f.Currency), e.Row)
		case clickhouse.LedgerAmount:
			detail = fmt.Sprintf("the wallet was charged %s (row %s), the order is %s", wholeUnits(e.Charged, f.Currency), e.Row, wholeUnits(e.Ordered, f.Currency))
		}
		out = append(out, gate.Difference{Kind: e.Difference, Source: f.Source, PaymentID: f.Rows[0], Detail: detail, Since: f.OpenedAt})
	}
	return out, nil
}
