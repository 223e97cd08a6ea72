package matching

import (
	"fmt"
	"slices"
	"time"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// allMonths are those that have matches and those that the lake says something
// about.
func allMonths(rows *rowsByMonth, done sinks.Done) []string {
	names := rows.names()
	for name := range done.Files {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// partOf states a month. The sink owns its rows from then on.
func partOf(name, version string, p *month) (sinks.Part, error) {
	from, err := time.Parse("2006-01", name)
	if err != nil {
		return sinks.Part{}, fmt.Errorf("the lake has matches of %q, which is no month: %w", name, err)
	}
	w := schemas.Window{From: from, To: from.AddDate(0, 1, 0)}
	part := sinks.Part{Stream: Stream(), File: &schemas.File{Name: name, Version: version, Span: w, Last: true, Replaces: w}}
	if p != nil {
		part.Rows, p.rows = p.rows, nil
	} else {
		part.Rows = sinks.NewSpool(schemas.Matches.ArrowSchema(), "", 0)
	}
	return part, nil
}
