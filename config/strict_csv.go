package config

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// strictCSV reads a file beside the configuration: a header that must be exactly
// columns, comments with #, fields without the blanks around them. row is asked
// about every record, of whatever length, and returns what is wrong with it; empty:
// nothing. key is the configuration's, for the problems.
func strictCSV(file, key string, text []byte, columns []string, row func(record []string, line int) (complaint string)) (problems []Problem) {
	bad := func(line int, format string, args ...any) {
		problems = append(problems, Problem{File: file, Line: line, Key: key, Text: fmt.Sprintf(format, args...)})
	}
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	in.Comment, in.FieldsPerRecord, in.TrimLeadingSpace = '#', -1, true
	header, err := in.Read()
	if errors.Is(err, io.EOF) || err == nil && !slices.Equal(trimmed(header), columns) {
		bad(1, "the header must be %s", strings.Join(columns, ","))
		return problems
	}
	for err == nil {
		var record []string
		if record, err = in.Read(); err != nil {
			break
		}
		line, _ := in.FieldPos(0)
		if complaint := row(trimmed(record), line); complaint != "" {
			bad(line, "%s", complaint)
		}
	}
	if parse, ok := errors.AsType[*csv.ParseError](err); ok {
		bad(parse.Line, "column %d: %s", parse.Column, parse.Err)
	} else if !errors.Is(err, io.EOF) {
		bad(0, "%s", err)
	}
	return problems
}

func trimmed(record []string) []string {
	for i := range record {
		record[i] = strings.TrimSpace(record[i])
	}
	return record
}
