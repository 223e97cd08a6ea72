package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paylake/paylake/cmd/internal/sandbox"
	"github.com/paylake/paylake/pipeline/state/postgrestest"
	"github.com/paylake/paylake/sinks/clickhouse/servertest"
)

// Two processes stay up on one PostgreSQL and one ClickHouse server: what comes
// to either of them is in the warehouse once, a rebuild is kept off, and one
// goes on when the other has ended. Alone: it has a PostgreSQL, a ClickHouse and
// two that stay up, and two cores are few.
func TestTwoStayUp(t *testing.T) {
	url, stop, err := postgrestest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	server := servertest.Start(t, servertest.User("admin", serverPassword))
	g := newPlayground(t, 200)
	g.hooked(t)
	g.replace(t, "state", "state: "+postgrestest.NewDatabase(t, url))
	write(t, filepath.Join(g.dir, "password"), serverPassword)
	_, port, _ := strings.Cut(server.HTTPAddr, ":")
	g.edit(t, "warehouse: embedded", fmt.Sprintf("warehouse: \"clickhouse://admin@%s/paylake?http_port=%s\"\nwarehouse_password: file:password", server.Addr, port))
	g.paylake(t, "keys", "generate", "audit", "-o", filepath.Join(g.dir, "audit.key")).want(t, 0)
	g.edit(t, "keys: {", "keys: {audit: file:audit.key, ")
	g.grantAll(t)
	g.paylake(t, "run").want(t, 0)
	g.endpoint(t, "crm", sandbox.Hook{}, "--event", "payment.settled")

	text, err := os.ReadFile(g.config)
	if err != nil {
		t.Fatal(err)
	}
	second := &playground{world: g.world, server: g.server, dir: g.dir, config: filepath.Join(g.dir, "second.yaml")}
	write(t, second.config, string(text))
	second.edit(t, `data_dir: "paylake-sandbox"`, `data_dir: "second"`)

	one, two := g.up(t), second.up(t)
	defer func() {
		if t.Failed() {
			t.Logf("one says:\n%s\ntwo says:\n%s", one.errs.String(), two.errs.String())
		}
	}()
	const ids = 6
	for n := range ids {
		for _, r := range []running{one, two} { // the same to both: it is one
			if code := r.deliver(t, "/callbacks/flashpay/psp", g.notice(t, fmt.Sprintf("%d", 880_000+n), "success", "")); code != 200 {
				t.Errorf("answered with %d", code)
			}
		}
	}
	count := func(want int, from int) func() bool {
		return func() bool {
			r := g.paylake(t, "query", "--format", "csv", fmt.Sprintf("SELECT count(), uniqExact(operation_id) FROM operations WHERE toUInt64(operation_id) >= %d AND toUInt64(operation_id) < %d", 880_000+from, 890_000))
			return r.code == 0 && strings.HasSuffix(r.stdout, fmt.Sprintf("\n%d,%d\n", want, want))
		}
	}
	until(t, "what came to both is there once", count(ids, 0))
	g.paylake(t, "rebuild").want(t, 5).says(t, "", "kept by another paylake")
	one.stop()
	g.paylake(t, "rebuild").want(t, 5)
	if code := two.deliver(t, "/callbacks/flashpay/psp", g.notice(t, "889000", "success", "")); code != 200 {
		t.Errorf("answered with %d", code)
	}
	until(t, "the one that is left goes on", count(1, 9000))
	until(t, "everything was told", func() bool {
		told := map[string]bool{}
		for _, m := range g.received(t, "crm") {
			if !m.Verified {
				t.Fatalf("%+v", m)
			}
			told[m.ID] = true
		}
		return len(told) >= ids+1
	})
	two.stop()
	g.paylake(t, "rebuild").want(t, 0)
	if !count(ids+1, 0)() {
		t.Error("rebuilt, and other rows are there")
	}
}
