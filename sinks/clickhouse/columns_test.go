package clickhouse

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/paylake/paylake/schemas"
)

// Views say their columns themselves; a server that works them out says the
// same, under whatever name and type a query gets.
func TestViewColumnsGolden(t *testing.T) {
	c := newClock()
	w := open(t, newLake(t, c), c, false)
	ask(t, w, "SELECT 1")
	v := viewer{db: w.db, owner: w.where().owner, untyped: true}
	for _, s := range v.all() {
		if err := w.exec(t.Context(), "make a view without columns", s); err != nil {
			t.Fatal(err)
		}
	}
	var got strings.Builder
	err := w.each(t.Context(), "list columns", fmt.Sprintf("SELECT c.table, c.name, c.type FROM system.columns AS c INNER JOIN system.tables AS t ON c.database = t.database AND c.table = t.name WHERE t.database = '%s' AND t.engine = 'View' ORDER BY c.table, c.position", w.db),
		func(scan func(...any) error) error {
			var view, name, kind string
			defer func() { fmt.Fprintf(&got, "%s\t%s\t%s\n", view, name, kind) }()
			return scan(&view, &name, &kind)
		})
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("columns.tsv", []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("columns.tsv")
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Error("columns.tsv is not what the server works out; if that is wanted, run go test -run Golden -update and say why in the commit")
	}
	for _, table := range schemas.All() {
		if _, ok := ViewColumns()[table.Name]; !ok {
			t.Errorf("the view %s has no columns", table.Name)
		}
	}
}
