package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/sandbox"
	"github.com/paylake/paylake/sinks/gate"
	"github.com/paylake/paylake/sources/flashpay"
)

// sold is a callback that says that a payment was made.
func (g *playground) sold(t testing.TB, payment, operation string) []byte {
	t.Helper()
	created := time.Now().UTC().Add(-time.Hour).Truncate(time.Second).Format("2006-01-02T15:04:05-0700")
	body := fmt.Sprintf(`{"project_id":%d,"customer":{"id":"c-17"},"account":{"number":"996555****56"},"payment":{"id":%q,"type":"purchase","status":"success","method":"mbank","sum":{"amount":125000,"currency":"KGS"}},
		"operation":{"id":%s,"type":"sale","status":"success","created_date":%q,"sum_initial":{"amount":125000,"currency":"KGS"},"code":"0","message":"Success"}`, sandbox.ProjectID, payment, operation, created)
	signature, err := flashpay.Sign([]byte(body+"}"), []byte(sandbox.FlashpaySecret))
	if err != nil {
		t.Fatal(err)
	}
	return []byte(body + `,"signature":"` + signature + `"}`)
}

// What the platform lists and the register does not know, or knows otherwise, is
// found once, with its age, and told; a link is nobody's mistake.
func TestPayCheck(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 200)
	g.hooked(t)
	g.paying(t, wide)
	g.endpoint(t, "crm", sandbox.Hook{}, "--event", "reconciliation.failed")
	g.paylake(t, "run", "operations").want(t, 0)
	_, ids := g.drafted(t, "farid", map[string]int64{"inv-1": 1250_00, "inv-2": 1250_00})
	g.paylake(t, "pay", "check").want(t, 0).says(t, "register and platform agree", "")
	var link struct {
		ID string `json:"payment_id"`
	}
	g.paylake(t, "pay", "link", "--key", "linked", "--amount", "1250.00", "--customer", "c-17", "--json").want(t, 0).json(t, &link)
	r := g.up(t)
	defer r.stop()
	for n, id := range []string{ids["inv-1"], "pl_00000000000000000000000000000000", link.ID} {
		if code := r.deliver(t, "/callbacks/flashpay/psp", g.sold(t, id, fmt.Sprint(990_001+n))); code != 200 {
			t.Fatal(code)
		}
	}
	until(t, "callbacks are in the warehouse", func() bool {
		return strings.HasSuffix(g.paylake(t, "query", "--format", "csv", "SELECT count() FROM operations WHERE startsWith(payment_id, 'pl_')").stdout, "\n3\n")
	})
	if s := g.stands(t, ids["inv-1"]); s.Status != "manual" || !strings.Contains(s.Finding, "never sent") {
		t.Errorf("%+v", s)
	}
	var found struct{ Differences []gate.Difference }
	g.paylake(t, "pay", "check", "--json").want(t, 3).json(t, &found)
	if len(found.Differences) != 2 || found.Differences[0].Kind != gate.NobodysIntent || found.Differences[1].Kind != gate.ListedAnyway || found.Differences[1].PaymentID != ids["inv-1"] {
		t.Fatalf("%+v", found)
	}
	first := found.Differences[1].FirstSeen
	g.paylake(t, "pay", "check", "--json").want(t, 3).json(t, &found)
	if !found.Differences[1].FirstSeen.Equal(first) || first.IsZero() {
		t.Errorf("first seen %s, then %s", first, found.Differences[1].FirstSeen)
	}
	until(t, "webhooks tell each once", func() bool {
		list := g.received(t, "crm")
		return len(list) == 2 && list[0].Verified && list[1].Verified && strings.Contains(string(list[0].Body)+string(list[1].Body), ids["inv-1"])
	})
}
