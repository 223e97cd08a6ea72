package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/paylake/paylake/cmd/internal/sandbox"
	"github.com/paylake/paylake/config"
)

// TestMain lets the test binary be paylake: the code under test starts
// os.Executable as the ClickHouse child and as the OTP helper, with an
// environment of its own. `go test` always passes flags of its own first, so
// anything else is a command line of paylake. Without this a child would run
// the tests again, and they their children.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-test.") {
		main()
		return
	}
	goleak.VerifyTestMain(m, leakOfToxiproxy, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(programs.folder)
		os.Exit(code)
	}))
}

// leakOfToxiproxy: a link of toxiproxy whose far side is gone ends its writer
// alone; what still holds a chunk for it waits for good (ToxicLink.write, seen
// in v2.5.0). The goroutine is the library's and none of ours is above it.
var leakOfToxiproxy = goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run")

// result is what one invocation left behind.
type result struct {
	code           int
	stdout, stderr string
}

// paylake runs the program in this process.
func paylake(t testing.TB, args ...string) result {
	t.Helper()
	return invoke(t.Context(), nil, args...)
}

func invoke(ctx context.Context, stdin io.Reader, args ...string) result {
	var out, errs syncBuffer
	if stdin == nil {
		stdin = strings.NewReader("")
	}
	code := run(ctx, args, os.Getenv, stdin, &out, &errs)
	return result{code, out.String(), errs.String()}
}

// want fails the test unless the invocation ended with the code.
func (r result) want(t testing.TB, code int) result {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", r.code, code, r.stdout, r.stderr)
	}
	return r
}

func (r result) says(t testing.TB, stdout, stderr string) result {
	t.Helper()
	if !strings.Contains(r.stdout, stdout) || !strings.Contains(r.stderr, stderr) {
		t.Fatalf("want %q on stdout and %q on stderr\nstdout:\n%s\nstderr:\n%s", stdout, stderr, r.stdout, r.stderr)
	}
	return r
}

func (r result) json(t testing.TB, v any) {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(r.stdout))
	dec.UseNumber() // money is not a float
	if err := dec.Decode(v); err != nil {
		t.Fatalf("%v in:\n%s", err, r.stdout)
	}
}

// interceptor sees a request before the sandbox; true: it has answered.
type interceptor func(http.ResponseWriter, *http.Request) bool

// playground is a sandbox on a real port and a configuration that points to it.
type playground struct {
	world  *sandbox.World
	server *httptest.Server
	dir    string
	config string
	before atomic.Pointer[interceptor]
}

func newPlayground(t testing.TB, rows int, chaos ...string) *playground {
	t.Helper()
	world, err := sandbox.NewWorld(sandbox.Options{Seed: 7, Rows: rows, Days: 40, Now: time.Now, Still: true, Chaos: chaos})
	if err != nil {
		t.Fatal(err)
	}
	g := &playground{world: world, dir: t.TempDir()}
	handler, err := sandbox.Handler(world, sandbox.HandlerOptions{Cooldown: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	g.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := g.before.Load(); f == nil || !(*f)(w, r) {
			handler.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(g.server.Close)
	g.config = filepath.Join(g.dir, "paylake.yaml")
	if err := writeSandboxConfig(world, g.server.URL, g.config, "", ""); err != nil {
		t.Fatal(err)
	}
	g.edit(t, `listen: "127.0.0.1:8080"`, `listen: "127.0.0.1:0"`)
	g.grantAll(t)
	return g
}

// grantAll lets the owners of all wallets consent. Call it again where a test
// points the configuration at another state database.
func (g *playground) grantAll(t testing.TB) {
	t.Helper()
	g.paylake(t, "consent", "grant", "--all").want(t, 0)
}

func (g *playground) intercept(f interceptor) { g.before.Store(&f) }

// edit replaces text of the configuration.
func (g *playground) edit(t testing.TB, old, new string) {
	t.Helper()
	text, err := os.ReadFile(g.config)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte(old)) {
		t.Fatalf("%q is not in\n%s", old, text)
	}
	if err := os.WriteFile(g.config, bytes.ReplaceAll(text, []byte(old), []byte(new)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (g *playground) paylake(t testing.TB, args ...string) result {
	t.Helper()
	return paylake(t, append([]string{"-c", g.config}, args...)...)
}

// pipelines is how many pipelines the configuration has.
func (g *playground) pipelines(t testing.TB) int {
	t.Helper()
	cfg, err := config.Load(g.config, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	return len(cfg.Pipelines)
}

func (g *playground) lake() string { return filepath.Join(g.dir, sandboxData, "lake") }

func (g *playground) truth(t testing.TB) (truth sandbox.Truth) {
	t.Helper()
	resp, err := http.Get(g.server.URL + "/sandbox/truth")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&truth); err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	return truth
}

// spend asks the warehouse and returns it as lines that compare with the truth.
func (g *playground) spend(t testing.TB) map[string]string {
	t.Helper()
	const sql = `SELECT source, business_date, provider_code, currency, sum(entries) AS entries, sum(spend_minor) AS spend,
		sum(refunds_minor) AS refunds, sum(net_minor) AS net FROM spend_by_provider GROUP BY ALL`
	r := g.paylake(t, "query", "--format", "json", sql).want(t, 0)
	var answer struct {
		Data []struct {
			Source, Currency, Entries, Spend, Refunds, Net any
			Date                                           string `json:"business_date"`
			Provider                                       string `json:"provider_code"`
		}
	}
	r.json(t, &answer)
	out := map[string]string{}
	for _, d := range answer.Data {
		out[fmt.Sprint(d.Source, " ", d.Date, " ", d.Provider, " ", d.Currency)] = fmt.Sprint(d.Entries, " ", d.Spend, " ", d.Refunds, " ", d.Net)
	}
	return out
}

func truthLines(truth sandbox.Truth) map[string]string {
	out := map[string]string{}
	for _, s := range truth.SpendByProvider {
		out[fmt.Sprint(s.Source, " ", s.BusinessDate, " ", s.ProviderCode, " ", s.Currency)] =
			fmt.Sprint(s.Entries, " ", s.SpendMinor, " ", s.RefundsMinor, " ", s.NetMinor)
	}
	return out
}

// same compares two sets of lines and shows a few that differ.
func same(t testing.TB, got, want map[string]string) {
	t.Helper()
	bad := 0
	for k, v := range want {
		if got[k] != v && bad < 5 {
			t.Errorf("%s: %q, want %q", k, got[k], v)
			bad++
		}
	}
	if len(got) != len(want) || len(want) == 0 {
		t.Errorf("%d lines, want %d (and some)", len(got), len(want))
	}
}
