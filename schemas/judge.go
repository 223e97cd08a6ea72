package schemas

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// Judge finds the rows of records of one table for which a check does not hold.
// It works column by column. Not for concurrent use.
type Judge struct {
	table  *Table
	checks []Check
	needs  [][]int // columns that each check looks at
	tests  []test
}

// test prepares the verdict on rows of a column: true is broken.
type test func(col arrow.Array) func(row int) bool

// NewJudge prepares checks of t, all of which must be LocalToRow. An error is
// one of configuration: a column that t does not have, or has not of that kind.
func NewJudge(t *Table, checks []Check) (*Judge, error) {
	j := &Judge{table: t, checks: checks}
	for _, c := range checks {
		if err := Judgeable(t, c); err != nil {
			return nil, err
		}
		needs := []int{t.Index(c.Field)}
		for _, w := range c.When {
			needs = append(needs, t.Index(w.Column))
		}
		j.needs = append(j.needs, needs)
		j.tests = append(j.tests, testOf(c.Rule))
	}
	return j, nil
}

// Judgeable reports why a check of t cannot be judged row by row.
func Judgeable(t *Table, c Check) error {
	for _, w := range c.When {
		if !t.Has(w.Column) || !isText(t, w.Column) {
			return fmt.Errorf("%s has no column of text %q", t.Name, w.Column)
		}
	}
	if !t.Has(c.Field) {
		return fmt.Errorf("%s has no column %q", t.Name, c.Field)
	}
	text := isText(t, c.Field)
	switch r := c.Rule.(type) {
	case Required:
		if !text && !t.Fields[t.Index(c.Field)].Nullable {
			return fmt.Errorf("%s.%s is a number that every row has", t.Name, c.Field)
		}
	case Range:
		if k := t.Fields[t.Index(c.Field)].Kind; text || k == Instant {
			return fmt.Errorf("%s.%s is neither a number nor a date", t.Name, c.Field)
		}
	case Pattern:
		if !text {
			return fmt.Errorf("%s.%s is not a text", t.Name, c.Field)
		}
		if _, err := regexp.Compile(whole(r.Matches)); err != nil {
			return fmt.Errorf("%s.%s: %q is not an RE2 expression", t.Name, c.Field, r.Matches)
		}
	case Vocabulary:
		if !text {
			return fmt.Errorf("%s.%s is not a text", t.Name, c.Field)
		}
	default:
		return fmt.Errorf("check %s cannot be judged row by row", c.Name)
	}
	return nil
}

func isText(t *Table, column string) bool {
	k := t.Fields[t.Index(column)].Kind
	return k == String || k == Code
}

// whole makes an expression match a text as a whole. The point matches line
// breaks, as it does in the warehouse.
func whole(re string) string { return `\A(?s:` + re + `)\z` }

// WholeText is the expression of a Pattern as the warehouse writes it, too.
func (p Pattern) WholeText() string { return whole(p.Matches) }

// Rows returns for every row of rec the place of the first check that does not
// hold, -1 where all of them do; nil when they do in every row. Checks of columns
// that are not covered (one flag per field; nil: all are) are left out.
func (j *Judge) Rows(rec arrow.Record, covered []bool) []int {
	var out []int
	for i := range j.checks {
		if covered != nil && slices.ContainsFunc(j.needs[i], func(c int) bool { return !covered[c] }) {
			continue
		}
		out = j.one(i, rec, out)
	}
	return out
}

func (j *Judge) one(i int, rec arrow.Record, out []int) []int {
	broken := j.tests[i](rec.Column(j.needs[i][0]))
	meant := j.meant(i, rec)
	for row := range int(rec.NumRows()) {
		if !broken(row) || meant != nil && !meant(row) || out != nil && out[row] >= 0 {
			continue
		}
		if out == nil {
			out = slices.Repeat([]int{-1}, int(rec.NumRows()))
		}
		out[row] = i
	}
	return out
}

// meant is the condition of a check; nil when it has none.
func (j *Judge) meant(i int, rec arrow.Record) func(row int) bool {
	if len(j.checks[i].When) == 0 {
		return nil
	}
	columns := make([]*array.String, len(j.checks[i].When))
	for n := range columns {
		columns[n] = rec.Column(j.needs[i][n+1]).(*array.String)
	}
	return func(row int) bool {
		for n, w := range j.checks[i].When {
			if !slices.Contains(w.Among, columns[n].Value(row)) {
				return false
			}
		}
		return true
	}
}

func testOf(r Rule) test {
	switch r := r.(type) {
	case Required:
		return missing
	case Range:
		return r.outside
	case Pattern:
		re := regexp.MustCompile(r.WholeText())
		return remembered(re.MatchString)
	case Vocabulary:
		words := map[string]bool{}
		for _, w := range r.Words {
			words[w] = true
		}
		return texts(func(s string) bool { return !words[s] })
	}
	panic(fmt.Sprintf("schemas: %T is not judged row by row", r)) // Judgeable comes first
}

func missing(col arrow.Array) func(int) bool {
	if c, ok := col.(*array.String); ok {
		offsets := c.ValueOffsets()
		return func(row int) bool { return offsets[row] == offsets[row+1] }
	}
	return col.IsNull
}

func texts(broken func(string) bool) test {
	return func(col arrow.Array) func(int) bool {
		c := col.(*array.String)
		return func(row int) bool {
			s := c.Value(row)
			return s != "" && broken(s)
		}
	}
}

// maxRemembered bounds the texts whose verdict is remembered: columns of codes
// have few, and matching one takes ten times as long as finding it.
const maxRemembered = 4096

func remembered(matches func(string) bool) test {
	seen := map[string]bool{}
	return texts(func(s string) bool {
		if bad, ok := seen[s]; ok {
			return bad
		}
		if len(seen) >= maxRemembered {
			clear(seen)
		}
		bad := !matches(s)
		seen[string([]byte(s))] = bad // the column's memory is given back
		return bad
	})
}

func (r Range) outside(col arrow.Array) func(int) bool {
	out := func(v int64) bool { return r.Min != nil && v < *r.Min || r.Max != nil && v > *r.Max }
	var value func(int) int64
	switch c := col.(type) {
	case *array.Int64:
		v := c.Int64Values()
		value = func(i int) int64 { return v[i] }
	case *array.Int32:
		v := c.Int32Values()
		value = func(i int) int64 { return int64(v[i]) }
	case *array.Date32:
		v := c.Date32Values()
		value = func(i int) int64 { return int64(v[i]) }
	}
	if col.NullN() == 0 {
		return func(i int) bool { return out(value(i)) }
	}
	return func(i int) bool { return !col.IsNull(i) && out(value(i)) }
}
