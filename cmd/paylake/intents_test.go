package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/intents"
	"github.com/paylake/paylake/cmd/internal/sandbox"
	"github.com/paylake/paylake/pipeline/state"
)

// opened is the playground's house with state and pseudonyms open.
func (g *playground) opened(t *testing.T) (*house, func()) {
	t.Helper()
	p := &program{getenv: os.Getenv, stdin: newLines(strings.NewReader("")), stdout: &strings.Builder{}, stderr: &strings.Builder{}, now: time.Now, configFile: g.config, logFormat: "text"}
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	h, err := p.open()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.openState(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := h.openPseudonyms(context.Background()); err != nil {
		t.Fatal(err)
	}
	return h, func() {
		if err := h.close(); err != nil {
			t.Error(err)
		}
	}
}

// taken is a step of a payment by somebody with a number, as payments put it
// into the inbox: with the pseudonym, never with the number.
func (h *house) taken(t *testing.T, number, payment string, version int, from, to string) []byte {
	t.Helper()
	account, masked := h.pseudo.Person(number)
	at := time.Now().UTC().Add(time.Duration(version-20) * time.Minute).Truncate(time.Microsecond).Format(time.RFC3339Nano)
	line := map[string]any{"payment_id": payment, "version": version, "at": at, "from": from, "to": to, "event": "e", "by": "sender", "reason": "", "tenant": "acme", "job": "bills",
		"key": "INV-1", "project_id": sandbox.ProjectID, "method": "mbank", "operation": "sale", "provider_code": "AZERSU_RES", "amount_minor": 125000, "currency": "KGS",
		"customer_id": number, "account": account, "account_masked": masked, "fingerprint": strings.Repeat("0f", 32), "maker": "aysel", "checker": "", "batch": "", "attempt": 0,
		"sent_at": "", "accepted_at": "", "settled_at": "", "told": "", "operation_id": "", "request_id": "", "code_space": "", "code": "", "code_message": "", "finding": ""}
	body, err := json.Marshal(line)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// put stores steps as waiting deliveries.
func (h *house) put(t *testing.T, bodies ...[]byte) {
	t.Helper()
	if err := h.persons.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	var list []state.Delivery
	for _, b := range bodies {
		list = append(list, state.Delivery{Source: "psp", Kind: intents.Kind, ReceivedAt: time.Now(), Body: b})
	}
	if _, err := h.state.Inbox().Put(t.Context(), list); err != nil {
		t.Fatal(err)
	}
}

// Steps of payments lie in the inbox, and a running paylake carries them into
// lake and warehouse, each once. The payer is hidden from analysts, is one
// person before and after the pseudonym key is rotated, can be revealed, and is
// erased in new rows once that is asked for; from outside nobody puts a step there.
func TestStepsOfPaymentsReachTheWarehouse(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 50)
	const number = "+996555987654"
	h, done := g.opened(t)
	draft := h.taken(t, number, "pl_1", 1, "", "draft")
	h.put(t, draft, h.taken(t, number, "pl_1", 2, "draft", "approved"), h.taken(t, number, "pl_2", 1, "", "draft"), draft)
	account := h.pseudo.Of(number)
	done()
	up := g.up(t)
	const now = "SELECT payment_id, version, status, amount, currency FROM payment_intents ORDER BY payment_id"
	g.eventually(t, now, line("pl_1", 2, "approved", 1250, "KGS")+"; "+line("pl_2", 1, "draft", 1250, "KGS"))
	if code := up.deliver(t, "/callbacks/flashpay/psp", draft); code != 400 {
		t.Errorf("a step from outside was answered %d", code)
	}
	up.stop()
	for reader, want := range map[string]string{"analyst": ",,", "auditor": account + "," + account + ",+99655•••••54"} {
		if got := g.ask(t, reader, "SELECT DISTINCT account, customer_id, account_masked FROM payment_intents_history"); got != want {
			t.Errorf("%s sees %s, want %s", reader, got, want)
		}
	}
	if got := g.ask(t, "analyst", "SELECT count(), countIf(business_date = toDate(changed_at, 'Asia/Bishkek')) FROM payment_intents_history"); got != "3,3" {
		t.Errorf("steps, and those of the source's day: %s", got)
	}
	g.paylake(t, "reveal", account, "--reason", "test").want(t, 0).says(t, number, "")
	before := g.rows(t, "SELECT max(sequence) FROM snapshots")[0]

	g.paylake(t, "keys", "rotate", "pseudonym").want(t, 0)
	h, done = g.opened(t)
	h.put(t, h.taken(t, number, "pl_2", 2, "draft", "withdrawn"))
	young := h.pseudo.Of(number)
	done()
	again := g.up(t)
	g.eventually(t, now, line("pl_1", 2, "approved", 1250, "KGS")+"; "+line("pl_2", 2, "withdrawn", 1250, "KGS"))
	again.stop()
	if got := g.ask(t, "auditor", "SELECT uniqExact(account), any(account) FROM payment_intents_history"); got != "1,"+young || young == account {
		t.Errorf("after a rotation the payer is %s, want %s", got, young)
	}
	if got := g.rows(t, fmt.Sprintf("SELECT status FROM payment_intents_at(snapshot = %s) ORDER BY payment_id", before)); strings.Join(got, " ") != "approved draft" {
		t.Errorf("as of manifest %s: %v", before, got)
	}
	g.paylake(t, "erase", "--msisdn", number, "--reason", "request 12").want(t, 0)
	h, done = g.opened(t)
	if err := h.persons.Keep(t.Context()); err != nil { // who was erased meanwhile
		t.Fatal(err)
	}
	h.put(t, h.taken(t, number, "pl_1", 3, "approved", "sending"))
	done()
	third := g.up(t)
	g.eventually(t, "SELECT max(version) FROM payment_intents", "3")
	third.stop()
	if got := g.ask(t, "auditor", "SELECT account, account_masked, customer_id FROM payment_intents WHERE payment_id = 'pl_1'"); got != "erased,erased,erased" {
		t.Errorf("after the payer was erased: %s", got)
	}
	g.paylake(t, "export", "payment_intents", "--format", "csv").want(t, 0).says(t, "pl_2", "")
	g.paylake(t, "verify").want(t, 0)
}
