//go:build browser

package ui

import (
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/ui/uitest"
	"github.com/paylake/paylake/sinks/gate"
)

func opened(t *testing.T, scopes ...string) (*uitest.Browser, *fake) {
	t.Helper()
	f := newFake(scopes...)
	server := httptest.NewServer(f.handler())
	t.Cleanup(server.Close)
	return uitest.Open(t, server.URL), f
}

func TestSigningIn(t *testing.T) {
	b, f := opened(t, "read")
	b.Go("")
	b.Axe("login")
	b.Choose("#key", "plk_bad")
	b.Click("button[type=submit]", "Sign in")
	b.Until("document.querySelector('#key-said').innerText.includes('not accepted')")
	if focus := uitest.Eval[string](b, "document.activeElement.id"); focus != "key" {
		t.Errorf("the focus is on %q", focus)
	}
	b.SignIn("plk_good")
	b.Says("h1", "Spend")
	if kept := uitest.Eval[string](b, "JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage), location.href])"); strings.Contains(kept, "plk_") {
		t.Errorf("the key is kept: %s", kept)
	}
	// The session ends while somebody looks: they are asked to sign in.
	f.set(func() { f.signed = false })
	b.Move("#/wallets")
	b.Until("document.querySelector('#key')")
	b.SignIn("plk_good")
	b.Click("#sign-out", "")
	b.Until("document.querySelector('#key')")
}

// Only pages that the key's scopes allow are offered, and an address typed by
// hand leads nowhere else.
func TestPagesFollowScopes(t *testing.T) {
	b, _ := opened(t, "approve")
	b.SignIn("plk_good")
	b.Says("h1", "Approvals")
	if menu := b.Text("nav"); strings.TrimSpace(menu) != "Approvals" {
		t.Errorf("offered: %q", menu)
	}
	b.Move("#/spend")
	b.Says("main", "There is no such page")
}

func TestAmountsAreExact(t *testing.T) {
	b, _ := opened(t, "read")
	b.SignIn("plk_good")
	b.Says("main", "270,215,977,642,226.79 AZN", "27,021,597,764,222,679 JPY", "90,071,992,547,409.93 AZN")
	b.Choose("#language", "az")
	b.Until("document.documentElement.lang === 'az'")
	b.Still()
	b.Says("main", "270.215.977.642.226,79 AZN")
	b.Choose("#language", "ru")
	b.Until("document.documentElement.lang === 'ru'")
	b.Still()
	b.Says("main", "270 215 977 642 226,79 AZN", "Расход")
	if uitest.Eval[int](b, "document.querySelectorAll('main img').length") != 0 {
		t.Error("a name became markup")
	}
}

func TestAddressHoldsWhatIsShown(t *testing.T) {
	b, _ := opened(t, "read")
	b.SignIn("plk_good")
	b.Choose("#filter-currency", "JPY")
	b.Until("location.hash.includes('currency=JPY')")
	b.Still()
	if strings.Contains(b.Text(".tiles"), "AZN") || uitest.Eval[string](b, "document.activeElement.id") != "filter-currency" {
		t.Errorf("the filter does not hold, or lost the focus: %s", b.Text(".tiles"))
	}
	b.Choose("#filter-span", "custom")
	b.Until("document.querySelector('#filter-from')")
	b.Choose("#filter-from", "2026-03-01")
	b.Choose("#filter-to", "2026-03-31")
	b.Until("location.hash.includes('from=2026-03-01') && location.hash.includes('to=2026-04-01')")
	b.Still()
	b.Click("main tbody a", "2")
	b.Until("location.hash.startsWith('#/rows')")
	b.Still()
	b.Says("h1", "Rows")
	b.Says(".foot", "there are more")
	b.Click(".foot button", "More")
	b.Until("document.querySelectorAll('main tbody tr').length === 2")
	b.Back()
	b.Says("h1", "Spend")
	b.Back()
	b.Back()
	b.Back()
	if hash := uitest.Eval[string](b, "location.hash"); strings.Contains(hash, "from=") {
		t.Errorf("going back is at %s", hash)
	}
}

func TestTimesAreInTheChosenZone(t *testing.T) {
	b, _ := opened(t, "read")
	b.SignIn("plk_good")
	b.Move("#/rows?provider_code=p0")
	b.Says("main", "2026-03-31 20:30:00", "Times are in UTC")
	b.Choose("#zone", "Asia/Baku")
	b.Until("document.querySelector('.zone').innerText.includes('Asia/Baku')")
	b.Still()
	b.Says("main", "2026-04-01 00:30:00")
}

func TestTroubleIsShown(t *testing.T) {
	b, f := opened(t, "read")
	f.set(func() { f.broken["/v1/spend"] = 503 })
	b.SignIn("plk_good")
	b.Says(".failure", "Service Unavailable", "the warehouse <b>is</b> busy; try again")
	b.Axe("failure")
	f.set(func() { delete(f.broken, "/v1/spend"); f.slow = 500 * time.Millisecond })
	b.Click(".failure button", "Try again")
	b.Until("document.querySelector('main .loading')")
	b.Still()
	f.set(func() { f.slow = 0 })
	b.Move("#/catalogue")
	b.Says("main", "The catalogue has no providers")
	for status, words := range map[int]string{403: "may not do that", 404: "Not found", 422: "not right", 429: "Too many requests"} {
		f.set(func() { f.broken["/v1/providers"] = status })
		b.Move("#/spend")
		b.Move("#/catalogue")
		b.Says(".failure", words)
	}
}

func TestDecisions(t *testing.T) {
	b, f := opened(t, "read", "operate", "audit", "approve")
	b.SignIn("plk_good")
	b.Move("#/approvals")
	b.Says("main", "1,250.00 AZN", "leyla")
	b.Click("td button", "Approve")
	b.Until("document.querySelector('dialog[open]')")
	b.Axe("dialog")
	b.Says("dialog", "1,250.00 AZN", "azersu", "pl_1")
	b.Attach("#signing-key", "leyla.key", "nonsense")
	b.Click("dialog button[type=submit]", "Approve")
	b.Until("document.querySelector('dialog .said').innerText.includes('not an approver')")
	key, verifier, err := gate.GenerateApprover("aysel")
	if err != nil {
		t.Fatal(err)
	}
	b.Attach("#signing-key", "aysel.key", key+"\n")
	b.Click("dialog button[type=submit]", "Approve")
	b.Until("!document.querySelector('dialog')")
	b.Until("document.querySelector('main').innerText.includes('No payment waits')")
	b.Move("#/quarantine")
	b.Says("main", "−750,000.00 AZN", "too many fraction digits")
	b.Click("#redrive", "Try again")
	b.Until("document.querySelector('main').innerText.includes('Queued: 2.')")
	b.Move("#/snapshots")
	b.Click("#verify", "Verify now")
	b.Until("document.querySelector('.verdict')?.innerText === 'Everything holds.'")
	b.Move("#/pipelines")
	b.Says(".running", "psp_operations", "1,234,567")
	want := []string{"/v1/intents/pl_1/approve", "/v1/quarantine/redrive", "/v1/verify"}
	f.set(func() {
		approvedBy(t, f.posts[0], verifier)
		for i, p := range f.posts {
			f.posts[i], _, _ = strings.Cut(p, " ")
		}
		if !slices.Equal(f.posts, want) {
			t.Errorf("sent %q, want %q", f.posts, want)
		}
	})
}

// approvedBy checks what was sent as the register of payments does.
func approvedBy(t *testing.T, sent, verifier string) {
	t.Helper()
	if strings.Contains(sent, "PRIVATE") {
		t.Errorf("the key was sent: %s", sent)
	}
	_, body, _ := strings.Cut(sent, " ")
	var ap gate.Approval
	if err := json.Unmarshal([]byte(body), &ap); err != nil {
		t.Fatal(err)
	}
	it := gate.Intent{PaymentID: "pl_1", Fingerprint: "f1", Maker: "leyla", Approval: ap, Order: gate.Order{AmountMinor: 125000, Currency: "AZN"}}
	batch, err := gate.BatchOf([]gate.Intent{it})
	if err != nil || batch.ID != ap.Batch || !strings.HasPrefix(ap.Note, batch.Text()) {
		t.Errorf("%v: batch %s, sent %+v", err, batch.ID, ap)
	}
	if err := (gate.Approvers{"aysel": verifier}).Check(it); err != nil {
		t.Error(err)
	}
}

// The whole page can be used with the keyboard.
func TestKeyboard(t *testing.T) {
	b, _ := opened(t, "read")
	b.SignIn("plk_good")
	b.Go("#/spend")
	b.Keys("\t")
	if on := uitest.Eval[string](b, "document.activeElement.className"); on != "skip" {
		t.Errorf("the first stop is %q", on)
	}
	b.Keys("\r")
	if on := uitest.Eval[string](b, "document.activeElement.id"); on != "main" {
		t.Errorf("the skip link leads to %q", on)
	}
	b.Click("nav a", "Wallets")
	b.Until("document.activeElement.tagName === 'H1' && document.activeElement.innerText === 'Wallets'")
	b.Move("#/spend")
	sorted := "document.querySelector('.columns table').querySelectorAll('th')[0]"
	uitest.Eval[bool](b, "("+sorted+".querySelector('button').focus(), true)")
	b.Keys("\r")
	b.Until(sorted + ".getAttribute('aria-sort') === 'ascending'")
	b.Keys(" ")
	b.Until(sorted + ".getAttribute('aria-sort') === 'descending'")
}

// What fails the other tests is seen: errors of scripts and breaches of the policy.
func TestFaultsAreSeen(t *testing.T) {
	b, _ := opened(t, "read")
	b.SignIn("plk_good")
	uitest.Eval[bool](b, "(setTimeout(() => { throw new Error('planted') }), document.body.append(Object.assign(document.createElement('script'), {textContent: '1'})), true)")
	time.Sleep(500 * time.Millisecond)
	if faults := strings.Join(b.Faults(), "\n"); !strings.Contains(faults, "planted") || !strings.Contains(faults, "Content Security Policy") {
		t.Errorf("seen: %s", faults)
	}
	b.MustFindFaults()
}
