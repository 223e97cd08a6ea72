package sourcetest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/paylake/paylake/sources"
)

// page is a Page as text, so that pages can be compared after their records
// have been released.
type page struct {
	rows    []string
	rejects []string
	next    sources.Cursor
}

func (p page) String() string {
	return strings.Join(p.rows, "\n") + "\n" + strings.Join(p.rejects, "\n")
}

func collect(ctx context.Context, s Subject, from sources.Cursor) (pages []page, err error) {
	for p, err := range s.Source.Pages(ctx, s.Window, from) {
		if err != nil {
			return pages, err
		}
		pages = append(pages, take(p))
	}
	return pages, nil
}

func take(p sources.Page) page {
	defer p.Rows.Release()
	out := page{next: p.Next}
	for i := range int(p.Rows.NumRows()) {
		out.rows = append(out.rows, text(p.Rows, i))
	}
	for _, r := range p.Rejects {
		out.rejects = append(out.rejects, fmt.Sprintf("%s %s %s %s", r.RowID, r.Reason, r.Field, r.Raw))
	}
	return out
}

func text(rec arrow.Record, row int) string {
	var b strings.Builder
	for c := range int(rec.NumCols()) {
		fmt.Fprintf(&b, "%s=%s ", rec.ColumnName(c), rec.Column(c).ValueStr(row))
	}
	return b.String()
}

func equal(t *testing.T, what string, got, want []page) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d pages, want %d", what, len(got), len(want))
	}
	for i := range want {
		if got[i].String() != want[i].String() {
			t.Fatalf("%s: page %d differs\ngot\n%s\nwant\n%s", what, i, got[i], want[i])
		}
	}
}

// sameContent compares the rows alone: a source may cut its pages otherwise
// when it is asked again.
func sameContent(t *testing.T, what string, got, want []page) {
	t.Helper()
	flat := func(pages []page) (all page) {
		for _, p := range pages {
			all.rows, all.rejects = append(all.rows, p.rows...), append(all.rejects, p.rejects...)
		}
		return all
	}
	equal(t, what, []page{flat(got)}, []page{flat(want)})
}

// micros returns the event times of a record, or nil for a table without one.
func micros(s sources.Stream, rec arrow.Record) []arrow.Timestamp {
	if s.Table.Time == "" {
		return nil
	}
	return rec.Column(s.Table.Index(s.Table.Time)).(*array.Timestamp).TimestampValues()
}
