// Comparing what a warehouse holds with the truth, table by table.

package sandbox

import (
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// separator joins the columns of a line; no value of the sandbox has it.
const separator = "|"

// Query is one SQL statement for all tables: columns n (the table's place in the
// list) and line.
func Query(tables []TableTruth) string {
	var parts []string
	for n, t := range tables {
		var inner, outer []string
		for i, c := range slices.Concat(t.By, t.Measures) {
			if !strings.ContainsAny(c, "( ") {
				c = "`" + c + "`"
			}
			inner = append(inner, fmt.Sprintf("%s AS c%d", c, i))
			outer = append(outer, fmt.Sprintf("ifNull(toString(c%d), '')", i))
		}
		var by []string
		for i := range t.By {
			by = append(by, fmt.Sprintf("c%d", i))
		}
		parts = append(parts, fmt.Sprintf("SELECT %d AS n, arrayStringConcat([%s], '%s') AS line FROM (SELECT %s FROM %s GROUP BY %s)",
			n, strings.Join(outer, ", "), separator, strings.Join(inner, ", "), t.Table, strings.Join(by, ", ")))
	}
	return strings.Join(parts, "\nUNION ALL\n")
}

// Verdict is what became of one table.
type Verdict struct {
	Truth     TableTruth
	Different int      // lines that only one of both has
	Examples  []string // some of them
}

// Holds reports whether the table is what it must be.
func (v Verdict) Holds() bool { return v.Different == 0 }

func (v Verdict) String() string {
	what := fmt.Sprintf("%-18s %7d rows in %5d lines", strings.TrimSpace(v.Truth.Table+" "+v.Truth.About), v.Truth.Rows, len(v.Truth.Lines))
	for _, currency := range slices.Sorted(maps.Keys(v.Truth.Money)) {
		what += fmt.Sprintf("  %s %s", currency, signed2(v.Truth.Money[currency]))
	}
	if v.Holds() {
		return "equal      " + what
	}
	return fmt.Sprintf("DIFFERENT  %s: %d lines differ, such as\n             %s", what, v.Different, strings.Join(v.Examples, "\n             "))
}

func signed2(minor int64) string {
	if minor < 0 {
		return "-" + decimal2(-minor)
	}
	return decimal2(minor)
}

// Compare reads the answer to Query as CSV with a header.
func Compare(tables []TableTruth, answer io.Reader) ([]Verdict, error) {
	in := csv.NewReader(answer)
	records, err := in.ReadAll()
	if err != nil || len(records) == 0 {
		return nil, fmt.Errorf("read the warehouse's answer of %d records: %w", len(records), err)
	}
	got := make([]map[string]int, len(tables))
	for n := range got {
		got[n] = map[string]int{}
	}
	for _, r := range records[1:] {
		var n int
		if _, err := fmt.Sscan(r[0], &n); err != nil || n < 0 || n >= len(tables) {
			return nil, fmt.Errorf("the warehouse's answer has a line %q that was not asked for", r)
		}
		got[n][r[1]]++
	}
	out := make([]Verdict, len(tables))
	for n, t := range tables {
		out[n] = verdict(t, got[n])
	}
	return out, nil
}

func verdict(t TableTruth, got map[string]int) Verdict {
	v := Verdict{Truth: t}
	differs := func(format, line string, n int) {
		for range n {
			if v.Different++; len(v.Examples) < 6 {
				v.Examples = append(v.Examples, fmt.Sprintf(format, line))
			}
		}
	}
	for _, line := range t.Lines {
		text := strings.Join(line, separator)
		if got[text]--; got[text] < 0 {
			differs("only in the truth:     %s", text, 1)
		}
	}
	for _, text := range slices.Sorted(maps.Keys(got)) {
		differs("only in the warehouse: %s", text, max(got[text], 0))
	}
	return v
}
