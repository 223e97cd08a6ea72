package csv

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/paylake/paylake/schemas"
)

// Mapping says how the files of a source are read: what `mapping:` of the
// configuration and the presets hold. A key that is absent has the meaning in
// brackets.
type Mapping struct {
	Table     string   `yaml:"table"`     // what the files fill
	Encoding  string   `yaml:"encoding"`  // utf-8, windows-1251, windows-1254 [utf-8; a byte order mark decides]
	Delimiter string   `yaml:"delimiter"` // ; , | or tab [sniffed from the heading]
	Decimal   string   `yaml:"decimal"`   // . or , [.]
	Thousands []string `yaml:"thousands"` // between groups of three digits; " " stands for every kind of space [none]
	// Unit is what amounts are written in: major (12.50) or minor (1250) [major].
	Unit string `yaml:"unit"`
	// Dates are the layouts of every date and time, tried in order; a month and
	// a day never change places: yyyy MM dd HH mm ss, Z for an offset.
	Dates []string `yaml:"dates"`
	// Region is where telephone numbers without a country code belong [AZ].
	Region string `yaml:"region"`
	// Columns names, for each column of the table, the headings that hold it.
	// Beside the table's own columns there are debit, credit and direction.
	Columns map[string][]string `yaml:"columns"`
	// Required lists columns without which a file is not read. An amount, a time
	// and whatever stands in ID are required in any case.
	Required []string `yaml:"required"`
	// ID lists the columns that make the row's own id [the row's whole content].
	ID []string `yaml:"id"`
	// Sign says what an amount column means: signed, or unsigned beside a
	// direction column [signed]. debit and credit columns need none.
	Sign string `yaml:"sign"`
	// Constants are columns with one value for all files: {currency: AZN}.
	Constants map[string]string `yaml:"constants"`
	// Values turns words of the file into the table's: {status: {Uğurlu: completed}}.
	Values map[string]map[string]string `yaml:"values"`
	// Ignore lists what a row that is none begins with, such as Total.
	Ignore []string `yaml:"ignore"`
	// Note is for people; presets say in it what they are.
	Note string `yaml:"note"`
}

// Columns of a mapping that no table has.
const (
	colDebit     = "debit"
	colCredit    = "credit"
	colDirection = "direction"
	colAmount    = "amount"
)

// aliases are names that people may use for a table's columns of money.
var aliases = map[string]string{"fee": "fee_minor", "balance_after": "balance_after_minor", "points": "points_centi",
	"balance_after_points": "balance_after_centi", "converted": "converted_minor"}

// ParseMapping reads a mapping over a base, a preset's: keys of node replace
// the base's, columns, constants and values one by one. Unknown keys are errors
// with their line.
func ParseMapping(base Mapping, node *yaml.Node) (Mapping, error) {
	if node == nil {
		return base, nil
	}
	text, err := yaml.Marshal(node)
	if err != nil {
		return base, fmt.Errorf("mapping: %w", err)
	}
	var m Mapping
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&m); err != nil {
		var typed *yaml.TypeError
		if errors.As(err, &typed) && len(typed.Errors) > 0 {
			return base, fmt.Errorf("mapping (line %d): %s", node.Line, strings.Join(withoutLines(typed.Errors), "; "))
		}
		return base, fmt.Errorf("mapping (line %d): %w", node.Line, err)
	}
	return base.over(m), nil
}

// withoutLines drops the line numbers that count from the mapping's beginning.
func withoutLines(errs []string) []string {
	out := make([]string, len(errs))
	for i, e := range errs {
		if _, rest, ok := strings.Cut(e, ": "); ok && strings.HasPrefix(e, "line ") {
			e = rest
		}
		out[i] = strings.ReplaceAll(e, " in type csv.Mapping", "")
	}
	return out
}

// over lays m over the base.
func (base Mapping) over(m Mapping) Mapping {
	text := func(dst *string, v string) {
		if v != "" {
			*dst = v
		}
	}
	list := func(dst *[]string, v []string) {
		if v != nil {
			*dst = v
		}
	}
	text(&base.Table, m.Table)
	text(&base.Encoding, m.Encoding)
	text(&base.Delimiter, m.Delimiter)
	text(&base.Decimal, m.Decimal)
	text(&base.Unit, m.Unit)
	text(&base.Region, m.Region)
	text(&base.Sign, m.Sign)
	text(&base.Note, m.Note)
	list(&base.Thousands, m.Thousands)
	list(&base.Dates, m.Dates)
	list(&base.Required, m.Required)
	list(&base.ID, m.ID)
	list(&base.Ignore, m.Ignore)
	base.Columns = merged(base.Columns, m.Columns)
	base.Constants = merged(base.Constants, m.Constants)
	base.Values = merged(base.Values, m.Values)
	return base
}

func merged[V any](a, b map[string]V) map[string]V {
	out := make(map[string]V, len(a)+len(b))
	for k, v := range a {
		out[k] = v
	}
	for k, v := range b {
		out[k] = v
	}
	return out
}

// digest identifies a mapping: files read under another one are read again.
func (m Mapping) digest() string {
	m.Note = ""
	text, err := yaml.Marshal(m) // maps in the order of their keys
	if err != nil {
		return "unreadable"
	}
	h := sha256.Sum256(text)
	return hex.EncodeToString(h[:8])
}

// Validate returns every problem of a mapping, each in one sentence.
func (m Mapping) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	t, ok := schemas.ByName(m.Table)
	if !ok || !slices.Contains(Tables(), m.Table) {
		return fmt.Errorf("table: files cannot fill %q; write one of %s", m.Table, strings.Join(Tables(), ", "))
	}
	oneOf(bad, "encoding", m.Encoding, "", "utf-8", "windows-1251", "windows-1254")
	oneOf(bad, "delimiter", m.Delimiter, "", ";", ",", "|", "tab", "\t")
	oneOf(bad, "decimal", m.Decimal, "", ".", ",")
	oneOf(bad, "unit", m.Unit, "", "major", "minor")
	oneOf(bad, "sign", m.Sign, "", "signed", "unsigned")
	for _, s := range m.Thousands {
		if s == m.point() || len([]rune(s)) != 1 || strings.ContainsAny(s, "0123456789+-") {
			bad("thousands: %q cannot stand between thousands where %q is the decimal sign", s, m.point())
		}
	}
	for _, layout := range m.Dates {
		if _, err := parseLayout(layout); err != nil {
			bad("dates: %v", err)
		}
	}
	m.validateColumns(t, bad)
	return errors.Join(errs...)
}

func oneOf(bad func(string, ...any), key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		bad("%s: %q is none of %s", key, value, strings.Join(allowed[1:], " "))
	}
}

func (m Mapping) validateColumns(t *schemas.Table, bad func(string, ...any)) {
	for _, c := range sortedKeys(m.Columns) {
		if !known(t, c) {
			bad("columns: %s has no column %q", t.Name, c)
		}
		if len(m.Columns[c]) == 0 {
			bad("columns.%s: name at least one heading", c)
		}
	}
	for _, c := range sortedKeys(m.Constants) {
		if !known(t, c) || c == colDebit || c == colCredit {
			bad("constants: %s has no column %q", t.Name, c)
		}
	}
	for _, c := range append(slices.Clone(m.Required), m.ID...) {
		if _, ok := m.Columns[c]; !ok {
			bad("required and id: %q has no headings under columns", c)
		}
	}
	if t.Time != "" && !m.has(t.Time) {
		bad("columns: %s is missing; name the headings that hold the time", t.Time)
	}
	if t.Time != "" && len(m.Dates) == 0 {
		bad("dates: no layout; write the order that the files use, such as [dd.MM.yyyy]")
	}
	if t.Amount == "" {
		return
	}
	if !m.has(colAmount) && !m.has(colDebit) && !m.has(colCredit) && t.Name != "loyalty_entries" {
		bad("columns: name the headings of amount, or of debit and credit")
	}
	if m.has(colAmount) && (m.has(colDebit) || m.has(colCredit)) {
		bad("columns: amount stands beside debit and credit; keep one of the two")
	}
	if m.Sign == "unsigned" && !m.has(colDirection) {
		bad("sign: unsigned amounts need columns.direction, and values.direction to say which words are credit and debit")
	}
	if !m.has(t.Currency) {
		bad("columns: %s is missing; name its headings, or write constants: {currency: AZN}", t.Currency)
	}
}

func (m Mapping) has(column string) bool {
	_, a := m.Columns[column]
	_, b := m.Constants[column]
	return a || b
}

// known reports whether a mapping may name a column.
func known(t *schemas.Table, c string) bool {
	switch c {
	case colDebit, colCredit, colDirection, colAmount:
		return t.Amount != ""
	case "source", "business_date", t.Amount:
		return false
	}
	if a, ok := aliases[c]; ok {
		return t.Has(a)
	}
	return t.Has(c) && !strings.HasSuffix(c, "_offset_s")
}

// column is the table's name of a mapping's column; "" for those that have none.
func column(t *schemas.Table, c string) string {
	if a, ok := aliases[c]; ok && t.Has(a) {
		return a
	}
	if !t.Has(c) {
		return ""
	}
	return c
}

func (m Mapping) point() string {
	if m.Decimal == "" {
		return "."
	}
	return m.Decimal
}

// Tables lists what files can fill.
func Tables() []string {
	return []string{"bank_entries", "loyalty_entries", "funding_events", "operations", "templates"}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
