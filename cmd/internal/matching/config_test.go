package matching

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/config"
)

// A configuration changes what it names and nothing else; its words are those
// that there are rules and rows for.
func TestRulesOfAConfiguration(t *testing.T) {
	t.Parallel()
	if !slices.Equal(config.MatchKinds, Kinds()) {
		t.Errorf("the configuration knows %v, there are %v", config.MatchKinds, Kinds())
	}
	var names []string
	for _, r := range Defaults() {
		names = append(names, r.Name)
	}
	if !slices.Equal(config.MatchRules, names) {
		t.Errorf("the configuration knows %v, there are %v", config.MatchRules, names)
	}
	for _, w := range config.MatchWeights {
		if weight(&Defaults()[0].Weights, w) == nil {
			t.Errorf("there is no weight %s", w)
		}
	}
	file := filepath.Join(t.TempDir(), "paylake.yaml")
	load := func(section string) (*config.Config, error) {
		text := "data_dir: .\nsecrets: env:S\nkeys: {pseudonym: env:P}\n" + section
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return config.Load(file, func(string) string { return "" })
	}
	c, err := load(`matching:
  rules:
    topup_card: {after: 48h, merchants: [kapital], weights: {near: 30}}
    operation_report: {off: true}
    rent: {left: transfer, right: bank_debit, needs: [person], fees: [50], once: true, groups: right}
`)
	if err != nil {
		t.Fatal(err)
	}
	got, want := Configured(c.Matching), Defaults()
	want = slices.DeleteFunc(want, func(r Rule) bool { return r.Name == "operation_report" })
	if len(got) != len(want)+1 {
		t.Fatalf("%d rules", len(got))
	}
	for i := range want {
		w := &want[i]
		if w.Name == "topup_card" {
			w.After, w.Merchants, w.Weights.Near = 48*time.Hour, []string{"kapital"}, 30
		}
		if Print([]Rule{got[i]}, "", nil) != Print([]Rule{*w}, "", nil) {
			t.Errorf("%+v, want %+v", got[i], *w)
		}
	}
	if r := got[len(got)-1]; r.Name != "rent" || !r.NeedPerson || !r.Once || r.Fees[0] != 50 || r.Groups.Side().String() != "right" || r.Left != "transfer" || r.Weights.Amount == 0 {
		t.Errorf("%+v", r)
	}
	if c, err = load("matching: {off: true}\n"); err != nil || len(Configured(c.Matching)) != 0 {
		t.Errorf("off: %v, %v", Configured(c.Matching), err)
	}
	_, err = load(`matching:
  rules:
    rent: {right: bank_debits, needs: [luck], groups: both, enough: 101, fees: [0.50], left_sources: [nobody]}
    manual: {left: transfer, right: bank_debit, weight: 3}
`)
	for _, says := range []string{"paylake.yaml:6: matching.rules.rent.left is missing", `"bank_debits" is nothing that can be matched; did you mean "bank_debit"`, `"luck" is no evidence`, `"both" is neither left, right nor none`,
		`enough: "101" is no number of points`, `"0.50" is no fee`, `there is no source "nobody"`, "pairs that people make are called that", `unknown key "weight"`} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q is not said:\n%v", says, err)
		}
	}
}
