package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/paylake/paylake/sinks/clickhouse"
	"github.com/paylake/paylake/sinks/clickhouse/servertest"
	"github.com/paylake/paylake/sinks/lake/s3test"
	"github.com/paylake/paylake/sources"
)

// through puts a TCP proxy before an address; toxics change what passes.
func through(t *testing.T, upstream string) *toxiproxy.Proxy {
	t.Helper()
	p := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), upstream, "127.0.0.1:0", upstream)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

// hurried runs the program with everybody's patience counted in seconds.
func (g *playground) hurried(t *testing.T, args ...string) result {
	t.Helper()
	var out, errs syncBuffer
	p := &program{getenv: os.Getenv, stdin: newLines(strings.NewReader("")), stdout: &out, stderr: &errs, now: time.Now,
		patience: sources.RetryPolicy{Attempts: 3, Base: time.Millisecond, Floor: time.Millisecond, Cap: 5 * time.Millisecond},
		waits: waits{wallet: time.Second, platform: time.Second, store: 2 * time.Second, warehouse: clickhouse.Deadlines{
			Dial: 2 * time.Second, Ask: 3 * time.Second, Load: 4 * time.Second, Query: 4 * time.Second}}}
	code := p.execute(t.Context(), append([]string{"-c", g.config}, args...))
	return result{code, out.String(), errs.String()}
}

// toxic is a way in which a connection can be bad. tolerable ones cost time.
type toxic struct {
	name, json string
	tolerable  bool
}

var tolerable = []toxic{
	{"latency", `{"type":"latency","attributes":{"latency":25,"jitter":15}}`, true},
	{"slices", `{"type":"slicer","attributes":{"average_size":500,"size_variation":400,"delay":50}}`, true},
}

var blackHoles = []toxic{
	{"black hole", `{"type":"timeout","attributes":{"timeout":0}}`, false},
	{"black hole for requests", `{"type":"timeout","stream":"upstream","attributes":{"timeout":0}}`, false},
}

var broken = []toxic{
	{"reset", `{"type":"reset_peer","attributes":{"timeout":20}}`, false},
	{"reset of requests", `{"type":"reset_peer","stream":"upstream","attributes":{"timeout":30}}`, false},
	{"cut replies", `{"type":"limit_data","attributes":{"bytes":700}}`, false},
	{"cut requests", `{"type":"limit_data","stream":"upstream","attributes":{"bytes":500}}`, false},
}

// cut is for ClickHouse: behind the greeting, because this engine ends over a
// connection that is lost within it, which a server does not.
var cut = []toxic{
	{"cut replies", `{"type":"limit_data","attributes":{"bytes":6000}}`, false},
	{"cut requests", `{"type":"limit_data","stream":"upstream","attributes":{"bytes":20000}}`, false},
}

// endless is far longer than any step of this test may wait, on a machine that
// has much else to do.
const endless = 3 * time.Minute

// Bad connections to the upstreams, to the bucket and to ClickHouse: a run is
// exact, or it is red and says who does not answer; it ends; and when the
// connection is well again, the next run brings everything to the truth.
func TestHostileNeighbours(t *testing.T) {
	store := s3test.New(t)
	server := servertest.Start(t, servertest.User("admin", serverPassword))
	t.Setenv("PAYLAKE_TEST_PASSWORD", serverPassword)
	g := newPlayground(t, 600)
	truth := truthLines(g.truth(t))

	upstream := through(t, g.server.Listener.Addr().String())
	bucket := through(t, strings.TrimPrefix(store.Endpoint, "http://"))
	native, http := through(t, server.Addr), through(t, server.HTTPAddr)
	store.Endpoint = "http://" + bucket.Listen
	g.onS3(t, store)
	g.onServer(t, "warehouse: embedded", "admin", native.Listen, http.Listen, false)
	g.edit(t, g.server.URL, "http://"+upstream.Listen)
	g.hurried(t, "run", "providers").want(t, 0)

	day := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	if list := g.plannedDays(t); len(list) > 0 {
		day = list[0]
	}
	for _, n := range []struct {
		name    string
		proxies []*toxiproxy.Proxy
		says    string // of a red run
		toxics  []toxic
	}{
		{"upstream", []*toxiproxy.Proxy{upstream}, `upstream out of reach|no answer`, slices.Concat(tolerable, broken, blackHoles)},
		{"bucket", []*toxiproxy.Proxy{bucket}, `out of reach|no answer`, slices.Concat(tolerable, broken, blackHoles)},
		{"ClickHouse", []*toxiproxy.Proxy{native, http}, `cannot be reached`, slices.Concat(tolerable, cut, blackHoles)},
	} {
		red := 0
		for _, x := range n.toxics {
			t.Run(n.name+", "+x.name, func(t *testing.T) {
				for _, p := range n.proxies {
					if _, err := p.Toxics.AddToxicJson(strings.NewReader(x.json)); err != nil {
						t.Fatal(err)
					}
				}
				from := day
				day = day.AddDate(0, 0, 1)
				began := time.Now()
				r := g.hurried(t, "run", "ledger", "operations", "--from", from.Format(time.DateOnly), "--to", day.Format(time.DateOnly))
				took := time.Since(began)
				for _, p := range n.proxies {
					p.Toxics.ResetToxics(t.Context())
				}
				noPanic(t, r)
				switch {
				case took > endless:
					t.Errorf("it took %s", took)
				case r.code == 0:
				case r.code != 1 || !regexp.MustCompile(n.says).MatchString(r.stderr):
					t.Errorf("exit code %d:\n%s%s", r.code, r.stdout, r.stderr)
				case x.tolerable:
					t.Errorf("slow is not broken:\n%s%s", r.stdout, r.stderr)
				default:
					red++
				}
				t.Logf("code %d after %s", r.code, took.Round(time.Millisecond))
			})
		}
		if red < 2 {
			t.Errorf("%s: %d runs were red: the toxics did not bite", n.name, red)
		}
	}
	// The black holes have ended the engine, see cut: it is lost, and made anew.
	fresh := servertest.Start(t, servertest.User("admin", serverPassword))
	for p, addr := range map[*toxiproxy.Proxy]string{native: fresh.Addr, http: fresh.HTTPAddr} {
		if err := p.Update(&toxiproxy.Proxy{Listen: p.Listen, Upstream: addr, Enabled: true}); err != nil {
			t.Fatal(err)
		}
		if err := p.Update(&toxiproxy.Proxy{Listen: p.Listen, Upstream: addr, Enabled: true}); err != nil {
			t.Fatal(err)
		}
	}
	g.paylake(t, "run").want(t, 0)
	same(t, g.spend(t), truth)
	g.paylake(t, "verify").want(t, 0)
}

// plannedDays are the days of the ledger's plan, ascending.
func (g *playground) plannedDays(t *testing.T) (days []time.Time) {
	t.Helper()
	var list []plannedWindow
	g.paylake(t, "plan", "ledger", "--json").want(t, 0).json(t, &list)
	baku := must(time.LoadLocation("Asia/Baku"))
	for _, w := range list {
		days = append(days, must(time.Parse(time.DateOnly, w.Window.From.In(baku).Format(time.DateOnly))))
	}
	return days
}
