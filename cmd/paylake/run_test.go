package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paylake/paylake/sources/mpay"
)

func TestUsageErrors(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	broken := filepath.Join(dir, "broken.yaml")
	if err := os.WriteFile(broken, []byte("lake: file://./l\nwarehose: embedded\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"rnu"}, "run"},
		{[]string{"run", "--form", "2026-01-01"}, "--form"},
		{[]string{"run"}, "-c FILE"},
		{[]string{"-c", broken, "run"}, `broken.yaml:2: unknown key "warehose"; did you mean "warehouse"?`},
		{[]string{"-c", broken, "plan"}, "broken.yaml:2"},
		{[]string{"--log", "xml", "version"}, "text or json"},
		{[]string{"query"}, "accepts 1 arg"},
		{[]string{"query", "--format", "xml", "SELECT 1"}, "table, json or csv"},
		{[]string{"query", "--snapshot", "0", "SELECT 1"}, "from 1 on"},
		{[]string{"export"}, "accepts 1 arg"},
		{[]string{"export", "nfc_workflow"}, "did you mean nfc_workflows?"},
		{[]string{"export", "nfc_workflows", "--format", "xml"}, "as json, csv, jsonl, parquet, not as"},
		{[]string{"export", "ledger", "--period", "2026-3"}, "a month such as 2026-03"},
		{[]string{"export", "ledger", "--period", "2026-03", "--from", "2026-03-01"}, "a whole month"},
		{[]string{"export", "ledger", "--from", "2026-03-02", "--to", "2026-03-02"}, "first day after"},
		{[]string{"export", "ledger", "--as", "root"}, "analyst, auditor, accountant"},
		{[]string{"export", "nfc_workflows", "--period", "2026-03"}, "has no days"},
		{[]string{"export", "nfc_workflows", "--from", "2026-03-01"}, "has no days"},
		{[]string{"export", "nfc_workflows", "--snapshot", "0"}, "from 1 on"},
		{[]string{"snapshots", "last"}, "number of a manifest"},
		{[]string{"verify", "ftp://x"}, "not a URL of a known kind"},
		{[]string{"quarantine", "lst"}, "lst"},
		{[]string{"sandbox", "--chaos", "meteor"}, "meteor"},
		{[]string{"sandbox", "--rows", "-4"}, "rows"},
		{[]string{"version", "extra"}, "extra"},
		{[]string{"login"}, "-c FILE"},
	} {
		r := paylake(t, c.args...).want(t, 2)
		if !strings.Contains(r.stderr, c.says) || r.stdout != "" {
			t.Errorf("%v: want %q\nstdout: %s\nstderr: %s", c.args, c.says, r.stdout, r.stderr)
		}
	}
}

func TestHelpAndVersion(t *testing.T) {
	for _, name := range []string{"up", "run", "plan", "login", "status", "query", "export", "snapshots", "diff", "reconcile", "close", "restatements", "compact", "quarantine", "verify",
		"rebuild", "check", "sandbox", "warehouse", "version", "completion"} {
		paylake(t, "--help").want(t, 0).says(t, "  "+name, "")
		r := paylake(t, name, "--help").want(t, 0)
		if name != "completion" && !strings.Contains(r.stdout, "Examples:") {
			t.Errorf("%s --help has no example", name)
		}
	}
	if r := paylake(t, "--help"); strings.Contains(r.stdout, childCommand) || strings.Contains(r.stdout, "otp-from-sandbox") {
		t.Error("hidden commands are shown")
	}
	paylake(t, "version").want(t, 0).says(t, "paylake ", "")
	paylake(t, "completion", "bash").want(t, 0).says(t, "bash completion", "")
	paylake(t).want(t, 0).says(t, "Usage:", "")
}

// plan needs nothing but the configuration: no secret, no upstream, no state.
func TestPlanTouchesNothing(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 500)
	g.server.Close()
	if err := os.RemoveAll(filepath.Join(g.dir, sandboxKeys)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(g.dir, sandboxData)); err != nil {
		t.Fatal(err)
	}
	var list []plannedWindow
	g.paylake(t, "plan", "--json").want(t, 0).json(t, &list)
	count := map[string]int{}
	for _, w := range list {
		count[w.Pipeline+" "+string(w.Reason)]++
	}
	if count["ledger missing"] != 6*40 || count["ledger open"] != 6 || count["providers whole"] != 1 || count["operations open"] != 1 {
		t.Errorf("%v", count)
	}
	g.paylake(t, "plan", "ledger", "--from", "2026-01-02", "--to", "2026-01-04", "--json").want(t, 0).json(t, &list)
	if len(list) != 12 || list[0].Reason != "asked" {
		t.Errorf("%d windows, %+v", len(list), list[0])
	}
	g.paylake(t, "plan").want(t, 0).says(t, "missing", "paylake run")
	g.paylake(t, "plan", "leger").want(t, 2).says(t, "", "did you mean ledger?")
	g.paylake(t, "plan", "--from", "2026-02-30").want(t, 2).says(t, "", "--from")
	g.paylake(t, "plan", "--from", "2026-03-02", "--to", "2026-03-02").want(t, 2).says(t, "", "first day after")
	if _, err := os.Stat(filepath.Join(g.dir, sandboxData)); !os.IsNotExist(err) {
		t.Errorf("plan made something: %v", err)
	}
}

// When the warehouse cannot be started the lake is filled and the run is red.
func TestRunWithoutWarehouse(t *testing.T) {
	g := newPlayground(t, 300)
	t.Setenv("PAYLAKE_LIBCHDB", filepath.Join(g.dir, "no-such-library.so"))
	g.paylake(t, "run").want(t, 1).says(t, "ledger: ", "the embedded warehouse cannot be started")
	g.paylake(t, "verify").want(t, 0)
	var s statusReport
	g.paylake(t, "status", "--json").want(t, 0).json(t, &s)
	if s.Head == 0 || s.Followers[0].Error == "" || s.Pipelines[0].Rows == 0 {
		t.Errorf("%+v", s)
	}
}

func TestRunReportsUpstreamsThatFail(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 300)
	t.Run("missing secret", func(t *testing.T) {
		key := filepath.Join(g.dir, sandboxKeys, "mpay-server.key")
		if err := os.Rename(key, key+".away"); err != nil {
			t.Fatal(err)
		}
		g.paylake(t, "run").want(t, 2).says(t, "", "sources.mpay.server_key")
		g.paylake(t, "check").want(t, 2).says(t, "FAILED  sources.mpay.server_key", "")
		if err := os.Rename(key+".away", key); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("wrong server key", func(t *testing.T) {
		key := filepath.Join(g.dir, sandboxKeys, "mpay-server.key")
		if err := os.WriteFile(key, []byte("wrong-CANARY\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		r := g.paylake(t, "run", "ledger", "-v").want(t, 4).says(t, "", "server key")
		if strings.Contains(r.stdout+r.stderr, "CANARY") {
			t.Error("the server key is in the output")
		}
	})
}

// SIGINT in the middle: 130, and the next run completes what is left.
func TestInterruptedRun(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 1500)
	ctx, cancel := context.WithCancel(t.Context())
	var asked atomic.Int64
	g.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/wallet/statement") && asked.Add(1) == 100 {
			cancel()
		}
		return false
	})
	r := invoke(ctx, nil, "-c", g.config, "run").want(t, 130)
	if strings.Contains(r.stdout, "operations:") {
		t.Error("the next pipeline was begun")
	}
	g.paylake(t, "run").want(t, 0)
	same(t, g.spend(t), truthLines(g.truth(t)))
}

// phone is the telephone of a wallet's owner: a reader that types what the
// upstream sent.
type phone struct {
	g         *playground
	challenge atomic.Value
	typed     string // instead of what was sent
	done      bool
}

func newPhone(g *playground) *phone {
	p := &phone{g: g}
	inner := g.server.Config.Handler
	g.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/auth/otp/start") {
			inner.ServeHTTP(w, r)
			return
		}
		rec := httptest.NewRecorder()
		inner.ServeHTTP(rec, r)
		var answer struct {
			ID string `json:"challenge_id"`
		}
		_ = json.Unmarshal(rec.Body.Bytes(), &answer)
		p.challenge.Store(answer.ID)
		for k, v := range rec.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
	return p
}

func (p *phone) Read(b []byte) (int, error) {
	if p.done {
		return 0, io.EOF
	}
	p.done = true
	code := p.typed
	for code == "" {
		if id, _ := p.challenge.Load().(string); id != "" {
			var err error
			if code, err = otpFromSandbox(context.Background(), p.g.server.URL, id); err != nil {
				return 0, err
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	return copy(b, code+"\n"), nil
}

func TestLogin(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 300)
	p := newPhone(g)
	r := invoke(t.Context(), p, "-c", g.config, "login", "--wallet", "wlt_441b").want(t, 0).says(t, "wlt_441b of mpay is logged in", "Code for wallet")
	if strings.Contains(r.stderr+r.stdout, "+9945") {
		t.Error("a telephone number is shown")
	}
	// The session is kept: the wallet can be read without a code, the others need a person.
	g.edit(t, "otp: {exec:", "otp: {prompt: true} } # {exec:")
	r = g.paylake(t, "run", "ledger").want(t, 4).says(t, "ledger: 41 windows", "paylake login --wallet wlt_7c02")
	if strings.Contains(r.stderr, "--wallet wlt_441b") {
		t.Error("the wallet with a session needs a person")
	}
	g.paylake(t, "login", "--wallet", "wlt_7c02").want(t, 4)
	g.paylake(t, "login", "--wallet", "wlt_441c").want(t, 2).says(t, "", "did you mean wlt_441b?")
	g.paylake(t, "login").want(t, 2).says(t, "", "login needs a wallet")
}

// Bad rows are counted with their money, listed, and shown with their sealed
// text; good rows of the same page arrive.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 300)
	g.holding(t)
	g.intercept(badRows())
	g.paylake(t, "run", "ledger").want(t, 3).says(t, "2 quarantined", "quarantine list")
	var list []badRow
	g.paylake(t, "quarantine", "list", "--json").want(t, 0).json(t, &list)
	if len(list) != 2 || list[0].Snapshot != 1 || list[0].WalletID == "" {
		t.Fatalf("%+v", list)
	}
	g.paylake(t, "quarantine", "list", "--reason", "amount_scale").want(t, 0).says(t, "bad-scale", "")
	if r := g.paylake(t, "quarantine", "show", list[0].ID).want(t, 0); strings.Contains(r.stdout, "raw ") {
		t.Error("the raw text is shown unasked")
	}
	g.paylake(t, "quarantine", "show", list[0].ID, "--raw").want(t, 0).says(t, `"bad-`, "")
	g.paylake(t, "quarantine", "show", "nothing").want(t, 2)
	var s statusReport
	g.paylake(t, "status", "--json").want(t, 0).json(t, &s)
	if s.Pipelines[0].Quarantine.Rows != 2 {
		t.Errorf("status: %+v", s.Pipelines[0].Quarantine)
	}
	g.paylake(t, "run", "ledger").want(t, 0).says(t, "0 quarantined", "")
}

// badRows answers the statement of one wallet's first day with one good and
// two bad rows, and every other with none.
func badRows() func(http.ResponseWriter, *http.Request) bool {
	var mu sync.Mutex
	first := map[string]string{} // token → first day asked for
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/wallet/statement") {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		day, token := r.URL.Query().Get("from"), r.Header.Get("Authorization")
		if len(first) == 0 {
			first[token] = day
		}
		rows := ""
		if first[token] == day {
			rows = `{"id":"good","posted_at":"` + day + `T10:00:00+04:00","type":"fee","amount":-1.00},` +
				`{"id":"bad-scale","posted_at":"` + day + `T10:00:01+04:00","type":"fee","amount":-37.405},` +
				`{"id":"bad-exp","posted_at":"` + day + `T10:00:02+04:00","type":"fee","amount":1e3}`
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"currency":"AZN","rows":[`+rows+`],"next_cursor":null}`)
		return true
	}
}

func TestOTPProgram(t *testing.T) {
	challenge := mpay.Challenge{Wallet: "w1", MSISDN: "+994501234567", ID: "c1"}
	read := func(script string, patience time.Duration) (string, error) {
		return otpFromProgram(t.TempDir(), []string{"/bin/sh", "-c", script}, patience)(t.Context(), challenge)
	}
	code, err := read(`echo "$PAYLAKE_WALLET $PAYLAKE_MSISDN $PAYLAKE_CHALLENGE"; echo noise >&2`, time.Minute)
	if err != nil || code != "w1 +994501234567 c1" {
		t.Errorf("%q, %v", code, err)
	}
	for script, says := range map[string]string{
		`echo CANARY; echo CANARY >&2; exit 3`: "exit status 3", `true`: "printed nothing", `echo CANARY; sleep 5`: "no answer within",
	} {
		_, err := read(script, 300*time.Millisecond)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "CANARY") || strings.Contains(err.Error(), "99450") {
			t.Errorf("%s: %v", script, err)
		}
	}
}
