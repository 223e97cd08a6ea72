package clickhouse

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
)

// columnsFile lists every view's columns as a ClickHouse works them out:
// view, column, type, in the order of the columns. A test compares it with one.
//
//go:embed columns.tsv
var columnsFile string

// Column is one column of a public view.
type Column struct {
	Name string
	Type string // ClickHouse's
}

// ViewColumns are the columns of every public view, by its name. NAME_at has
// those of NAME.
var ViewColumns = sync.OnceValue(func() map[string][]Column {
	out := map[string][]Column{}
	for line := range strings.Lines(columnsFile) {
		view, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		name, kind, _ := strings.Cut(rest, "\t")
		out[view] = append(out[view], Column{name, kind})
	}
	return out
})

// typed are a view's columns as CREATE VIEW takes them. Without them the server
// works out every view before it takes it, which is nearly all the time that
// making a warehouse costs. A view with a parameter has none, and is worked out
// when it is asked; columns that a pipeline keeps are in no list.
func (v viewer) typed(view string) string {
	columns := ViewColumns()[view]
	if len(v.kept) > 0 || v.untyped || len(columns) == 0 {
		return ""
	}
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = quote(c.Name) + " " + c.Type
	}
	return fmt.Sprintf(" (%s)", strings.Join(list, ", "))
}
