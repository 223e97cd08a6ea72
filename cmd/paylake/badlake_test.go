package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A lake whose newest manifest was written by a newer version: every command
// that reads it says so, names the lake and the remedy, and writes nothing.
func TestLakeOfANewerVersion(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 300)
	g.paylake(t, "run").want(t, 0)
	before := tree(t, g.lake())
	manifests, err := filepath.Glob(filepath.Join(g.lake(), "manifests", "*.json"))
	if err != nil || len(manifests) == 0 {
		t.Fatal(manifests, err)
	}
	last := manifests[len(manifests)-1]
	original, err := os.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"format": {`"format": 1`, `"format": 2`},
		"kind":   {`"kind": "data"`, `"kind": "merge"`},
	} {
		t.Run(name, func(t *testing.T) {
			newer := bytes.Replace(original, []byte(change[0]), []byte(change[1]), 1)
			if bytes.Equal(newer, original) {
				t.Fatalf("%s is not in %s", change[0], last)
			}
			rewrite(t, last, newer)
			for _, args := range [][]string{{"run"}, {"status"}, {"snapshots"}, {"query", "SELECT 1"}, {"rebuild"}, {"quarantine", "list"}, {"check"}} {
				r := g.paylake(t, args...).want(t, 1)
				both := r.stdout + r.stderr
				for _, part := range []string{"written by a newer version of paylake; install that version", g.lake()} {
					if !strings.Contains(both, part) {
						t.Errorf("%v: %q is not in:\n%s", args, part, both)
					}
				}
				noPanic(t, r)
			}
			r := g.paylake(t, "verify")
			if r.code == 0 || !strings.Contains(r.stdout+r.stderr, "newer version") {
				t.Errorf("verify: code %d\n%s%s", r.code, r.stdout, r.stderr)
			}
		})
	}
	rewrite(t, last, original)
	if after := tree(t, g.lake()); after != before {
		t.Errorf("the lake has changed:\n%s\nbefore:\n%s", after, before)
	}
	g.paylake(t, "run").want(t, 0)
	same(t, g.spend(t), truthLines(g.truth(t)))
}

func rewrite(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// tree lists the files under a folder.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			b.WriteString(path + "\n")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Files that are not the lake's own: named by verify, in nobody's way.
func TestForeignFilesInTheLake(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 300)
	foreign := []string{"README.txt", "manifests/notes.json", "manifests/.DS_Store", "objects/ledger/copy.parquet",
		"objects/else/x.parquet", "quarantine/ledger/.tmp-123"}
	for _, f := range foreign {
		path := filepath.Join(g.lake(), f)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("not of the lake"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	g.paylake(t, "run").want(t, 0)
	same(t, g.spend(t), truthLines(g.truth(t)))
	r := g.paylake(t, "verify").want(t, 0)
	for _, f := range foreign {
		path := filepath.Join(g.lake(), f)
		if !strings.Contains(r.stderr, path) {
			t.Errorf("%s is not named:\n%s", path, r.stderr)
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != "not of the lake" {
			t.Errorf("%s was touched: %q, %v", path, data, err)
		}
	}
	g.paylake(t, "rebuild").want(t, 0)
	same(t, g.spend(t), truthLines(g.truth(t)))
}

// Two machines, each with a state database and a warehouse of its own, that
// write to one lake at the same time: every row once, and both warehouses
// arrive at the same totals.
func TestTwoConfigurationsOneLake(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 1500)
	text, err := os.ReadFile(g.config)
	if err != nil {
		t.Fatal(err)
	}
	var origin string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "lake:") {
			origin = line
		}
	}
	// The lake stays where it is; everything else lies in another folder.
	other := bytes.ReplaceAll(text, []byte(sandboxData), []byte("other-machine"))
	other = bytes.ReplaceAll(other, []byte(strings.Replace(sandboxKeys, sandboxData, "other-machine", 1)), []byte(sandboxKeys))
	for line := range strings.Lines(string(other)) {
		if strings.HasPrefix(line, "lake:") {
			other = bytes.Replace(other, []byte(line), []byte(origin), 1)
			break
		}
	}
	second := filepath.Join(g.dir, "second.yaml")
	if err := os.WriteFile(second, other, 0o600); err != nil {
		t.Fatal(err)
	}
	paylake(t, "-c", second, "consent", "grant", "--all").want(t, 0) // a registry of its own
	configs := []string{g.config, second}
	results := make([]result, len(configs))
	var both sync.WaitGroup
	for i, c := range configs {
		both.Go(func() { results[i] = paylake(t, "-c", c, "run") })
	}
	both.Wait()
	moved := map[string]bool{}
	for _, r := range results {
		r.want(t, 0)
		for line := range strings.Lines(r.stdout) {
			name, rest, _ := strings.Cut(line, ":")
			moved[name] = moved[name] || strings.Contains(rest, "inserted")
		}
	}
	if len(moved) < 3 {
		t.Errorf("pipelines that said something: %v", moved)
	}
	for name, some := range moved {
		if !some {
			t.Errorf("%s moved rows for neither", name)
		}
	}
	truth := truthLines(g.truth(t))
	for _, c := range configs {
		paylake(t, "-c", c, "run").want(t, 0).says(t, "0 rows moved", "") // the slower one catches up
		g.config = c
		same(t, g.spend(t), truth)
		g.paylake(t, "verify").want(t, 0)
	}
}
