package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/sandbox"
	"github.com/paylake/paylake/sources/flashpay"
)

// running is `paylake up` inside the test.
type running struct {
	origin string
	stop   func()
	errs   *syncBuffer
}

func (g *playground) up(t testing.TB, args ...string) running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var out, errs syncBuffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, append([]string{"-c", g.config, "up"}, args...), os.Getenv, strings.NewReader(""), &out, &errs)
	}()
	wait, stop := context.WithTimeout(ctx, 60*time.Second)
	defer stop()
	origin, ok := out.line(wait, "http://")
	if !ok {
		cancel()
		t.Fatalf("no address; stderr:\n%s", errs.String())
	}
	return running{origin: origin, errs: &errs, stop: func() {
		cancel()
		select {
		case code := <-ended:
			if code != 0 {
				t.Errorf("up ended with %d:\n%s", code, errs.String())
			}
		case <-time.After(30 * time.Second):
			t.Fatal("up did not stop")
		}
	}}
}

func (r running) deliver(t testing.TB, path string, body []byte, header ...string) int {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.origin+path, strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// notice is a callback about one operation of the sandbox's project.
func (g *playground) notice(t testing.TB, id, status, more string) []byte {
	t.Helper()
	return g.noticeOf(t, id, status, "c-17", "341******554", more)
}

func (g *playground) noticeOf(t testing.TB, id, status, customer, account, more string) []byte {
	t.Helper()
	created := time.Now().UTC().Add(-time.Hour).Truncate(time.Second).Format("2006-01-02T15:04:05-0700")
	body := fmt.Sprintf(`{"project_id":%d,"customer":{"id":%q},"account":{"number":%q},"payment":{"id":"pay-%s","type":"purchase","status":%q,"method":"mbank","sum":{"amount":50000,"currency":"KGS"}},
		"operation":{"id":%s,"type":"sale","status":%q,"created_date":%q,"sum_initial":{"amount":5000,"currency":"KGS"},"code":"0","message":"Success"%s}`,
		sandbox.ProjectID, customer, account, id, status, id, status, created, more)
	signature, err := flashpay.Sign([]byte(body+"}"), []byte(sandbox.FlashpaySecret))
	if err != nil {
		t.Fatal(err)
	}
	return []byte(body + `,"signature":"` + signature + `"}`)
}

// eventually asks the warehouse until it answers as wanted.
func (g *playground) eventually(t testing.TB, sql, want string) time.Duration {
	t.Helper()
	began := time.Now()
	for {
		got := strings.Join(g.rows(t, sql), "; ")
		if got == want {
			return time.Since(began)
		}
		if time.Since(began) > 30*time.Second {
			t.Fatalf("%s: %s, want %s", sql, got, want)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// A callback is answered, reaches lake and warehouse, and changes nothing when
// it comes again, late or forged.
func TestCallbacksReachTheWarehouse(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 600)
	g.paylake(t, "run").want(t, 0)
	up := g.up(t)
	const path = "/callbacks/flashpay/psp"
	sql := "SELECT operation_id, status, amount_minor, payment_minor, method FROM operations WHERE operation_id = '777001'"

	underway, success := g.notice(t, "777001", "processing", ""), g.notice(t, "777001", "success", `,"date":"2026-01-27T08:15:24+0000"`)
	if code := up.deliver(t, path, underway); code != 200 {
		t.Fatalf("answered %d", code)
	}
	g.eventually(t, sql, line("777001", "processing", 5000, 50000, "mbank"))
	if code := up.deliver(t, path, success); code != 200 {
		t.Fatalf("answered %d", code)
	}
	g.eventually(t, sql, line("777001", "success", 5000, 50000, "mbank"))

	for name, c := range map[string]struct {
		path string
		body []byte
		want int
	}{
		"again":       {path, success, 200},
		"late":        {path, underway, 200},
		"forged":      {path, []byte(strings.Replace(string(success), "5000", "9000", 1)), 400},
		"unsigned":    {path, []byte(`{"project_id":1}`), 400},
		"no such one": {"/callbacks/flashpay/elsewhere", success, 404},
	} {
		if code := up.deliver(t, c.path, c.body); code != c.want {
			t.Errorf("%s: answered %d, want %d", name, code, c.want)
		}
	}
	g.eventually(t, "SELECT count() FROM operations WHERE operation_id = '777001'", "1")
	// An unsigned notice of a chargeback is a hint and nothing more.
	if code := up.deliver(t, path, fmt.Appendf(nil, `{"project_id":%d,"payment":{"id":"pay-9"},"chargeback":{"amount":5000}}`, sandbox.ProjectID)); code != 200 {
		t.Errorf("hint: answered %d", code)
	}
	g.eventually(t, "SELECT payment_id, confirmed FROM chargeback_hints", line("pay-9", "false"))
	if code := up.deliver(t, path, []byte(`{"project_id":1,"payment":{"id":"pay-9"},"chargeback":{"amount":5000}}`)); code != 400 {
		t.Errorf("hint about another project: answered %d", code)
	}
	refused := 0
	for i := range 30 {
		if up.deliver(t, path, fmt.Appendf(nil, `{"project_id":%d,"payment":{"id":"p%d"},"chargeback":{}}`, sandbox.ProjectID, i)) == 429 {
			refused++
		}
	}
	if refused < 15 {
		t.Errorf("of 30 unsigned notices at once %d were refused", refused)
	}
	up.stop()

	// What was answered and not drained when the process died is drained by the
	// next one.
	g.paylake(t, "verify").want(t, 0)
	again := g.up(t)
	other := g.notice(t, "777002", "success", "")
	if code := again.deliver(t, path, other); code != 200 {
		t.Fatalf("answered %d", code)
	}
	again.stop()
	third := g.up(t)
	g.eventually(t, "SELECT status FROM operations WHERE operation_id = '777002'", "success")
	third.stop()
	if got := strings.Join(g.rows(t, sql), ""); got != line("777001", "success", 5000, 50000, "mbank") {
		t.Errorf("at the end: %s", got)
	}
	g.paylake(t, "verify").want(t, 0)
}

func TestCallbackVerify(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 50)
	file := filepath.Join(g.dir, "body.json")
	put := func(body []byte) {
		t.Helper()
		if err := os.WriteFile(file, body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	body := g.notice(t, "1", "success", "")
	put(body)
	g.paylake(t, "callback", "verify", "--source", "psp", file).want(t, 0).says(t, "natural", "")
	put([]byte(strings.Replace(string(body), "KGS", "USD", 1)))
	g.paylake(t, "callback", "verify", "--source", "psp", file).want(t, 6).says(t, "", "the signature does not hold")
	put([]byte(`{"a":1,"a":1}`))
	g.paylake(t, "callback", "verify", "--source", "psp", file).want(t, 6).says(t, "", "strict grammar")
	put(append(body[:len(body)-1], []byte(strings.Repeat(" ", flashpay.MaxCallback)+"}")...))
	g.paylake(t, "callback", "verify", "--source", "psp", file).want(t, 6)
	g.paylake(t, "callback", "verify", "--source", "psp", filepath.Join(g.dir, "nothing")).want(t, 2)
	g.paylake(t, "callback", "verify", "--source", "mpay", file).want(t, 2)
	g.paylake(t, "callback", "verify", "--source", "nobody", file).want(t, 2)
	g.paylake(t, "callback", "verify", file).want(t, 2)
	if _, err := os.Stat(filepath.Join(g.dir, sandboxData, "lake")); !os.IsNotExist(err) {
		t.Errorf("it opened the lake: %v", err)
	}
}

// A settled payment is seen before the statement has it, beside the statement
// row once that is there, and not at all without its owner's consent.
func TestSettlementsReachTheWarehouse(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 600)
	g.paylake(t, "run").want(t, 0)
	row := strings.Split(g.rows(t, "SELECT wallet_id, external_reference, amount_minor, entry_id FROM ledger WHERE external_reference != '' AND type = 'bill_pay' ORDER BY posted_at LIMIT 1")[0], "|")
	if len(row) != 4 {
		t.Fatalf("%q", row)
	}
	up := g.up(t)
	settled := func(wallet, key, reference, minor string) int {
		amount := minor[:len(minor)-2] + "." + minor[len(minor)-2:]
		body := fmt.Sprintf(`{"event":"payment.settled","idempotency_key":%q,"wallet_id":%q,"amount":%s,"currency":"AZN","provider_code":"MOB_AZERCELL","external_reference":%q}`,
			key, wallet, amount, reference)
		now := time.Now().Unix()
		m := hmac.New(sha256.New, []byte(sandbox.WebhookSecret))
		fmt.Fprintf(m, "%d.%s", now, body)
		return up.deliver(t, "/callbacks/mpay/mpay", []byte(body), "MPAY-Signature", fmt.Sprintf("t=%d,v1=%x", now, m.Sum(nil)))
	}
	if code := settled(row[0], "idem_1", row[1], row[2]); code != 200 {
		t.Fatalf("answered %d", code)
	}
	if code := settled(row[0], "idem_2", "acr_not_there_yet", "-1200"); code != 200 {
		t.Fatalf("answered %d", code)
	}
	g.eventually(t, "SELECT idempotency_key, amount_minor, entry_id FROM settlements ORDER BY idempotency_key",
		line("idem_1", row[2], row[3])+"; "+line("idem_2", -1200, ""))
	if code := up.deliver(t, "/callbacks/mpay/mpay", []byte(`{}`)); code != 400 {
		t.Errorf("unsigned: answered %d", code)
	}
	if code := settled("wlt_nobody", "idem_3", "x", "-1200"); code != 422 {
		t.Errorf("foreign wallet: answered %d", code)
	}
	spend := g.spend(t)
	same(t, spend, truthLines(g.truth(t))) // evidence, not spend

	g.paylake(t, "consent", "revoke", "--wallet", row[0]).want(t, 0)
	if code := settled(row[0], "idem_4", "x", "-1200"); code != 200 {
		t.Errorf("without consent: answered %d", code)
	}
	for began := time.Now(); !strings.Contains(up.errs.String(), "nobody consents"); time.Sleep(100 * time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			t.Fatalf("nobody says that it was left out:\n%s", up.errs.String())
		}
	}
	if got := g.rows(t, "SELECT count() FROM settlements WHERE idempotency_key = 'idem_4'"); got[0] != "0" {
		t.Errorf("stored without consent: %v", got)
	}
	up.stop()
}
