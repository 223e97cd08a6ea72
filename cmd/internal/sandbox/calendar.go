// Days of the world in one zone, how busy each of them is, and at which times
// of day people pay.

package sandbox

import (
	"fmt"
	"slices"
	"time"
	_ "time/tzdata" // zones must not depend on the machine
)

// calendar knows the world's days: 0 is the first, today the last of history.
type calendar struct {
	zone   *time.Location
	starts []int64 // unix seconds of midnight; one more than there are days
	today  int
}

func newCalendar(zone string, now time.Time, before, ahead int) (calendar, error) {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return calendar{}, fmt.Errorf("sandbox: time zone %s: %w", zone, err)
	}
	y, m, d := now.In(loc).Date()
	c := calendar{zone: loc, today: before}
	for i := range before + ahead + 2 {
		c.starts = append(c.starts, time.Date(y, m, d+i-before, 0, 0, 0, 0, loc).Unix())
	}
	return c, nil
}

func (c calendar) days() int { return len(c.starts) - 1 }

func (c calendar) start(day int) time.Time { return time.Unix(c.starts[day], 0).In(c.zone) }

// dayOf returns the day that holds an instant; -1 before the first, days()
// after the last.
func (c calendar) dayOf(unix int64) int {
	i, found := slices.BinarySearch(c.starts, unix)
	if found {
		return i
	}
	return i - 1
}

// busy says how many rows a day has compared with others: Fridays and the days
// around salaries and due dates more, Sundays fewer.
func (c calendar) busy(day int) float64 {
	t := c.start(day)
	weekday := [7]float64{0.75, 1.05, 1, 1, 1.05, 1.25, 0.95}[t.Weekday()]
	month := 1.0
	switch d := t.Day(); {
	case d <= 5:
		month = 1.3
	case d >= 10 && d <= 15:
		month = 1.2
	case d >= 25:
		month = 1.15
	}
	return weekday * month
}

// hours weighs the hours of the day.
var hours = [24]float64{1.2, .6, .3, .2, .2, .3, .8, 2, 4, 6, 7, 7, 6.5, 6, 5.5, 5.5, 6, 7, 8, 8.5, 8, 7, 5, 2.5}

// clock maps a share of the day's rows to a second of the day: ascending, so
// that row i of n falls into its own stretch of time.
type clock [1025]int64

func newClock() *clock {
	total := 0.0
	for _, h := range hours {
		total += h
	}
	c, sum, hour := &clock{}, 0.0, 0
	for i := range c {
		want := total * float64(i) / float64(len(c)-1)
		for hour < 23 && sum+hours[hour] < want {
			sum += hours[hour]
			hour++
		}
		c[i] = min(int64(float64(hour*3600)+3600*(want-sum)/hours[hour]), 86399)
	}
	return c
}

// second returns the second of the day of slot i of n, moved inside its
// stretch by u.
func (c *clock) second(i, n int, u float64) int64 {
	q := (float64(i) + u) / float64(n) * float64(len(c)-1)
	k := min(int(q), len(c)-2)
	return c[k] + int64(float64(c[k+1]-c[k])*(q-float64(k)))
}
