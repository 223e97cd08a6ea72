package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is everything that is wrong with a configuration.
type Error struct{ Problems []Problem }

// Problem is one thing that is wrong, and what to type instead.
type Problem struct {
	File string
	Line int    // 0 when no line is at fault
	Key  string // path of the key, such as sources.mpay.url; empty for the file itself
	Text string
}

func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Text
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
}

// Error prints one line per problem, in the order of the file.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// problems collects what is wrong.
type problems struct {
	file  string
	lines map[string]int
	list  []Problem
	keys  map[string]bool // key paths that have a problem already
}

func newProblems(file string) *problems {
	return &problems{file: file, lines: map[string]int{}, keys: map[string]bool{}}
}

// mark remembers the line of a key.
func (p *problems) mark(key string, line int) {
	if p.lines != nil {
		p.lines[key] = line
	}
}

// at reports a problem of a key. The line is the key's own, else the nearest
// parent's that has one. The first problem of a key is enough: what follows
// from it would only hide it.
func (p *problems) at(key, format string, args ...any) {
	if p.keys[key] {
		return
	}
	p.keys[key] = true
	p.add(p.lineOf(key), key, format, args...)
}

func (p *problems) add(line int, key, format string, args ...any) {
	p.list = append(p.list, Problem{File: p.file, Line: line, Key: key, Text: fmt.Sprintf(format, args...)})
}

func (p *problems) lineOf(key string) int {
	for key != "" {
		if line, ok := p.lines[key]; ok {
			return line
		}
		key = key[:max(strings.LastIndexAny(key, ".["), 0)]
	}
	return 0
}

func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return &Error{Problems: p.list}
}

// Nearest returns the known word that is closest to a mistyped one, or "" when
// none is close.
func Nearest(word string, known []string) string {
	if word == "" {
		return ""
	}
	best, limit := "", max(2, len(word)/3)+1
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < limit {
			best, limit = k, d
		}
	}
	return best
}

// distance is Levenshtein's: insertions, deletions and replacements of bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// didYouMean completes a sentence about an unknown word.
func didYouMean(word string, known []string) string {
	if near := Nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(known) == 0 {
		return "there are none yet"
	}
	return "known: " + strings.Join(known, ", ")
}
