package pipeline

import (
	"fmt"
	"testing"

	"github.com/paylake/paylake/schemas"
)

// Of several rejected wordings of one key the one rejected last is taken; where
// two came together, none is.
func TestRivals(t *testing.T) {
	type bad struct {
		key, sum uint64
		snapshot int64
	}
	for name, c := range map[string]struct {
		rows []bad
		want string // rows that stay
	}{
		"alone":               {[]bad{{1, 1, 1}, {2, 1, 1}}, "[0 1]"},
		"the later one":       {[]bad{{1, 1, 5}, {1, 2, 4}, {1, 3, 3}}, "[0]"},
		"in any order":        {[]bad{{1, 3, 3}, {1, 1, 5}, {1, 2, 4}}, "[1]"},
		"together":            {[]bad{{1, 1, 5}, {1, 2, 5}}, "[]"},
		"the same twice":      {[]bad{{1, 1, 5}, {1, 1, 5}, {1, 1, 4}}, "[0 1 2]"},
		"torn, then a newer":  {[]bad{{1, 1, 5}, {1, 2, 5}, {1, 3, 6}}, "[2]"},
		"others are no rival": {[]bad{{1, 1, 5}, {1, 2, 5}, {2, 9, 1}}, "[2]"},
	} {
		out := map[*candidate]bool{}
		var mine []*candidate
		for _, r := range c.rows {
			cand := &candidate{Quarantined: Quarantined{Snapshot: r.snapshot}, keys: []schemas.Key{{Lo: r.key}}, sums: []uint64{r.sum}}
			mine = append(mine, cand)
		}
		rivals(mine, func(c *candidate, f Fate, _ string, _ ...any) { out[c] = f == FateOlder })
		stay := []int{}
		for i, cand := range mine {
			if !out[cand] {
				stay = append(stay, i)
			}
		}
		if fmt.Sprint(stay) != c.want {
			t.Errorf("%s: %v stay, want %s", name, stay, c.want)
		}
	}
}
