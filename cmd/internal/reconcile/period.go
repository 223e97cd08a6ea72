package reconcile

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Period is a month or a quarter: the days from From to the one before To, as
// the business dates of rows, which are calendar days in the source's zone.
type Period struct {
	Name     string
	From, To time.Time // midnights, UTC standing for no zone
}

var (
	monthForm   = regexp.MustCompile(`^(\d{4})-(0[1-9]|1[0-2])$`)
	quarterForm = regexp.MustCompile(`^(\d{4})-Q([1-4])$`)
	yearForm    = regexp.MustCompile(`^\d{4}$`)
	dayForm     = regexp.MustCompile(`^(\d{4}-(?:0[1-9]|1[0-2]))-\d{2}`)
)

// ParsePeriod reads a month such as 2026-03, or a quarter such as 2026-Q1.
func ParsePeriod(text string) (Period, error) {
	if m := monthForm.FindStringSubmatch(text); m != nil {
		return months(text, m[1], m[2], 1, 1), nil
	}
	if m := quarterForm.FindStringSubmatch(text); m != nil {
		return months(text, m[1], m[2], 3, 3), nil
	}
	switch {
	case text == "":
		return Period{}, errors.New("which period? Write a month such as 2026-03, or a quarter such as 2026-Q1")
	case yearForm.MatchString(text):
		return Period{}, fmt.Errorf("%s is a whole year; a period is a month such as %s-03, or a quarter such as %s-Q1", text, text, text)
	case dayForm.MatchString(text):
		return Period{}, fmt.Errorf("%s is written with days; a period is a whole month such as %s", text, dayForm.FindStringSubmatch(text)[1])
	}
	return Period{}, fmt.Errorf("%q is not a period; write a month such as 2026-03, or a quarter such as 2026-Q1", text)
}

// months is the n-th stretch of so many months of a year.
func months(name, year, n string, each, length int) Period {
	y, _ := strconv.Atoi(year) // digits alone, as the form says
	k, _ := strconv.Atoi(n)
	from := time.Date(y, time.Month((k-1)*each+1), 1, 0, 0, 0, 0, time.UTC)
	return Period{Name: name, From: from, To: from.AddDate(0, length, 0)}
}

// Over says why the period is not over yet in one of the zones; nil when it is
// over in all of them. Rows may still come in a month that goes on, and a
// sign-off of it would be one of nothing.
func (p Period) Over(now time.Time, zones []*time.Location) error {
	for _, zone := range zones {
		end := time.Date(p.To.Year(), p.To.Month(), p.To.Day(), 0, 0, 0, 0, zone)
		if now.Before(end) {
			return fmt.Errorf("%s is not over yet: it ends with %s in %s; reconcile it from %s on",
				p.Name, p.To.AddDate(0, 0, -1).Format(time.DateOnly), zone, p.To.Format(time.DateOnly))
		}
	}
	return nil
}

// Days are the first day and the one after the last, counted from 1970-01-01.
func (p Period) Days() (from, to int32) {
	const day = 24 * 60 * 60
	return int32(p.From.Unix() / day), int32(p.To.Unix() / day)
}
