package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/sandbox"
	"github.com/paylake/paylake/pipeline/state/postgrestest"
	"github.com/paylake/paylake/sinks/clickhouse/servertest"
)

// Two processes stay up on one PostgreSQL and one ClickHouse server: what comes
// to either of them is in the warehouse once, a rebuild is kept off, and one
// goes on when the other has ended, whether it was asked to or killed. As long as
// nobody is killed no window is read twice and no webhook sent twice. Alone: it
// has a PostgreSQL, a ClickHouse and two that stay up, and two cores are few.
func TestTwoStayUp(t *testing.T) {
	url, stop, err := postgrestest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	held := holding{t: t}
	t.Cleanup(held.close) // after the server has ended
	server := servertest.Start(t, servertest.User("admin", serverPassword))
	for name, killed := range map[string]bool{"calm": false, "killed": true} {
		t.Run(name, func(t *testing.T) {
			s := newSharing(t, url, server, name)
			if killed {
				s.edit(t, server.Addr+"/", held.before(server.Addr)+"/")
				_, before, _ := strings.Cut(held.before(server.HTTPAddr), ":")
				_, after, _ := strings.Cut(server.HTTPAddr, ":")
				s.edit(t, "http_port="+after, "http_port="+before)
				s.oneIsKilled(t)
			} else {
				s.oneIsStopped(t)
			}
		})
	}
}

// holding stands before ClickHouse and holds on to it when a client is lost: this
// engine ends over a connection that breaks, which a server does not.
type holding struct {
	t    testing.TB
	mu   sync.Mutex
	open []io.Closer
}

// before listens for what goes to an address.
func (h *holding) before(upstream string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	h.keep(l)
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", upstream)
			if err != nil {
				client.Close()
				continue
			}
			h.keep(client)
			h.keep(server)
			go func() { _, _ = io.Copy(server, client) }()
			go func() {
				_, _ = io.Copy(client, server)
				_, _ = io.Copy(io.Discard, server) // nobody listens any more
				client.Close()
			}()
		}
	}()
	return l.Addr().String()
}

func (h *holding) keep(c io.Closer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open = append(h.open, c)
}

func (h *holding) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.open {
		c.Close()
	}
}

// sharing is a playground with two configurations for processes that share what
// they keep.
type sharing struct {
	*playground
	second  *playground
	wallets int

	mu    sync.Mutex
	reads map[string]int // first pages of the wallets' statements, by the first day
}

func newSharing(t *testing.T, postgres string, server *servertest.Server, database string) *sharing {
	t.Helper()
	g := newPlayground(t, 200)
	g.hooked(t)
	g.replace(t, "state", "state: "+postgrestest.NewDatabase(t, postgres))
	write(t, filepath.Join(g.dir, "password"), serverPassword)
	_, port, _ := strings.Cut(server.HTTPAddr, ":")
	g.edit(t, "warehouse: embedded", fmt.Sprintf("warehouse: \"clickhouse://admin@%s/%s?http_port=%s\"\nwarehouse_password: file:password", server.Addr, database, port))
	g.paylake(t, "keys", "generate", "audit", "-o", filepath.Join(g.dir, "audit.key")).want(t, 0)
	g.edit(t, "keys: {", "keys: {audit: file:audit.key, ")
	g.edit(t, `table: ledger, schedule: "*/5 * * * *"`, `table: ledger, schedule: "@every 1s"`)
	g.grantAll(t)
	g.paylake(t, "run", "providers", "operations").want(t, 0) // the ledger is left for those who stay up
	g.endpoint(t, "crm", sandbox.Hook{}, "--event", "payment.settled")

	text, err := os.ReadFile(g.config)
	if err != nil {
		t.Fatal(err)
	}
	s := &sharing{playground: g, second: &playground{world: g.world, server: g.server, dir: g.dir, config: filepath.Join(g.dir, "second.yaml")},
		wallets: strings.Count(string(text), "wallet_id:"), reads: map[string]int{}}
	write(t, s.second.config, string(text))
	s.second.edit(t, `data_dir: "paylake-sandbox"`, `data_dir: "second"`)
	g.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if q := r.URL.Query(); strings.HasSuffix(r.URL.Path, "/wallet/statement") && q.Get("cursor") == "" {
			s.mu.Lock()
			s.reads[q.Get("from")]++
			s.mu.Unlock()
		}
		return false
	})
	return s
}

const sharedIDs = 6

// toBoth delivers the same to both: it is one.
func (s *sharing) toBoth(t *testing.T, origins ...string) {
	t.Helper()
	for n := range sharedIDs {
		body := s.notice(t, fmt.Sprint(880_000+n), "success", "")
		for _, origin := range origins {
			if code := (running{origin: origin}).deliver(t, "/callbacks/flashpay/psp", body); code != 200 {
				t.Errorf("answered with %d", code)
			}
		}
	}
}

// there says whether so many operations are in the warehouse, each once.
func (s *sharing) there(t *testing.T, want, from int) func() bool {
	return func() bool {
		r := s.paylake(t, "query", "--format", "csv", fmt.Sprintf("SELECT count(), uniqExact(operation_id) FROM operations WHERE toUInt64(operation_id) >= %d AND toUInt64(operation_id) < %d", 880_000+from, 890_000))
		return r.code == 0 && strings.HasSuffix(r.stdout, fmt.Sprintf("\n%d,%d\n", want, want))
	}
}

// told says whether the receiver has heard of every operation.
func (s *sharing) told(t *testing.T) bool {
	t.Helper()
	var all strings.Builder
	for _, m := range s.received(t, "crm") {
		if !m.Verified {
			t.Fatalf("%+v", m)
		}
		all.Write(m.Body)
	}
	for _, id := range []int{880_000, 880_001, 880_002, 880_003, 880_004, 880_005, 889_000} {
		if !strings.Contains(all.String(), fmt.Sprintf(`"%d"`, id)) {
			return false
		}
	}
	return true
}

// goesOn has the one that is left take what comes, and then end.
func (s *sharing) goesOn(t *testing.T, two running) {
	t.Helper()
	s.paylake(t, "rebuild").want(t, 5)
	if code := two.deliver(t, "/callbacks/flashpay/psp", s.notice(t, "889000", "success", "")); code != 200 {
		t.Errorf("answered with %d", code)
	}
	until(t, "the one that is left goes on", s.there(t, 1, 9000))
	until(t, "what came to both is there once", s.there(t, sharedIDs+1, 0))
	until(t, "everything was told", func() bool { return s.told(t) })
	two.stop()
	s.paylake(t, "rebuild").want(t, 0)
	if !s.there(t, sharedIDs+1, 0)() {
		t.Error("rebuilt, and other rows are there")
	}
}

// oneIsStopped: nobody is disturbed, so nothing is done twice.
func (s *sharing) oneIsStopped(t *testing.T) {
	one, two := s.up(t, "-v"), s.second.up(t, "-v")
	defer func() {
		if t.Failed() {
			t.Logf("one says:\n%s\ntwo says:\n%s", one.errs.String(), two.errs.String())
		}
	}()
	s.toBoth(t, one.origin, two.origin)
	until(t, "what came to both is there once", s.there(t, sharedIDs, 0))
	s.paylake(t, "rebuild").want(t, 5).says(t, "", "kept by another paylake")
	until(t, "every closed window is in the lake", func() bool { // what is not would be read again by the other
		var now struct{ Pipelines []pipelineStatus }
		r := s.paylake(t, "status", "--json")
		if json.Unmarshal([]byte(r.stdout), &now) != nil {
			return false
		}
		for _, one := range now.Pipelines {
			if one.Pipeline == "ledger" && one.CompleteThrough != nil && time.Since(*one.CompleteThrough) < 72*time.Hour {
				return true
			}
		}
		return false
	})
	until(t, "nothing is pending", func() bool { // a message on its way would be sent again by the other
		r := s.paylake(t, "webhook", "deliveries", "--status", "pending", "--json")
		return r.code == 0 && !strings.Contains(r.stdout, "event_id")
	})
	one.stop()
	s.goesOn(t, two)
	if days := len(s.closed()); days < 30 {
		t.Errorf("%d days were read: this proves nothing", days)
	}
	for day, n := range s.closed() {
		if n != s.wallets {
			t.Errorf("%s was read %d times for %d wallets", day, n, s.wallets)
		}
	}
	said := one.errs.String() + two.errs.String()
	for _, m := range s.received(t, "crm") {
		failed := 0 // on a machine that is slow an answer may come too late
		for line := range strings.Lines(said) {
			if strings.Contains(line, "webhook not taken") && strings.Contains(line, m.ID) {
				failed++
			}
		}
		if m.Times > 1+failed {
			t.Errorf("event %s was sent %d times, and %d of them failed", m.ID, m.Times, failed)
		}
	}
}

// closed are the reads of windows that are over and not looked at again.
func (s *sharing) closed() map[string]int {
	before := time.Now().AddDate(0, 0, -6).Format(time.DateOnly)
	s.mu.Lock()
	defer s.mu.Unlock()
	out := maps.Clone(s.reads)
	maps.DeleteFunc(out, func(day string, _ int) bool { return day >= before })
	return out
}

// oneIsKilled: the other one finishes what it has begun.
func (s *sharing) oneIsKilled(t *testing.T) {
	cmd, out := s.process(t, "up")
	two := s.second.up(t)
	defer func() {
		if t.Failed() {
			t.Logf("one says:\n%s\ntwo says:\n%s", out.String(), two.errs.String())
		}
	}()
	wait, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	origin, ok := out.line(wait, "http://")
	if !ok {
		t.Fatal("it does not start")
	}
	s.toBoth(t, origin, two.origin)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	s.goesOn(t, two)
}
