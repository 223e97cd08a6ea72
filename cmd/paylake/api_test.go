package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// apiFront is a playground's API, with one engine running.
type apiFront struct {
	*playground
	house  *house
	server *httptest.Server
}

// serveAPI serves the API of a playground as `up` does, without schedules.
func (g *playground) serveAPI(t testing.TB) *apiFront {
	t.Helper()
	p := &program{getenv: os.Getenv, stdin: newLines(strings.NewReader("")), stdout: io.Discard, stderr: io.Discard, now: time.Now, configFile: g.config, logFormat: "text"}
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	h, err := p.open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.stdin.end()
		if err := h.close(); err != nil {
			t.Error(err)
		}
	})
	if err := h.openState(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.openLake(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.store = h.newWarehouse()
	if _, err := h.store.Follow(t.Context()); err != nil {
		t.Fatal(err)
	}
	front := h.newAPI(nil, nil)
	server := httptest.NewServer(h.handler(nil, front))
	t.Cleanup(func() { server.Close(); front.Close() })
	return &apiFront{g, h, server}
}

// key makes a key by the command.
func (f *apiFront) key(t testing.TB, args ...string) string {
	t.Helper()
	r := f.paylake(t, append([]string{"key", "add"}, args...)...)
	r.want(t, 0)
	return strings.TrimSpace(r.stdout)
}

// reply is an answer of the API.
type reply struct {
	*http.Response
	body string
}

func (f *apiFront) ask(t testing.TB, method, path, key, body string, headers ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, f.server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := f.server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res, string(text)}
}

// want checks the status, and that what is not an answer is a problem.
func (r reply) want(t testing.TB, status int) reply {
	t.Helper()
	if r.StatusCode != status {
		t.Fatalf("%s %s: %s\n%.800s", r.Request.Method, r.Request.URL, r.Status, r.body)
	}
	if status >= 400 && (r.Header.Get("Content-Type") != "application/problem+json" || !json.Valid([]byte(r.body))) {
		t.Errorf("%s %s: no problem: %s\n%.800s", r.Request.Method, r.Request.URL, r.Header.Get("Content-Type"), r.body)
	}
	if r.Header.Get("X-Request-Id") == "" || r.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s: headers %v", r.Request.URL, r.Header)
	}
	return r
}

// page is a page of rows.
type page struct {
	Data     []map[string]any `json:"data"`
	Snapshot int64            `json:"snapshot"`
	Next     string           `json:"next_cursor"`
}

func (r reply) page(t testing.TB) (p page) {
	t.Helper()
	r.want(t, 200)
	dec := json.NewDecoder(strings.NewReader(r.body))
	dec.UseNumber()
	if err := dec.Decode(&p); err != nil {
		t.Fatalf("%v\n%.800s", err, r.body)
	}
	return p
}

func TestAPI(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 600)
	g.paylake(t, "run").want(t, 0)
	f := g.serveAPI(t)
	t.Run("doors", f.testDoors)
	t.Run("session", f.testSession)
	t.Run("lists", f.testLists)
	t.Run("cursor", f.testCursor)
	t.Run("not modified", f.testNotModified)
	t.Run("wallets", f.testWallets)
	t.Run("exact", f.testExact)
	t.Run("figures", f.testFigures)
	t.Run("house", f.testHouse)
	t.Run("exports", f.testExports)
	t.Run("parameters", f.testParameters)
	t.Run("withdrawn", f.testWithdrawn)
	t.Run("held", f.testHeld)
}

func (f *apiFront) testDoors(t *testing.T) {
	read, pay := f.key(t, "doors", "--scope", "read"), f.key(t, "doors-pay", "--scope", "pay")
	f.ask(t, "GET", "/v1/ledger", "", "").want(t, 401)
	f.ask(t, "GET", "/v1/ledger", "plk_"+strings.Repeat("x", 43), "").want(t, 401)
	f.ask(t, "GET", "/v1/ledger", pay, "").want(t, 403)
	f.ask(t, "GET", "/v1/ledger?snapshot=99999", read, "").want(t, 404)
	f.ask(t, "GET", "/v1/nothing", read, "").want(t, 404)
	if r := f.ask(t, "DELETE", "/v1/ledger", read, "").want(t, 405); !strings.Contains(r.Header.Get("Allow"), "GET") {
		t.Errorf("Allow: %q", r.Header.Get("Allow"))
	}
	for _, bad := range []string{"limit=0", "limit=1001", "limit=x", "from=2026-02-30", "period=2026-13", "from=2026-03-02&to=2026-03-01", "fields=nothing", "cursor=xx", "order=up", "nothing=1",
		"snapshot=0", "snapshot=-1", "wallet_id=%00", "wallet_id=" + strings.Repeat("x", 300), "period=2026-03&from=2026-03-01", "limit=1&limit=2", "a=%zz"} {
		f.ask(t, "GET", "/v1/ledger?"+bad, read, "").want(t, 422)
	}
	f.ask(t, "POST", "/session", "", `{"key":"`+strings.Repeat("x", 70000)+`"}`).want(t, 413)
	f.ask(t, "GET", "/openapi.json", "", "").want(t, 200)
	docs := f.ask(t, "GET", "/docs", "", "").want(t, 200)
	if csp := docs.Header.Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") || !strings.Contains(csp, "default-src 'none'") || strings.Contains(docs.body, "<script") || !strings.Contains(docs.body, "/v1/ledger") {
		t.Errorf("%s\n%.300s", csp, docs.body)
	}
	if r := f.ask(t, "GET", "/v1/me", read, "", "X-Request-Id", "mine-1").want(t, 200); r.Header.Get("X-Request-Id") != "mine-1" || !strings.Contains(r.body, `"name":"doors"`) {
		t.Errorf("%s", r.body)
	}
	f.paylake(t, "key", "revoke", "doors").want(t, 0)
	f.ask(t, "GET", "/v1/ledger", read, "").want(t, 401)
}

func (f *apiFront) testSession(t *testing.T) {
	key := f.key(t, "browser", "--scope", "read")
	f.ask(t, "GET", "/session", "", "").want(t, 401)
	f.ask(t, "POST", "/session", "", `{"key":"plk_wrong"}`).want(t, 401)
	open := f.ask(t, "POST", "/session", "", `{"key":"`+key+`"}`).want(t, 204)
	cookie := open.Cookies()[0]
	if cookie.Name != "paylake_session" || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || strings.Contains(cookie.Value, key) {
		t.Errorf("%+v", cookie)
	}
	with := []string{"Cookie", cookie.Name + "=" + cookie.Value}
	shown := f.ask(t, "GET", "/session", "", "", with...).want(t, 200)
	var me struct{ CSRF string }
	if err := json.Unmarshal([]byte(shown.body), &me); err != nil || me.CSRF == "" || strings.Contains(shown.body, cookie.Value) {
		t.Fatalf("%s %v", shown.body, err)
	}
	f.ask(t, "GET", "/v1/ledger", "", "", with...).want(t, 200)
	f.ask(t, "DELETE", "/session", "", "", with...).want(t, 403)
	f.ask(t, "DELETE", "/session", "", "", append(with, "X-CSRF-Token", strings.Repeat("0", 64))...).want(t, 403)
	f.ask(t, "DELETE", "/session", "", "", append(with, "X-CSRF-Token", me.CSRF)...).want(t, 204)
	f.ask(t, "GET", "/session", "", "", with...).want(t, 401)

	again := f.ask(t, "POST", "/session", "", `{"key":"`+key+`"}`).want(t, 204).Cookies()[0]
	f.paylake(t, "key", "revoke", "browser").want(t, 0)
	f.ask(t, "GET", "/v1/ledger", "", "", "Cookie", again.Name+"="+again.Value).want(t, 401)
}

// Every list answers, with the columns that the document says.
func (f *apiFront) testLists(t *testing.T) {
	key := f.key(t, "lists", "--scope", "read", "--scope", "audit")
	var document struct {
		Paths map[string]struct {
			Get *struct {
				OperationID string `json:"operationId"`
				Responses   map[string]struct {
					Content map[string]struct {
						Schema struct {
							Properties struct {
								Data struct {
									Items struct {
										Ref string `json:"$ref"`
									}
								}
							}
						}
					}
				}
			}
		}
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
	}
	if err := json.Unmarshal([]byte(f.ask(t, "GET", "/openapi.json", "", "").body), &document); err != nil {
		t.Fatal(err)
	}
	lists, rows := 0, 0
	for path, item := range document.Paths {
		if item.Get == nil || !strings.HasPrefix(item.Get.OperationID, "list-") {
			continue
		}
		lists++
		r := f.ask(t, "GET", path+"?limit=3", key, "")
		if path == "/v1/findings" && r.StatusCode == 422 && strings.Contains(r.body, "the question was stopped") {
			t.Log("findings were stopped: planning them takes a second of a machine that has one, and this one is busy")
			continue
		}
		p := r.page(t)
		name, _ := strings.CutPrefix(item.Get.Responses["200"].Content["application/json"].Schema.Properties.Data.Items.Ref, "#/components/schemas/")
		for _, row := range p.Data {
			rows++
			for column, value := range row {
				if document.Components.Schemas[name].Properties[column] == nil {
					t.Errorf("%s: column %s is not in the document", path, column)
				}
				if _, text := value.(string); value != nil && !text && strings.HasSuffix(column, "_minor") {
					t.Errorf("%s: %s is %v, and not a string", path, column, value)
				}
			}
		}
	}
	if lists < 33 || rows < 30 {
		t.Errorf("%d lists, %d rows", lists, rows)
	}
	if p := f.ask(t, "GET", "/v1/ledger?limit=2&fields=amount_minor,amount&type=bill_pay&order=desc", key, "").page(t); len(p.Data) != 2 || len(p.Data[0]) != 2 || !strings.Contains(p.Data[0]["amount"].(string), ".") {
		t.Errorf("%+v", p)
	}
}

// Pages begin exactly where the one before ended, in both directions, with rows
// that are alike in the order as well.
func (f *apiFront) testCursor(t *testing.T) {
	key := f.key(t, "cursor", "--scope", "read")
	for _, path := range []string{"/v1/ledger?limit=1000", "/v1/ledger?order=desc&limit=1000&wallet_id=wlt_441b", "/v1/transfers?limit=1000&fields=wallet_id,amount_minor", "/v1/snapshots?limit=1000", "/v1/operations?limit=1000",
		"/v1/quarantine?limit=1000", "/v1/runs?limit=1000", "/v1/providers?limit=1000"} {
		whole := f.ask(t, "GET", path, key, "").page(t)
		rows := whole.Data
		for next := whole.Next; next != ""; {
			p := f.ask(t, "GET", path+"&cursor="+next, key, "").page(t)
			rows, next = append(rows, p.Data...), p.Next
		}
		small := strings.Replace(path, "limit=1000", fmt.Sprintf("limit=%d", len(rows)/5+1), 1)
		got := []map[string]any{}
		for next := "first"; next != ""; {
			at := small
			if next != "first" {
				at += "&cursor=" + next
			}
			p := f.ask(t, "GET", at, key, "").page(t)
			got, next = append(got, p.Data...), p.Next
		}
		a, _ := json.Marshal(rows)
		b, _ := json.Marshal(got)
		if string(a) != string(b) {
			t.Errorf("%s: %d rows, by smaller pages: %d", path, len(rows), len(got))
		}
	}
	first := f.ask(t, "GET", "/v1/ledger?limit=1", key, "").page(t)
	f.ask(t, "GET", "/v1/operations?cursor="+first.Next, key, "").want(t, 422)
	f.ask(t, "GET", "/v1/ledger?type=topup&cursor="+first.Next, key, "").want(t, 422)
}

func (f *apiFront) testNotModified(t *testing.T) {
	key := f.key(t, "etag", "--scope", "read")
	one := f.ask(t, "GET", "/v1/ledger?limit=2", key, "").want(t, 200)
	tag := one.Header.Get("ETag")
	if tag == "" {
		t.Fatal("no ETag")
	}
	if r := f.ask(t, "GET", "/v1/ledger?limit=2", key, "", "If-None-Match", tag).want(t, 304); r.body != "" || r.Header.Get("ETag") != tag {
		t.Errorf("%q %v", r.body, r.Header)
	}
	f.ask(t, "GET", "/v1/ledger?limit=3", key, "", "If-None-Match", tag).want(t, 200)
	wide := f.key(t, "etag-audit", "--scope", "audit")
	f.ask(t, "GET", "/v1/ledger?limit=2", wide, "", "If-None-Match", tag).want(t, 200) // sees other columns
}

// A key of one wallet reaches nothing of another one.
func (f *apiFront) testWallets(t *testing.T) {
	key := f.key(t, "partner", "--scope", "read", "--scope", "audit", "--wallet", "wlt_441b")
	for _, path := range []string{"ledger", "balances", "transfers", "funding-events", "assurance-events", "settlements", "templates", "completeness", "chain-breaks", "quarantine", "snapshots"} {
		for _, p := range []page{f.ask(t, "GET", "/v1/"+path+"?limit=1000", key, "").page(t), f.ask(t, "GET", "/v1/"+path+"?limit=1000&wallet_id=wlt_7c02", key, "").page(t)} {
			for _, row := range p.Data {
				if row["wallet_id"] != "wlt_441b" || row["person_wallets"] != nil {
					t.Errorf("%s: %v", path, row)
				}
			}
		}
	}
	if p := f.ask(t, "GET", "/v1/ledger", key, "").page(t); len(p.Data) == 0 {
		t.Error("the key does not reach its own wallet")
	}
	for _, path := range []string{"operations", "payments", "findings", "alarms", "matches", "bank-entries", "decisions", "reconciliation", "double-counts", "runs", "webhook-deliveries", "intents"} {
		f.ask(t, "GET", "/v1/"+path, key, "").want(t, 403)
	}
	if p := f.ask(t, "GET", "/v1/providers", key, "").page(t); len(p.Data) == 0 {
		t.Error("the catalogue is for everybody")
	}
}

func (f *apiFront) testExact(t *testing.T) {
	key := f.key(t, "exact", "--scope", "read")
	out := f.ask(t, "GET", "/v1/ledger?limit=1000&fields=amount_minor,amount,snapshot,posted_at,business_date,balance_after_minor", key, "").page(t)
	i := slices.IndexFunc(out.Data, func(r map[string]any) bool { return r["amount_minor"] != nil })
	row := out.Data[i]
	if _, ok := row["snapshot"].(json.Number); !ok || len(row["posted_at"].(string)) != len("2026-03-01T00:00:00.000000Z") || len(row["business_date"].(string)) != 10 {
		t.Errorf("%v", row)
	}
}
