package schemas

import (
	"errors"
	"time"
	_ "time/tzdata" // zones must not depend on the machine
)

// ErrTime is returned for text that is not a date-time of a day that exists.
var ErrTime = errors.New("not a date-time")

// Zone turns local time into instants and instants into business dates of one
// declared zone. It remembers the last offset's span, which makes the usual
// case (no change of summer time between two rows) cheap. Not for concurrent
// use: every decoder owns one.
type Zone struct {
	loc        *time.Location
	from, to   int64 // unix seconds in which offset holds
	offset     int64
	remembered bool
}

// NewZone returns a Zone of loc.
func NewZone(loc *time.Location) *Zone { return &Zone{loc: loc} }

// Offset returns the zone's offset from UTC, in seconds, at an instant given in
// microseconds.
func (z *Zone) Offset(micros int64) int64 {
	sec := floorDiv(micros, 1e6)
	if !z.remembered || sec < z.from || sec >= z.to {
		t := time.Unix(sec, 0).In(z.loc)
		_, off := t.Zone()
		start, end := t.ZoneBounds()
		z.from, z.to = -1<<62, 1<<62
		if !start.IsZero() {
			z.from = start.Unix()
		}
		if !end.IsZero() {
			z.to = end.Unix()
		}
		z.offset, z.remembered = int64(off), true
	}
	return z.offset
}

// BusinessDate returns the calendar day of an instant in the zone, as days
// since 1970-01-01.
func (z *Zone) BusinessDate(micros int64) int32 {
	return int32(floorDiv(floorDiv(micros, 1e6)+z.Offset(micros), 86400))
}

// Parse reads YYYY-MM-DD, 'T' or a space, hh:mm:ss, an optional fraction (cut
// to microseconds, the lake's precision) and an optional offset: Z, +04:00,
// +0400 or +04. Without one the zone's own is used and zoned is false. It
// returns microseconds since the epoch and the offset in seconds.
func (z *Zone) Parse(s []byte) (micros int64, offset int32, zoned bool, err error) {
	if len(s) < 19 || s[4] != '-' || s[7] != '-' || (s[10] != 'T' && s[10] != ' ') || s[13] != ':' || s[16] != ':' {
		return 0, 0, false, ErrTime
	}
	year, ok0 := digits(s[0:4])
	month, ok1 := digits(s[5:7])
	day, ok2 := digits(s[8:10])
	hour, ok3 := digits(s[11:13])
	minute, ok4 := digits(s[14:16])
	second, ok5 := digits(s[17:19])
	if !ok0 || !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || year == 0 ||
		month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59 {
		return 0, 0, false, ErrTime
	}
	rest, frac := s[19:], int64(0)
	if len(rest) > 0 && rest[0] == '.' {
		n, scale := 1, int64(100000)
		for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
			frac += int64(rest[n]-'0') * scale
			scale /= 10
			n++
		}
		if n == 1 || n > 10 {
			return 0, 0, false, ErrTime
		}
		rest = rest[n:]
	}
	local := daysFromCivil(year, month, day)*86400 + int64(hour*3600+minute*60+second)
	if len(rest) == 0 {
		// The offset that holds at the local time: asked twice, so that a
		// change of summer time is met on its right side.
		guess := local - z.Offset(local*1e6)
		off := z.Offset(guess * 1e6)
		return (local-off)*1e6 + frac, int32(off), false, nil
	}
	off, ok := parseOffset(rest)
	if !ok {
		return 0, 0, false, ErrTime
	}
	return (local-int64(off))*1e6 + frac, off, true, nil
}

func parseOffset(s []byte) (int32, bool) {
	if len(s) == 1 && s[0] == 'Z' {
		return 0, true
	}
	if s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	sign, s := s[0], s[1:]
	switch {
	case len(s) == 5 && s[2] == ':':
		s = []byte{s[0], s[1], s[3], s[4]}
	case len(s) == 2:
		s = []byte{s[0], s[1], '0', '0'}
	case len(s) != 4:
		return 0, false
	}
	h, ok1 := digits(s[0:2])
	m, ok2 := digits(s[2:4])
	if !ok1 || !ok2 || h > 18 || m > 59 {
		return 0, false
	}
	off := int32(h*3600 + m*60)
	if sign == '-' {
		off = -off
	}
	return off, true
}

func digits(s []byte) (int, bool) {
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	default:
		return 31
	}
}

// daysFromCivil counts days since 1970-01-01 in the proleptic Gregorian
// calendar, with years that begin in March so that leap days come last.
func daysFromCivil(year, month, day int) int64 {
	y := int64(year)
	if month <= 2 {
		y--
	}
	era := floorDiv(y, 400)
	yoe := y - era*400
	doy := int64((153*((month+9)%12)+2)/5 + day - 1)
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + doy - 719468
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
