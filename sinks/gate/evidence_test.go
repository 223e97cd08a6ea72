package gate_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/paylake/paylake/sinks/gate"
)

var words = []string{"processing", "external processing", "awaiting clarification", "awaiting customer", "success", "decline", "error", "cancelled", "expired", "reversed", "refunded", "internal error", "something new", ""}

// Whatever evidence comes in whatever order, any of it several times: what is
// final stays, a success is the order's amount, what contradicts is told, and
// the same evidence again changes nothing.
func TestEvidenceIsMonotone(t *testing.T) {
	at := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	rapid.Check(t, func(rt *rapid.T) {
		it := draft(order("k", 120_00), "farid")
		it.Status = rapid.SampledFrom([]gate.Status{gate.Sending, gate.Accepted, gate.Unknown}).Draw(rt, "from")
		it.SentAt, it.Fence = at, 1
		var first gate.Status
		for i := range rapid.IntRange(1, 8).Draw(rt, "n") {
			e := gate.Evidence{By: rapid.SampledFrom([]string{gate.ByCallback, gate.ByPoll}).Draw(rt, "by"), At: at.Add(time.Duration(i) * time.Second), State: rapid.SampledFrom(words).Draw(rt, "state"), AmountMinor: rapid.SampledFrom([]int64{0, 120_00, 1_200_00}).Draw(rt, "amount"), Currency: rapid.SampledFrom([]string{"KGS", "KGS", "AZN", ""}).Draw(rt, "currency")}
			was := it
			it, _, _ = it.Observe(e, e.At)
			if again, _, changed := it.Observe(e, e.At.Add(time.Second)); changed {
				rt.Fatalf("%+v changes %+v again to %+v", e, it, again)
			}
			if first != "" && it.Status != first {
				rt.Fatalf("%s became %s by %q", first, it.Status, e.State)
			}
			switch {
			case it.Status.Final() && first == "":
				first = it.Status
			case was.Status == gate.Success && (e.State == "decline" || e.State == "reversed") && it.Finding == "",
				was.Status == gate.Decline && e.State == "success" && it.Finding == "":
				rt.Fatalf("%s, then %q, and nobody is told", was.Status, e.State)
			case e.State == "success" && (e.AmountMinor == 1_200_00 || e.Currency == "AZN") && !was.Status.Final() && (it.Status == gate.Success && was.Status != gate.Success || it.Finding == ""):
				rt.Fatalf("another amount, and %+v", it)
			}
			if it.Status == gate.Success && !was.Status.Final() && (e.AmountMinor != 120_00 || e.Currency != "KGS") {
				rt.Fatalf("settled by %+v", e)
			}
			if it.Status == gate.Draft || it.Status == gate.Approved {
				rt.Fatalf("%s by evidence", it.Status)
			}
		}
	})
}

// A success of no sum settles nothing. A callback's is remembered and asked about
// at once; a status answer's is for a person, and so is a decline after it. The
// sum ends it, whenever it comes.
func TestSuccessOfNoSum(t *testing.T) {
	at := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	for _, from := range []gate.Status{gate.Sending, gate.Accepted, gate.Unknown} {
		for _, e := range []gate.Evidence{{State: "success"}, {State: "success", AmountMinor: 120_00}, {State: "success", Currency: "KGS"}, {State: "refunded"}} {
			it := draft(order("k", 120_00), "farid")
			it.Status, it.SentAt, it.Absent, it.Again = from, at.Add(-time.Hour), 2, from == gate.Unknown
			e.By, e.At = gate.ByCallback, at
			told, _, changed := it.Observe(e, at)
			if !changed || told.Status != gate.Accepted || told.Told != e.State || !told.NextAt.Equal(at) || told.Again {
				t.Errorf("%s, callback %+v: %+v", from, e, told)
			}
			if late, _, _ := told.Observe(gate.Evidence{By: gate.ByCallback, At: at, State: "processing"}, at); late.Told != e.State {
				t.Errorf("forgotten over a late word: %+v", late)
			}
			e.By = gate.ByPoll
			asked, _, _ := told.Observe(e, at)
			if asked.Status != gate.Manual || asked.Finding == "" || e.State == "success" && !strings.Contains(asked.Finding, "not how much") {
				t.Errorf("%s, status %+v: %+v", from, e, asked)
			}
			sum := gate.Evidence{By: gate.ByPoll, At: at, State: "success", AmountMinor: 120_00, Currency: "KGS"}
			for _, before := range []gate.Intent{told, asked} {
				if done, _, _ := before.Observe(sum, at); done.Status != gate.Success || e.State == "success" && done.Finding != "" {
					t.Errorf("%s with a sum: %+v", before.Status, done)
				}
				no, _, _ := before.Observe(gate.Evidence{By: gate.ByPoll, At: at, State: "decline"}, at)
				if no.Status != gate.Manual || !strings.Contains(no.Finding, `says "decline" now`) {
					t.Errorf("%s, then a decline: %+v", before.Status, no)
				}
				if again, _, changed := no.Observe(gate.Evidence{By: gate.ByCallback, At: at, State: "decline"}, at); changed {
					t.Errorf("the decline again: %+v", again)
				}
			}
		}
	}
}

// Where the operation's sum is left out, the payment's settles if it is the
// order's, and is no sum otherwise; the operation's goes before it.
func TestThePaymentsSumConfirms(t *testing.T) {
	at := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	for body, want := range map[string]gate.Status{
		`"sum":{"amount":12000,"currency":"KGS"}},"operations":[{"id":7,"type":"sale","status":"success"}]`: gate.Success,
		`"sum":{"amount":"12000","currency":"KGS"}}`:                                                        gate.Success,
		`"sum":{"amount":120000,"currency":"KGS"}}`:                                                         gate.Accepted,
		`"sum":{"amount":12000,"currency":"USD"}}`:                                                          gate.Accepted,
		`"sum":{"amount":12000.0,"currency":"KGS"}}`:                                                        gate.Accepted,
		`"sum":{"amount":12000,"currency":"KGS"}},"operations":[{"id":7,"type":"sale","status":"success","sum_initial":{"amount":5000,"currency":"KGS"}}]`:   gate.Manual,
		`"sum":{"amount":120000,"currency":"KGS"}},"operations":[{"id":7,"type":"sale","status":"success","sum_initial":{"amount":12000,"currency":"KGS"}}]`: gate.Success,
		`"sum":{"amount":12000,"currency":"KGS"}},"operations":[{"id":7,"type":"sale","status":"success","sum_initial":{"amount":"a","currency":"KGS"}}]`:    gate.Manual,
		`"sum":{"amount":12000,"currency":"KGS"}},"operations":[{"id":7,"type":"sale","status":"success","sum_initial":{"amount":null,"currency":"USD"}}]`:   gate.Manual,
	} {
		_, e, ok := gate.ReadCallback([]byte(`{"project_id":210,"payment":{"id":"p1","status":"success",`+body+`}`), at)
		it := draft(order("k", 120_00), "farid")
		it.Status, it.SentAt, it.Fence = gate.Accepted, at, 1
		if it, _, _ = it.Observe(e, at); !ok || it.Status != want {
			t.Errorf("%s: %s %q, want %s", body, it.Status, it.Finding, want)
		}
	}
}

// What the platform knows although it was never sent from here is never sent.
func TestEvidenceOfSomethingNeverSent(t *testing.T) {
	at := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	for _, s := range []gate.Status{gate.Draft, gate.Approved} {
		it := draft(order("k", 120_00), "farid")
		it.Status = s
		it, line, changed := it.Observe(gate.Evidence{By: "callback", At: at, State: "processing"}, at)
		if !changed || it.Status != gate.Manual || line.To != gate.Manual || !strings.Contains(it.Finding, "never sent") {
			t.Errorf("%s: %+v", s, it)
		}
	}
}

func TestOverdue(t *testing.T) {
	at := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	it := draft(order("k", 120_00), "farid")
	it.Status, it.SentAt = gate.Accepted, at
	if _, _, changed := it.Overdue(at.Add(74 * time.Minute)); changed {
		t.Error("overdue too early")
	}
	it, line, changed := it.Overdue(at.Add(75 * time.Minute))
	if !changed || it.Finding == "" || line.Event != "overdue" {
		t.Errorf("%+v", it)
	}
	if _, _, changed := it.Overdue(at.Add(3 * time.Hour)); changed {
		t.Error("told twice")
	}
}

// A callback's money is its operation's, and the seed's contradiction of units
// is a difference, not a correction.
func TestReadCallback(t *testing.T) {
	at := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	id, e, ok := gate.ReadCallback([]byte(`{"project_id":210,"payment":{"id":"p1","status":"success","sum":{"amount":50000,"currency":"KGS"}},"operation":{"id":6503010168993,"type":"sale","status":"success","request_id":"r-1","sum_initial":{"amount":5000,"currency":"KGS"},"code":"0","message":"Success"}}`), at)
	if !ok || id != "p1" || e.AmountMinor != 5000 || e.Currency != "KGS" || e.State != "success" || e.OperationID != "6503010168993" || e.RequestID != "r-1" || e.Code != (gate.Code{}) || e.CodeWanted {
		t.Errorf("%q %+v %v", id, e, ok)
	}
	for _, fields := range []string{`{"approval_code":{}}`, `["approval_code"]`} {
		if _, e, ok := gate.ReadCallback([]byte(`{"payment":{"id":"p1","status":"awaiting clarification"},"clarification_fields":`+fields+`}`), at); !ok || !e.CodeWanted {
			t.Errorf("%s: %+v", fields, e)
		}
	}
	// A sum is one operation's, not another's.
	if _, e, _ := gate.ReadCallback([]byte(`{"payment":{"id":"p1","status":"success","sum":{"amount":5000,"currency":"KGS"}}}`), at); e.AmountMinor != 0 || e.Currency != "" {
		t.Errorf("the payment's own sum: %+v", e)
	}
	for _, text := range []string{`{}`, `[]`, `{"payment":{}}`, `{"payment":{"id":"p1"}}`, `{"payment":{"id":7}}`, `{"payment":{"id":"p1","id":"p2","status":"success"}}`} {
		if _, _, ok := gate.ReadCallback([]byte(text), at); ok {
			t.Errorf("%s can be read", text)
		}
	}
}
