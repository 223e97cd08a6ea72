package schemas_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
)

// Checks of every kind come back from JSON as they were.
func TestChecksInJSON(t *testing.T) {
	checks := schemas.Checks()
	low := int64(-5)
	for _, r := range []schemas.Rule{schemas.Required{}, schemas.Range{Min: &low}, schemas.Pattern{Matches: "a+"}, schemas.Vocabulary{Words: []string{"x"}},
		schemas.Referential{Table: "t", Column: "c", Source: "s"}, schemas.Freshness{Max: time.Hour}, schemas.Volume{Weeks: 4, Min: 1, Max: 2, Least: 3, Zone: "UTC"}} {
		checks = append(checks, schemas.Check{Name: "own", Table: "ledger", Severity: schemas.SeverityWarn, Rule: r, Except: []string{"a"},
			When: []schemas.Condition{{Column: "type", Among: []string{"fee"}}}})
	}
	text, err := json.Marshal(checks)
	if err != nil {
		t.Fatal(err)
	}
	var again []schemas.Check
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(checks, again) {
		t.Errorf("%+v\nbecame\n%+v", checks, again)
	}
	if err := json.Unmarshal([]byte(`[{"Name":"x","Kind":"Unheard","Rule":{}}]`), &again); err == nil {
		t.Error("a rule of a kind that there is not was read")
	}
}
