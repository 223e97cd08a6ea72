package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Export writes a dataset into a bucket on a schedule.
type Export struct {
	Name        string
	Dataset     string // as `paylake export` calls it
	Format      string // csv, json, jsonl, parquet, camt.053
	Schedule    string // five cron fields in Zone; empty: only when asked
	Zone        *time.Location
	Period      string // one of ExportPeriods; empty: the dataset as a whole
	Target      string // gocloud.dev/blob URL with a prefix
	Reader      string // accountant, auditor or analyst
	ColumnNames string // of a statement: own or berlin
}

// Compliance says what the compliance archive is about.
type Compliance struct {
	HighValue map[string]int64 // minor units by currency, from which on a transfer is of high value; a currency that is absent has none
}

// ExportPeriods are the rules that turn the moment of a firing into days.
var ExportPeriods = []string{"yesterday", "last_week", "last_month", "last_quarter", "last_year"}

// cadences are short for a schedule and the period that it is about.
var cadences = map[string][2]string{"daily": {"0 6 * * *", "yesterday"}, "weekly": {"0 6 * * 1", "last_week"}, "monthly": {"0 6 1 * *", "last_month"}}

var exportFormats = []string{"csv", "json", "jsonl", "parquet", "camt.053"}

// exports reads the section.
func (r *reader) exports(m *mapping) []Export {
	n, path := m.take("exports")
	all := r.mapping(path, n)
	var out []Export
	for _, name := range all.keys {
		out = append(out, r.export(name, r.mapping(join(path, name), all.value(name))))
	}
	return out
}

func (r *reader) export(name string, m *mapping) Export {
	defer m.done()
	e := Export{Name: name, Dataset: m.text("dataset"), Format: or(m.text("format"), "csv"), Schedule: m.text("schedule"), Zone: parsed(m, "time_zone", parseZone),
		Period: m.text("period"), Target: absoluteURL(r.dir, "file", m.text("target")), Reader: or(m.text("as"), "accountant"), ColumnNames: m.text("names")}
	cadence := m.text("cadence")
	usual, known := cadences[cadence]
	switch {
	case cadence == "":
	case !known:
		r.at(join(m.path, "cadence"), "%s.cadence: %q is not daily, weekly or monthly; write one of them, or a schedule", m.path, cadence)
	case e.Schedule != "":
		r.at(join(m.path, "cadence"), "%s has a cadence and a schedule; remove one of the two", m.path)
	default:
		e.Schedule, e.Period = usual[0], or(e.Period, usual[1])
	}
	return e
}

// compliance reads the section.
func (r *reader) compliance(m *mapping) Compliance {
	n, path := m.take("compliance")
	s := r.mapping(path, n)
	defer s.done()
	return Compliance{HighValue: r.sums(s, "high_value")}
}

// exportZones gives exports without a zone that of the sources, where these
// agree.
func (c *Config) exportZones() {
	var zone *time.Location
	for _, s := range c.Sources {
		if s.Zone == nil || zone != nil && zone.String() != s.Zone.String() {
			return
		}
		zone = s.Zone
	}
	for i := range c.Exports {
		if c.Exports[i].Zone == nil {
			c.Exports[i].Zone = zone
		}
	}
}

// validateExports checks what can be checked without knowing the datasets.
func (c *Config) validateExports(p *problems) {
	seen := map[string]bool{}
	for _, e := range c.Exports {
		key := join("exports", e.Name)
		validateName(p, "exports", e.Name, seen)
		checkURL(p, join(key, "target"), e.Target, "file", "s3", "gs", "azblob")
		if e.Dataset == "" {
			p.at(join(key, "dataset"), "%s.dataset is missing; paylake export --help lists them", key)
		}
		if !slices.Contains(exportFormats, e.Format) {
			p.at(join(key, "format"), "%s.format: %q is none of %s", key, e.Format, strings.Join(exportFormats, ", "))
		}
		if e.Period != "" && !slices.Contains(ExportPeriods, e.Period) {
			p.at(join(key, "period"), "%s.period: %q is none of %s; without one the dataset is exported as a whole", key, e.Period, strings.Join(ExportPeriods, ", "))
		}
		if e.Schedule != "" {
			if complaint := checkSchedule(e.Schedule); complaint != "" {
				p.at(join(key, "schedule"), "%s.schedule: %q %s", key, e.Schedule, complaint)
			}
		}
		if e.Zone == nil {
			p.at(join(key, "time_zone"), "%s.time_zone is missing, and the sources have not one zone in common; write the zone in which its days and hours count, such as Asia/Baku", key)
		}
	}
}

// Days are the days of a period's rule, counted from the day on which it is
// asked in the zone of at, and the period's name: 2026-03-31, 2026-W13, 2026-03,
// 2026-Q1, 2026. from and to are midnight UTC of the first day and of the first
// day after.
func (e Export) Days(at time.Time) (from, to time.Time, name string) {
	y, m, d := at.In(e.Zone).Date()
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
	switch e.Period {
	case "yesterday":
		from = day(y, m, d-1)
		return from, day(y, m, d), from.Format(time.DateOnly)
	case "last_week":
		to = day(y, m, d-(int(day(y, m, d).Weekday())+6)%7)
		from = to.AddDate(0, 0, -7)
		year, week := from.ISOWeek()
		return from, to, fmt.Sprintf("%04d-W%02d", year, week)
	case "last_month":
		from = day(y, m-1, 1)
		return from, day(y, m, 1), from.Format("2006-01")
	case "last_quarter":
		to = day(y, m-(m-1)%3, 1)
		from = to.AddDate(0, -3, 0)
		return from, to, fmt.Sprintf("%04d-Q%d", from.Year(), (from.Month()+2)/3)
	case "last_year":
		return day(y-1, 1, 1), day(y, 1, 1), day(y-1, 1, 1).Format("2006")
	}
	return time.Time{}, time.Time{}, "all"
}
