package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/paylake/paylake/sinks/clickhouse"
)

func alike(a, b []string) bool { return slices.Equal(a, b) }

// readLines reads the server's rows, each a line with a list.
func readLines(lines []byte) (rows [][]json.RawMessage, err error) {
	for line := range bytes.Lines(lines) {
		var row []json.RawMessage
		if err := json.Unmarshal(line, &row); err != nil {
			return nil, fmt.Errorf("row %d of the warehouse's answer is not understood: %w", len(rows)+1, err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// writeRows writes rows as objects.
func writeRows(b *bytes.Buffer, columns []clickhouse.Column, rows [][]json.RawMessage) {
	labels, numbers := make([]string, len(columns)), make([]bool, len(columns))
	for i, c := range columns {
		labels[i], numbers[i] = fmt.Sprintf("%q:", c.Name), counted(c)
	}
	b.WriteByte('[')
	for n, row := range rows {
		if n > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('{')
		for i := range columns {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(labels[i])
			if v := row[i]; numbers[i] {
				b.Write(bytes.Trim(v, `"`))
			} else {
				b.Write(v)
			}
		}
		b.WriteByte('}')
	}
	b.WriteByte(']')
}
