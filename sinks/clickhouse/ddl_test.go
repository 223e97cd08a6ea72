package clickhouse

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/paylake/paylake/schemas"
)

var update = flag.Bool("update", false, "write testdata/*.golden")

// The schema of the warehouse is a promise: a changed statement is seen here.
func TestSchemaGolden(t *testing.T) {
	v := viewer{db: "paylake", owner: "loader", kept: map[string][]string{"ledger": {"note"}}}
	var statements []string
	for _, table := range schemas.All() {
		statements = append(append(statements, factTable("paylake", table)), laterColumns("paylake", table)...)
	}
	statements = append(statements, keptColumn("paylake", schemas.Ledger.Keep("note"), "note"), rollupSQL("paylake", schemas.Ledger, "load_id = 7"), rollupSQL("paylake", schemas.Operations, "load_id = 7"))
	statements = append(append(statements, bookkeeping("paylake")...), v.all()...)
	got := strings.Join(statements, ";\n\n") + ";\n"
	const path = "testdata/schema.golden"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the schema has changed; if that is wanted, run go test -run Golden -update and say why in the commit")
	}
}

// Names that a person chose cannot leave their quotes.
func TestQuoting(t *testing.T) {
	for in, want := range map[string]string{"a`b\\": "`a\\`b\\\\`", "plain": "`plain`"} {
		if got := quote(in); got != want {
			t.Errorf("quote(%q) = %s", in, got)
		}
	}
	if got := literal("it's \\ here"); got != "'it\\'s \\\\ here'" {
		t.Errorf("literal: %s", got)
	}
}
