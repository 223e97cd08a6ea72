package main

import (
	"bufio"
	"strings"
	"unicode/utf8"
)

// stream is a table of very many rows, in the form of grid: it learns the widths
// of its columns before the first row is printed and keeps none of them.
type stream struct {
	header [5]string
	widths [5]int
}

func newStream(header ...string) *stream {
	s := &stream{}
	copy(s.header[:], header)
	s.fit(s.header)
	return s
}

// fit makes room for a row.
func (s *stream) fit(row [5]string) {
	for i, text := range row {
		if len(text) > s.widths[i] { // bytes are never fewer than letters
			s.widths[i] = max(s.widths[i], utf8.RuneCountInString(text))
		}
	}
}

func (s *stream) begin(out *bufio.Writer) {
	s.rule(out, "┌", "┬", "┐")
	s.row(out, s.header)
	s.rule(out, "├", "┼", "┤")
}

func (s *stream) end(out *bufio.Writer) { s.rule(out, "└", "┴", "┘") }

func (s *stream) rule(out *bufio.Writer, left, middle, right string) {
	for i, w := range s.widths {
		if i > 0 {
			left = middle
		}
		_, _ = out.WriteString(left + strings.Repeat("─", w+2)) // errors stay until Flush
	}
	_, _ = out.WriteString(right + "\n")
}

func (s *stream) row(out *bufio.Writer, row [5]string) {
	for i, text := range row {
		_, _ = out.WriteString("│ ")
		_, _ = out.WriteString(text)
		for n := utf8.RuneCountInString(text); n <= s.widths[i]; n++ {
			_ = out.WriteByte(' ')
		}
	}
	_, _ = out.WriteString("│\n")
}
