// Package export writes rows as files that other programs read: CSV, JSON,
// JSON lines, Parquet. What is written is a function of the rows and of Meta
// alone: no clock, no machine, no size of the batches that the rows came in.
package export

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
)

// Kind is how a column is written.
type Kind int

const (
	Text    Kind = iota // UTF-8
	Int                 // digits
	Decimal             // digits with a point; money with the digits of its currency
	Float               // the shortest text that reads back as the same number
	Bool                // true or false
	Day                 // YYYY-MM-DD
	Instant             // RFC 3339 in UTC with six digits of a second
	JSON                // text that is JSON already: lists and records
)

// Column is one column of an export.
type Column struct {
	Name string
	Kind Kind
	// Currency is the column that names the currency of a Decimal; empty where
	// it is not money.
	Currency string
	// Sums is the column that names the currency in which an Int is added up for
	// the totals; empty where a sum would say nothing.
	Sums string
}

// Meta says what is exported. JSON carries it; the other formats have no place
// for it.
type Meta struct {
	Dataset  string
	Snapshot int64  // the newest manifest that is shown; 0: nothing is committed
	SHA256   string // of that manifest
	From, To string // first day, and first day after; empty: without limit
}

// Writer takes records whose columns are those it was made for, in that order.
// Close ends the file; without it the file is not complete. A Writer does not
// keep a record beyond the call.
type Writer interface {
	Write(rec arrow.Record) error
	Close() error
}

// Resumable are the formats whose files can be gone on with after any row: what
// follows does not depend on more of what went before than the number of rows.
var Resumable = []string{"csv", "json", "jsonl"}

// Flusher is implemented by writers of Resumable formats: after Flush everything
// that was written is whole rows.
type Flusher interface{ Flush() error }

// Formats are the names that New knows.
var Formats = []string{"csv", "json", "jsonl", "parquet"}

// New begins a file.
func New(format string, w io.Writer, m Meta, columns []Column) (Writer, error) {
	switch format {
	case "csv":
		return newCSV(w, columns)
	case "json":
		return newJSON(w, m, columns)
	case "jsonl":
		return newLines(w, columns), nil
	case "parquet":
		return &parquetWriter{out: w}, nil
	}
	return nil, fmt.Errorf("format %q is none of %s", format, strings.Join(Formats, ", "))
}

// Resume goes on with a file of one of Resumable that has so many rows, at least
// one.
func Resume(format string, w io.Writer, columns []Column, rows int64) (Writer, error) {
	switch format {
	case "csv":
		return &csvWriter{out: bufio.NewWriterSize(w, bufferBytes), columns: columns}, nil
	case "json":
		return &jsonWriter{lineWriter: newLines(w, columns), rows: rows}, nil
	case "jsonl":
		return newLines(w, columns), nil
	}
	return nil, fmt.Errorf("a file of format %q is written at once", format)
}

// bind reads the cells of a record.
func bind(columns []Column, rec arrow.Record) ([]cell, error) {
	if int(rec.NumCols()) != len(columns) {
		return nil, fmt.Errorf("%d columns came, %d were asked for", rec.NumCols(), len(columns))
	}
	cells := make([]cell, len(columns))
	for i, c := range columns {
		if name := rec.ColumnName(i); name != c.Name {
			return nil, fmt.Errorf("column %d is %s, not %s", i+1, name, c.Name)
		}
		currency := slices.IndexFunc(columns, func(o Column) bool { return c.Currency != "" && o.Name == c.Currency })
		var err error
		if cells[i], err = cellOf(c, rec, i, currency); err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Name, err)
		}
	}
	return cells, nil
}
