package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/sinks/lake"
)

// Losses in a compacted lake, through the commands: a merged object comes back
// from the old ones and an old one from the merged one, without a warehouse that
// holds them; both of them from the warehouse; without it from the source.
func TestLossesOfMergedObjects(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 400)
	start := g.world.Start()
	for _, d := range []int{4, 8, 16} {
		g.paylake(t, "run", "ledger", "--from", start.Format(time.DateOnly), "--to", start.AddDate(0, 0, d).Format(time.DateOnly)).want(t, 0)
	}
	g.paylake(t, "run").want(t, 0)
	truth := truthLines(g.truth(t))
	same(t, g.spend(t), truth)
	var done []lake.Compaction
	g.paylake(t, append(mergeAll, "--json")...).want(t, 0).json(t, &done)
	var m lake.Compaction
	for _, c := range done {
		if c.Table == "ledger" && c.Objects > m.Objects {
			m = c
		}
	}
	if m.Objects < 2 {
		t.Fatalf("nothing to speak of was merged: %+v", done)
	}
	merged := filepath.Join(g.lake(), filepath.FromSlash(m.Object))
	old := ""
	for _, path := range must(filepath.Glob(filepath.Join(g.lake(), "objects", "ledger", "*.parquet"))) {
		if path != merged && strings.Contains(g.lakeText(t, m.Sequence), filepath.Base(path)) {
			old = path
		}
	}
	whole := func(t *testing.T) {
		t.Helper()
		g.paylake(t, "verify").want(t, 0)
		same(t, g.spend(t), truth)
	}
	t.Run("the merged one", func(t *testing.T) {
		lose(t, merged)
		g.paylake(t, "verify").want(t, 6).says(t, "", "affected: "+merged)
		g.paylake(t, "rebuild").want(t, 0).says(t, "put back from the objects that it was merged from, bit for bit: "+merged, "")
		whole(t)
	})
	t.Run("an old one", func(t *testing.T) {
		flip(t, old)
		g.paylake(t, "verify").want(t, 6).says(t, "", "affected: "+old)
		g.paylake(t, "rebuild").want(t, 0).says(t, "put back from the object that it was merged into, bit for bit: "+old, "")
		whole(t)
	})
	t.Run("both, and the warehouse has the merged one", func(t *testing.T) {
		lose(t, merged)
		lose(t, old)
		g.paylake(t, "rebuild").want(t, 0).says(t, "put back from the warehouse, bit for bit: "+merged, "").
			says(t, "put back from the object that it was merged into, bit for bit: "+old, "")
		whole(t)
	})
	t.Run("both, and the warehouse", func(t *testing.T) {
		lose(t, merged)
		lose(t, old)
		g.loseWarehouse(t)
		r := g.paylake(t, "rebuild").want(t, 1).says(t, "", "nothing was dropped")
		commands := regexp.MustCompile(`(?m)^read it again: paylake (run \S+ --from \S+ --to \S+)$`).FindAllStringSubmatch(r.stderr, -1)
		if len(commands) != 1 {
			t.Fatalf("%d commands in:\n%s", len(commands), r.stderr)
		}
		g.paylake(t, strings.Fields(commands[0][1])...).want(t, 0).
			says(t, "put back from the source, bit for bit: "+old, "").
			says(t, "put back from the objects that it was merged from, bit for bit: "+merged, "")
		g.paylake(t, "run").want(t, 0)
		whole(t)
	})
}

// lakeText is the text of a manifest.
func (g *playground) lakeText(t *testing.T, sequence int64) string {
	t.Helper()
	return string(must(os.ReadFile(g.manifests(t)[sequence-1])))
}
