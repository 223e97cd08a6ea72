package schemas_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/paylake/paylake/schemas"
)

var update = flag.Bool("update", false, "rewrite the golden files of tables whose version is new")

// A table's promise is frozen: a changed column fails here until the version is
// raised and a new golden file is written next to the old one.
func TestTablesAreFrozen(t *testing.T) {
	for _, table := range schemas.All() {
		for version := 1; version <= table.Version; version++ {
			frozen(t, table.AsOf(version))
		}
		for _, f := range table.Fields {
			if f.Since > 1 && !f.Nullable && f.Kind != schemas.String && f.Kind != schemas.Code {
				t.Errorf("%s.%s came later and is neither text nor nullable: older rows have no value for it", table.Name, f.Name)
			}
		}
	}
}

func frozen(t *testing.T, table *schemas.Table) {
	t.Helper()
	name := filepath.Join("testdata", table.Name+".v"+string(rune('0'+table.Version))+".golden")
	got := table.Describe()
	want, err := os.ReadFile(name)
	if os.IsNotExist(err) && *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err != nil {
		t.Fatalf("%s has no golden file; run go test ./schemas -update: %v", table.Name, err)
	}
	if got != string(want) {
		t.Errorf("%s changed without a new version; raise Version and run go test ./schemas -update\ngot:\n%s\nwant:\n%s",
			table.Name, got, want)
	}
}

func TestTablesNameTheirOwnColumns(t *testing.T) {
	for _, table := range schemas.All() {
		names := append([]string{"source"}, table.Key...)
		for _, n := range []string{table.Time, table.Amount, table.Currency, table.Provider, table.Balance} {
			if n != "" {
				names = append(names, n)
			}
		}
		for _, n := range names {
			if !table.Has(n) {
				t.Errorf("table %s refers to a column %q that it does not have", table.Name, n)
			}
		}
		if got, ok := schemas.ByName(table.Name); !ok || got != table {
			t.Errorf("ByName(%q) does not find the table", table.Name)
		}
		for _, f := range table.Fields {
			if f.Doc == "" {
				t.Errorf("%s.%s has no meaning written down", table.Name, f.Name)
			}
		}
	}
}

func TestKeepAddsEachColumnOnceAndLeavesTheTableAlone(t *testing.T) {
	before := len(schemas.Ledger.Fields)
	kept := schemas.Ledger.Keep("promo", "campaign", "promo", "type")
	if len(schemas.Ledger.Fields) != before {
		t.Fatal("Keep changed the shared table")
	}
	if got := len(kept.Fields) - before; got != 2 {
		t.Fatalf("kept %d columns, want campaign and promo", got)
	}
	if kept.Fields[before].Name != "campaign" || !kept.Fields[before].Kept {
		t.Fatalf("kept columns are not in name order: %+v", kept.Fields[before])
	}
}
