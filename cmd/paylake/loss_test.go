package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/paylake/paylake/sinks/lake"
)

// What is lost, one after the other, through the commands alone: what verify
// says, what a command puts back, and that the truth is back in the end.
func TestLosses(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 500)
	g.paylake(t, "run").want(t, 0)
	truth := truthLines(g.truth(t))
	same(t, g.spend(t), truth)
	whole := func(t *testing.T) {
		t.Helper()
		g.paylake(t, "verify").want(t, 0)
		same(t, g.spend(t), truth)
	}
	still := func(t *testing.T) { // and nothing is owed
		t.Helper()
		if r := g.paylake(t, "run").want(t, 0); strings.Count(r.stdout, "0 rows moved") != g.pipelines(t) {
			t.Errorf("something moved:\n%s", r.stdout)
		}
		whole(t)
	}
	t.Run("an object, and the warehouse has it", func(t *testing.T) {
		path := g.largest(t, "ledger")
		lose(t, path)
		r := g.paylake(t, "verify").want(t, 6).says(t, "FAILED", path+": manifest ").says(t, "", "affected: "+path)
		for _, part := range []string{" rows of ledger from mpay", " AZN, from ", "wallet wlt_441b, windows ", "next: paylake rebuild", "paylake run ledger --from "} {
			if !strings.Contains(r.stderr, part) {
				t.Errorf("%q is not in:\n%s", part, r.stderr)
			}
		}
		var report lake.Report
		g.paylake(t, "verify", "--json").want(t, 6).json(t, &report)
		if len(report.Affected) != 1 || report.Affected[0].Rows == 0 || len(report.Affected[0].Windows) < 6 {
			t.Errorf("%+v", report.Affected)
		}
		g.paylake(t, "rebuild").want(t, 0).says(t, "put back from the warehouse, bit for bit: "+path, "")
		g.paylake(t, "verify").want(t, 0)
	})
	t.Run("a damaged object, and the warehouse has it", func(t *testing.T) {
		path := g.largest(t, "operations")
		flip(t, path)
		g.paylake(t, "verify").want(t, 6).says(t, "", "affected: "+path)
		g.paylake(t, "rebuild").want(t, 0).says(t, "put back from the warehouse", "")
		r := g.paylake(t, "verify").want(t, 0)
		if !strings.Contains(r.stderr, "damaged/objects/operations/") {
			t.Errorf("the damaged bytes are not kept aside:\n%s", r.stderr)
		}
		whole(t)
	})
	t.Run("objects and the warehouse", func(t *testing.T) {
		lost := []string{g.largest(t, "ledger"), g.largest(t, "operations"), g.largest(t, "providers")}
		for _, path := range lost {
			lose(t, path)
		}
		g.loseWarehouse(t)
		r := g.paylake(t, "rebuild").want(t, 1).says(t, "", "nothing was dropped")
		commands := regexp.MustCompile(`(?m)^read it again: paylake (run \S+ --from \S+ --to \S+)$`).FindAllStringSubmatch(r.stderr, -1)
		if len(commands) != 3 {
			t.Fatalf("%d commands in:\n%s", len(commands), r.stderr)
		}
		said := ""
		for _, c := range commands { // as they were printed
			said += g.paylake(t, strings.Fields(c[1])...).stdout
		}
		for _, path := range lost {
			if !strings.Contains(said, "put back from the source, bit for bit: "+path) {
				t.Errorf("%s did not come back:\n%s", path, said)
			}
		}
		still(t) // the warehouse follows by itself
	})
	t.Run("the newest manifest", func(t *testing.T) {
		manifests := g.manifests(t)
		newest := manifests[len(manifests)-1]
		text, err := os.ReadFile(newest)
		if err != nil {
			t.Fatal(err)
		}
		lose(t, newest)
		g.paylake(t, "verify").want(t, 6).says(t, "", newest).says(t, "", "affected: ") // the transparency log remembers it
		before := tree(t, g.lake())
		for _, command := range []string{"run", "rebuild", "compact"} { // its number is taken for ever
			g.paylake(t, command).want(t, 1).says(t, "", "the newest are lost")
		}
		if after := tree(t, g.lake()); after != before {
			t.Errorf("something was written in its place:\n%s", after)
		}
		if err := os.WriteFile(newest, []byte(strings.Replace(string(text), `"created_at": "2`, `"created_at": "1`, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, command := range []string{"run", "rebuild", "compact"} { // nothing is laid upon another than was logged
			g.paylake(t, command).want(t, 1).says(t, "", newest+" is not the manifest that was logged")
		}
		if err := os.WriteFile(newest, text, 0o644); err != nil {
			t.Fatal(err)
		}
		still(t)
	})
	t.Run("a manifest in the middle", func(t *testing.T) {
		manifests := g.manifests(t)
		path := manifests[len(manifests)/2]
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lose(t, path)
		before := tree(t, g.lake())
		r := g.paylake(t, "verify").want(t, 6).says(t, "", path).says(t, "", "affected: ")
		var report lake.Report
		g.paylake(t, "verify", "--json").want(t, 6).json(t, &report)
		if len(report.Findings) != 1 || report.Findings[0].Path != path || report.BehindGap == 0 || report.Log.Size != report.Manifests+1 {
			t.Errorf("at fault is one manifest of many: %+v", report)
		}
		if !strings.Contains(r.stderr, "committed by manifest ") {
			t.Errorf("what it published is not told:\n%s", r.stderr)
		}
		for _, command := range []string{"run", "rebuild", "status"} {
			g.paylake(t, command).want(t, 1).says(t, "", "is missing although")
		}
		if after := tree(t, g.lake()); after != before {
			t.Errorf("something was written into a gap:\n%s", after)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil { // from a copy
			t.Fatal(err)
		}
		g.paylake(t, "verify").want(t, 0)
	})
	t.Run("the state database", func(t *testing.T) {
		for _, path := range must(filepath.Glob(filepath.Join(g.dir, sandboxData, "state.db*"))) {
			lose(t, path)
		}
		g.paylake(t, "run").want(t, 4).says(t, "", "paylake consent grant")
		g.grantAll(t)
		still(t)
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func lose(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// largest is the largest object of a table.
func (g *playground) largest(t *testing.T, table string) string {
	t.Helper()
	paths := must(filepath.Glob(filepath.Join(g.lake(), "objects", table, "*.parquet")))
	if len(paths) == 0 {
		t.Fatalf("no object of %s", table)
	}
	size := func(path string) int64 { return must(os.Stat(path)).Size() }
	return slices.MaxFunc(paths, func(a, b string) int { return int(size(a) - size(b)) })
}

func (g *playground) manifests(t *testing.T) []string {
	t.Helper()
	paths := must(filepath.Glob(filepath.Join(g.lake(), "manifests", "*.json")))
	if len(paths) < 5 {
		t.Fatalf("%d manifests", len(paths))
	}
	return paths
}

func (g *playground) loseWarehouse(t *testing.T) {
	t.Helper()
	for _, path := range must(filepath.Glob(filepath.Join(g.dir, sandboxData, "clickhouse*"))) {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
}
