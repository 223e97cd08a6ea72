package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paylake/paylake/schemas"
)

// A warehouse that was lost answers nothing until it is made again; one that is
// behind says so beside its answer; one whose lake is out of reach answers too.
func TestWarehouseBesideItsLake(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "nobody")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "nothing")
	g := newPlayground(t, 100)
	const count = "SELECT count() AS n FROM ledger"
	if r := g.paylake(t, "query", "--format", "csv", count).want(t, 0); r.stdout != "\"n\"\n0\n" || r.stderr != "" {
		t.Fatalf("of an empty lake: %+v", r)
	}
	g.story(t)
	lost := func(t *testing.T) {
		t.Helper()
		for _, sql := range []string{count, "SELECT count() FROM ledger_at(snapshot=1)", "SELECT * FROM spend_by_provider"} {
			if r := g.paylake(t, "query", sql).want(t, 1).says(t, "", "the warehouse is empty and the lake has 4 snapshots; run paylake rebuild"); r.stdout != "" {
				t.Errorf("%s is answered: %s", sql, r.stdout)
			}
		}
		g.paylake(t, "query", "--snapshot", "1", count).want(t, 1).says(t, "", "run paylake rebuild")
		g.paylake(t, "export", "ledger", "-o", filepath.Join(g.dir, "lost.csv")).want(t, 1).says(t, "", "run paylake rebuild")
		if _, err := os.Stat(filepath.Join(g.dir, "lost.csv")); err == nil {
			t.Error("an export of nothing was written")
		}
	}
	lost(t)
	g.paylake(t, "rebuild").want(t, 0)
	whole := g.paylake(t, "query", "--format", "csv", count).want(t, 0)
	if whole.stdout != "\"n\"\n4\n" || whole.stderr != "" {
		t.Fatalf("%+v", whole)
	}
	for _, args := range [][]string{{"query", "--snapshot", "99", count}, {"export", "ledger", "--snapshot", "99"}, {"prove", "--snapshot", "99"}} {
		g.paylake(t, args...).want(t, 2).says(t, "", "no manifest 99")
	}
	g.loseWarehouse(t)
	lost(t)
	g.paylake(t, "rebuild").want(t, 0)

	t.Run("behind", func(t *testing.T) {
		g.commit(t, schemas.Ledger, statement("e", march, -1, nil))
		r := g.paylake(t, "query", "--format", "csv", count).want(t, 0)
		if r.stdout != whole.stdout || strings.Count(r.stderr, "\n") != 1 || !strings.Contains(r.stderr, "it shows manifests up to 4 of 5") {
			t.Errorf("%+v", r)
		}
		g.paylake(t, "query", "--snapshot", "5", count).want(t, 1).says(t, "", "not in the warehouse (1 to 4)")
		g.paylake(t, "export", "ledger").want(t, 0).says(t, "", "it shows manifests up to 4 of 5")
	})
	t.Run("out of reach", func(t *testing.T) {
		g.moveLake(t, "s3://nowhere?region=eu-central-1&use_path_style=true&endpoint=http://127.0.0.1:1")
		r := g.paylake(t, "query", "--format", "csv", count).want(t, 0).says(t, "", "the lake cannot be read; the answer is of the warehouse alone, up to manifest 4")
		if r.stdout != whole.stdout || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%+v", r)
		}
		g.loseWarehouse(t)
		g.paylake(t, "query", count).want(t, 1).says(t, "", "whether it should be cannot be told")
	})
}
