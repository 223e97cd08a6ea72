package config

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
)

// withChecks is a small configuration with the given lines under checks:.
func withChecks(lines string) string {
	return strings.ReplaceAll(`lake: file://./lake
state: sqlite://./state.db
data_dir: data
listen: 127.0.0.1:0
secrets: env:PAYLAKE_SECRETS
keys: {pseudonym: env:KEY}
sources:
  mpay: {type: mpay, url: http://127.0.0.1:1, server_key: env:K, time_zone: Asia/Baku, wallets: [{wallet_id: w, msisdn: "+994501234567"}]}
pipelines:
  providers: {source: mpay, table: providers}
  ledger:
    source: mpay
    table: ledger
    start: 2026-01-01
    checks:
`, "\t", "  ") + lines
}

func TestChecksAreRead(t *testing.T) {
	c, err := parse("paylake.yaml", t.TempDir(), []byte(withChecks(`
      - {field: amount_minor, kind: range, min: -5_000_00, max: 500000, severity: reject}
      - {field: provider_code, kind: required, when: {type: [bill_pay], status: posted}}
      - {name: meter, field: subscriber_ref, kind: pattern, matches: "[0-9]{8}"}
      - {field: channel, kind: vocabulary, words: [card, balance], severity: warn}
      - {field: provider_code, kind: referential, table: providers}
      - {field: business_date, kind: range, min: 2026-01-01}
      - {kind: freshness, max: 2d}
      - {kind: volume, weeks: 6, min: 40%, max: 300%, least: 5}
      - {name: not_a_number, severity: off}
`)), os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	n := func(v int64) *int64 { return &v }
	of := func(name, field string, rule schemas.Rule) schemas.Check {
		return schemas.Check{Name: name, Table: "ledger", Source: "mpay", Field: field, Severity: schemas.SeverityWarn, Rule: rule}
	}
	want := []schemas.Check{
		of("range_amount_minor", "amount_minor", schemas.Range{Min: n(-500000), Max: n(500000)}),
		of("required_provider_code", "provider_code", schemas.Required{}),
		of("meter", "subscriber_ref", schemas.Pattern{Matches: "[0-9]{8}"}),
		of("vocabulary_channel", "channel", schemas.Vocabulary{Words: []string{"card", "balance"}}),
		of("referential_provider_code", "provider_code", schemas.Referential{Table: "providers", Column: "provider_code", Source: "mpay"}),
		of("range_business_date", "business_date", schemas.Range{Min: n(20454)}),
		of("freshness", "", schemas.Freshness{Max: 48 * time.Hour}),
		of("volume", "", schemas.Volume{Weeks: 6, Min: 40, Max: 300, Least: 5, Zone: "Asia/Baku"}),
	}
	want[0].Severity = schemas.SeverityReject
	want[1].When = []schemas.Condition{{Column: "type", Among: []string{"bill_pay"}}, {Column: "status", Among: []string{"posted"}}}
	got := c.Pipelines[1].Checks
	if len(got) != len(want) {
		t.Fatalf("%d checks, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i].Doc == "" {
			t.Errorf("%s says nothing", got[i].Name)
		}
		got[i].Doc = ""
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("got  %+v\nwant %+v", got[i], want[i])
		}
	}
	for _, d := range c.Checks() {
		if off := reflect.DeepEqual(d.Except, []string{"mpay"}); off != (d.Name == "not_a_number" && d.Table == "ledger") {
			t.Errorf("check %s of %s leaves out %v", d.Name, d.Table, d.Except)
		}
	}
}

// Everything that is wrong is said at once, each with its line.
func TestBadChecks(t *testing.T) {
	const first = 16 // line of the first check
	bad := []struct{ line, says string }{
		{`- {field: amount, kind: range, min: 1}`, `ledger has no column "amount"; known: source`},
		{`- {field: amount_minor, kind: rnage, min: 1}`, `"rnage" is none of required, range,`},
		{`- {field: amount_minor, kind: range}`, `needs min or max`},
		{`- {field: amount_minor, kind: range, min: 5.5, name: fraction}`, `money is in minor units`},
		{`- {field: amount_minor, kind: range, min: 5, max: 4, name: crossed}`, `min not above max`},
		{`- {field: posted_at, kind: range, min: 5}`, `neither a number nor a date`},
		{`- {field: type, kind: pattern, matches: "("}`, `is not a regular expression`},
		{`- {field: amount_minor, kind: pattern, matches: "1"}`, `is not a text`},
		{`- {field: type, kind: vocabulary}`, `words is missing`},
		{`- {field: amount_minor, kind: required}`, `a number that every row has`},
		{`- {field: type, kind: required, severity: fatal}`, `"fatal" is none of warn, reject, off`},
		{`- {field: provider_code, kind: referential, table: prviders}`, `there is no table "prviders"; did you mean "providers"?`},
		{`- {field: reversal_of, kind: referential, table: operations, name: elsewhere}`, `no pipeline reads operations of source mpay`},
		{`- {field: provider_code, kind: referential, table: providers, severity: reject, name: refused}`, `look at the row alone`},
		{`- {kind: freshness}`, `max is missing`},
		{`- {kind: freshness, field: type, max: 4h, name: fresh_type}`, `about the table as a whole`},
		{`- {kind: volume, min: 200%, max: 100%}`, `max must be above min`},
		{`- {kind: volume, min: half, name: halves}`, `is not a share`},
		{`- {field: type, kind: vocabulary, words: [fee], wrods: [x], name: words}`, `unknown key "wrods"`},
		{`- {field: type, kind: required, name: not_a_number}`, `has a check named "not_a_number" already`},
		{`- {field: type, kind: required, name: Loud}`, `cannot be the name of a check`},
		{`- {field: type, kind: required, when: {tipe: [fee]}, name: cond}`, `ledger has no column "tipe"`},
		{`- {name: amount_scale, severity: off}`, `has no check "amount_scale" to switch off`},
	}
	var lines []string
	for _, b := range bad {
		lines = append(lines, "      "+b.line)
	}
	_, err := parse("paylake.yaml", t.TempDir(), []byte(withChecks(strings.Join(lines, "\n")+"\n")), os.Getenv)
	var problems *Error
	if !errors.As(err, &problems) {
		t.Fatalf("%v", err)
	}
	for i, b := range bad {
		found := false
		for _, p := range problems.Problems {
			found = found || p.Line == first+i && strings.Contains(p.Text, b.says)
		}
		if !found {
			t.Errorf("line %d, %s: nobody says %q in\n%v", first+i, b.line, b.says, err)
		}
	}
	if len(problems.Problems) != len(bad) {
		t.Errorf("%d problems for %d lines:\n%v", len(problems.Problems), len(bad), err)
	}
}
