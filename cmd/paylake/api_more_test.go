package main

import (
	"encoding/json"
	"math/big"
	"net/url"
	"strings"
	"testing"
)

// apiTotal sums a column of text.
func apiTotal(t testing.TB, rows []map[string]any, column, currency string) *big.Int {
	t.Helper()
	sum := new(big.Int)
	for _, r := range rows {
		if r["currency"] != currency {
			continue
		}
		n, ok := new(big.Int).SetString(r[column].(string), 10)
		if !ok {
			t.Fatalf("%s is %v", column, r[column])
		}
		sum.Add(sum, n)
	}
	return sum
}

// Every way of grouping sums up to the same.
func (f *apiFront) testFigures(t *testing.T) {
	key := f.key(t, "figures", "--scope", "read")
	whole := f.ask(t, "GET", "/v1/spend", key, "").page(t)
	want := apiTotal(t, whole.Data, "net_minor", "KGS")
	if want.Sign() == 0 || whole.Data[0]["provider_name"] == nil {
		t.Fatalf("%v", whole.Data)
	}
	for _, by := range []string{"day", "month", "category", "source", "provider,month", "category,day"} {
		if got := apiTotal(t, f.ask(t, "GET", "/v1/spend?group_by="+by, key, "").page(t).Data, "net_minor", "KGS"); got.Cmp(want) != 0 {
			t.Errorf("by %s: %s, and by provider %s", by, got, want)
		}
	}
	wallets := f.ask(t, "GET", "/v1/wallets", key, "").page(t)
	lines := f.ask(t, "GET", "/v1/spend?group_by=wallet&source=mpay", key, "").page(t)
	one := f.ask(t, "GET", "/v1/spend?source=mpay", key, "").page(t)
	if len(wallets.Data) < 2 || apiTotal(t, lines.Data, "spend_minor", "AZN").Cmp(apiTotal(t, one.Data, "spend_minor", "AZN")) != 0 || apiTotal(t, lines.Data, "refunds_minor", "AZN").Cmp(apiTotal(t, one.Data, "refunds_minor", "AZN")) != 0 {
		t.Errorf("by wallet %v\nby provider %v", lines.Data, one.Data)
	}
	bound := f.key(t, "figures-bound", "--scope", "read", "--wallet", "wlt_441b")
	for _, path := range []string{"/v1/spend", "/v1/spend?group_by=wallet", "/v1/spend?group_by=wallet&wallet_id=wlt_7c02", "/v1/wallets"} {
		for _, r := range f.ask(t, "GET", path, bound, "").page(t).Data {
			if r["wallet_id"] != nil && r["wallet_id"] != "wlt_441b" {
				t.Errorf("%s: %v", path, r)
			}
		}
	}
	own := f.ask(t, "GET", "/v1/spend", bound, "").page(t)
	all := f.ask(t, "GET", "/v1/spend?wallet_id=wlt_441b", key, "").page(t)
	if len(own.Data) == 0 || apiTotal(t, own.Data, "spend_minor", "AZN").Cmp(apiTotal(t, all.Data, "spend_minor", "AZN")) != 0 {
		t.Errorf("%v\n%v", own.Data, all.Data)
	}
	f.ask(t, "GET", "/v1/psp/success", bound, "").want(t, 403)
	f.ask(t, "GET", "/v1/status", bound, "").want(t, 403)
	success, declines := f.ask(t, "GET", "/v1/psp/success", key, "").page(t), f.ask(t, "GET", "/v1/psp/declines", key, "").page(t)
	if len(success.Data) == 0 || len(declines.Data) == 0 {
		t.Errorf("%v %v", success, declines)
	}
	f.ask(t, "GET", "/v1/spend?group_by=nothing", key, "").want(t, 422)
	f.ask(t, "GET", "/v1/spend?snapshot=9999", key, "").want(t, 404)
	if r := f.ask(t, "GET", "/v1/currencies", key, "").want(t, 200); !strings.Contains(r.body, `{"code":"AZN","digits":2}`) {
		t.Errorf("%.200s", r.body)
	}

	line := f.ask(t, "GET", "/v1/ledger?limit=1&wallet_id=wlt_7c02", key, "").page(t).Data[0]
	path := "/v1/ledger/mpay/wlt_7c02/" + url.PathEscape(line["entry_id"].(string))
	if r := f.ask(t, "GET", path, key, "").want(t, 200); !strings.Contains(r.body, `"entry_id":"`+line["entry_id"].(string)+`"`) {
		t.Errorf("%s", r.body)
	}
	f.ask(t, "GET", path, bound, "").want(t, 404) // a neighbour's
	f.ask(t, "GET", "/v1/ledger/mpay/wlt_7c02/nothing", key, "").want(t, 404)
}

// What commands print, over HTTP.
func (f *apiFront) testHouse(t *testing.T) {
	read, audit, operate := f.key(t, "house", "--scope", "read"), f.key(t, "house-audit", "--scope", "audit"), f.key(t, "house-operate", "--scope", "operate")
	if r := f.ask(t, "GET", "/v1/status", read, "").want(t, 200); !strings.Contains(r.body, `"running":[]`) || !strings.Contains(r.body, `"complete_through"`) || !strings.Contains(r.body, `"next_at":"`) {
		t.Errorf("%.400s", r.body)
	}
	if r := f.ask(t, "GET", "/v1/snapshots/1", read, "").want(t, 200); !strings.Contains(r.body, `"sequence":1`) || !strings.Contains(r.body, `"sha256"`) {
		t.Errorf("%.300s", r.body)
	}
	f.ask(t, "GET", "/v1/snapshots/9999", read, "").want(t, 404)
	f.ask(t, "GET", "/v1/snapshots/1/proof", read, "").want(t, 403)
	f.ask(t, "GET", "/v1/snapshots/9999/proof", audit, "").want(t, 404)
	if r := f.ask(t, "GET", "/v1/snapshots/1/proof", audit, "").want(t, 200); !strings.Contains(r.body, "tlog-proof") {
		t.Errorf("%.200s", r.body)
	}
	f.ask(t, "POST", "/v1/verify", read, "").want(t, 403)
	var v verified
	if r := f.ask(t, "POST", "/v1/verify", audit, "").want(t, 200); json.Unmarshal([]byte(r.body), &v) != nil || v.Report == nil || v.Error != "" {
		t.Errorf("%.400s", r.body)
	}
	f.ask(t, "GET", "/v1/webhooks", read, "").want(t, 403)
	f.ask(t, "GET", "/v1/webhooks", operate, "").want(t, 200)
	f.ask(t, "GET", "/v1/consents", operate, "").want(t, 403)
	f.ask(t, "GET", "/v1/consents", audit, "").want(t, 200)
	f.ask(t, "POST", "/v1/quarantine/redrive", operate, `{"ids":["nothing"]}`).want(t, 404)
	f.ask(t, "POST", "/v1/quarantine/redrive", operate, `{}`).want(t, 202)
	f.ask(t, "POST", "/v1/consents", operate, `{"wallet_id":"nothing"}`).want(t, 422)
}

// Whatever is sent as a value: an answer or a problem, never a failure, and
// nothing of what is inside. Package api tries every parameter of the document.
func (f *apiFront) testParameters(t *testing.T) {
	key := f.key(t, "parameters", "--scope", "read", "--scope", "operate")
	for _, value := range []string{"'", `\`, `'); DROP TABLE ledger; --`, "{p0:String}", "\\N", "ə", "%", `\'`} {
		r := f.ask(t, "GET", "/v1/providers?limit=1&provider_code="+url.QueryEscape(value), key, "")
		if len(r.page(t).Data) != 0 {
			t.Errorf("%q: %s", value, r.body)
		}
	}
	for _, body := range []string{"", "{", "[]", `{"wallet_id":1}`, `{"wallet_id":"x","until":"never"}`, `{"more":1}`, "\xff", `{"ids":[1]}`} {
		for _, path := range []string{"/v1/consents", "/session"} {
			if r := f.ask(t, "POST", path, key, body); r.StatusCode >= 500 || strings.Contains(r.body, f.dir) {
				t.Errorf("%s %q: %s %s", path, body, r.Status, r.body)
			}
		}
	}
}

// After a consent was withdrawn no answer from before is given again, by
// whatever way it was withdrawn; the auditor goes on seeing the rows.
func (f *apiFront) testWithdrawn(t *testing.T) {
	read, audit, operate := f.key(t, "withdrawn", "--scope", "read"), f.key(t, "withdrawn-audit", "--scope", "audit"), f.key(t, "withdrawn-operate", "--scope", "operate")
	rows := func(key string) int {
		return len(f.ask(t, "GET", "/v1/ledger?wallet_id=wlt_7c02", key, "").page(t).Data)
	}
	spend := func() string { return f.ask(t, "GET", "/v1/spend", read, "").want(t, 200).body }
	before, tag := spend(), f.ask(t, "GET", "/v1/ledger?wallet_id=wlt_7c02", read, "").Header.Get("ETag")
	if rows(read) == 0 || rows(read) != rows(audit) {
		t.Fatalf("%d and %d rows", rows(read), rows(audit))
	}
	f.ask(t, "DELETE", "/v1/consents/wlt_7c02?reason=asked", operate, "").want(t, 200)
	if rows(read) != 0 || rows(audit) == 0 || spend() == before {
		t.Errorf("after the consent was withdrawn: %d rows, the auditor sees %d; spend has changed: %v", rows(read), rows(audit), spend() != before)
	}
	f.ask(t, "GET", "/v1/ledger?wallet_id=wlt_7c02", read, "", "If-None-Match", tag).want(t, 200)
	f.ask(t, "POST", "/v1/consents", operate, `{"wallet_id":"wlt_7c02"}`).want(t, 201)
	if rows(read) == 0 || spend() != before {
		t.Error("given again, the rows are not shown again")
	}
	f.paylake(t, "consent", "revoke", "--wallet", "wlt_7c02").want(t, 0)
	if rows(read) != 0 {
		t.Error("withdrawn by the command, the rows are still shown")
	}
	acts, err := f.house.state.Consents().Receipts(t.Context())
	if err != nil || len(acts) == 0 || !strings.Contains(acts[len(acts)-2].Actor+acts[len(acts)-3].Actor, "api key withdrawn-operate") {
		t.Errorf("%+v %v", acts, err)
	}
}

// A period that is held back is not told from memory.
func (f *apiFront) testHeld(t *testing.T) {
	read := f.key(t, "held", "--scope", "read")
	day := f.ask(t, "GET", "/v1/ledger?limit=1&order=desc", read, "").page(t).Data[0]["business_date"].(string)
	path := "/v1/spend?period=" + day[:7]
	if len(f.ask(t, "GET", path, read, "").page(t).Data) == 0 {
		t.Fatal("nothing to hold")
	}
	f.paylake(t, "reconcile", "--period", day[:7], "--hold", "--by", "anna", "--reason", "a file is missing")
	if _, err := f.house.store.Follow(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rows := f.ask(t, "GET", path, read, "").page(t).Data; len(rows) != 0 {
		t.Errorf("a held period is shown: %v", rows)
	}
	if wide := f.key(t, "held-export", "--scope", "read", "--scope", "export"); len(f.ask(t, "GET", path, wide, "").page(t).Data) == 0 {
		t.Error("who may export does not see the period")
	}
}

// A file over HTTP is the file of the command, byte for byte.
func (f *apiFront) testExports(t *testing.T) {
	key := f.key(t, "exports", "--scope", "export")
	f.ask(t, "GET", "/v1/exports/ledger", f.key(t, "exports-read", "--scope", "read"), "").want(t, 403)
	f.ask(t, "GET", "/v1/exports/ledger", f.key(t, "exports-bound", "--scope", "export", "--wallet", "wlt_441b"), "").want(t, 403)
	f.ask(t, "GET", "/v1/exports/nothing", key, "").want(t, 422)
	f.ask(t, "GET", "/v1/exports/ledger?format=nothing", key, "").want(t, 422)
	f.ask(t, "GET", "/v1/exports/ledger?snapshot=9999", key, "").want(t, 404)
	if r := f.ask(t, "GET", "/v1/exports", key, "").want(t, 200); !strings.Contains(r.body, `"name":"ledger"`) {
		t.Errorf("%.300s", r.body)
	}
	r := f.ask(t, "GET", "/v1/exports/ledger?format=csv", key, "").want(t, 200)
	if cmd := f.paylake(t, "export", "ledger", "--format", "csv").want(t, 0); cmd.stdout != r.body || len(r.body) < 1000 {
		t.Errorf("over HTTP %d bytes, by the command %d", len(r.body), len(cmd.stdout))
	}
	f.ask(t, "GET", "/v1/exports/ledger?format=csv", key, "", "If-None-Match", r.Header.Get("ETag")).want(t, 304)
}
