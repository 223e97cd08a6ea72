package api

import (
	"regexp"
	"strconv"
	"time"
)

// days are a half-open span of days; a zero end is open.
type days struct{ from, to time.Time }

var (
	month   = regexp.MustCompile(`^([0-9]{4})-(0[1-9]|1[0-2])$`)
	quarter = regexp.MustCompile(`^([0-9]{4})-Q([1-4])$`)
	year    = regexp.MustCompile(`^([0-9]{4})$`)
)

// periodDays are the days of 2026-03, 2026-Q1 or 2026.
func periodDays(text string) (d days, ok bool) {
	first, months := 1, 0
	var m []string
	switch {
	case month.MatchString(text):
		m = month.FindStringSubmatch(text)
		first, _ = strconv.Atoi(m[2])
		months = 1
	case quarter.MatchString(text):
		m = quarter.FindStringSubmatch(text)
		q, _ := strconv.Atoi(m[2])
		first, months = 3*q-2, 3
	case year.MatchString(text):
		m, months = year.FindStringSubmatch(text), 12
	default:
		return d, false
	}
	y, _ := strconv.Atoi(m[1])
	d.from = time.Date(y, time.Month(first), 1, 0, 0, 0, 0, time.UTC)
	d.to = d.from.AddDate(0, months, 0)
	return d, inRange(d.from) && inRange(d.to)
}

// inRange are the days that the warehouse can hold.
func inRange(t time.Time) bool { return t.Year() >= 1900 && t.Year() < 2299 }

func parseDay(text string) (time.Time, bool) {
	t, err := time.Parse(time.DateOnly, text)
	return t, err == nil && inRange(t)
}
