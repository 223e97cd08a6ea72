package matching

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/lake"
)

// format is raised when the same rows and rules give other matches than before.
const format = 1

// Tables are those that rules read, and those that they look into.
func Tables(rules []Rule) []string {
	names := []string{schemas.Providers.Name, schemas.Decisions.Name, schemas.OperationFees.Name}
	for i := range rules {
		names = append(names, TableOf(rules[i].Left), TableOf(rules[i].Right))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Between are the rules that have something to compare: has says of how many
// sources there are rows of a table.
func Between(rules []Rule, has func(table string) int) []Rule {
	var out []Rule
	for _, r := range rules {
		left, right := TableOf(r.Left), TableOf(r.Right)
		if has(left) > 0 && has(right) > 0 && (left != right || has(left) > 1) {
			out = append(out, r)
		}
	}
	return out
}

// Print stands for everything that a matching depends on. Objects are named by
// their content, so their names do.
func Print(rules []Rule, crosswalk string, objects map[string][]lake.Standing) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d\n%+v\n%q\n", format, rules, crosswalk)
	for _, table := range Tables(rules) {
		fmt.Fprintf(h, "%s\n", table)
		for _, o := range objects[table] {
			fmt.Fprintf(h, "%s %s\n", o.Source, o.Object.Path)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
