package gate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/sinks/gate"
)

// An amount that is there and cannot be read settles nothing, whoever tells it: a
// person must look. One that is right settles it afterwards.
func TestAmountsThatCannotBeRead(t *testing.T) {
	at := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	for _, amount := range []string{`120.00`, `12000.0`, `1.2e4`, `"120.00"`, `"a lot"`, `""`, `true`, `{"minor":12000}`, `[12000]`, `99999999999999999999`, `"` + strings.Repeat("1", 70) + `"`} {
		text := `{"project_id":210,"payment":{"id":"p1","status":"success"},"operations":[{"id":77,"type":"sale","status":"success","sum_initial":{"amount":` + amount + `,"currency":"KGS"},"code":"0"}]}`
		_, e, ok := gate.ReadCallback([]byte(text), at)
		if !ok {
			t.Fatal(text)
		}
		for _, from := range []gate.Status{gate.Sending, gate.Accepted, gate.Unknown, gate.Manual} {
			it := draft(order("k", 120_00), "farid")
			it.Status, it.SentAt, it.Fence = from, at, 1
			it, _, _ = it.Observe(e, at)
			if it.Status != gate.Manual || !strings.Contains(it.Finding, "cannot be read; the order is 120.00 KGS") {
				t.Errorf("%s, %s: %s, %q", amount, from, it.Status, it.Finding)
			}
			if _, _, changed := it.Observe(e, at.Add(time.Second)); changed {
				t.Errorf("%s, %s: the same again changes it", amount, from)
			}
			e := e
			e.AmountMinor = 120_00
			if it, _, _ = it.Observe(e, at); it.Status != gate.Success {
				t.Errorf("%s, %s: %s with a sum", amount, from, it.Status)
			}
		}
	}
	for _, amount := range []string{`12000`, `"12000"`} {
		if _, e, _ := gate.ReadCallback([]byte(`{"payment":{"id":"p1","status":"success"},"operation":{"id":77,"type":"sale","sum_initial":{"amount":`+amount+`,"currency":"KGS"}}}`), at); e.AmountMinor != 120_00 {
			t.Errorf("%s: %+v", amount, e)
		}
	}
}
