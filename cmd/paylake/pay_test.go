package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/sandbox"
	"github.com/paylake/paylake/sinks/gate"
	"github.com/paylake/paylake/sinks/gate/gatetest"
)

// Approving, sending and confirming by hand, everything that must be refused on
// the way, and the payment in lake and warehouse at its end.
func TestPay(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 200)
	g.paying(t, tight)
	batch, ids := g.drafted(t, "farid", map[string]int64{"inv-1": 1250_00, "inv-2": 4900_00, "inv-3": 4800_00})
	id := ids["inv-1"]
	g.paylake(t, "pay", "status").want(t, 4).says(t, "approval", "")
	g.paylake(t, "pay", "send", id, "--live").want(t, 4).says(t, "", "nobody has approved it")
	g.paylake(t, "pay", "send", id, "--live", "--again", "--by", "nigar").want(t, 2).says(t, "", "payments.approvers")
	g.paylake(t, "pay", "resolve", id, "--as", "decline", "--by", "nigar", "--reason", "x").want(t, 2).says(t, "", "payments.approvers")
	g.paylake(t, "pay", "resolve", id, "--as", "decline", "--by", "aysel", "--reason", "x").want(t, 4).says(t, "", "the platform's word ends it")
	g.paylake(t, "pay", "approve", batch, "--by", "farid", "--key", g.keyOf("aysel")).want(t, 2).says(t, "", "payments.approvers")
	g.paylake(t, "pay", "approve", batch, "--by", "aysel", "--key", g.keyOf("aysel")).want(t, 2).says(t, "10950.00 KGS", "nobody typed yes")
	g.paylake(t, "pay", "approve", "b_0000000000000000", "--by", "aysel", "--key", g.keyOf("aysel")).want(t, 2).says(t, "", "no batch")
	own, _ := g.drafted(t, "aysel", map[string]int64{"inv-9": 50_00})
	g.paylake(t, "pay", "approve", own, "--by", "aysel", "--key", g.keyOf("aysel"), "--yes").want(t, 4).says(t, "", "cannot approve it")
	g.paylake(t, "pay", "approve", batch, "--by", "aysel", "--key", g.keyOf("aysel"), "--yes").want(t, 0).
		says(t, "approved by aysel", "as limits stand, 2 of 3 payments").says(t, "", "could not be sent today: above limits.beneficiary of 5000.00 KGS; see payments.limits")
	g.paylake(t, "pay", "send", batch).want(t, 0).says(t, "dry run: 3 payments, 10950.00 KGS", "")
	if n := g.paid(t, id).Asked; n != 0 {
		t.Fatalf("a dry run has sent %d requests", n)
	}
	g.paylake(t, "pay", "send", batch, "--live").want(t, 4).says(t, "accepted", "limits.") // two of the three are above a limit together
	if sum := sumOf(askJSON[[]gatetest.Payment](t, g, "/sandbox/gate")); sum > 5000_00 || sum == 0 {
		t.Errorf("%d minor units were sent to one beneficiary", sum)
	}
	g.paylake(t, "pay", "kill", "--reason", "a test").want(t, 0)
	g.paylake(t, "pay", "send", "--all", "--live").want(t, 4).says(t, "", "stopped")
	g.paylake(t, "pay", "resume").want(t, 2).says(t, "", "--reason")
	g.paylake(t, "pay", "resume", "--reason", "over").want(t, 0)
	for _, one := range ids {
		if p := g.paid(t, one); p.Asked > 0 {
			id = one
		}
	}
	g.paylake(t, "pay", "status", id, "--poll").want(t, 4).says(t, "the payer's code", "")
	g.confirm(t, id, "").want(t, 2).says(t, "", "nobody typed a code")
	g.confirm(t, id, "000000").want(t, 4).says(t, "", "refused the code")
	g.confirm(t, id, sandbox.GateCode).want(t, 0)
	g.confirm(t, id, sandbox.GateCode).want(t, 4).says(t, "", "already")
	if s := g.stands(t, id, "--poll"); s.Status != "success" || s.Finding != "" || g.paid(t, id).Executed != 1 || len(s.History) < 6 {
		t.Errorf("%+v", s)
	}
	g.paylake(t, "query", "--format", "csv", "SELECT status, currency, maker, checker, account_masked, event FROM payment_intents WHERE payment_id = '"+id+"'").
		want(t, 0).says(t, `"success","KGS","farid","aysel","+99655•••••56","observed"`, "")
	g.nothingTelling(t, "996555123456", sandbox.GateCode)
	g.paylake(t, "erase", "--msisdn", "+996555123456", "--reason", "request 1").want(t, 0)
	var all payStatus
	g.paylake(t, "pay", "status", "--state", "success", "--state", "withdrawn", "--json").want(t, 0).json(t, &all)
	if len(all.Payments) != 4 {
		t.Errorf("%+v", all)
	}
	for _, one := range all.Payments {
		if one.Account != "" {
			t.Errorf("%+v", one)
		}
	}
}

func sumOf(list []gatetest.Payment) (sum int64) {
	for _, p := range list {
		sum += p.Minor
	}
	return sum
}

// What came of sending is the exit code: of several payments the gravest.
func TestPaySendSaysWhatCameOfIt(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 200)
	g.paying(t, wide)
	send := func(b gatetest.Behaviour, code int, says string, keys ...string) {
		t.Helper()
		g.gateOf(t, sandbox.GateOptions{Behaviour: &b})
		minor := map[string]int64{}
		for _, k := range keys {
			minor[k] = 100_00
		}
		batch, _ := g.drafted(t, "farid", minor)
		g.approved(t, batch)
		g.paylake(t, "pay", "send", batch, "--live").want(t, code).says(t, "", says)
	}
	send(gatetest.Accept, 0, "paylake up asks", "taken 1", "taken 2")
	send(gatetest.Refuse, 3, "of 1 payments: 1 declined", "refused")
	send(gatetest.HangAfter, 3, "of 2 payments: 2 of unknown outcome", "unknown 1", "unknown 2")
	send(gatetest.Bar, 4, "of 1 payments: 1 waiting for a person's decision", "barred")
	g.edit(t, g.server.URL+"/flashpay\"", "http://127.0.0.1:1\"")
	send(gatetest.Accept, 1, "of 1 payments: 1 not sent", "unreachable")
	for codes, want := range map[[2]int]int{{0, 0}: 0, {0, 3}: 3, {3, 4}: 4, {4, 3}: 4, {4, 1}: 1, {2, 4}: 2, {1, 130}: 130} {
		if got := graver(codes[0], codes[1]); got != want {
			t.Errorf("%v: %d, want %d", codes, got, want)
		}
	}
	var came sendings
	for _, status := range []gate.Status{gate.Accepted, gate.Manual, gate.Decline, gate.Success, gate.Unknown} {
		came.of(status)
	}
	if came.code != 4 || came.manual+came.declined+came.unclear != 3 {
		t.Errorf("%+v", came)
	}
}

// A running paylake sends what is approved, hears callbacks and tells webhooks:
// nobody polls.
func TestPayWhileUp(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 200)
	g.hooked(t)
	g.paying(t, tight)
	g.endpoint(t, "crm", sandbox.Hook{}, "--event", "payment.settled")
	ctx, cancel := context.WithCancel(t.Context())
	var out, errs syncBuffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"-c", g.config, "up", "--live"}, os.Getenv, strings.NewReader(""), &out, &errs)
	}()
	wait, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	origin, ok := out.line(wait, "http://")
	if !ok {
		cancel()
		t.Fatal(errs.String())
	}
	g.gateOf(t, sandbox.GateOptions{Callbacks: &origin})
	batch, ids := g.drafted(t, "farid", map[string]int64{"inv-1": 1250_00})
	g.approved(t, batch)
	id := ids["inv-1"]
	until(t, "the code is asked for", func() bool { return g.stands(t, id).Waits == "the payer's code" })
	g.confirm(t, id, sandbox.GateCode).want(t, 0)
	until(t, "it is settled", func() bool { return g.stands(t, id).Status == "success" })
	heard := false
	for _, l := range g.stands(t, id).History {
		heard = heard || l.By == "callback" && l.To == "success"
	}
	if s := g.stands(t, id); !heard && s.Told != "success" {
		t.Errorf("%+v", s)
	}
	until(t, "it is in lake and warehouse", func() bool {
		r := g.paylake(t, "query", "--format", "csv", "SELECT count() FROM operations WHERE payment_id = '"+id+"' AND status = 'success' AND amount_minor = 125000")
		return r.code == 0 && strings.Contains(r.stdout, "\n1\n")
	})
	until(t, "a webhook tells it", func() bool {
		for _, m := range g.received(t, "crm") {
			if m.Verified && strings.Contains(string(m.Body), id) {
				return true
			}
		}
		return false
	})
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("up ended with %d:\n%s", code, errs.String())
	}
}

// A link is signed by the project, and refuses what is planned or cannot be.
func TestPayLink(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 200)
	g.paying(t, tight)
	g.edit(t, "    page_url: \""+g.server.URL+"/flashpay/payment\"\n", "")
	g.paylake(t, "pay", "link", "--key", "k", "--amount", "1250.00", "--customer", "c-1").want(t, 2).says(t, "", "page_url")
	g.edit(t, "    project_id:", "    page_url: https://pay.example/payment\n    project_id:")
	g.paylake(t, "pay", "link", "--key", "k", "--amount", "1250.00", "--customer", "c-1").want(t, 0).says(t, "https://pay.example/payment?customer_id=c-1&force_payment_method=mbank&payment_amount=125000", "")
	g.edit(t, "https://pay.example/payment", g.server.URL+"/flashpay/payment")
	link := strings.TrimSpace(g.paylake(t, "pay", "link", "--key", "k", "--amount", "1250.00", "--customer", "c-1").want(t, 0).stdout)
	for url, want := range map[string]int{link: http.StatusOK, strings.Replace(link, "125000", "125001", 1): http.StatusForbidden} {
		res, err := g.server.Client().Get(url)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: %s", url, res.Status)
		}
	}
	g.paylake(t, "pay", "link", "--key", "k", "--amount", "12.00", "--customer", "c-1").want(t, 2).says(t, "", "50.00 KGS to 50000.00 KGS")
	g.paylake(t, "pay", "link", "--key", "k", "--amount", "1250.001", "--customer", "c-1").want(t, 2).says(t, "", "--amount")
	g.paylake(t, "pay", "link", "--key", "k", "--amount", "1250.00", "--customer", "c-1", "--json").want(t, 0).says(t, "payment_id", "") // the same again
	for _, other := range [][]string{{"--amount", "2000.00"}, {"--customer", "c-2"}, {"--description", "x"}} {
		args := append([]string{"pay", "link", "--key", "k", "--amount", "1250.00", "--customer", "c-1"}, other...)
		if r := g.paylake(t, args...).want(t, 2).says(t, "", "k is the payment pl_"); r.stdout != "" {
			t.Errorf("%v: a link all the same: %s", other, r.stdout)
		}
	}
	g.drafted(t, "farid", map[string]int64{"inv-1": 1250_00})
	g.paylake(t, "pay", "link", "--key", "inv-1", "--amount", "1250.00", "--customer", "c-1").want(t, 2).says(t, "", "is planned")
}

// Of links made at once under one key, for different money, one is made.
func TestPayLinksAtOnce(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 200)
	g.paying(t, tight)
	var all sync.WaitGroup
	var made, refused atomic.Int64
	for i := range 4 {
		all.Go(func() {
			switch r := g.paylake(t, "pay", "link", "--key", "k", "--amount", fmt.Sprintf("%d.00", 100+i), "--customer", "c-1"); r.code {
			case 0:
				made.Add(1)
			case 2:
				refused.Add(1)
			default:
				t.Errorf("%+v", r)
			}
		})
	}
	all.Wait()
	if made.Load() != 1 || refused.Load() != 3 {
		t.Errorf("%d links were made, %d refused", made.Load(), refused.Load())
	}
}

// Without live: true nothing is sent, whatever the command line says.
func TestPayIsNotLiveByItself(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 200)
	g.paying(t, tight)
	g.edit(t, "  live: true\n", "")
	batch, ids := g.drafted(t, "farid", map[string]int64{"inv-1": 1250_00})
	g.approved(t, batch)
	g.paylake(t, "pay", "send", batch, "--live").want(t, 2).says(t, "", "payments.live")
	g.paylake(t, "up", "--live").want(t, 2).says(t, "", "payments.live")
	if p := g.paid(t, ids["inv-1"]); p.Asked != 0 {
		t.Errorf("%+v", p)
	}
}

// A job with a schedule drafts while up runs; nobody who approves has made it.
func TestPaymentsPlannedOnSchedule(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 200)
	g.hooked(t)
	g.paying(t, wide)
	g.edit(t, "      source: psp\n      sql:", "      source: psp\n      schedule: \"@every 1s\"\n      sql:")
	g.paylake(t, "run", "operations").want(t, 0)
	r := g.up(t)
	defer r.stop()
	var s payStatus
	until(t, "it is planned", func() bool {
		g.paylake(t, "pay", "status", "--json").json(t, &s)
		return len(s.Payments) == 1
	})
	if one := s.Payments[0]; one.Status != "draft" || one.Maker != "job-one" || one.AmountMinor != 1250_00 {
		t.Errorf("%+v\n%s", one, r.errs.String())
	}
	until(t, "the log says so", func() bool { return strings.Contains(r.errs.String(), "payments planned") })
}

// The switch works when the state database cannot be reached: this machine is
// stopped, and the command says that others may not be.
func TestPayKillWithoutState(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 200)
	g.paying(t, tight)
	batch, ids := g.drafted(t, "farid", map[string]int64{"inv-1": 1250_00})
	g.approved(t, batch)
	g.edit(t, "sqlite://./paylake-sandbox/state.db", "sqlite://./nowhere/nothing/state.db")
	write(t, filepath.Join(g.dir, "nowhere"), "not a folder")
	g.paylake(t, "pay", "kill", "--reason", "a test").want(t, 1).says(t, "", "senders of this machine are stopped; others may go on")
	g.edit(t, "sqlite://./nowhere/nothing/state.db", "sqlite://./paylake-sandbox/state.db")
	g.paylake(t, "pay", "send", batch, "--live").want(t, 4).says(t, "", "stopped")
	if p := g.paid(t, ids["inv-1"]); p.Asked != 0 {
		t.Errorf("%+v", p)
	}
	g.paylake(t, "pay", "resume", "--reason", "over").want(t, 0)
	g.paylake(t, "pay", "send", batch, "--live").want(t, 0)
}
