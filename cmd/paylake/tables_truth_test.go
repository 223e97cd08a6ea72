package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/sandbox"
	"github.com/paylake/paylake/schemas"
)

// withFiles makes the world of a playground anew, with its exports and their
// crosswalk in the configuration.
func (g *playground) withFiles(t *testing.T, rows int) {
	t.Helper()
	g.withExports(t, sandbox.Options{Rows: rows})
}

// withFlaws is withFiles with rows that have to be refused.
func (g *playground) withFlaws(t *testing.T, rows int) {
	t.Helper()
	g.withExports(t, sandbox.Options{Rows: rows, Flaws: true})
}

func (g *playground) withExports(t *testing.T, o sandbox.Options) {
	t.Helper()
	o.Seed, o.Days, o.Now, o.Still, o.Files = 7, 40, time.Now, true, true
	world, err := sandbox.NewWorld(o)
	if err != nil {
		t.Fatal(err)
	}
	g.world = world
	handler, err := sandbox.Handler(world, sandbox.HandlerOptions{Cooldown: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	g.server.Config.Handler = handler
	files := filepath.Join(g.dir, "exports")
	if err := writeSandboxFiles(world, time.Now(), files); err != nil {
		t.Fatal(err)
	}
	if err := writeSandboxConfig(world, g.server.URL, g.config, files, ""); err != nil {
		t.Fatal(err)
	}
	g.edit(t, `listen: "127.0.0.1:8080"`, `listen: "127.0.0.1:0"`)
}

// compared asks the warehouse for every table and returns the answer, too.
func (g *playground) compared(t *testing.T, tables []sandbox.TableTruth) ([]sandbox.Verdict, string) {
	t.Helper()
	answer := g.paylake(t, "query", "--format", "csv", sandbox.Query(tables)).want(t, 0).stdout
	verdicts, err := sandbox.Compare(tables, strings.NewReader(answer))
	if err != nil {
		t.Fatal(err)
	}
	return verdicts, answer
}

// Every table that the demonstration fills is, rows and money, what the sandbox
// knows it to be; and a table of which a line is lost, changed or doubled is not.
func TestEveryTableIsTheTruth(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 2500)
	g.withFiles(t, 2500)
	g.paylake(t, "run").want(t, 0)
	tables := g.truth(t).Tables
	verdicts, answer := g.compared(t, tables)
	empty, filled := []string{"alarms", "quarantine", "settlements", "chargeback_hints", "payment_intents"}, map[string]bool{} // TestDemonstrationFillsEveryTable fills them, make demo pays
	for _, v := range verdicts {
		if !v.Holds() {
			t.Errorf("%s", v)
		}
		if filled[v.Truth.Table] = true; (v.Truth.Rows == 0) != slices.Contains(empty, v.Truth.Table) {
			t.Errorf("%s: the sandbox has %d rows for it", v.Truth.Table, v.Truth.Rows)
		}
	}
	everyTableIsCompared(t, filled)
	t.Run("a line lost, changed, doubled", func(t *testing.T) {
		records, err := csv.NewReader(strings.NewReader(answer)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for n, table := range tables {
			if table.Rows > 0 {
				tampered(t, tables, records, n)
			}
		}
	})
	t.Run("rows that the upstream did not send", func(t *testing.T) { lostRows(t, g, tables) })
}

func everyTableIsCompared(t *testing.T, compared map[string]bool) {
	t.Helper()
	for _, table := range schemas.All() {
		if !compared[table.Name] && table != schemas.Decisions && table != schemas.Matches { // what persons and rules decide no upstream can know
			t.Errorf("table %s is not compared with the truth", table.Name)
		}
	}
}

// tampered changes the answer about one table: that table fails, no other.
func tampered(t *testing.T, tables []sandbox.TableTruth, records [][]string, n int) {
	t.Helper()
	at := slices.IndexFunc(records, func(r []string) bool { return r[0] == fmt.Sprint(n) })
	line := records[at][1]
	for what, replacement := range map[string][]string{
		"lost": {}, "changed": {line[:len(line)-1] + string('0'+(line[len(line)-1]-'0'+1)%10)}, "doubled": {line, line},
	} {
		var b strings.Builder
		out := csv.NewWriter(&b)
		for i, r := range records {
			if i != at {
				_ = out.Write(r)
				continue
			}
			for _, l := range replacement {
				_ = out.Write([]string{r[0], l})
			}
		}
		out.Flush()
		verdicts, err := sandbox.Compare(tables, strings.NewReader(b.String()))
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range verdicts {
			if v.Holds() == (i == n) {
				t.Errorf("a line of %s %s: %s", tables[n].Table, what, v)
			}
		}
	}
}

// lostRows lets the upstream forget a workflow and show another balance: those
// two tables fail, and no other.
func lostRows(t *testing.T, g *playground, tables []sandbox.TableTruth) {
	inner := g.server.Config.Handler
	g.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/catalog/nfc-workflows"):
			_, _ = io.WriteString(w, `{"rows":[{"workflow_id":"nfc_azersu_ios","provider_code":"AZERSU_RES","platform":"ios","card_family":"mifare_desfire","steps":[]}]}`)
		case strings.HasSuffix(r.URL.Path, "/wallet/balance"):
			_, _ = io.WriteString(w, `{"currency":"AZN","as_of":"2026-01-01T00:00:00+04:00","available":1.00,"reserved":0}`)
		default:
			inner.ServeHTTP(w, r)
		}
	})
	g.paylake(t, "run", "nfc", "balances").want(t, 0)
	verdicts, _ := g.compared(t, tables)
	different := map[string]bool{}
	for _, v := range verdicts {
		if !v.Holds() {
			different[v.Truth.Table] = true
		}
	}
	if !maps.Equal(different, map[string]bool{"balances": true, "nfc_workflows": true}) {
		t.Errorf("different are %v", different)
	}
}
