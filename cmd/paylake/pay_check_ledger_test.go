package main

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/paylake/paylake/sinks/clickhouse"
	"github.com/paylake/paylake/sinks/gate"
)

// Of what the warehouse finds about payments, the daily check takes what only a
// statement can show, and says it in its own words.
func TestLedgerPartOfTheCheck(t *testing.T) {
	opened := time.Date(2026, 3, 18, 7, 0, 0, 0, time.UTC)
	finding := func(difference string) clickhouse.Finding {
		return clickhouse.Finding{ID: "fnd_1", Source: "psp", Rows: []string{"pl_1", "txn_1"}, Currency: "KGS", OpenedAt: opened,
			Evidence: json.RawMessage(`{"difference":"` + difference + `","ordered_minor":"125000","ledger_minor":"12500","ledger_row":"txn_1"}`)}
	}
	got, err := ledgerPart([]clickhouse.Finding{finding("paid twice"), finding("charged anyway"), finding("another amount in the ledger"), finding("not in the ledger")})
	want := []gate.Difference{
		{Kind: "charged anyway", Source: "psp", PaymentID: "pl_1", Since: opened, Detail: "the wallet was charged 125.00 KGS (row txn_1), and the payment was not made"},
		{Kind: "another amount in the ledger", Source: "psp", PaymentID: "pl_1", Since: opened, Detail: "the wallet was charged 125.00 KGS (row txn_1), the order is 1250.00 KGS"},
		{Kind: "not in the ledger", Source: "psp", PaymentID: "pl_1", Since: opened, Detail: "1250.00 KGS are settled here, and no statement shows them"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
	}
	if _, err := ledgerPart([]clickhouse.Finding{{Evidence: json.RawMessage("[]"), Rows: []string{"x"}}}); err == nil {
		t.Error("evidence that cannot be read is taken")
	}
}
