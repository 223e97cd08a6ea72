package gate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/gate"
	"github.com/paylake/paylake/sinks/gate/gatetest"
)

func planning(by string, orders ...gate.Order) gate.Planning {
	return gate.Planning{Tenant: "acme", Job: "bills", By: by, Orders: orders, Fingerprint: fingerprint}
}

// planned plans against some intents, and says what came of each key.
func planned(tb testing.TB, p gate.Planning, now time.Time, have ...gate.Intent) (map[string]gate.Planned, []gate.Change) {
	tb.Helper()
	v := gate.View{Intents: map[string]gate.Intent{}}
	for _, it := range have {
		v.Intents[it.PaymentID] = it
	}
	list, changes, err := p.Against(v, now)
	if err != nil {
		tb.Fatal(err)
	}
	out := map[string]gate.Planned{}
	for _, one := range list {
		out[one.Intent.Order.Key] = one
	}
	return out, changes
}

func TestPlanAgainstTheRegister(t *testing.T) {
	now := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	aysel := newApprover(t, "aysel")
	in := func(s gate.Status, key string, minor int64) gate.Intent {
		it := draft(order(key, minor), "farid")
		if s == gate.Draft {
			return it
		}
		it = aysel.approved(t, it, now)
		it.Status = s
		if s.Committed() || s == gate.Decline {
			it.SentAt, it.Fence = now, 1
		}
		return it
	}
	foreign := draft(gate.Order{Tenant: "acme", Job: "other", Key: "foreign", Source: "psp", ProjectID: 210, Method: "mbank", Operation: "sale"}, "farid")
	neighbour := foreign
	neighbour.Order.Key = "neighbour"
	neighbour.PaymentID = neighbour.Order.PaymentID()
	have := []gate.Intent{in(gate.Draft, "same draft", 60_00), in(gate.Approved, "same approved", 60_00), in(gate.Draft, "edited draft", 60_00), in(gate.Approved, "edited approved", 60_00),
		in(gate.Draft, "gone draft", 60_00), in(gate.Approved, "gone approved", 60_00), in(gate.Unknown, "gone unknown", 60_00), in(gate.Success, "gone success", 60_00), foreign, neighbour,
		in(gate.Withdrawn, "back", 60_00), in(gate.Success, "paid", 60_00), in(gate.Decline, "declined", 60_00)}
	orders := []gate.Order{order("new", 60_00), order("same draft", 60_00), order("same approved", 60_00), order("edited draft", 70_00), order("edited approved", 70_00),
		order("back", 60_00), order("paid", 60_00), order("declined", 70_00), order("foreign", 60_00)}
	for _, s := range []gate.Status{gate.Sending, gate.Accepted, gate.Unknown, gate.Success, gate.Manual} {
		have = append(have, in(s, "other "+string(s), 60_00))
		orders = append(orders, order("other "+string(s), 70_00))
	}
	got, changes := planned(t, planning("nigar", orders...), now, have...)
	for key, want := range map[string]struct {
		what   gate.Outcome
		status gate.Status
	}{
		"new": {gate.New, gate.Draft}, "same draft": {gate.Same, gate.Draft}, "same approved": {gate.Same, gate.Approved}, "edited draft": {gate.Edited, gate.Draft},
		"edited approved": {gate.Edited, gate.Draft}, "gone draft": {gate.Dropped, gate.Withdrawn}, "gone approved": {gate.Dropped, gate.Withdrawn}, "back": {gate.New, gate.Draft},
		"paid": {gate.Same, gate.Success}, "declined": {gate.Conflict, gate.Decline}, "foreign": {gate.Conflict, gate.Draft}, "other sending": {gate.Conflict, gate.Sending},
		"other accepted": {gate.Conflict, gate.Accepted}, "other unknown": {gate.Conflict, gate.Unknown}, "other success": {gate.Conflict, gate.Success}, "other manual": {gate.Conflict, gate.Manual},
	} {
		if g, ok := got[key]; !ok || g.What != want.what || g.Intent.Status != want.status || (g.What == gate.Conflict) != (g.Why != "") {
			t.Errorf("%s: %s %s %q, want %s %s", key, g.What, g.Intent.Status, g.Why, want.what, want.status)
		}
	}
	if _, ok := got["neighbour"]; ok {
		t.Error("a draft of another job is none of ours")
	}
	if len(got) != 16 || len(changes) != 6 {
		t.Errorf("%d payments are spoken of, %d changes: %+v", len(got), len(changes), got)
	}
	if it := got["edited approved"].Intent; it.Approval != (gate.Approval{}) || it.Maker != "nigar" || it.Order.AmountMinor != 70_00 || it.Fingerprint != fingerprint(it.Order) {
		t.Errorf("an edit voids the approval, and is somebody's: %+v", it)
	}
	if it := got["same approved"].Intent; it.Approval.By != "aysel" || it.Maker != "farid" {
		t.Errorf("planning the same again changes nothing: %+v", it)
	}
	if it := got["gone approved"].Intent; it.Approval != (gate.Approval{}) || !it.Settled.Equal(now) || it.Reason == "" {
		t.Errorf("%+v", it)
	}
	for _, c := range changes {
		if c.Line.By != "nigar" || c.Line.To != c.Intent.Status || !c.Line.At.Equal(now) || c.Wake {
			t.Errorf("%+v", c.Line)
		}
	}
	if n := len(gate.Drafts(valuesOf(got))); n != 5 {
		t.Errorf("%d drafts wait for an approval, want 5: new, the same, two edited, back", n)
	}
}

func valuesOf(m map[string]gate.Planned) (out []gate.Planned) {
	for _, p := range m {
		out = append(out, p)
	}
	return out
}

// How often something was about to be sent is not forgotten by an edit, and what
// may have been sent is not edited whatever its status says.
func TestPlanKeepsWhatWasSent(t *testing.T) {
	now := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	tried := newApprover(t, "aysel").approved(t, draft(order("k", 60_00), "farid"), now)
	tried.Fence = 1 // claimed, and taken back
	got, _ := planned(t, planning("nigar", order("k", 70_00)), now, tried)
	if it := got["k"].Intent; got["k"].What != gate.Edited || it.Fence != 1 {
		t.Errorf("%+v", got["k"])
	}
	for _, s := range []gate.Status{gate.Draft, gate.Approved, gate.Withdrawn} {
		tried.Status, tried.SentAt = s, now
		if got, changes := planned(t, planning("nigar", order("k", 70_00)), now, tried); got["k"].What != gate.Conflict || len(changes) != 0 {
			t.Errorf("%s: %+v", s, got["k"])
		}
		if got, changes := planned(t, planning("nigar"), now, tried); len(got) != 0 || len(changes) != 0 {
			t.Errorf("%s, not planned: %+v", s, got["k"])
		}
	}
}

// A plan for a day does not know what a later one knew, and a plan for a day to
// come does not know that day: neither withdraws.
func TestPlansWithdrawWhatTheyCanKnow(t *testing.T) {
	now := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	it := draft(order("k", 60_00), "farid")
	it.PlannedFor = "2026-11-03"
	for name, c := range map[string]struct {
		day   string
		ahead bool
		want  int
	}{"the same day": {"2026-11-03", false, 1}, "a later day": {"2026-11-04", false, 1}, "an earlier day": {"2026-10-20", false, 0}, "a day to come": {"2026-12-01", true, 0}} {
		p := planning("nigar")
		p.Day, p.Ahead = c.day, c.ahead
		if got, changes := planned(t, p, now, it); len(got) != c.want || len(changes) != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
	p := planning("nigar", order("k", 70_00))
	p.Day = "2026-11-05"
	if got, _ := planned(t, p, now, it); got["k"].Intent.PlannedFor != "2026-11-05" {
		t.Errorf("%+v", got["k"])
	}
}

func TestPlanRefusesMistakes(t *testing.T) {
	other := order("k", 60_00)
	other.Job = "payouts"
	stranger := order("k", 60_00)
	stranger.Tenant = "umbrella"
	for name, orders := range map[string][]gate.Order{"twice": {order("k", 60_00), order("k", 70_00)}, "another job": {other}, "another tenant": {stranger}, "too little": {order("k", 1)}} {
		if _, changes, err := planning("nigar", orders...).Against(gate.View{}, time.Time{}); !errors.Is(err, gate.ErrOrder) || len(changes) != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever is planned in whatever order: planning twice changes nothing more,
// what was sent stays as it is, and the register holds what the last plan wanted.
func TestPlanningIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, now := gatetest.NewRegister(), time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
		var ids []string
		for k := range 6 {
			ids = append(ids, order(fmt.Sprint("k", k), 60_00).PaymentID())
		}
		sent := map[string]gate.Intent{}
		for range rapid.IntRange(1, 5).Draw(t, "plans") {
			want := map[string]int64{}
			var orders []gate.Order
			for k := range 6 {
				if minor := rapid.SampledFrom([]int64{0, 60_00, 70_00}).Draw(t, "amount"); minor > 0 {
					o := order(fmt.Sprint("k", k), minor)
					orders, want[o.PaymentID()] = append(orders, o), minor
				}
			}
			p, n := planning("nigar", orders...), -1
			for range 2 {
				err := r.Decide(context.Background(), gate.Ask{IDs: ids}, func(v gate.View) ([]gate.Change, error) {
					_, changes, err := p.Against(v, now)
					n = len(changes)
					return changes, err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if n != 0 {
				t.Fatalf("the same plan again changed %d payments", n)
			}
			for _, id := range ids {
				it, err := r.Load(context.Background(), id)
				if errors.Is(err, gate.ErrAbsent) && want[id] == 0 {
					continue
				}
				was, isSent := sent[id]
				switch {
				case err != nil:
					t.Fatal(err)
				case isSent && it.Fingerprint != was.Fingerprint:
					t.Fatalf("%s was sent and has changed", id)
				case !isSent && want[id] == 0 && it.Status != gate.Withdrawn, !isSent && want[id] != 0 && (it.Status != gate.Draft || it.Order.AmountMinor != want[id]):
					t.Fatalf("%s is %s with %d, want %d", id, it.Status, it.Order.AmountMinor, want[id])
				}
				if !isSent && it.Status == gate.Draft && rapid.IntRange(0, 3).Draw(t, "send") == 0 {
					was := it.Status
					it.Status, it.SentAt, it.Fence = gate.Unknown, now, 1
					sent[id] = it
					if err := r.Decide(context.Background(), gate.Ask{IDs: []string{id}}, func(gate.View) ([]gate.Change, error) {
						return []gate.Change{{Intent: it, Line: gate.Transition{PaymentID: id, From: was, To: it.Status}}}, nil
					}); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	})
}

func TestConflictsNameNoPayer(t *testing.T) {
	now := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	sent := draft(order("k", 60_00), "farid")
	sent.Status, sent.SentAt = gate.Success, now
	got, _ := planned(t, planning("nigar", order("k", 70_00)), now, sent)
	if why := got["k"].Why; !strings.Contains(why, "60.00 KGS to azersu") || strings.Contains(why, sent.Order.Account) {
		t.Error(why)
	}
}

// What a method cannot be paid in is refused here and flagged in the warehouse:
// the two must mean the same.
func TestMethodCurrencies(t *testing.T) {
	for name, currency := range schemas.MethodCurrencies() {
		if m, err := gate.MethodNamed(name); err != nil || m.Currency != currency {
			t.Errorf("%s: %+v, %v; the check says %s", name, m, err, currency)
		}
	}
}
