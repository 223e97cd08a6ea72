package gate_test

import (
	"testing"
	"time"

	"github.com/paylake/paylake/sinks/gate"
)

// A person ends what waits for a decision, with a reason, and not his own plan;
// nothing else.
func TestResolve(t *testing.T) {
	now := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	for _, s := range gate.Statuses() {
		for _, again := range []bool{false, true} {
			it := draft(order("k", 120_00), "farid")
			it.Status, it.Again, it.Finding = s, again, "look at it"
			out, line, err := it.Resolve(gate.Decline, "aysel", "the bank says so", now)
			may := s == gate.Manual || s == gate.Unknown && again
			if (err == nil) != may || may && (out.Status != gate.Decline || out.Again || out.Finding != "" || line.By != "aysel" || line.Reason == "" || out.Settled != now) {
				t.Errorf("%s, again %t: %+v %v", s, again, out, err)
			}
		}
	}
	it := draft(order("k", 120_00), "farid")
	it.Status = gate.Manual
	for _, c := range []struct {
		to         gate.Status
		by, reason string
	}{{gate.Approved, "aysel", "x"}, {gate.Success, "farid", "x"}, {gate.Success, "aysel", " "}} {
		if _, _, err := it.Resolve(c.to, c.by, c.reason, now); err == nil {
			t.Errorf("%+v: resolved", c)
		}
	}
	done, _, err := it.Resolve(gate.Decline, "aysel", "x", now)
	if err != nil {
		t.Fatal(err)
	}
	if after, _, _ := done.Observe(gate.Evidence{By: "callback", At: now, State: "success", AmountMinor: 120_00, Currency: "KGS"}, now); after.Status != gate.Decline || after.Finding == "" {
		t.Errorf("%+v", after)
	}
}

// Whoever is erased is taken out of what is over and of what was not sent.
func TestErase(t *testing.T) {
	now := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	for _, s := range gate.Statuses() {
		it := draft(order("k", 120_00), "farid")
		it.Status = s
		out, line, err := it.Erase("dpo", now)
		switch s {
		case gate.Sending, gate.Accepted, gate.Unknown, gate.Manual:
			if err == nil {
				t.Errorf("%s: erased", s)
			}
		default:
			if err != nil || out.Order.Account != "" || line.Event != "erased" || !out.Status.Final() {
				t.Errorf("%s: %+v %v", s, out, err)
			}
		}
	}
}
