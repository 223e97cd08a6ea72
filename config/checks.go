package config

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/paylake/paylake/schemas"
)

// Checks of a pipeline: `checks: [{field: amount_minor, kind: range, max: 5000000}]`.

// kinds are the kinds of checks, each with the keys that it has beside name,
// kind, field, severity and when.
var kinds = []string{"required", "range", "pattern", "vocabulary", "referential", "freshness", "volume"}

// severities are what a check can do; off switches one off that exists without
// the configuration.
var severities = []string{string(schemas.SeverityWarn), string(schemas.SeverityReject), severityOff}

const severityOff = "off"

// Defaults of the kinds that look at the past.
const (
	volumeWeeks = 4
	volumeMin   = 50 // percent
	volumeLeast = 20 // rows
	maxWeeks    = 26
)

// checks reads a pipeline's checks, and the names of those that it switches off.
func (r *reader) checks(p *Pipeline, m *mapping) {
	nodes, paths := m.list("checks", false)
	for i, n := range nodes {
		r.check(p, r.mapping(paths[i], n))
	}
}

func (r *reader) check(p *Pipeline, m *mapping) {
	c := schemas.Check{Name: m.text("name"), Table: p.Table, Source: p.Source, Field: m.text("field"), Severity: schemas.SeverityWarn}
	kind := parsed(m, "kind", func(text string) (string, error) { return oneOf(text, kinds) })
	switch severity := parsed(m, "severity", func(text string) (string, error) { return oneOf(text, severities) }); severity {
	case severityOff:
		r.switchOff(p, m, c.Name)
		m.done()
		return
	case "":
	default:
		c.Severity = schemas.Severity(severity)
	}
	if _, path := m.take("kind"); kind == "" {
		r.at(path, "%s.kind is missing; there are %s", m.path, strings.Join(kinds, ", "))
		m.ignore(m.keys...) // nobody can say which keys are known
	}
	c.When = r.when(m)
	c.Rule = m.rule(kind)
	m.done()
	if c.Name == "" && kind != "" {
		c.Name = strings.Trim(kind+"_"+c.Field, "_")
	}
	c.Doc = docOf(kind)
	p.Checks = append(p.Checks, c)
	p.checkPaths = append(p.checkPaths, m.path)
}

func oneOf(text string, known []string) (string, error) {
	if slices.Contains(known, text) {
		return text, nil
	}
	return "", errors.New("is none of " + strings.Join(known, ", "))
}

// switchOff takes a check out of those that exist without configuration.
func (r *reader) switchOff(p *Pipeline, m *mapping, name string) {
	m.ignore("field", "kind")
	var known []string
	for _, c := range schemas.Checks() {
		if c.Table == p.Table && !slices.Contains(known, c.Name) {
			known = append(known, c.Name)
		}
	}
	if !slices.Contains(known, name) {
		r.at(join(m.path, "name"), "%s.name: %s has no check %q to switch off; %s", m.path, p.Table, name, didYouMean(name, known))
		return
	}
	p.Off = append(p.Off, name)
}

// when reads the rows that a check is about: {column: [words]}.
func (r *reader) when(m *mapping) []schemas.Condition {
	n, path := m.take("when")
	all := r.mapping(path, n)
	var out []schemas.Condition
	for _, column := range all.keys {
		nodes, paths := all.list(column, true)
		c := schemas.Condition{Column: column}
		for i, n := range nodes {
			c.Among = append(c.Among, r.word(paths[i], n))
		}
		if len(c.Among) == 0 {
			r.at(join(path, column), "%s names no word; write %s: [%s]", join(path, column), column, "bill_pay")
		}
		out = append(out, c)
	}
	return out
}

// word reads a text that may be empty.
func (r *reader) word(path string, n *yaml.Node) string {
	if n != nil && n.Kind == yaml.ScalarNode && n.Value == "" && !isNull(n) {
		return ""
	}
	return r.scalar(path, n)
}

// rule reads what a kind has of its own.
func (m *mapping) rule(kind string) schemas.Rule {
	switch kind {
	case "required":
		return schemas.Required{}
	case "range":
		return schemas.Range{Min: m.bound("min"), Max: m.bound("max")}
	case "pattern":
		return schemas.Pattern{Matches: parsed(m, "matches", func(text string) (string, error) {
			if _, err := regexp.Compile(text); err != nil {
				return "", errors.New("is not a regular expression as RE2 has them; it must match the whole text")
			}
			return text, nil
		})}
	case "vocabulary":
		return schemas.Vocabulary{Words: m.texts("words")}
	case "referential":
		return m.reference()
	case "freshness":
		return schemas.Freshness{Max: m.duration("max", 0)}
	case "volume":
		v := schemas.Volume{Weeks: m.number("weeks", volumeWeeks), Least: int64(m.number("least", volumeLeast)),
			Min: parsed(m, "min", parsePercent), Max: parsed(m, "max", parsePercent)}
		if m.value("min") == nil {
			v.Min = volumeMin
		}
		return v
	}
	return nil
}

// reference: by default to what a row of the other table is called.
func (m *mapping) reference() schemas.Rule {
	r := schemas.Referential{Table: m.text("table"), Column: m.text("column"), Source: m.text("source")}
	if t, ok := schemas.ByName(r.Table); ok && r.Column == "" {
		r.Column = t.Key[len(t.Key)-1]
	}
	return r
}

// completeChecks adds what checks take from their source.
func (c *Config) completeChecks() {
	for i := range c.Pipelines {
		q := &c.Pipelines[i]
		s, _ := c.SourceNamed(q.Source)
		for n := range q.Checks {
			switch r := q.Checks[n].Rule.(type) {
			case schemas.Referential:
				r.Source = cmp.Or(r.Source, q.Source)
				q.Checks[n].Rule = r
			case schemas.Volume:
				if s.Zone != nil {
					r.Zone = s.Zone.String()
				}
				q.Checks[n].Rule = r
			}
		}
	}
}

// bound reads a whole number, or a day as the number that dates are kept as.
func (m *mapping) bound(key string) *int64 {
	if m.value(key) == nil {
		m.ignore(key)
		return nil
	}
	v := parsed(m, key, func(text string) (int64, error) {
		if d, err := ParseDate(text); err == nil {
			return d.In(time.UTC).Unix() / 86400, nil
		}
		n, err := strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 10, 64)
		if err != nil {
			return 0, errors.New("is neither a whole number nor a day; money is in minor units: write 500000 for 5000.00")
		}
		return n, nil
	})
	return &v
}

func (m *mapping) number(key string, absent int) int {
	if m.value(key) == nil {
		m.ignore(key)
		return absent
	}
	return parsed(m, key, func(text string) (int, error) {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return 0, errors.New("is not a number of 1 or more")
		}
		return n, nil
	})
}

// parsePercent reads 50% and 300%.
func parsePercent(text string) (int64, error) {
	digits, ok := strings.CutSuffix(text, "%")
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 32)
	if !ok || err != nil || n < 0 || n > 100_000 {
		return 0, errors.New("is not a share; write percent, such as 50% or 300%")
	}
	return n, nil
}

func docOf(kind string) string {
	return map[string]string{
		"required":    "the column says nothing",
		"range":       "the value is beyond the bounds that the pipeline sets",
		"pattern":     "the text has another form than the pipeline asks for",
		"vocabulary":  "the word is none of those that the pipeline lists",
		"referential": "no row of the other table has this value",
		"freshness":   "no newer row has come",
		"volume":      "the day has not as many rows as the same weekday had in the weeks before",
	}[kind]
}
