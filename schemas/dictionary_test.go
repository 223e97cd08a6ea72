package schemas_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/paylake/paylake/schemas"
)

// The data dictionary that people read is what the code says, and complete.
func TestDictionary(t *testing.T) {
	const path = "../docs/data.md"
	got := schemas.Dictionary()
	table := ""
	for line := range strings.Lines(got) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "## "); ok {
			table = name
		}
		if strings.HasPrefix(line, "- from:") && len(line) < 12 {
			t.Errorf("%s: where it comes from is missing", table)
		}
		cells := strings.Split(line, " | ")
		if len(cells) == 5 && (strings.TrimSpace(cells[3]) == "" || strings.Trim(cells[4], " |") == "") {
			t.Errorf("%s: meaning or example is missing: %s", table, line)
		}
	}
	for _, word := range regexp.MustCompile("`p1[^`]*`").FindAllString(got, -1) {
		if !regexp.MustCompile("^`p1_[0-9a-f]{32}`$").MatchString(word) {
			t.Errorf("%s is not a pseudonym as they are written", word)
		}
	}
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
		t.Error("docs/data.md is not what the schemas say; run go test ./schemas -run Dictionary -update")
	}
}
