package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources/csv"
)

// readmeTable returns the cells of the rows of the table under a heading.
func readmeTable(t *testing.T, text, heading string) (rows [][]string) {
	t.Helper()
	_, text, found := strings.Cut(text, "\n## "+heading+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	for line := range strings.Lines(text) {
		if cells := strings.Split(strings.TrimSpace(line), "|"); len(cells) > 2 && !strings.HasPrefix(line, "|---") {
			rows = append(rows, cells[1:len(cells)-1])
		}
	}
	if !found || len(rows) < 2 {
		t.Fatalf("README has no table under %q", heading)
	}
	return rows[1:]
}

var (
	testName = regexp.MustCompile(`\bTest[A-Z]\w*`)
	coded    = regexp.MustCompile("`([^`]+)`")
)

// named lists the tests of a cell as folder/TestName: a folder in backquotes
// holds for what follows it.
func named(cell string) (out []string) {
	folder := ""
	for _, word := range strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune(" ,;()", r) }) {
		if plain := strings.Trim(word, "`"); plain != word && strings.Contains(plain, "/") {
			folder = plain
		} else if testName.MatchString(plain) {
			out = append(out, folder+"/"+plain)
		}
	}
	return out
}

func testExists(t *testing.T, path string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", filepath.Dir(path), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+filepath.Base(path)+"(t *testing.T)") {
			return true
		}
	}
	return false
}

// namedByTheMission are the systems and data that paylake has to read.
var namedByTheMission = []string{
	"MPAY", "Pulz", "eManat", "Birbank", "MilliÖn", "ABB Mobile", "akart", "PASHA Bank", "Leobank", "Flashpay", "Mbank", "SIMA", "Azeriqaz", "Azersu", "Azerishiq",
	"ledger lines", "reversals with their codes", "available balance and reserved amount", "peer transfers", "provider catalogue", "funding events", "step-up and assurance",
	"templates", "NFC workflows", "`payment.settled`", "callbacks", "operations", "fees", "chargebacks", "balances", "conversion rates", "dashboard reports", "telco rewards",
}

// The README's table of what is read names a test that exists for every row, and
// leaves out no table, no preset and no type of source.
func TestReadmeNamesWhatIsRead(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var types, tables []string
	rows := readmeTable(t, string(data), "What is read")
	for _, row := range rows {
		if len(row) != 5 {
			t.Fatalf("%q has %d cells", row, len(row))
		}
		for _, m := range coded.FindAllStringSubmatch(row[2], -1) {
			types = append(types, m[1])
		}
		for _, m := range coded.FindAllStringSubmatch(row[3], -1) {
			tables = append(tables, m[1])
		}
		tests := named(row[4])
		for _, path := range tests {
			if !testExists(t, path) {
				t.Errorf("%s: there is no test %s", strings.TrimSpace(row[0]), path)
			}
		}
		if len(tests) == 0 {
			t.Errorf("%s, %s: no test is named", row[0], row[1])
		}
	}
	for _, table := range schemas.All() {
		if !slices.Contains(tables, table.Name) {
			t.Errorf("the README's table lacks %s", table.Name)
		}
	}
	for _, want := range slices.Concat([]string{config.MPAY, config.Flashpay, config.CSV}, csv.Presets()) {
		if !slices.Contains(types, want) {
			t.Errorf("the README's table lacks %s", want)
		}
	}
	for _, named := range namedByTheMission {
		if !slices.ContainsFunc(rows, func(row []string) bool { return strings.Contains(row[0]+row[1], named) }) {
			t.Errorf("the README's table lacks %s", named)
		}
	}
	if testExists(t, "cmd/paylake/TestThatNobodyWrote") || len(named("`cmd/paylake` TestA, TestB; `x/y` TestC (TestD)")) != 4 {
		t.Error("this test cannot fail")
	}
}
