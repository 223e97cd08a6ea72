package gate_test

import (
	"testing"
	"time"

	"github.com/paylake/paylake/sinks/gate"
)

// Register and list agree, or it is said how they do not; what the list cannot
// have yet is no difference.
func TestDifferences(t *testing.T) {
	now := time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	it := func(s gate.Status, sent time.Duration) gate.Intent {
		i := draft(order("k", 120_00), "farid")
		i.Status, i.SentAt, i.Settled, i.Told = s, ago(sent), ago(sent-time.Minute), "success"
		return i
	}
	sale := func(status string, minor int64, d time.Duration) gate.Listed {
		return gate.Listed{Source: "psp", PaymentID: order("k", 1).PaymentID(), Status: status, Minor: minor, Currency: "KGS", At: ago(d), ByList: true}
	}
	told := sale("success", 120_00, 5*time.Hour)
	told.ByList = false
	byHand := it(gate.Success, 5*time.Hour)
	byHand.Told = ""
	complete := map[string]time.Time{"psp": ago(2 * time.Hour)}
	undone := it(gate.Success, 5*time.Hour)
	undone.Told = "reversed"
	for name, c := range map[string]struct {
		intent gate.Intent
		listed []gate.Listed
		want   string
	}{
		"settled and listed":       {it(gate.Success, 5*time.Hour), []gate.Listed{sale("success", 120_00, 5*time.Hour)}, ""},
		"settled, declined before": {it(gate.Success, 5*time.Hour), []gate.Listed{sale("decline", 120_00, 6*time.Hour), sale("success", 120_00, 5*time.Hour)}, ""},
		"settled, not listed":      {it(gate.Success, 5*time.Hour), nil, gate.NotListed},
		"settled a moment ago":     {it(gate.Success, time.Hour), nil, ""},
		"settled, a callback only": {it(gate.Success, 5*time.Hour), []gate.Listed{told}, gate.NotListed},
		"settled by a person":      {byHand, nil, gate.NotListed},
		"a person was right":       {byHand, []gate.Listed{sale("success", 120_00, 5*time.Hour)}, ""},
		"settled and taken back":   {undone, nil, ""},
		"settled, listed declined": {it(gate.Success, 5*time.Hour), []gate.Listed{sale("decline", 120_00, 5*time.Hour)}, gate.NotListed},
		"declined, listed":         {it(gate.Decline, 5*time.Hour), []gate.Listed{sale("success", 120_00, 5*time.Hour)}, gate.ListedAnyway},
		"never sent, listed":       {it(gate.Draft, 5*time.Hour), []gate.Listed{sale("success", 120_00, time.Minute)}, gate.ListedAnyway},
		"another amount":           {it(gate.Success, 5*time.Hour), []gate.Listed{sale("success", 121_00, 5*time.Hour)}, gate.OtherAmount},
		"under way, listed just":   {it(gate.Accepted, 5*time.Minute), []gate.Listed{sale("success", 120_00, time.Minute)}, ""},
		"under way, listed long":   {it(gate.Accepted, time.Hour), []gate.Listed{sale("success", 120_00, 30*time.Minute)}, gate.ListedAnyway},
		"undecided":                {it(gate.Unknown, 76*time.Minute), nil, gate.Undecided},
		"not decided yet":          {it(gate.Accepted, 74*time.Minute), []gate.Listed{sale("processing", 120_00, time.Hour)}, ""},
		"paid twice":               {it(gate.Success, 5*time.Hour), []gate.Listed{sale("success", 130_00, 4*time.Hour), sale("success", 120_00, 5*time.Hour)}, gate.PaidTwice},
		"declined by both":         {it(gate.Decline, 5*time.Hour), []gate.Listed{sale("decline", 120_00, 5*time.Hour)}, ""},
	} {
		got := ""
		for _, d := range gate.Differences([]gate.Intent{c.intent}, c.listed, complete, now) {
			got += d.Kind
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	stranger, foreign := sale("success", 50_00, time.Hour), sale("success", 50_00, time.Hour)
	foreign.PaymentID = "shop-17"
	if got := gate.Differences(nil, []gate.Listed{stranger, foreign}, nil, now); len(got) != 1 || got[0].Kind != gate.NobodysIntent || got[0].PaymentID != stranger.PaymentID {
		t.Errorf("%+v", got)
	}
}
