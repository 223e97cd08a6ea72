package matching

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/paylake/paylake/cmd/internal/decisions"
	"github.com/paylake/paylake/cmd/internal/match"
	"github.com/paylake/paylake/cmd/internal/match/matchtest"
	"github.com/paylake/paylake/sinks/lake"
)

// What is matched does not depend on what arrived first, or on what was matched
// in between: rows that come in four lots, in an order of their own, with a
// matching after each, end as the same matches as rows that come at once.
func TestArrivalChangesNothing(t *testing.T) {
	w := matchtest.Generate(3, 1500, false)
	rule := Rule{Rule: matchtest.Rule(), Left: "transfer", Right: "bank_debit"}
	rule.Name = "planted"
	of := func(lots int, shuffle uint64) string {
		h := newHouse(t)
		facts := append([]*match.Fact(nil), w.Facts...)
		rand.New(rand.NewPCG(shuffle, 1)).Shuffle(len(facts), func(i, j int) { facts[i], facts[j] = facts[j], facts[i] })
		for i := range lots {
			some := matchtest.World{Facts: facts[i*len(facts)/lots : (i+1)*len(facts)/lots]}
			h.planted(t, &some)
			_, err := Step(t.Context(), Input{Warehouse: h.ch, Snapshot: h.follow(t), Lake: h.lake, Decisions: &decisions.Ledger{}, Rules: []Rule{rule}, TempDir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
		}
		h.follow(t)
		// The lake's own proof holds for rows that were withdrawn on the way.
		if _, err := lake.Verify(t.Context(), h.url, lake.VerifyOptions{}); err != nil {
			t.Error(err)
		}
		return strings.Join(h.texts(t, "SELECT * EXCEPT (snapshot, revision, flags) FROM matches ORDER BY left_at, link_id", 0), "\n")
	}
	want := of(1, 1)
	if got := of(4, 2); got != want || strings.Count(want, "\n") < 1000 {
		t.Errorf("%d rows in lots, %d at once, or others", strings.Count(got, "\n"), strings.Count(want, "\n"))
	}
}
