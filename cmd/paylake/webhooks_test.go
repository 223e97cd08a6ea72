package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/sandbox"
	"github.com/paylake/paylake/sinks/webhook"
	"github.com/paylake/paylake/sources/mpay"
)

// hooked lets webhooks reach the sandbox on this machine.
func (g *playground) hooked(t testing.TB) {
	t.Helper()
	text, err := os.ReadFile(g.config)
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for line := range strings.Lines(string(text)) { // three pipelines are enough
		name, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		if !slices.Contains([]string{"balances", "funding", "assurance", "templates", "nfc", "fees", "chargebacks", "psp_balances", "rates"}, name) {
			kept = append(kept, line)
		}
	}
	if err := os.WriteFile(g.config, []byte(strings.Join(kept, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	g.edit(t, "\nwebhooks: {allow_http", "\nwebhooks: {consent_ending: 100d, allow_http")
}

// hook says how a receiver of the sandbox behaves.
func (g *playground) hook(t testing.TB, name string, h sandbox.Hook) {
	t.Helper()
	body, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, g.hookURL(name), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := g.server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		t.Fatalf("receiver not configured: %s", res.Status)
	}
}

func (g *playground) hookURL(name string) string { return g.server.URL + "/sandbox/hooks/" + name }

// received lists what a receiver got.
func (g *playground) received(t testing.TB, name string) (list []sandbox.HookMessage) {
	t.Helper()
	res, err := g.server.Client().Get(g.hookURL(name))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return list
}

// endpoint adds an endpoint for a receiver, and tells the receiver its secret.
func (g *playground) endpoint(t testing.TB, name string, h sandbox.Hook, args ...string) (secret string) {
	t.Helper()
	var made struct{ Secret string }
	g.paylake(t, append([]string{"webhook", "add", name, g.hookURL(name), "--json"}, args...)...).want(t, 0).json(t, &made)
	h.Secrets = []string{made.Secret}
	g.hook(t, name, h)
	return made.Secret
}

// standing is `webhook list` of one endpoint.
func (g *playground) standing(t testing.TB, name string) shownEndpoint {
	t.Helper()
	var all []shownEndpoint
	g.paylake(t, "webhook", "list", "--json").want(t, 0).json(t, &all)
	for _, e := range all {
		if e.Name == name {
			return e
		}
	}
	t.Fatalf("no endpoint %s in %+v", name, all)
	return shownEndpoint{}
}

// until asks again and again whether something holds.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for range 1200 {
		if holds() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("not within two minutes: %s", what)
}

// From a commit to a receiver: every payment of the wallets once, signed in the
// form that the endpoint has, whatever was committed by whom; a receiver that
// fails gets it again; the warehouse shows all of it.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 300)
	g.hooked(t)
	g.endpoint(t, "crm", sandbox.Hook{Fail: 3}, "--event", "payment.settled")
	g.endpoint(t, "erp", sandbox.Hook{Form: "mpay"}, "--form", "mpay", "--event", "payment.settled")
	g.endpoint(t, "one", sandbox.Hook{Fail: 1}, "--ordered", "--event", "provider.changed")
	g.endpoint(t, "gone", sandbox.Hook{Fail: -1, Status: 410}, "--event", "provider.changed")
	g.endpoint(t, "people", sandbox.Hook{}, "--event", "consent.expiring", "--event", "run.failed")
	g.paylake(t, "run", "ledger", "providers").want(t, 0) // a process that sends nothing, and stores what is to be sent

	bills := g.rows(t, "SELECT count() FROM (SELECT DISTINCT source, wallet_id, provider_code, external_reference, amount_minor FROM ledger WHERE type = 'bill_pay' AND status = 'posted')")[0]
	providers := g.rows(t, "SELECT count() FROM providers")[0]
	wallets := len(g.consents(t))
	if people := g.standing(t, "people"); people.Pending != int64(wallets) || wallets == 0 {
		t.Errorf("%+v, %d consents end", people, wallets)
	}
	crm := g.standing(t, "crm")
	if fmt.Sprint(crm.Pending) != bills || crm.Delivered != 0 || crm.Pending < 30 {
		t.Fatalf("%+v, %s bill payments", crm, bills)
	}
	up := g.up(t)
	defer func() {
		if t.Failed() {
			t.Logf("%+v\n%+v\n%+v\n%s", g.standing(t, "crm"), g.standing(t, "erp"), g.standing(t, "one"), up.errs.String())
		}
	}()
	until(t, "crm and erp have everything, gone is disabled", func() bool {
		return g.standing(t, "crm").Pending == 0 && g.standing(t, "erp").Pending == 0 && g.standing(t, "one").Pending == 0 && g.standing(t, "people").Pending == 0 && g.standing(t, "gone").Status == "disabled"
	})
	sales := g.rows(t, "SELECT count() FROM operations WHERE type = 'sale' AND status = 'success'")[0] // which up has read
	bills = fmt.Sprint(atoi(t, bills) + atoi(t, sales))
	g.eventually(t, "SELECT endpoint, status, event_type, count() FROM webhook_deliveries WHERE status = 'delivered' AND tries >= 1 AND code = 204 AND delivered_at >= last_at GROUP BY ALL ORDER BY ALL",
		fmt.Sprintf("crm|delivered|payment.settled|%s; erp|delivered|payment.settled|%s; one|delivered|provider.changed|%s; people|delivered|consent.expiring|%d", bills, bills, providers, wallets))
	up.stop()

	for name, want := range map[string]string{"crm": bills, "erp": bills, "one": providers} {
		got, again := g.received(t, name), 0
		for _, m := range got {
			if !m.Taken || !m.Verified || m.ID == "" {
				t.Fatalf("%s: %+v", name, m)
			}
			again += m.Times - 1
		}
		if fmt.Sprint(len(got)) != want || name == "crm" && again < 3 {
			t.Errorf("%s got %d messages, want %s; %d came again", name, len(got), want, again)
		}
	}
	var flat map[string]any
	if err := json.Unmarshal(g.received(t, "erp")[0].Body, &flat); err != nil || flat["event"] != "payment.settled" || flat["currency"] != "AZN" || flat["wallet_id"] == "" || flat["external_reference"] == "" {
		t.Errorf("%v %v", flat, err)
	}
	if body := string(g.received(t, "erp")[0].Body); strings.Contains(body, "+994") {
		t.Errorf("a number of a person: %s", body)
	}
	t.Run("rebuilt", func(t *testing.T) { // the follower looks at everything again: nobody is told twice
		g.paylake(t, "webhook", "replay", "crm", "--from", "1").want(t, 0)
		g.paylake(t, "run", "ledger").want(t, 0)
		if e := g.standing(t, "crm"); e.Pending != 0 || fmt.Sprint(e.Delivered) != bills {
			t.Errorf("%+v", e)
		}
	})
	t.Run("a receiver that was gone", func(t *testing.T) {
		e := g.standing(t, "gone")
		if e.Dead < 1 || e.Pending+e.Dead != int64(atoi(t, providers)) || !strings.Contains(e.Why, "410") {
			t.Errorf("%+v", e)
		}
		g.paylake(t, "webhook", "deliveries", "gone", "--status", "dead").want(t, 0).says(t, "answered 410 Gone", "")
		g.paylake(t, "webhook", "replay", "gone", "--dead").want(t, 0).says(t, "messages are sent again", "first: paylake webhook enable gone")
		old := g.standing(t, "gone")
		secret := g.paylake(t, "webhook", "rotate", "gone").want(t, 0).stdout
		g.hook(t, "gone", sandbox.Hook{Secrets: []string{strings.TrimSpace(strings.TrimPrefix(secret, "secret: "))}})
		if n := g.standing(t, "gone").Secrets; n != old.Secrets+1 {
			t.Errorf("%d secrets sign, there were %d", n, old.Secrets)
		}
		g.paylake(t, "webhook", "enable", "gone").want(t, 0)
		up := g.up(t)
		until(t, "gone has everything", func() bool { e := g.standing(t, "gone"); return fmt.Sprint(e.Delivered) == providers })
		up.stop()
		g.paylake(t, "status").want(t, 0).says(t, "webhooks: 5 endpoints, 0 messages on their way, 0 given up", "")
		if acts := g.acts(t); len(acts) == 0 || acts[len(acts)-1].Subject != "webhook secret of gone" {
			t.Errorf("%+v", acts)
		}
	})
}

func atoi(t testing.TB, text string) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(text, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// What we sign in MPAY's form, our own receiver of MPAY's webhooks takes: two
// pieces of code that know nothing of each other.
func TestMPAYFormIsTheirs(t *testing.T) {
	t.Parallel()
	now, secret := time.Now(), webhook.NewSecret()
	w, err := mpay.NewWebhooks(mpay.WebhooksConfig{Name: "mpay", Secrets: [][]byte{[]byte(secret.Reveal())}, Zone: time.UTC, Wallets: []string{"wlt_441b"}, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	e := webhook.Event{ID: "evt_1", Type: webhook.PaymentSettled, At: now, Data: webhook.Fields{}}
	for name, v := range map[string]string{"wallet_id": "wlt_441b", "currency": "AZN", "provider_code": "MOB_AZERCELL", "external_reference": "acr_88331"} {
		e.Data.Text(name, v)
	}
	e.Data.Money("amount", -1200, "AZN")
	body, err := e.Body(webhook.FormMPAY)
	if err != nil {
		t.Fatal(err)
	}
	for _, secrets := range [][]webhook.Secret{{secret}, webhook.Rotate([]webhook.Secret{secret}, webhook.NewSecret(), now, time.Hour)} {
		h, err := webhook.Sign(webhook.FormMPAY, secrets, e.ID, now, body)
		if err != nil {
			t.Fatal(err)
		}
		signature := map[string][]string(h)["MPAY-Signature"][0] // in this spelling, which Get does not look for
		if _, err := w.Accept(signature, body); err != nil {
			t.Errorf("%v\n%s", err, body)
		}
		if _, err := w.Accept(signature, append(body, ' ')); err == nil {
			t.Error("a changed body was taken")
		}
	}
}

// What nobody could be told is refused in one sentence, before anything is
// stored.
func TestWebhookRefusals(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 100)
	g.edit(t, "webhooks: {allow_http: true, allow_networks: [127.0.0.0/8, \"::1/128\"]}\n", "") // as it is unless somebody writes it
	const ok = "https://93.184.216.34/hooks"
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"add", "crm", "https://169.254.169.254/latest/meta-data"}, "not a public address"},
		{[]string{"add", "crm", "https://[::ffff:10.0.0.1]/"}, "10.0.0.1 is not a public address"},
		{[]string{"add", "crm", "https://0.0.0.0/"}, "not a public address"},
		{[]string{"add", "crm", "https://localhost/"}, "not a public address"},
		{[]string{"add", "crm", "http://93.184.216.34/"}, "https:// only"},
		{[]string{"add", "crm", "https://me:canary@93.184.216.34/"}, "take it out"},
		{[]string{"add", "crm", "receiver"}, "is not a URL"},
		{[]string{"add", "Crm!", ok}, "cannot be the name"},
		{[]string{"add", "crm", ok, "--event", "payment.setled"}, "did you mean payment.settled?"},
		{[]string{"add", "crm", ok, "--form", "xml"}, "--form is standard or mpay"},
		{[]string{"add", "crm", ok, "--from", "-1"}, "--from is the number of a manifest"},
		{[]string{"rotate", "crm"}, "nor any other; add one"},
		{[]string{"deliveries", "--status", "lost"}, "--status is pending, delivered or dead"},
		{[]string{"replay", "crm"}, "give one of --dead, --event ID and --from N"},
	} {
		r := g.paylake(t, append([]string{"webhook"}, c.args...)...).want(t, 2).says(t, "", c.says)
		if strings.Contains(r.stderr, "canary@") || strings.Count(strings.TrimSpace(strings.TrimSuffix(r.stderr, "see: paylake --help\n")), "\n") > 0 {
			t.Errorf("%v:\n%s", c.args, r.stderr)
		}
	}
	if r := g.paylake(t, "webhook", "list").want(t, 0).says(t, "nobody is told", ""); strings.Contains(r.stdout, "crm") {
		t.Error(r.stdout)
	}
	r := g.paylake(t, "webhook", "add", "crm", ok).want(t, 0).says(t, "secret: whsec_", "not shown again")
	g.paylake(t, "webhook", "add", "crm", ok).want(t, 2).says(t, "", "there is an endpoint crm already")
	g.paylake(t, "webhook", "rotate", "crn").want(t, 2).says(t, "", "did you mean crm?")
	g.paylake(t, "webhook", "replay", "crm", "--event", "evt_1").want(t, 2).says(t, "", "was not told of an event evt_1")
	_, secret, _ := strings.Cut(strings.TrimSpace(r.stdout), "secret: ")
	for _, args := range [][]string{{"webhook", "list"}, {"webhook", "list", "--json"}, {"webhook", "deliveries", "--json"}, {"status", "--json"}} {
		if r := g.paylake(t, args...); strings.Contains(r.stdout+r.stderr, secret) {
			t.Errorf("%v shows the secret", args)
		}
	}
}

// Programs read the same list from `add` as from `list`: [] stands for every event.
func TestWebhookAddInJSON(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 50)
	g.hooked(t)
	for name, c := range map[string]struct {
		args []string
		want string
	}{"all": {nil, `[]`}, "some": {[]string{"--event", "payment.settled"}, `["payment.settled"]`}} {
		var made struct{ Events json.RawMessage }
		g.paylake(t, append([]string{"webhook", "add", name, g.hookURL(name), "--json"}, c.args...)...).want(t, 0).json(t, &made)
		if string(made.Events) != c.want {
			t.Errorf("%s: events %s, want %s", name, made.Events, c.want)
		}
	}
}

// `check` connects to every enabled endpoint and sends nothing; one that cannot
// be reached, or lies where webhooks do not go, is told and fails nothing.
func TestCheckLooksAtWebhooks(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 50)
	g.hooked(t)
	g.endpoint(t, "crm", sandbox.Hook{})
	g.endpoint(t, "off", sandbox.Hook{})
	g.paylake(t, "webhook", "disable", "off").want(t, 0)
	g.paylake(t, "webhook", "add", "dead", "http://127.0.0.1:1/hooks?token=canary").want(t, 0)
	line := func(r result, name string) string {
		for l := range strings.Lines(r.stdout) {
			if strings.Contains(l, "webhook "+name+" ") {
				return strings.TrimSpace(l)
			}
		}
		return ""
	}
	r := g.paylake(t, "check").want(t, 0)
	origin := strings.TrimPrefix(g.server.URL, "http://")
	if got := line(r, "crm"); !strings.HasPrefix(got, "ok ") || !strings.HasSuffix(got, origin+" can be reached, without TLS; nothing was sent") {
		t.Errorf("%q", got)
	}
	if got := line(r, "dead"); !strings.HasPrefix(got, "warn ") || !strings.Contains(got, "127.0.0.1:1: no answer") || strings.Contains(got, "canary") {
		t.Errorf("%q", got)
	}
	if got := line(r, "off"); got != "" {
		t.Errorf("an endpoint that is told nothing: %q", got)
	}
	if got := g.received(t, "crm"); len(got) != 0 {
		t.Errorf("it got %+v", got)
	}
	g.edit(t, `allow_networks: [127.0.0.0/8, "::1/128"]`, `allow_networks: []`)
	if got := line(g.paylake(t, "check").want(t, 0), "crm"); !strings.HasPrefix(got, "warn ") || !strings.Contains(got, "not a public address") {
		t.Errorf("%q", got)
	}
}
