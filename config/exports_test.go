package config

import (
	"strings"
	"testing"
	"time"
)

const aBank = `
secrets: env:S
keys: {pseudonym: env:P}
sources:
  bank: {type: csv, url: "file:///srv/x/", preset: birbank, time_zone: Asia/Baku}
`

func TestExportsSection(t *testing.T) {
	c := parsed1(t, "/x", aBank+`
exports:
  month: {dataset: statement, format: camt.053, cadence: monthly, target: "file://./out"}
  spend: {dataset: spend, schedule: "0 7 * * *", period: yesterday, time_zone: Asia/Bishkek, target: "s3://books?region=x", as: auditor}
compliance: {high_value: [10000.00 AZN, 5.00 KGS]}
`)
	m, s := c.Exports[0], c.Exports[1]
	if m.Name != "month" || m.Schedule != "0 6 1 * *" || m.Period != "last_month" || m.Zone.String() != "Asia/Baku" || m.Target != "file:///x/out" || m.Reader != "accountant" {
		t.Errorf("%+v", m)
	}
	if s.Format != "csv" || s.Zone.String() != "Asia/Bishkek" || s.Reader != "auditor" || c.Compliance.HighValue["AZN"] != 1_000_000 || c.Compliance.HighValue["KGS"] != 500 {
		t.Errorf("%+v %+v", s, c.Compliance)
	}
}

func TestExportsMistakes(t *testing.T) {
	for line, says := range map[string]string{
		`{dataset: spend, cadence: hourly, target: "file:///o"}`:                       `exports.a.cadence: "hourly" is not daily, weekly or monthly`,
		`{dataset: spend, cadence: daily, schedule: "0 6 * * *", target: "file:///o"}`: "has a cadence and a schedule",
		`{dataset: spend, target: "ftp://o"}`:                                          "exports.a.target is not a URL of a known kind",
		`{dataset: spend}`:                                                             "exports.a.target is missing",
		`{cadence: daily, target: "file:///o"}`:                                        "exports.a.dataset is missing",
		`{dataset: spend, format: xls, target: "file:///o"}`:                           `exports.a.format: "xls" is none of csv`,
		`{dataset: spend, period: march, target: "file:///o"}`:                         `exports.a.period: "march" is none of yesterday`,
		`{dataset: spend, schedule: often, target: "file:///o"}`:                       "is not a schedule",
		`{dataset: spend, target: "file:///o", bucket: x}`:                             `unknown key "bucket"`,
	} {
		if _, err := parse("f", "/x", []byte(aBank+"exports:\n  a: "+line+"\n"), none); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %s", line, err, says)
		}
	}
	if _, err := parse("f", "/x", []byte("exports:\n  a: {dataset: spend, target: \"file:///o\"}\n"), none); err == nil || !strings.Contains(err.Error(), "exports.a.time_zone is missing") {
		t.Error(err)
	}
}

// A firing is about whole periods of its own zone that are over.
func TestExportPeriods(t *testing.T) {
	baku, err := time.LoadLocation("Asia/Baku")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ period, at, from, to, name string }{
		{"yesterday", "2026-03-31T20:00:00Z", "2026-03-31", "2026-04-01", "2026-03-31"}, // April there
		{"yesterday", "2026-03-31T19:59:59Z", "2026-03-30", "2026-03-31", "2026-03-30"},
		{"last_week", "2026-03-30T02:00:00Z", "2026-03-23", "2026-03-30", "2026-W13"}, // a Monday
		{"last_week", "2026-03-29T02:00:00Z", "2026-03-16", "2026-03-23", "2026-W12"}, // a Sunday
		{"last_week", "2027-01-05T02:00:00Z", "2026-12-28", "2027-01-04", "2026-W53"},
		{"last_month", "2026-01-15T02:00:00Z", "2025-12-01", "2026-01-01", "2025-12"},
		{"last_month", "2026-03-31T02:00:00Z", "2026-02-01", "2026-03-01", "2026-02"},
		{"last_quarter", "2026-04-01T02:00:00Z", "2026-01-01", "2026-04-01", "2026-Q1"},
		{"last_quarter", "2026-02-11T02:00:00Z", "2025-10-01", "2026-01-01", "2025-Q4"},
		{"last_year", "2026-02-11T02:00:00Z", "2025-01-01", "2026-01-01", "2025"},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		from, to, name := (Export{Period: c.period, Zone: baku}).Days(at)
		if from.Format(time.DateOnly) != c.from || to.Format(time.DateOnly) != c.to || name != c.name {
			t.Errorf("%s at %s: %s to %s, %s", c.period, c.at, from, to, name)
		}
	}
	if from, to, name := (Export{Zone: baku}).Days(time.Now()); !from.IsZero() || !to.IsZero() || name != "all" {
		t.Error("no period")
	}
}
