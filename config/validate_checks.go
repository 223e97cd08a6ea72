package config

import (
	"slices"
	"strings"
	"time"

	"github.com/paylake/paylake/schemas"
)

// validateChecks looks at the checks of one pipeline together with what they
// are about.
func (c *Config) validateChecks(p *problems, key string, q Pipeline) {
	t, ok := schemas.ByName(q.Table)
	if !ok {
		return // the table's own problem is enough
	}
	t = t.Keep(q.Keep...)
	names := map[string]bool{}
	for i, check := range q.Checks {
		at := key + ".checks"
		if i < len(q.checkPaths) {
			at = q.checkPaths[i]
		}
		if check.Rule == nil {
			continue
		}
		switch {
		case !safeCheck(check.Name):
			p.at(join(at, "name"), "%s.name: %q cannot be the name of a check; use lower-case letters, digits and _, at most 63", at, check.Name)
		case names[check.Name] || slices.ContainsFunc(schemas.Checks(), func(d schemas.Check) bool { return d.Table == q.Table && d.Name == check.Name }):
			p.at(at, "%s: %s has a check named %q already; give this one another name", at, q.Table, check.Name)
		}
		names[check.Name] = true
		if check.Severity == schemas.SeverityReject && !schemas.LocalToRow(check.Rule) {
			p.at(join(at, "severity"), "%s.severity: only required, range, pattern and vocabulary can reject, because they look at the row alone; remove it", at)
		}
		c.validateRule(p, at, t, check)
	}
}

// safeCheck: names of checks stand in flags and alarms.
func safeCheck(name string) bool { return safeName.MatchString(name) && !strings.Contains(name, "-") }

func (c *Config) validateRule(p *problems, at string, t *schemas.Table, check schemas.Check) {
	for _, w := range check.When {
		if !t.Has(w.Column) {
			p.at(join(at, "when."+w.Column), "%s.when: %s has no column %q; %s", at, t.Name, w.Column, didYouMean(w.Column, columnsOf(t)))
			return
		}
	}
	if schemas.OfRows(check.Rule) {
		switch {
		case check.Field == "":
			p.at(join(at, "field"), "%s.field is missing; write the column that the check is about", at)
			return
		case !t.Has(check.Field):
			p.at(join(at, "field"), "%s.field: %s has no column %q; %s", at, t.Name, check.Field, didYouMean(check.Field, columnsOf(t)))
			return
		}
	} else if check.Field != "" || len(check.When) > 0 {
		p.at(at, "%s is about the table as a whole; remove field and when", at)
	}
	switch r := check.Rule.(type) {
	case schemas.Range:
		if r.Min == nil && r.Max == nil || r.Min != nil && r.Max != nil && *r.Min > *r.Max {
			p.at(at, "%s needs min or max, and min not above max: {field: %s, kind: range, min: 1}", at, check.Field)
		}
	case schemas.Pattern:
		if r.Matches == "" {
			p.at(join(at, "matches"), "%s.matches is missing; write a regular expression for the whole text, such as \"[0-9]{8}\"", at)
			return
		}
	case schemas.Vocabulary:
		if len(r.Words) == 0 {
			p.at(join(at, "words"), "%s.words is missing; write the words that may come: words: [card, balance]", at)
		}
	case schemas.Referential:
		c.validateReference(p, at, t, check.Field, r)
		return
	case schemas.Freshness:
		validateFreshness(p, at, t, r)
		return
	case schemas.Volume:
		validateVolume(p, at, t, r)
		return
	}
	if err := schemas.Judgeable(t, check); err != nil {
		p.at(join(at, "field"), "%s: %v", at, err)
	}
}

func columnsOf(t *schemas.Table) (names []string) {
	for _, f := range t.Fields {
		names = append(names, f.Name)
	}
	return names
}

// validateReference: the other table must be one that its source fills.
func (c *Config) validateReference(p *problems, at string, t *schemas.Table, field string, r schemas.Referential) {
	to, ok := schemas.ByName(r.Table)
	switch {
	case r.Table == "":
		p.at(join(at, "table"), "%s.table is missing; name the table that holds what %s refers to", at, field)
		return
	case !ok:
		p.at(join(at, "table"), "%s.table: there is no table %q; %s", at, r.Table, didYouMean(r.Table, tableNames()))
		return
	case !slices.ContainsFunc(c.Pipelines, func(q Pipeline) bool { return q.Source == r.Source && q.Table == r.Table }):
		p.at(join(at, "table"), "%s.table: no pipeline reads %s of source %s, so nothing could be found there; add one or name another source", at, r.Table, r.Source)
	}
	for _, one := range []struct {
		t      *schemas.Table
		column string
	}{{to, r.Column}, {t, field}} {
		if !one.t.Has(one.column) || one.t.Fields[one.t.Index(one.column)].Kind > schemas.Code {
			p.at(join(at, "column"), "%s: %s has no column of text %q", at, one.t.Name, one.column)
		}
	}
}

func validateFreshness(p *problems, at string, t *schemas.Table, r schemas.Freshness) {
	if t.Time == "" {
		p.at(at, "%s: rows of %s have no time of their own, so nobody can say how old they are; remove it", at, t.Name)
	}
	if r.Max < time.Minute {
		p.at(join(at, "max"), "%s.max is missing or under a minute; write how old the newest row may be, such as 48h", at)
	}
}

func validateVolume(p *problems, at string, t *schemas.Table, r schemas.Volume) {
	if !t.Has("business_date") || t.Observed {
		p.at(at, "%s: rows of %s do not belong to days; remove it", at, t.Name)
	}
	if r.Weeks > maxWeeks {
		p.at(join(at, "weeks"), "%s.weeks is at most %d", at, maxWeeks)
	}
	if r.Max != 0 && r.Max <= r.Min {
		p.at(join(at, "max"), "%s.max must be above min", at)
	}
}
