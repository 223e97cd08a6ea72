package mpay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

func TestExpiryInTheMiddleOfAWindowLosesNothing(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		t.Run(fmt.Sprint("refresh refused ", refuse), func(t *testing.T) {
			w := newWorld(t, mpaytest.Options{PageSize: 10, Faults: []string{"expiry"}})
			w.fake.RefuseRefresh(refuse)
			ids, pages, err := w.ids(w.up.Ledger("wlt_0000"), aDay)
			if err != nil {
				t.Fatal(err)
			}
			w.complete(ids, "wlt_0000", aDay)
			for id, n := range ids {
				if n != 1 {
					t.Errorf("row %s came %d times", id, n)
				}
			}
			c := w.fake.Sessions()
			if w.fake.Fired("expiry") == 0 || (refuse && c.Starts < 2) || (!refuse && (c.Refreshed == 0 || c.Starts != 1)) {
				t.Errorf("%d pages, expiry fired %d times, %+v", len(pages), w.fake.Fired("expiry"), c)
			}
			if refuse && w.clock.total() < 45*time.Second {
				t.Errorf("the cooldown was not waited for: slept %v", w.clock.slept)
			}
		})
	}
}

func TestTokensThatRunOut(t *testing.T) {
	w := newWorld(t, mpaytest.Options{PageSize: 10, TokenLife: time.Minute})
	src := sources.Source(w.up.Ledger("wlt_0000"))
	n := 0
	for p, err := range src.Pages(t.Context(), aDay, "") {
		if err != nil {
			t.Fatal(err)
		}
		n += int(p.Rows.NumRows())
		p.Rows.Release()
		_ = w.clock.Sleep(t.Context(), 25*time.Second)
	}
	if want := len(w.want("wlt_0000", aDay)); n != want || w.fake.Sessions().Refreshed < 2 {
		t.Errorf("%d rows, want %d; %+v", n, want, w.fake.Sessions())
	}
}

func TestOneRenewalAtATime(t *testing.T) {
	w := newWorld(t, mpaytest.Options{})
	if err := w.up.Login(t.Context(), "wlt_0000"); err != nil {
		t.Fatal(err)
	}
	w.fake.Expire("wlt_0000")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for p, err := range w.up.Ledger("wlt_0000").Pages(t.Context(), aDay, "") {
				if err != nil {
					t.Error(err)
					return
				}
				p.Rows.Release()
			}
		})
	}
	wg.Wait()
	if c := w.fake.Sessions(); c.Refreshed != 1 || c.RefreshRefused != 0 || c.Starts != 1 {
		t.Errorf("%+v", c)
	}
}

// shared is a Sessions that two processes share.
type shared struct {
	memorySessions
	turn sync.Mutex
}

func (s *shared) Lock(context.Context, string, string) (func(), error) {
	s.turn.Lock()
	return s.turn.Unlock, nil
}

func TestTwoProcessesShareASession(t *testing.T) {
	kept := &shared{}
	w := newWorld(t, mpaytest.Options{}, func(c *Config) { c.Sessions = kept })
	other := must(New(w.cfg))
	for _, up := range []*Upstream{w.up, other, w.up, other} {
		if _, _, err := w.ids(up.Ledger("wlt_0000"), aDay); err != nil {
			t.Fatal(err)
		}
		w.fake.Expire("wlt_0000")
	}
	if c := w.fake.Sessions(); c.Starts != 1 || c.RefreshRefused != 0 || c.Refreshed != 3 {
		t.Errorf("%+v", c)
	}
}

func TestWrongOTP(t *testing.T) {
	asked := 0
	wrong := func(right int) func(*Config) {
		return func(c *Config) {
			otp := c.Wallets[0].OTP
			c.Wallets[0].OTP = func(ctx context.Context, ch Challenge) (string, error) {
				if asked++; asked == right {
					return otp(ctx, ch)
				}
				return "CANARY-otp", nil
			}
		}
	}
	w := newWorld(t, mpaytest.Options{OTPTries: 99}, wrong(0))
	_, _, err := w.ids(w.up.Ledger("wlt_0000"), aDay)
	if !errors.Is(err, sources.ErrAuth) || !strings.Contains(err.Error(), "paylake login --wallet wlt_0000") || asked != 3 {
		t.Errorf("asked %d times: %v", asked, err)
	}
	if w.clock.total() < 64*time.Second {
		t.Errorf("retry_after of 32 s was not obeyed twice: slept %v", w.clock.slept)
	}
	if ids, _, err := w.ids(w.up.Ledger("wlt_0001"), aDay); err != nil {
		t.Errorf("the other wallet: %v", err)
	} else {
		w.complete(ids, "wlt_0001", aDay)
	}
	asked = 0
	w = newWorld(t, mpaytest.Options{}, wrong(3))
	if _, _, err := w.ids(w.up.Ledger("wlt_0000"), aDay); err != nil || asked != 3 {
		t.Errorf("right at the third time: %v", err)
	}
}

func TestNobodyToAsk(t *testing.T) {
	w := newWorld(t, mpaytest.Options{}, func(c *Config) { c.Wallets[0].OTP = nil })
	_, _, err := w.ids(w.retried(w.up.Ledger("wlt_0000")), aDay)
	if !errors.Is(err, ErrNoOTP) || !errors.Is(err, sources.ErrAuth) || !strings.Contains(err.Error(), "paylake login --wallet wlt_0000") {
		t.Errorf("%v", err)
	}
	if c := w.fake.Sessions(); c.Starts != 0 {
		t.Error("somebody got an OTP that nobody can read")
	}
	if err := w.up.Login(t.Context(), "nobody"); err == nil {
		t.Error("an unknown wallet could log in")
	}
}

func TestServerKeyRefused(t *testing.T) {
	w := newWorld(t, mpaytest.Options{}, func(c *Config) { c.ServerKey = "CANARY-wrong-key" })
	err := w.up.Login(t.Context(), "wlt_0000")
	if !errors.Is(err, sources.ErrAuth) || !strings.Contains(err.Error(), "server_key") || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("%v", err)
	}
}

func TestChallengeThatExpires(t *testing.T) {
	var w *world
	tries := 0
	w = newWorld(t, mpaytest.Options{ChallengeLife: time.Minute}, func(c *Config) {
		otp := c.Wallets[0].OTP
		c.Wallets[0].OTP = func(ctx context.Context, ch Challenge) (string, error) {
			if tries++; tries == 1 {
				_ = w.clock.Sleep(ctx, 2*time.Minute)
			}
			return otp(ctx, ch)
		}
	})
	if err := w.up.Login(t.Context(), "wlt_0000"); err != nil || w.fake.Sessions().Starts != 2 {
		t.Errorf("%v, %+v", err, w.fake.Sessions())
	}
}

func TestCooldownIsObeyed(t *testing.T) {
	w := newWorld(t, mpaytest.Options{})
	for range 2 {
		if err := w.up.Login(t.Context(), "wlt_0000"); err != nil {
			t.Fatal(err)
		}
	}
	if c := w.fake.Sessions(); c.CoolingDown != 0 || w.clock.total() < 45*time.Second {
		t.Errorf("asked again after %v, %+v", w.clock.slept, c)
	}
	// Another process does not know of the cooldown: it is told, and waits.
	other := must(New(w.cfg))
	if err := other.Login(t.Context(), "wlt_0000"); err != nil {
		t.Fatal(err)
	}
	if c := w.fake.Sessions(); c.CoolingDown != 1 || w.clock.total() < 90*time.Second {
		t.Errorf("slept %v, %+v", w.clock.slept, c)
	}
}

func TestSkewedClock(t *testing.T) {
	var seen []time.Duration
	var w *world
	w = newWorld(t, mpaytest.Options{Faults: []string{"skew"}}, func(c *Config) {
		otp := c.Wallets[0].OTP
		c.Wallets[0].OTP = func(ctx context.Context, ch Challenge) (string, error) {
			seen = append(seen, ch.ExpiresAt.Sub(w.clock.Now()))
			return otp(ctx, ch)
		}
	})
	for range 2 {
		if err := w.up.Login(t.Context(), "wlt_0000"); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range seen {
		if d < 2*time.Minute || d > 4*time.Minute {
			t.Errorf("a challenge of 3 minutes seems to end in %v", d)
		}
	}
	if len(seen) != 2 || w.fake.Fired("skew") != 2 {
		t.Errorf("%v, fired %d", seen, w.fake.Fired("skew"))
	}
}

func TestCatalogueUsesTheFirstWalletThatCanBeUsed(t *testing.T) {
	w := newWorld(t, mpaytest.Options{PageSize: 1, Cooldown: -1}, func(c *Config) { c.Wallets[0].OTP = nil })
	read := func() error {
		for p, err := range w.up.Providers().Pages(t.Context(), schemas.Window{}, "") {
			if err != nil {
				return err
			}
			p.Rows.Release()
		}
		return nil
	}
	if err := read(); err != nil || w.fake.Sessions().Starts != 1 {
		t.Fatalf("no session at all: %v %+v", err, w.fake.Sessions())
	}
	w.fake.Expire("wlt_0001")
	if err := read(); err != nil || w.fake.Sessions().Refreshed != 1 {
		t.Fatalf("after expiry: %v %+v", err, w.fake.Sessions())
	}
	w.fake.RefuseRefresh(true)
	w.fake.Expire("wlt_0001")
	if err := read(); err != nil || w.fake.Sessions().Starts != 2 {
		t.Fatalf("refresh refused: %v %+v", err, w.fake.Sessions())
	}
	none := must(New(Config{Name: "mpay", URL: w.http.URL, Zone: baku, Pseudonyms: pseudonyms(), Now: time.Now, Client: w.cfg.Client,
		Wallets: []Wallet{{ID: "wlt_0000"}}}))
	for _, err := range none.Providers().Pages(t.Context(), schemas.Window{}, "") {
		if !errors.Is(err, sources.ErrAuth) || !strings.Contains(err.Error(), "paylake login --wallet wlt_0000") {
			t.Error(err)
		}
	}
}

func seed(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestSeedSessions runs both of the seed's session payloads through the reader.
func TestSeedSessions(t *testing.T) {
	script := map[string]string{"otp/start": "seed_otp_start.json", "otp/verify": "seed_session.json", "statement": "seed_statement.json"}
	refused, expired, otps := false, false, 0
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		name, status := "", http.StatusOK
		for k, v := range script {
			if strings.HasSuffix(r.URL.Path, k) {
				name = v
			}
		}
		switch {
		case name == "seed_otp_start.json":
			status = http.StatusCreated
		case name == "seed_session.json" && !refused:
			refused, name, status = true, "seed_otp_invalid.json", http.StatusBadRequest
		case name == "seed_statement.json" && !expired:
			expired, name, status = true, "seed_session_expired.json", http.StatusUnauthorized
		case name == "":
			status = http.StatusNotFound
		}
		body := ""
		if name != "" {
			body = seed(t, name)
		}
		if r.URL.Query().Get("cursor") != "" {
			body = strings.Replace(body, `"eyJpIjoyNTZ9"`, "null", 1)
		}
		rw.WriteHeader(status)
		fmt.Fprint(rw, body)
	}))
	defer srv.Close()
	c := &clock{now: day("2026-04-17")}
	client := srv.Client()
	up := must(New(Config{Name: "mpay", URL: srv.URL, Zone: baku, Pseudonyms: pseudonyms(), Now: c.Now, Sleep: c.Sleep, Client: client,
		Wallets: []Wallet{{ID: "wlt_441b", MSISDN: "+994501234567", OTP: func(_ context.Context, ch Challenge) (string, error) {
			otps++
			if ch.ID != "ch_9fd21a" {
				t.Errorf("challenge %s", ch.ID)
			}
			return "482193", nil
		}}}}))
	rows := int64(0)
	for p, err := range up.Ledger("wlt_441b").Pages(t.Context(), march, "") {
		if err != nil {
			t.Fatal(err)
		}
		rows += p.Rows.NumRows()
		p.Rows.Release()
	}
	if rows != 2 || otps != 3 || c.total() != 45*time.Second {
		t.Errorf("%d rows, %d OTPs, slept %v", rows, otps, c.slept)
	}
	client.CloseIdleConnections()
}

// TestCanaries reads with marked secrets through failures of every kind and
// looks for them in errors and logs.
func TestCanaries(t *testing.T) {
	var logs bytes.Buffer
	w := newWorld(t, mpaytest.Options{PageSize: 10, Faults: mpaytest.Faults}, func(c *Config) {
		c.Log = slog.New(slog.NewTextHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c.Wallets[1].OTP = func(context.Context, Challenge) (string, error) { return "CANARY-otp-7731", nil }
	})
	var errs []string
	for _, wallet := range []string{"wlt_0000", "wlt_0001"} {
		for range 30 {
			if _, _, err := w.ids(w.up.Ledger(wallet), aDay); err != nil {
				errs = append(errs, err.Error())
			}
		}
	}
	if len(errs) < 30 || logs.Len() == 0 {
		t.Fatalf("%d errors, %d bytes of logs: nothing to search", len(errs), logs.Len())
	}
	all := strings.Join(errs, "\n") + logs.String()
	for _, secret := range []string{"CANARY", "mpay_at_", "mpay_rt_", "+99450", "9945", "ch_", "cursor="} {
		if i := strings.Index(all, secret); i >= 0 {
			t.Errorf("%q in: %s", secret, all[max(0, i-120):min(len(all), i+60)])
		}
	}
}
