package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/sinks/lake"
)

// The main job on real parts: HTTP, Parquet, ClickHouse; then everything that a
// person does with the result.
func TestEndToEnd(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 1500)
	g.paylake(t, "check").want(t, 0).says(t, "development keeper", "")
	truth := truthLines(g.truth(t))
	pipelines := g.pipelines(t)

	first := g.paylake(t, "run").want(t, 0).says(t, "ledger: ", "")
	if strings.Count(first.stdout, "took ") != pipelines {
		t.Errorf("one line per pipeline, got:\n%s", first.stdout)
	}
	same(t, g.spend(t), truth)

	stop := g.holding(t)
	t.Run("again moves nothing", func(t *testing.T) {
		r := g.paylake(t, "run").want(t, 0)
		if strings.Count(r.stdout, "0 rows moved") != pipelines || strings.Count(r.stdout, "no new manifest") != pipelines {
			t.Errorf("got:\n%s", r.stdout)
		}
		same(t, g.spend(t), truth)
	})
	t.Run("status", func(t *testing.T) {
		var s statusReport
		g.paylake(t, "status", "--json").want(t, 0).json(t, &s)
		if len(s.Pipelines) != pipelines || s.Pipelines[0].CompleteThrough == nil || s.Pipelines[0].LastRun == nil {
			t.Fatalf("%+v", s)
		}
		if len(s.Followers) != 2 || s.Head == 0 {
			t.Fatalf("followers %+v, head %d", s.Followers, s.Head)
		}
		for _, f := range s.Followers {
			if f.Lag != 0 || f.Applied != s.Head || f.Error != "" {
				t.Errorf("follower %+v, head %d", f, s.Head)
			}
		}
		if age := time.Since(*s.Pipelines[0].CompleteThrough); age < 0 || age > 25*time.Hour {
			t.Errorf("ledger complete through %v", s.Pipelines[0].CompleteThrough)
		}
		g.paylake(t, "status").want(t, 0).says(t, "ledger", "")
		for _, q := range s.Pipelines {
			sql := fmt.Sprintf("SELECT formatDateTime(min(complete_through), '%%FT%%T.%%fZ') FROM completeness WHERE source = '%s' AND `table` = '%s'", q.Source, q.Table)
			if got := g.rows(t, sql); len(got) != 1 || q.CompleteThrough == nil || got[0] != q.CompleteThrough.UTC().Format("2006-01-02T15:04:05.000000Z") {
				t.Errorf("%s: completeness says %v, status %v", q.Pipeline, got, q.CompleteThrough)
			}
		}
	})
	t.Run("snapshots", func(t *testing.T) {
		var list []snapshot
		g.paylake(t, "snapshots", "--json").want(t, 0).json(t, &list)
		if len(list) < 3 || list[0].Sequence != 1 || len(list[0].SHA256) != 64 {
			t.Errorf("%+v", list)
		}
		var one struct {
			Sequence int64
			SHA256   string
			Parts    []lake.Part
		}
		g.paylake(t, "snapshots", "1", "--json").want(t, 0).json(t, &one)
		if one.Sequence != 1 || one.SHA256 != list[0].SHA256 || len(one.Parts) != list[0].Parts {
			t.Errorf("%+v", one)
		}
		g.paylake(t, "snapshots").want(t, 0).says(t, "manifest", "")
		g.paylake(t, "snapshots", "1").want(t, 0).says(t, "wlt_441b", "")
		g.paylake(t, "snapshots", "999").want(t, 2)
	})
	t.Run("query", func(t *testing.T) {
		r := g.paylake(t, "query", "--format", "csv", "SELECT 1 AS one").want(t, 0)
		if r.stdout != "\"one\"\n1\n" {
			t.Errorf("%q", r.stdout)
		}
		g.paylake(t, "query", "SELECT provider_code FROM providers LIMIT 1").want(t, 0)
		g.paylake(t, "query", "DROP TABLE ledger").want(t, 1)
		persons := "SELECT countIf(startsWith(counterparty, 'p1_')) > 0 AS auditor, countIf(counterparty != '') > 0 AS anybody FROM ledger"
		if r := g.paylake(t, "query", "--format", "csv", persons).want(t, 0); !strings.Contains(r.stdout, "1,1") {
			t.Errorf("the auditor sees no pseudonyms: %s", r.stdout)
		}
		if r := g.paylake(t, "query", "--as", "analyst", "--format", "csv", persons).want(t, 0); !strings.Contains(r.stdout, "0,0") {
			t.Errorf("the analyst sees pseudonyms: %s", r.stdout)
		}
		g.paylake(t, "query", "--as", "loader", "SELECT 1").want(t, 2)
		g.paylake(t, "query", "--snapshot", "1", "SELECT count() FROM ledger").want(t, 0)
		g.paylake(t, "query", "--snapshot", "999", "SELECT count() FROM ledger").want(t, 2)
		runs := g.paylake(t, "query", "--format", "csv", "SELECT count() AS n FROM pipeline_runs WHERE outcome = 'done'").want(t, 0)
		if runs.stdout != fmt.Sprintf("\"n\"\n%d\n", 2*pipelines) {
			t.Errorf("pipeline_runs: %q", runs.stdout)
		}
	})
	t.Run("plan", func(t *testing.T) {
		var list []plannedWindow
		g.paylake(t, "plan", "--json").want(t, 0).json(t, &list)
		for _, w := range list {
			if w.Reason == "missing" {
				t.Fatalf("still missing: %+v", w)
			}
		}
	})
	t.Run("quarantine", func(t *testing.T) {
		g.paylake(t, "quarantine", "list").want(t, 0).says(t, "", "no rows in quarantine")
	})
	t.Run("retention", func(t *testing.T) { testRetention(t, g) })
	stop()
	t.Run("rebuild", func(t *testing.T) {
		g.paylake(t, "rebuild").want(t, 0).says(t, "rebuilt up to manifest", "")
		same(t, g.spend(t), truth)
	})
	t.Run("up", func(t *testing.T) { testUp(t, g) })
	t.Run("busy", func(t *testing.T) { testBusy(t, g) })
	t.Run("verify", func(t *testing.T) { testVerify(t, g) })
}

// up serves, holds the warehouse exclusively, and stops with 0.
func testUp(t *testing.T, g *playground) {
	up := g.up(t)
	wait, stop := context.WithTimeout(t.Context(), 60*time.Second)
	defer stop()
	get := func(path string) (int, string, string) {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Get(up.origin + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, resp.Header.Get("Content-Type"), string(body)
	}
	if code, _, _ := get("/healthz"); code != 200 {
		t.Errorf("/healthz %d", code)
	}
	for wait.Err() == nil {
		if code, _, _ := get("/readyz"); code == 200 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if code, kind, body := get("/nothing"); code != 404 || kind != "application/problem+json" || !strings.Contains(body, `"status":404`) {
		t.Errorf("/nothing: %d %s %s", code, kind, body)
	}
	g.paylake(t, "rebuild").want(t, 5)
	g.paylake(t, "up").want(t, 5)
	g.paylake(t, "warehouse").want(t, 5)
	g.paylake(t, "query", "SELECT 1").want(t, 0)
	g.paylake(t, "status").want(t, 0)
	testMetrics(t, func() string {
		code, kind, body := get("/metrics")
		if code != 200 || !strings.HasPrefix(kind, "text/plain") {
			t.Fatalf("/metrics: %d %s", code, kind)
		}
		return body
	})
	up.stop()
	if _, err := os.Stat(filepath.Join(g.dir, sandboxData, "warehouse.json")); !os.IsNotExist(err) {
		t.Errorf("warehouse.json is left behind: %v", err)
	}
}

// A pipeline that runs elsewhere is left alone; the others go on.
func testBusy(t *testing.T, g *playground) {
	db, err := state.Open(t.Context(), state.Options{URL: "sqlite://" + filepath.Join(g.dir, sandboxData, "state.db"), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	release, err := db.Lease(t.Context(), "pipeline/ledger")
	if err != nil {
		t.Fatal(err)
	}
	g.paylake(t, "run", "ledger", "providers").want(t, 5).says(t, "providers: 1 windows", "somebody else is running")
	release()
	g.paylake(t, "run", "ledger").want(t, 0)
}

// A lake is proved from its files alone; one flipped bit is found and named.
func testVerify(t *testing.T, g *playground) {
	g.paylake(t, "verify").want(t, 0).says(t, "everything that was published holds", "")
	paylake(t, "verify", "file://"+g.lake(), "--json").want(t, 0).says(t, `"manifests"`, "")
	foreign := filepath.Join(g.lake(), "objects", "ledger", "stranger.txt")
	if err := os.WriteFile(foreign, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	paylake(t, "verify", g.lake()).want(t, 0).says(t, "", foreign)
	objects, err := filepath.Glob(filepath.Join(g.lake(), "objects", "ledger", "*.parquet"))
	if err != nil || len(objects) == 0 {
		t.Fatal(objects, err)
	}
	flip(t, objects[0])
	paylake(t, "verify", "file://"+g.lake()).want(t, 6).says(t, "FAILED", objects[0])
	flip(t, objects[0])
	paylake(t, "verify", "file://"+g.lake()).want(t, 0)
	paylake(t, "verify", "file://"+g.dir+"/nowhere").want(t, 1)
}

func flip(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
