package dossier

import (
	"strings"
	"testing"
)

// What a person writes cannot become part of a query.
func TestNothingEscapes(t *testing.T) {
	evil := `x' OR 1=1 --\`
	quoted := `x\' OR 1=1 --\\`
	for _, s := range Evidence(Entry{Source: evil, Wallet: evil, ID: evil, Session: evil, Reference: evil}) {
		if strings.Contains(strings.ReplaceAll(s.Where, quoted, ""), "OR 1=1") {
			t.Errorf("%s: %s", s.Path, s.Where)
		}
	}
	for _, sql := range []string{Find(Entry{Source: evil, Wallet: evil, ID: evil}), Totals(evil, evil, map[string]int64{evil: 1}), Archive(evil, evil, map[string]int64{evil: 1})[1].Where} {
		if strings.Contains(strings.ReplaceAll(sql, quoted, ""), "OR 1=1") {
			t.Error(sql)
		}
	}
}

// Without a reference nothing is looked for by it: an empty one would be
// everybody's.
func TestEmptyReferencesFindNothing(t *testing.T) {
	for _, s := range Evidence(Entry{Source: "s", Wallet: "w", ID: "e"}) {
		if strings.Contains(s.Where, "= ''") {
			t.Errorf("%s: %s", s.Path, s.Where)
		}
	}
}
