package decisions

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Span is some months, half-open, counted from January of the year 0.
type Span struct{ From, To int }

// Onward ends a period that has no end: a month and all that follow.
const Onward = ".."

// lastMonth is where a span without an end ends: dates of the warehouse do.
const lastMonth = 2299*12 + 11

var (
	monthForm   = regexp.MustCompile(`^([0-9]{4})-(0[1-9]|1[0-2])(\.\.)?$`)
	quarterForm = regexp.MustCompile(`^([0-9]{4})-[Qq]([1-4])$`)
)

// ErrPeriod is returned for what is no period.
var ErrPeriod = errors.New("not a month such as 2026-03, a quarter such as 2026-Q1, or 2026-03.. for a month and all that follow")

// ParseSpan reads a period as decisions name it.
func ParseSpan(text string) (Span, error) {
	if m := monthForm.FindStringSubmatch(text); m != nil {
		year, _ := strconv.Atoi(m[1])
		month, _ := strconv.Atoi(m[2])
		from := year*12 + month - 1
		if m[3] != "" {
			return Span{from, lastMonth + 1}, nil
		}
		return Span{from, from + 1}, nil
	}
	if q := quarterForm.FindStringSubmatch(text); q != nil {
		year, _ := strconv.Atoi(q[1])
		quarter, _ := strconv.Atoi(q[2])
		from := year*12 + (quarter-1)*3
		return Span{from, from + 3}, nil
	}
	return Span{}, fmt.Errorf("%q is %w", text, ErrPeriod)
}

// Onward reports whether a period has no end.
func (s Span) Onward() bool { return s.To > lastMonth }

// Name is the period as it is written.
func (s Span) Name() string {
	month := fmt.Sprintf("%04d-%02d", s.From/12, s.From%12+1)
	switch {
	case s.Onward():
		return month + Onward
	case s.To-s.From == 3 && s.From%3 == 0:
		return fmt.Sprintf("%04d-Q%d", s.From/12, s.From%12/3+1)
	case s.To-s.From > 1:
		return month + " to " + Span{s.To - 1, s.To}.Name()
	}
	return month
}

// Months are the months of the span by name; only the first of one without an end.
func (s Span) Months() []string {
	if s.Onward() {
		return []string{strings.TrimSuffix(s.Name(), Onward)}
	}
	var out []string
	for m := s.From; m < s.To; m++ {
		out = append(out, Span{m, m + 1}.Name())
	}
	return out
}

// Days are the first day of the span and the first after it, as YYYY-MM-DD.
func (s Span) Days() (from, to string) {
	day := func(m int) string { return fmt.Sprintf("%04d-%02d-01", m/12, m%12+1) }
	return day(s.From), day(s.To)
}

func (s Span) meets(t Span) bool { return s.From < t.To && t.From < s.To }
