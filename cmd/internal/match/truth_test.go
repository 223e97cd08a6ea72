package match_test

import (
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/match"
	"github.com/paylake/paylake/cmd/internal/match/matchtest"
)

// found runs a rule and returns the links of its matches; no row may be in two.
func found(t testing.TB, r match.Rule, facts match.Facts, d match.Decided) (map[[2]match.Key]*match.Match, []match.Match, match.Summary) {
	t.Helper()
	links, seen := map[[2]match.Key]*match.Match{}, map[match.Key]string{}
	var all []match.Match
	sum, err := match.Run(r, facts, d, func(m match.Match) error {
		all = append(all, m)
		for _, side := range [][]*match.Fact{m.Left, m.Right} {
			for _, f := range side {
				if m.State == match.Matched && seen[f.Key] != "" {
					t.Errorf("%s is in %s and in %s", f.Key, seen[f.Key], m.ID)
				}
				seen[f.Key] = m.ID
			}
		}
		if m.State != match.Matched {
			return nil
		}
		if len(m.Left) > 1 && len(m.Right) > 1 {
			t.Errorf("%s has %d and %d rows", m.ID, len(m.Left), len(m.Right))
		}
		left, right := int64(0), int64(0)
		for _, f := range m.Left {
			left += f.Amount
		}
		for _, f := range m.Right {
			right += f.Amount
		}
		if left-right != m.Difference {
			t.Errorf("%s: %d − %d is not %d", m.ID, left, right, m.Difference)
		}
		for _, l := range m.Left {
			for _, x := range m.Right {
				links[[2]match.Key{l.Key, x.Key}] = &all[len(all)-1]
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return links, all, sum
}

// The matches of generated systems are those that were planted: precision at
// least 0.99, recall at least 0.98. PAYLAKE_MATCH_ROWS is the size.
func TestTruth(t *testing.T) {
	perSide := 30_000
	if text := os.Getenv("PAYLAKE_MATCH_ROWS"); text != "" {
		var err error
		if perSide, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	w := matchtest.Generate(1, perSide, true)
	began := time.Now()
	links, all, sum := found(t, matchtest.Rule(), match.Slice{matchtest.Rule(), w.Facts}, match.Decided{})
	took := time.Since(began)
	right, ambiguous := 0, 0
	for k := range links {
		if w.Truth[k] {
			right++
		}
	}
	for i := range all {
		if all[i].State == match.Ambiguous {
			ambiguous++
		}
	}
	precision, recall := float64(right)/float64(len(links)), float64(right)/float64(len(w.Truth))
	t.Logf("%d × %d rows, %d true links: %d found, precision %.4f, recall %.4f, %d ambiguous pairs, largest block %d, in %v on %d cores",
		sum.Left, sum.Right, len(w.Truth), len(links), precision, recall, ambiguous, sum.Largest, took.Round(time.Millisecond), runtime.GOMAXPROCS(0))
	if precision < 0.99 || recall < 0.98 {
		t.Errorf("precision %.4f (0.99 is required), recall %.4f (0.98)", precision, recall)
	}
}
