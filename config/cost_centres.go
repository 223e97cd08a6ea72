package config

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// CostCentre books what is paid to a provider to a cost centre of the books.
type CostCentre struct {
	ProviderCode string // of the catalogue
	CostCentre   string // as the books write it
	Line         int    // in the file
}

// costCentreColumns is the header of the file.
var costCentreColumns = []string{"provider_code", "cost_centre"}

// ReadCostCentres reads a file of cost centres. Its error is an *Error with
// every problem and its line.
func ReadCostCentres(path string) ([]CostCentre, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, &Error{Problems: []Problem{unreadCentres(path, err)}}
	}
	out, problems := parseCostCentres(path, text)
	if len(problems) > 0 {
		return nil, &Error{Problems: problems}
	}
	return out, nil
}

func unreadCentres(path string, err error) Problem {
	return Problem{File: path, Key: "cost_centres", Text: fmt.Sprintf("the cost centres cannot be read: %s; write a CSV file with the header %s", reasonOf(err), strings.Join(costCentreColumns, ","))}
}

// costCentres reads the file that `cost_centres:` names. Its problems carry its
// own file name and lines.
func (r *reader) costCentres(path string) []CostCentre {
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		r.at("cost_centres", "%s", unreadCentres(path, err).Text)
		return nil
	}
	out, problems := parseCostCentres(path, text)
	r.list = append(r.list, problems...)
	return out
}

// parseCostCentres reads the file strictly: every line counts, or is a problem.
func parseCostCentres(file string, text []byte) (out []CostCentre, problems []Problem) {
	bad := func(line int, format string, args ...any) {
		problems = append(problems, Problem{File: file, Line: line, Key: "cost_centres", Text: fmt.Sprintf(format, args...)})
	}
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	in.Comment, in.FieldsPerRecord, in.TrimLeadingSpace = '#', -1, true
	header, err := in.Read()
	if errors.Is(err, io.EOF) || err == nil && !slices.Equal(trimmed(header), costCentreColumns) {
		bad(1, "the header must be %s", strings.Join(costCentreColumns, ","))
		return nil, problems
	}
	seen := map[string]int{}
	for err == nil {
		var record []string
		if record, err = in.Read(); err != nil {
			break
		}
		line, _ := in.FieldPos(0)
		record = trimmed(record)
		switch {
		case len(record) != len(costCentreColumns):
			bad(line, "it has %d fields, the header has %d; quote a field that holds a comma", len(record), len(costCentreColumns))
		case record[0] == "" || record[1] == "":
			bad(line, "%s is missing", costCentreColumns[slices.Index(record, "")])
		case seen[record[0]] > 0:
			bad(line, "%s is named on line %d already; remove one of the two", record[0], seen[record[0]])
		default:
			seen[record[0]] = line
			out = append(out, CostCentre{record[0], record[1], line})
		}
	}
	if parse, ok := errors.AsType[*csv.ParseError](err); ok {
		bad(parse.Line, "column %d: %s", parse.Column, parse.Err)
	} else if !errors.Is(err, io.EOF) {
		bad(0, "%s", err)
	}
	return out, problems
}
