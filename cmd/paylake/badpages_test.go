package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paylake/paylake/sources"
)

// impatient runs the program with an upstream's retries counted in milliseconds.
func (g *playground) impatient(t *testing.T, args ...string) result {
	t.Helper()
	var out, errs syncBuffer
	p := &program{getenv: os.Getenv, stdin: newLines(strings.NewReader("")), stdout: &out, stderr: &errs, now: time.Now,
		patience: sources.RetryPolicy{Attempts: 3, Base: time.Millisecond, Floor: time.Millisecond, Cap: 5 * time.Millisecond}}
	code := p.execute(t.Context(), append([]string{"-c", g.config}, args...))
	return result{code, out.String(), errs.String()}
}

// statements answers every statement with what body says; n counts from 1.
func statements(body func(n int64, cursor string) string) interceptor {
	var asked atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/wallet/statement") {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body(asked.Add(1), r.URL.Query().Get("cursor")))
		return true
	}
}

const whole = `{"currency":"AZN","rows":[],"next_cursor":null}`

// Answers that are not the protocol: the run is red, says which source, wallet
// and window, what is wrong and what to type next, and loses nothing: once the
// upstream is well the next run is exact.
func TestBadPages(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 600)
	truth := truthLines(g.truth(t))
	always := func(body string) func(int64, string) string { return func(int64, string) string { return body } }
	for _, c := range []struct {
		name, says string
		body       func(n int64, cursor string) string
	}{
		{"not JSON", "it is not JSON at byte 0", always(`<html>gateway</html>`)},
		{"cut short", "it is not JSON at byte", always(whole[:len(whole)-20])},
		{"duplicate keys", `field "next_cursor" comes twice`, always(`{"currency":"AZN","next_cursor":"a","rows":[],"next_cursor":null}`)},
		{"something behind", "something follows the JSON object", always(whole + whole)},
		{"rows are no array", "its rows are not an array", always(`{"currency":"AZN","rows":{},"next_cursor":null}`)},
		{"over the cap", "the answer is larger than 32 MiB", always(`{"currency":"AZN","rows":[],"x":"` + strings.Repeat("x", 33<<20) + `"}`)},
		{"repeated cursor", "the upstream repeated a cursor", always(`{"currency":"AZN","rows":[],"next_cursor":"again"}`)},
		{"no progress", "the upstream makes no progress", func(n int64, _ string) string {
			return fmt.Sprintf(`{"currency":"AZN","rows":[],"next_cursor":"c%d"}`, n)
		}},
		{"error in a 200", "answered 200 with error maintenance", always(`{"error":"maintenance"}`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			g.intercept(statements(c.body))
			r := g.impatient(t, "run", "ledger").want(t, 1).says(t, "ledger: 0 windows, 0 rows read", c.says)
			for _, part := range []string{"mpay source mpay, wallet wlt_441b, window ", "paylake run ledger", "it stays owed"} {
				if !strings.Contains(r.stderr, part) {
					t.Errorf("%q is not in:\n%s", part, r.stderr)
				}
			}
			noPanic(t, r)
		})
	}
	g.before.Store(nil)
	g.paylake(t, "run").want(t, 0)
	same(t, g.spend(t), truth)
}

func noPanic(t *testing.T, r result) {
	t.Helper()
	for _, bad := range []string{"panic", "goroutine ", "runtime error", "a defect of paylake"} {
		if strings.Contains(r.stdout+r.stderr, bad) {
			t.Errorf("%q in:\n%s%s", bad, r.stdout, r.stderr)
		}
	}
}

// A page in the middle of a window that cannot be read: the window is not
// committed in part, the windows before it are, and nothing comes twice.
func TestBadPageInTheMiddle(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 1500)
	var asked atomic.Int64
	g.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/wallet/statement") || asked.Add(1) <= 100 {
			return false
		}
		_, _ = io.WriteString(w, "{")
		return true
	})
	g.impatient(t, "run", "ledger").want(t, 1).says(t, "ledger: 100 windows", "it stays owed")
	g.before.Store(nil)
	g.paylake(t, "run").want(t, 0)
	same(t, g.spend(t), truthLines(g.truth(t)))
	g.paylake(t, "verify").want(t, 0)
}

// The platform's answers are signed: one that is unreadable, or not signed with
// the token's secret, brings nothing, and later nothing is missing.
func TestBadAnswersOfThePlatform(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 300)
	for name, c := range map[string]struct{ body, says string }{
		"not JSON":       {"<html>", "flashpay psp"},
		"duplicate keys": {`{"operations":[],"operations":[],"signature":"x"}`, "flashpay psp"},
		"no signature":   {`{"operations":[]}`, "flashpay psp"},
		"forged":         {`{"operations":[],"signature":"` + strings.Repeat("A", 86) + `=="}`, "signature does not hold; nothing of it was accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			g.intercept(func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, "/operations/get") {
					return false
				}
				_, _ = io.WriteString(w, c.body)
				return true
			})
			r := g.impatient(t, "run", "operations").want(t, 1).says(t, "operations: 0 windows, 0 rows read", c.says)
			r.says(t, "", "paylake run operations")
			noPanic(t, r)
		})
	}
	g.before.Store(nil)
	g.paylake(t, "run").want(t, 0)
	same(t, g.spend(t), truthLines(g.truth(t)))
}

// An upstream that is not there.
func TestUnreachableUpstream(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 300)
	origin := g.server.URL
	g.server.Close()
	r := g.impatient(t, "run").want(t, 1).says(t, "ledger: 0 windows", "upstream out of reach").
		says(t, "operations: 0 windows", "paylake check, and when the upstream answers: paylake run ledger")
	noPanic(t, r)
	if !strings.Contains(r.stderr, "gave up after 3 attempts") || !strings.Contains(r.stderr, "mpay source mpay, wallet wlt_441b") {
		t.Errorf("it does not say who was asked, and how often:\n%s", r.stderr)
	}
	g.paylake(t, "check").want(t, 1).says(t, origin, "")
	g.paylake(t, "verify").want(t, 0)
}

// A session that has expired and cannot be refreshed: the OTP chain, and where
// nobody can read a code, a person. Nothing of the wallet's window is lost.
func TestSessionThatCannotBeRefreshed(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 600)
	g.paylake(t, "run", "ledger", "--from", "2020-01-01", "--to", "2020-01-02").want(t, 0) // everybody logs in
	g.edit(t, "otp: {exec:", "otp: {prompt: true} } # {exec:")                             // nobody can read a code any more
	var refreshes atomic.Int64
	g.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case strings.HasSuffix(r.URL.Path, "/wallet/statement"):
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"session_expired","hint":"refresh_or_reauth"}`)
		case strings.HasSuffix(r.URL.Path, "/auth/refresh"):
			refreshes.Add(1)
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"refresh_invalid"}`)
		default:
			return false
		}
		return true
	})
	r := g.impatient(t, "run", "ledger").want(t, 4).says(t, "ledger: 0 windows", "type: paylake login --wallet wlt_441b")
	noPanic(t, r)
	if n := refreshes.Load(); n == 0 || n > 6 {
		t.Errorf("%d refreshes for 6 wallets: one each is right", n)
	}
	g.before.Store(nil) // the sessions work again
	g.paylake(t, "run").want(t, 0)
	same(t, g.spend(t), truthLines(g.truth(t)))
}

// A code that the upstream refuses: asked for three times in a run, then a
// person must act; the code is nowhere.
func TestWrongOTP(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 300)
	var verified atomic.Int64
	g.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/auth/otp/verify") {
			return false
		}
		verified.Add(1)
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"otp_invalid","retry_allowed":true,"retry_after":0}`)
		return true
	})
	r := g.impatient(t, "run", "ledger").want(t, 4).says(t, "", "the OTP was refused 3 times; type: paylake login --wallet wlt_441b")
	noPanic(t, r)
	if n := verified.Load(); n != 3*6 {
		t.Errorf("%d codes sent for 6 wallets, want 3 each", n)
	}
	g.before.Store(nil)

	p := newPhone(g)
	p.typed = "000000-CANARY"
	r = invoke(t.Context(), p, "-c", g.config, "login", "--wallet", "wlt_441b").want(t, 4).says(t, "", "paylake login --wallet wlt_441b")
	if strings.Contains(r.stdout+r.stderr, "CANARY") {
		t.Error("the code is shown")
	}
	g.paylake(t, "run").want(t, 0)
	same(t, g.spend(t), truthLines(g.truth(t)))
}

// The key that sealed the sessions has been changed: a person must act, and is
// told how; the former key makes it good.
func TestChangedKeeper(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 300)
	g.paylake(t, "run", "ledger").want(t, 0)
	text, err := os.ReadFile(g.config)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "secrets: base64key://")
	key, _, _ := strings.Cut(rest, "\n")
	g.edit(t, "base64key://"+key, "base64key://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	r := g.impatient(t, "run", "ledger").want(t, 4).says(t, "", "put the former key back").says(t, "", "or type: paylake login --wallet wlt_441b")
	noPanic(t, r)
	g.edit(t, "base64key://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "base64key://"+key)
	g.paylake(t, "run", "ledger").want(t, 0)
}
