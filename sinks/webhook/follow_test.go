package webhook

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/lake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// told lists what an endpoint was told: types and some of the data.
func (p *post) told(endpoint int64) (out []string) {
	for _, d := range p.list {
		if d.Endpoint.ID != endpoint {
			continue
		}
		words := []string{string(d.Event.Type)}
		for _, name := range []string{"entry_id", "operation_id", "external_reference", "provider_code", "change", "chargeback_id", "amount", "available", "reversal_of", "rows", "missing_minor", "pipeline", "consent_id"} {
			if v := d.Event.Data[name]; v != nil {
				words = append(words, name+"="+strings.Trim(string(v), `"`))
			}
		}
		out = append(out, strings.Join(words, " "))
	}
	return out
}

func follow(t testing.TB, l *lake.Lake, p *post, rules Rules) {
	t.Helper()
	f := &Follower{Log: l, Outbox: p, Rules: rules}
	at, err := f.Follow(t.Context())
	if err != nil || at.Lag() != 0 {
		t.Fatalf("%+v %v", at, err)
	}
}

func bill(id, status, reference string, amount int) cells {
	return cells{"source": "src", "wallet_id": "w1", "entry_id": id, "type": "bill_pay", "status": status, "amount_minor": amount, "currency": "AZN", "provider_code": "AZERSU", "external_reference": reference}
}

// Every type of event that the lake brings, out of a real one.
func TestEvents(t *testing.T) {
	l := newLake(t)
	commit(t, l, part(schemas.Settlements, "w1"), cells{"source": "src", "wallet_id": "w1", "idempotency_key": "idem_1", "event": "payment.settled", "amount_minor": -1200, "currency": "AZN", "provider_code": "AZERSU", "external_reference": "acr_1"})
	commit(t, l, part(schemas.Ledger, "w1"),
		bill("l1", "posted", "acr_1", -1200), // which the notice announced
		bill("l2", "posted", "acr_1", -1300), // another payment under the same reference
		bill("l3", "pending", "acr_3", -500),
		bill("l4", "reversed", "acr_4", -700),
		cells{"source": "src", "wallet_id": "w1", "entry_id": "l5", "type": "transfer_out", "status": "reversed", "amount_minor": -100, "currency": "AZN", "counterparty": "p1_a"},
		cells{"source": "src", "wallet_id": "w1", "entry_id": "l6", "type": "reversal", "status": "posted", "amount_minor": 100, "currency": "AZN", "counterparty": "p1_a", "reversal_of": "l5"},
		cells{"source": "src", "wallet_id": "w1", "entry_id": "l7", "type": "topup", "status": "posted", "amount_minor": 100, "currency": "AZN"})
	commit(t, l, part(schemas.Ledger, "w1"), bill("l3", "posted", "acr_3", -500), bill("l1", "posted", "acr_1", -1200))
	op := func(id, kind, status string) cells {
		return cells{"source": "src", "project_id": 210, "operation_id": id, "payment_id": "p" + id, "type": kind, "status": status, "amount_minor": 5000, "currency": "KGS", "provider_code": "mbank"}
	}
	commit(t, l, part(schemas.Operations, ""), op("1", "sale", "success"), op("2", "sale", "decline"), op("3", "sale", "processing"), op("4", "refund", "success"))
	commit(t, l, part(schemas.Operations, ""), op("3", "sale", "success"))
	provider := func(code, status, name string) cells {
		return cells{"source": "src", "provider_code": code, "name_en": name, "status": status}
	}
	commit(t, l, part(schemas.Providers, ""), provider("A", "active", "a"), provider("B", "active", "b"))
	commit(t, l, part(schemas.Providers, ""), provider("A", "active", "renamed"))
	balance := func(hour, minor int) cells {
		return cells{"source": "src", "wallet_id": "w1", "as_of": day0.Add(time.Duration(hour) * time.Hour), "available_minor": minor, "currency": "AZN"}
	}
	commit(t, l, part(schemas.Balances, "w1"), balance(1, 5000))
	commit(t, l, part(schemas.Balances, "w1"), balance(2, 4999))
	commit(t, l, part(schemas.Balances, "w1"), balance(3, 10)) // the same day
	dispute := cells{"source": "src", "project_id": 210, "chargeback_id": "c1", "status": "open", "amount_minor": 900, "currency": "KGS"}
	commit(t, l, part(schemas.Chargebacks, ""), dispute)
	dispute["status"] = "won"
	commit(t, l, part(schemas.Chargebacks, ""), dispute)
	bad := part(schemas.Ledger, "w2")
	bad.Rejects = []schemas.Reject{{Raw: []byte("x"), Reason: schemas.ReasonAmount}}
	commit(t, l, bad)
	broken := part(schemas.Ledger, "w3")
	broken.Past, broken.Final = true, true
	balanced := func(id string, hour, amount, after int) cells {
		return cells{"source": "src", "wallet_id": "w3", "entry_id": id, "type": "fee", "status": "posted", "posted_at": day0.Add(time.Duration(hour) * time.Hour), "amount_minor": amount, "currency": "AZN", "balance_after_minor": after}
	}
	commit(t, l, broken, balanced("b1", 1, -10, 90), balanced("b2", 2, -10, 50))
	commit(t, l, broken, balanced("b1", 1, -10, 90), balanced("b2", 2, -10, 50)) // still broken: no news

	p := newPost(Endpoint{}, Endpoint{Types: []Type{ChargebackReceived, ChainBroken}}, Endpoint{Applied: 1000}, Endpoint{Disabled: "gone"})
	rules := Rules{BalanceLow: map[string]Threshold{"w1": {5000, "AZN"}, "w2": {1, "USD"}}}
	follow(t, l, p, rules)
	want := []string{
		"payment.settled external_reference=acr_1 provider_code=AZERSU amount=-12.00",
		"payment.settled entry_id=l2 external_reference=acr_1 provider_code=AZERSU amount=-13.00",
		"payment.declined entry_id=l4 external_reference=acr_4 provider_code=AZERSU amount=-7.00",
		"transfer.reversed entry_id=l5 amount=-1.00",
		"payment.settled entry_id=l3 external_reference=acr_3 provider_code=AZERSU amount=-5.00",
		"payment.settled operation_id=1 provider_code=mbank amount=50.00",
		"payment.declined operation_id=2 provider_code=mbank amount=50.00",
		"payment.settled operation_id=3 provider_code=mbank amount=50.00",
		"provider.changed provider_code=A change=added", "provider.changed provider_code=B change=added",
		"provider.changed provider_code=A change=changed", "provider.changed provider_code=B change=retired",
		"balance.low available=49.99",
		"chargeback.received chargeback_id=c1 amount=9.00",
		"quarantine.added rows=1",
		"chain.broken missing_minor=-30",
	}
	if got := p.told(1); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := p.told(2); len(got) != 2 || len(p.told(3)) != 0 || len(p.told(4)) != 0 {
		t.Errorf("%v %v %v", got, p.told(3), p.told(4))
	}

	// From the beginning again, into the same outbox and into an empty one: the
	// same events under the same ids, and nobody is told twice.
	before := len(p.list)
	p.endpoints[1].Applied = 0
	follow(t, l, p, rules)
	anew := newPost(Endpoint{})
	follow(t, l, anew, rules)
	if len(p.list) != before || len(anew.list) != len(want) {
		t.Fatalf("%d events more, %d anew", len(p.list)-before, len(anew.list))
	}
	var first []*Delivery
	for _, d := range p.list {
		if d.Endpoint.ID == 1 {
			first = append(first, d)
		}
	}
	for i, d := range anew.list {
		before, err := first[i].Event.Body(FormStandard)
		again, err2 := d.Event.Body(FormStandard)
		if err != nil || err2 != nil || string(before) != string(again) || first[i].Event.ID != d.Event.ID {
			t.Errorf("%s is not %s", again, before)
		}
	}
}

// A follower that is stopped anywhere goes on where it stored: what it had not
// stored it does again.
func TestFollowerGoesOn(t *testing.T) {
	l := newLake(t)
	for i := range 6 {
		commit(t, l, part(schemas.Ledger, "w1"), bill(fmt.Sprint("l", i), "posted", fmt.Sprint("r", i), -100-i))
	}
	for after := range 2 {
		for stop := range 6 {
			p, writes := newPost(Endpoint{}), 0
			p.fault = func(isAfter bool) error {
				if isAfter == (after == 1) {
					if writes++; writes == stop+1 {
						return errFault
					}
				}
				return nil
			}
			f := &Follower{Log: l, Outbox: p}
			if _, err := f.Follow(t.Context()); !errors.Is(err, errFault) {
				t.Fatalf("the fault did not fire: %v", err)
			}
			at, err := f.Follow(t.Context())
			if err != nil || at != (sinks.Position{Applied: 6, Head: 6}) || len(p.list) != 6 || len(p.take()) != 6 {
				t.Errorf("stopped at %d, after %d: %+v %v, %d deliveries", stop, after, at, err, len(p.list))
			}
		}
	}
}

// What happened outside the lake: told once, and not what was before the
// endpoint.
func TestOtherEvents(t *testing.T) {
	l := newLake(t)
	p := newPost(Endpoint{Added: day0}, Endpoint{Added: day0.Add(time.Hour), Types: []Type{RunFailed}})
	asked := 0
	list := []Event{
		RunFailure(Failure{RunID: "r1", Pipeline: "ledger", Finished: day0.Add(time.Minute), Code: 1, Why: "out of reach"}),
		RunFailure(Failure{RunID: "r0", Pipeline: "old", Finished: day0.Add(-time.Minute), Code: 1}),
		ConsentEnding("cns_1", "src", "w1", day0.AddDate(0, 0, 3), 7*24*time.Hour),
		Reconciliation("f1", "totals", "2026-02", "12.00 AZN more here", day0.Add(time.Minute)),
	}
	f := &Follower{Log: l, Outbox: p, Others: func(context.Context) ([]Event, error) { asked++; return list, nil }}
	for range 3 {
		if _, err := f.Follow(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(p.told(1), ", "); got != "run.failed pipeline=ledger, consent.expiring consent_id=cns_1, reconciliation.failed" || asked != 3 {
		t.Errorf("asked %d times: %s", asked, got)
	}
	if got := p.told(2); len(got) != 0 {
		t.Errorf("%v", got)
	}
	again := &Follower{Log: l, Outbox: p, Others: f.Others} // another process
	if _, err := again.Follow(t.Context()); err != nil || len(p.list) != 3 {
		t.Errorf("%d events, %v", len(p.list), err)
	}
	if renewed := ConsentEnding("cns_1", "src", "w1", day0.AddDate(0, 0, 90), 0); renewed.ID == list[2].ID {
		t.Error("a consent that was renewed ends under the same id")
	}
}
