package schemas

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// Progress says how rows of a table move on. What is told about them may
// arrive late, twice and in any order; a row never goes back to a state that
// it has left, and it ends the same whatever came first.
type Progress struct {
	// State names the column with the row's state, Rank orders its values: a
	// state follows those of the same and of lower ranks.
	State string
	Rank  func(state string) int
	// Known reports whether a state is a word whose meaning is known. A hint of a
	// known one takes the place of an unknown one of the same rank, and never the
	// other way round, so that the order of hints does not matter.
	Known func(state string) bool
	// Filled names columns that one report has and another leaves out. Once
	// known, they stay known. Kept columns are among them.
	Filled []string
}

// RowOf is one row of a record.
type RowOf struct {
	Record arrow.Record
	Row    int
}

// Advance merges a report with the current row of its key: by column, whether
// the current value stays. A hint is a report that another, authoritative one
// will confirm: it moves a row forward and fills what is empty, and changes
// nothing else. The table must have a Progress.
func (t *Table) Advance(current, report RowOf, hint bool) (stays []bool) {
	p, stays := t.Progress, make([]bool, len(t.Fields))
	state := t.Index(p.State)
	was, is := p.Rank(current.text(state)), p.Rank(report.text(state))
	decides := is > was || is == was && (!hint || p.named(report.text(state)) && !p.named(current.text(state)))
	for i, f := range t.Fields {
		stays[i] = !decides
		if !f.Kept && !slices.Contains(p.Filled, f.Name) {
			continue
		}
		if decides && report.blank(i) {
			stays[i] = true
		} else if !decides && current.blank(i) {
			stays[i] = false
		}
	}
	return stays
}

func (p *Progress) named(state string) bool { return p.Known == nil || p.Known(state) }

func (r RowOf) text(column int) string { return r.Record.Column(column).(*array.String).Value(r.Row) }

func (r RowOf) blank(column int) bool {
	a := r.Record.Column(column)
	if a.IsNull(r.Row) {
		return true
	}
	text, ok := a.(*array.String)
	return ok && text.Value(r.Row) == ""
}
