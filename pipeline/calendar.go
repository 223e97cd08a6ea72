package pipeline

// The calendar: how a pipeline's time is cut into windows. Days follow the
// source's clock, so a day of 23 or 25 hours is one window.

import (
	"fmt"
	"time"
)

const day = 24 * time.Hour

// Step is the length of a window: Days calendar days of the source's zone, or
// else a plain duration. The zero Step belongs to catalogues.
type Step struct {
	Days  int
	Every time.Duration
}

// IsZero reports whether s is the step of a catalogue.
func (s Step) IsZero() bool { return s == Step{} }

// String writes the step as the configuration's `window` does.
func (s Step) String() string {
	if s.Days > 0 {
		return fmt.Sprintf("%dh", 24*s.Days)
	}
	return s.Every.String()
}

// ParseStep reads the configuration's `window`. Whole multiples of 24h are
// calendar days; everything else, one minute at least, is a plain duration.
func ParseStep(text string) (Step, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return Step{}, fmt.Errorf("window %q: not a duration; write 24h, 168h or 1h", text)
	}
	switch {
	case d < time.Minute:
		return Step{}, fmt.Errorf("window %q: shorter than a minute; write 24h, 168h or 1h", text)
	case d%day == 0:
		return Step{Days: int(d / day)}, nil
	default:
		return Step{Every: d}, nil
	}
}

// StartOfDay is the first instant of the calendar day that contains t in zone.
// That is not always midnight: some clocks jump over it, some strike it twice.
func StartOfDay(t time.Time, zone *time.Location) time.Time {
	y, m, d := t.In(zone).Date()
	return firstInstant(y, m, d, zone)
}

// firstInstant accepts days outside the month, as time.Date does.
func firstInstant(y int, m time.Month, d int, zone *time.Location) time.Time {
	want := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	t := time.Date(y, m, d, 0, 0, 0, 0, zone)
	begin, end := t.ZoneBounds()
	switch local := civil(t); {
	case local.Before(want): // midnight was skipped and t lies before the jump
		t = end
	case local.After(want): // midnight was skipped and t lies after the jump
		t = begin
	case !begin.IsZero(): // midnight: struck before the clock went back, too?
		_, now := t.Zone()
		_, then := begin.Add(-1).Zone()
		if first := t.Add(time.Duration(now-then) * time.Second); then > now && first.Before(begin) {
			t = first
		}
	}
	return t.UTC()
}

// civil is what the clock on the wall shows, as if it were UTC.
func civil(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// calendar counts the windows of a Spec: window i is [at(i), at(i+1)). The
// first one that belongs to the pipeline is 0; earlier ones have negative
// numbers.
type calendar struct {
	step    Step
	start   time.Time
	zone    *time.Location
	y, d    int
	m       time.Month
	aligned bool // start is the beginning of a day
}

func newCalendar(spec Spec) calendar {
	c := calendar{step: spec.Step, start: spec.Start.UTC(), zone: spec.zone()}
	c.y, c.m, c.d = spec.Start.In(c.zone).Date()
	c.aligned = c.at(0).Equal(c.start)
	return c
}

// at is the first instant of window i, without the clipping of the first one.
func (c calendar) at(i int) time.Time {
	if c.step.Days > 0 {
		return firstInstant(c.y, c.m, c.d+i*c.step.Days, c.zone)
	}
	return c.start.Add(time.Duration(i) * c.step.Every)
}

// holds is the number of the window that contains t.
func (c calendar) holds(t time.Time) int {
	length := c.step.Every
	if c.step.Days > 0 {
		length = time.Duration(c.step.Days) * day
	}
	i := int(t.Sub(c.at(0)) / length) // summer time shifts this by one at most
	for c.at(i).After(t) {
		i--
	}
	for !c.at(i + 1).After(t) {
		i++
	}
	return i
}
