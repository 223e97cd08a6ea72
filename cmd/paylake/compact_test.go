package main

import (
	"testing"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/lake"
)

// Through the commands: what was exported before a compaction is exported after
// it, byte by byte, by the warehouse that changed over and by a new one.
func TestCompactCommand(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 100)
	g.paylake(t, "compact").want(t, 0).says(t, "nothing to merge", "")
	g.story(t)
	g.commit(t, schemas.Ledger, statement("b", march.Add(3_600_000_000_000), -502, fields{"provider_code": "=azercell"}))
	g.paylake(t, "rebuild").want(t, 0)
	first, then := g.exports(t, 2, "csv"), g.exports(t, 5, "csv")
	g.paylake(t, "compact", "--dry-run", "--closed-days", "100000").want(t, 0).says(t, "nothing to merge", "")
	g.paylake(t, "compact", "--dry-run").want(t, 0).says(t, "would be merged into 1", "")
	var done []lake.Compaction
	g.paylake(t, "compact", "--json").want(t, 0).json(t, &done)
	if len(done) != 1 || done[0].Month != "2026-03" || done[0].Objects != 4 || done[0].Sequence != 6 || done[0].Size == 0 {
		t.Errorf("%+v", done)
	}
	sameExports(t, "compacted", g.exports(t, 2, "csv"), first)
	sameExports(t, "compacted", g.exports(t, 5, "csv"), then)
	g.paylake(t, "rebuild").want(t, 0)
	sameExports(t, "compacted and rebuilt", g.exports(t, 2, "csv"), first)
	g.paylake(t, "verify").want(t, 0).says(t, "merged       1 objects", "")
	g.paylake(t, "compact").want(t, 0).says(t, "nothing to merge", "")
	g.paylake(t, "compact", "--small-rows", "1").want(t, 2)
}

// A compaction is in the transparency log when the command ends, also where the
// warehouse cannot be reached.
func TestCompactionIsLogged(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 100)
	g.withoutWarehouse(t)
	g.story(t)
	g.paylake(t, "run", "providers").want(t, 1)
	g.paylake(t, "verify").want(t, 0).says(t, "covers every manifest)", "")
	g.paylake(t, "compact").want(t, 1).says(t, "were merged into 1", "the warehouse changes over with the next run")
	g.paylake(t, "verify").want(t, 0).says(t, "covers every manifest)", "").says(t, "merged       1 objects", "")
}
