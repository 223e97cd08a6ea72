package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/facade"
)

// client is a client of the façade.
type client struct {
	origin string
	http   http.Client
}

// ask returns the status and the decoded body; numbers stay what they are.
func (c *client) ask(t testing.TB, method, path, token, body string) (int, map[string]any, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, c.origin+facade.Prefix+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	d := json.NewDecoder(res.Body)
	d.UseNumber()
	var out map[string]any
	if err := d.Decode(&out); err != nil {
		t.Fatalf("%s %s: %s: %v", method, path, res.Status, err)
	}
	return res.StatusCode, out, res.Header
}

// want is ask with one status.
func (c *client) want(t testing.TB, status int, method, path, token, body string) map[string]any {
	t.Helper()
	got, out, _ := c.ask(t, method, path, token, body)
	if got != status {
		t.Fatalf("%s %s: %d %v, want %d", method, path, got, out, status)
	}
	return out
}

// inbox reads the password that the sandbox has sent.
func (g *playground) inbox(t testing.TB, challenge string) string {
	t.Helper()
	res, err := http.Get(g.server.URL + "/sandbox/otp?challenge_id=" + challenge)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return strings.TrimSpace(string(text))
}

func tokensOf(t testing.TB, answer map[string]any) (access, refresh string) {
	t.Helper()
	s, _ := answer["session"].(map[string]any)
	access, _ = s["access_token"].(string)
	refresh, _ = s["refresh_token"].(string)
	if access == "" || refresh == "" || s["assurance_level"] == "" {
		t.Fatalf("no session: %v", answer)
	}
	return access, refresh
}

// A client reads a wallet through the façade; and a paylake whose upstream is the
// façade of another holds the same ledger, catalogue and balances.
func TestFacade(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 400)
	g.paylake(t, "run", "ledger", "providers", "balances", "nfc").want(t, 0)
	key := func(args ...string) string {
		return strings.TrimSpace(g.paylake(t, append([]string{"key", "add"}, args...)...).want(t, 0).stdout)
	}
	erp, narrow, payer := key("erp", "--scope", "read"), key("narrow", "--scope", "read", "--wallet", g.world.Wallets()[1].ID), key("payer", "--scope", "pay")
	up := g.up(t)
	defer up.stop()
	c := &client{origin: up.origin, http: http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}}
	wallet := g.world.Wallets()[0]
	start := func(msisdn string) string {
		return fmt.Sprint(c.want(t, 201, "POST", "auth/otp/start", "", `{"msisdn":"`+msisdn+`","locale":"az-AZ"}`)["challenge_id"])
	}
	verify := func(status int, key, challenge, otp string) map[string]any {
		return c.want(t, status, "POST", "auth/otp/verify", key, `{"challenge_id":"`+challenge+`","otp":"`+otp+`"}`)
	}
	ch := start(wallet.MSISDN)
	verify(401, "plk_nobody", ch, "1")
	verify(403, payer, ch, "1")
	verify(403, narrow, ch, "1")
	if out := verify(400, erp, ch, "000000"); out["error"] != "otp_invalid" || out["retry_allowed"] != true {
		t.Errorf("a wrong password: %v", out)
	}
	if out := verify(400, erp, start("+994509999999"), "000000"); out["error"] != "otp_invalid" {
		t.Errorf("a number that is nobody's: %v", out)
	}
	if out := c.want(t, 429, "POST", "auth/otp/start", "", `{"msisdn":"+994 50 999 99 99"}`); out["error"] != "cooling_down" {
		t.Errorf("the same number again: %v", out)
	}
	g.paylake(t, "consent", "revoke", "--wallet", wallet.ID, "--by", "owner").want(t, 0)
	access, refresh := tokensOf(t, verify(200, erp, ch, g.inbox(t, ch)))
	if list := g.paylake(t, "consent", "list").want(t, 0).stdout; !strings.Contains(list, "by OTP through erp") {
		t.Errorf("the consent is not recorded:\n%s", list)
	}
	if out := c.want(t, 401, "GET", "wallet/balance", erp, ""); out["error"] != "session_expired" || out["hint"] != "refresh_or_reauth" {
		t.Errorf("a key is no session: %v", out)
	}
	if out := c.want(t, 200, "GET", "wallet/balance", access, ""); out["wallet_id"] != wallet.ID || out["currency"] != "AZN" {
		t.Errorf("balance %v", out)
	}
	for _, bad := range []string{"", "?from=2026-03-01", "?from=1&to=2", "?from=2026-03-02&to=2026-03-01", "?from=2026-03-01&to=2026-03-02&cursor=x"} {
		c.want(t, 400, "GET", "wallet/statement"+bad, access, "")
	}
	fresh, _ := tokensOf(t, c.want(t, 200, "POST", "auth/refresh", "", `{"refresh_token":"`+refresh+`"}`))
	c.want(t, 401, "POST", "auth/refresh", "", `{"refresh_token":"`+refresh+`"}`)
	c.want(t, 401, "GET", "wallet/balance", access, "")
	rows := 0
	for cursor := any(""); cursor != nil; {
		out := c.want(t, 200, "GET", "wallet/statement?from=2020-01-01&to=2100-01-01&cursor="+fmt.Sprint(cursor), fresh, "")
		for _, row := range out["rows"].([]any) {
			rows++
			line := row.(map[string]any)
			if line["amount_azn"] != line["amount"] || line["counterparty_msisdn"] != nil {
				t.Errorf("%v", line)
			}
		}
		cursor = out["next_cursor"]
	}
	if want := g.asked(t, "SELECT count() FROM ledger WHERE wallet_id = '"+wallet.ID+"'")[1][0]; fmt.Sprint(rows) != want || rows == 0 {
		t.Errorf("%d lines, the ledger has %s", rows, want)
	}
	g.paylake(t, "consent", "revoke", "--wallet", wallet.ID, "--by", "owner").want(t, 0)
	if out := c.want(t, 403, "GET", "wallet/statement?from=2026-03-01&to=2026-03-02", fresh, ""); out["error"] != "consent_required" {
		t.Errorf("without a consent: %v", out)
	}
	g.paylake(t, "key", "revoke", "erp").want(t, 0)
	c.want(t, 401, "GET", "catalog/providers", fresh, "")
	testMirror(t, g, up.origin, narrow)
}

// testMirror has a second paylake read the first one's façade.
func testMirror(t *testing.T, g *playground, origin, key string) {
	dir := t.TempDir()
	wallet := g.world.Wallets()[1]
	write(t, filepath.Join(dir, "server.key"), key)
	write(t, filepath.Join(dir, "pseudonym.key"), "a pseudonym key of the mirror, long enough")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m := &playground{dir: dir, config: filepath.Join(dir, "paylake.yaml"), world: g.world, server: g.server}
	start := g.world.Start().Format(time.DateOnly)
	write(t, m.config, fmt.Sprintf(`lake: file://./lake
warehouse: embedded
state: sqlite://./state.db
data_dir: .
listen: 127.0.0.1:0
secrets: base64key://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
keys: {pseudonym: file:pseudonym.key}
sources:
  mpay: {type: mpay, url: %q, server_key: file:server.key, time_zone: Asia/Baku, wallets: [{wallet_id: %s, msisdn: %q, otp: {exec: [%q, otp-from-sandbox, %q]}}]}
pipelines:
  ledger: {source: mpay, table: ledger, start: %s, window: 24h, lookback: 24h}
  providers: {source: mpay, table: providers}
  balances: {source: mpay, table: balances}
  nfc: {source: mpay, table: nfc_workflows}
`, origin+"/", wallet.ID, wallet.MSISDN, exe, g.server.URL, start))
	defer held(t, dir)()
	m.grantAll(t)
	m.paylake(t, "run").want(t, 0)
	for _, sql := range []string{
		"SELECT entry_id, posted_at, posted_offset_s, business_date, type, amount_minor, currency, fee_minor, balance_after_minor, provider_code, service_code, category, channel, subscriber_ref, status, external_reference, vat_receipt, reversal_of, reversal_code, session_id FROM ledger WHERE wallet_id = '" + wallet.ID + "' ORDER BY posted_at, entry_id",
		"SELECT provider_code, name_az, name_en, name_ru, category, service_code, status FROM providers ORDER BY provider_code",
		"SELECT workflow_id, provider_code, platform, card_family, steps FROM nfc_workflows ORDER BY workflow_id",
		"SELECT DISTINCT currency, available_minor, reserved_minor FROM balances WHERE wallet_id = '" + wallet.ID + "' ORDER BY as_of DESC LIMIT 1",
	} {
		mine, theirs := m.asked(t, sql), g.asked(t, sql)
		if len(mine) < 2 || fmt.Sprint(mine) != fmt.Sprint(theirs) {
			t.Errorf("the mirror has %d rows, the first one %d, or they differ: %s", len(mine)-1, len(theirs)-1, sql[:40])
			for i := range min(len(mine), len(theirs)) {
				if fmt.Sprint(mine[i]) != fmt.Sprint(theirs[i]) {
					t.Logf("%v\n%v", mine[i], theirs[i])
					break
				}
			}
		}
	}
}
