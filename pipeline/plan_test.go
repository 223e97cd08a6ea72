package pipeline

import (
	"fmt"
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// Zones whose clocks misbehave: Baku kept summer time until 2015, São Paulo
// and Beirut skipped midnight, Havana and Amman strike it twice, Apia lost a day.
var zones = []string{"UTC", "Asia/Baku", "Asia/Bishkek", "Europe/Berlin", "America/Sao_Paulo",
	"Asia/Beirut", "America/Havana", "Asia/Amman", "Pacific/Apia", "Australia/Lord_Howe"}

func zone(t interface{ Fatal(...any) }, name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// beginning finds the first instant of a date by looking at the clock every
// quarter of an hour.
func beginning(y int, m time.Month, d int, loc *time.Location) time.Time {
	want := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	t := want.Add(-30 * time.Hour)
	for {
		yy, mm, dd := t.In(loc).Date()
		if !time.Date(yy, mm, dd, 0, 0, 0, 0, time.UTC).Before(want) {
			return t
		}
		t = t.Add(15 * time.Minute)
	}
}

// oracle plans the slow way: every window from the start, one by one.
func oracle(spec Spec, done sinks.Done, now time.Time) []Owed {
	horizon := now.Add(-spec.Lag).Truncate(time.Microsecond)
	var plan []Owed
	y, m, d := spec.Start.In(spec.Zone).Date()
	for i := 0; ; i++ {
		from, to := spec.Start.Add(time.Duration(i)*spec.Step.Every), spec.Start.Add(time.Duration(i+1)*spec.Step.Every)
		if n := spec.Step.Days; n > 0 {
			from, to = beginning(y, m, d+i*n, spec.Zone), beginning(y, m, d+(i+1)*n, spec.Zone)
		}
		if !from.Before(horizon) {
			return plan
		}
		if from.Equal(to) {
			continue
		}
		o := Owed{Window: schemas.Window{From: from.UTC(), To: to.UTC()}, Final: !to.After(horizon)}
		chain := slices.ContainsFunc(done.Owed, o.Window.Overlaps)
		switch {
		case !o.Final:
			o.Window.To = horizon.UTC()
			o.Reason = ReasonOpen
		case !whollyIn(done.Complete, o.Window):
			o.Reason = ReasonMissing
		case chain:
			o.Reason = ReasonChain
		case to.After(now.Add(-spec.Lookback)), !done.Reached.IsZero() && to.After(done.Reached.Add(-spec.Lookback)):
			o.Reason = ReasonLookback
		}
		o.Past = !o.Window.To.After(now.Add(-spec.Lookback))
		if o.Reason != "" {
			plan = append(plan, o)
		}
	}
}

// whollyIn looks at every quarter of an hour of w, and at its edges.
func whollyIn(spans []schemas.Window, w schemas.Window) bool {
	for t := w.From; t.Before(w.To); t = t.Add(15 * time.Minute) {
		if !slices.ContainsFunc(spans, func(s schemas.Window) bool { return s.Contains(t) }) {
			return false
		}
	}
	return slices.ContainsFunc(spans, func(s schemas.Window) bool { return s.Contains(w.To.Add(-1)) })
}

func genSpec(t *rapid.T) (Spec, time.Time) {
	loc := zone(t, rapid.SampledFrom(zones).Draw(t, "zone"))
	year := rapid.SampledFrom([]int{2011, 2015, 2018, 2026}).Draw(t, "year")
	start := beginning(year, time.Month(rapid.IntRange(1, 12).Draw(t, "month")), rapid.IntRange(1, 28).Draw(t, "day"), loc)
	step := rapid.SampledFrom([]string{"24h", "48h", "168h", "1h", "7h30m", "36h"}).Draw(t, "step")
	s, err := ParseStep(step)
	if err != nil {
		t.Fatal(err)
	}
	age := time.Duration(rapid.Int64Range(0, int64(60*24*time.Hour)).Draw(t, "age"))
	age = age.Truncate(rapid.SampledFrom([]time.Duration{1, time.Hour, 24 * time.Hour}).Draw(t, "round"))
	return Spec{Name: "p", Start: start, Step: s, Zone: loc,
		Lookback: time.Duration(rapid.IntRange(0, 200).Draw(t, "lookback")) * time.Hour,
		Lag:      time.Duration(rapid.IntRange(0, 3).Draw(t, "lag")) * time.Hour}, start.Add(age)
}

// genSpans draws disjoint ascending spans on quarters of an hour.
func genSpans(t *rapid.T, from, to time.Time, name string) []schemas.Window {
	var spans []schemas.Window
	quarters := int(to.Sub(from) / (15 * time.Minute))
	at := 0
	for range rapid.IntRange(0, 4).Draw(t, name) {
		begin := at + rapid.IntRange(0, quarters/2+1).Draw(t, "gap")
		end := begin + rapid.IntRange(1, quarters+1).Draw(t, "length")
		spans = append(spans, schemas.Window{From: from.Add(time.Duration(begin) * 15 * time.Minute), To: from.Add(time.Duration(end) * 15 * time.Minute)})
		at = end
	}
	return spans
}

func TestPlanAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec, now := genSpec(t)
		done := sinks.Done{Complete: genSpans(t, spec.Start.Add(-48*time.Hour), now, "complete"),
			Owed: genSpans(t, spec.Start.Add(-48*time.Hour), now, "owed")}
		if rapid.Bool().Draw(t, "all read") { // the usual state: complete up to some moment
			done.Complete = []schemas.Window{{From: spec.Start, To: now.Add(-time.Duration(rapid.IntRange(0, 100).Draw(t, "behind")) * time.Hour)}}
		}
		if rapid.Bool().Draw(t, "reached") { // when it was read last, perhaps long ago
			done.Reached = now.Add(-time.Duration(rapid.IntRange(-1, 1000).Draw(t, "hours ago")) * time.Hour)
		}
		if rapid.Bool().Draw(t, "shuffled") {
			slices.Reverse(done.Owed)
		}
		got, want := Plan(spec, done, now), oracle(spec, done, now)
		if !slices.Equal(got, want) {
			t.Fatalf("spec %+v now %s\ndone %v\ngot  %v\nwant %v", spec, now, done, got, want)
		}
	})
}

// A plan from nothing covers [start, horizon) without a gap or an overlap, and
// nothing is missing once it was read.
func TestPlanCoversEverythingOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec, now := genSpec(t)
		horizon := now.Add(-spec.Lag).Truncate(time.Microsecond)
		reached := spec.Start
		var complete []schemas.Window
		for _, o := range Plan(spec, sinks.Done{}, now) {
			if !o.Window.From.Equal(reached) || !o.Window.From.Before(o.Window.To) {
				t.Fatalf("%v does not continue at %s", o, reached)
			}
			reached = o.Window.To
			if o.Final {
				complete = append(complete, o.Window)
			}
		}
		if reached.Before(horizon) {
			t.Fatalf("covered up to %s, want %s", reached, horizon)
		}
		for _, o := range Plan(spec, sinks.Done{Complete: complete}, now) {
			if o.Reason != ReasonOpen && (o.Reason != ReasonLookback || o.Past) {
				t.Fatalf("%v is owed although everything was read", o)
			}
		}
	})
}

func TestPlanDaysFollowTheClock(t *testing.T) {
	for _, c := range []struct {
		zone       string
		y, m, d    int
		begin, end string // of the day that starts there
	}{
		{"Asia/Baku", 2015, 3, 29, "2015-03-28T20:00:00Z", "2015-03-29T19:00:00Z"},         // 23 hours
		{"Asia/Baku", 2015, 10, 25, "2015-10-24T19:00:00Z", "2015-10-25T20:00:00Z"},        // 25 hours, the last time
		{"Asia/Baku", 2016, 3, 27, "2016-03-26T20:00:00Z", "2016-03-27T20:00:00Z"},         // no summer time any more
		{"Europe/Berlin", 2026, 3, 29, "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},     // 23 hours
		{"Europe/Berlin", 2026, 10, 25, "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},    // 25 hours
		{"America/Sao_Paulo", 2018, 11, 4, "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"}, // no midnight
		{"America/Havana", 2026, 11, 1, "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"},    // two midnights
		{"Asia/Amman", 2015, 10, 30, "2015-10-29T21:00:00Z", "2015-10-30T22:00:00Z"},       // two midnights
		{"America/Toronto", 1919, 3, 31, "1919-03-31T04:30:00Z", "1919-04-01T04:00:00Z"},   // 23:30 became 00:30
	} {
		loc := zone(t, c.zone)
		noon := time.Date(c.y, time.Month(c.m), c.d, 12, 0, 0, 0, loc)
		spec := Spec{Start: StartOfDay(noon, loc), Step: Step{Days: 1}, Zone: loc}
		first := Plan(spec, sinks.Done{}, noon.AddDate(0, 0, 5))[0]
		if got := first.Window.String(); got != "["+c.begin+", "+c.end+")" {
			t.Errorf("%s %d-%d-%d: %s, want [%s, %s)", c.zone, c.y, c.m, c.d, got, c.begin, c.end)
		}
	}
}

func TestPlanBetween(t *testing.T) {
	baku := zone(t, "Asia/Baku")
	date := func(d int) time.Time { return time.Date(2026, 3, d, 0, 0, 0, 0, baku) }
	spec := Spec{Start: date(10), Step: Step{Days: 1}, Lookback: 72 * time.Hour, Zone: baku}
	now := date(20).Add(15 * time.Hour)
	for _, c := range []struct {
		name     string
		from, to time.Time
		first    time.Time
		windows  int
		open     bool
	}{
		{"two days", date(12), date(14), date(12), 2, false},
		{"open end", date(18), time.Time{}, date(18), 3, true},
		{"open beginning", time.Time{}, date(12), date(10), 2, false},
		{"before the start", date(8), date(11), date(8), 3, false},
		{"today", date(20), date(21), date(20), 1, true},
		{"the future", date(21), date(25), time.Time{}, 0, false},
		{"nothing", date(12), date(12), time.Time{}, 0, false},
	} {
		plan := PlanBetween(spec, c.from, c.to, now)
		if len(plan) != c.windows {
			t.Fatalf("%s: %v", c.name, plan)
		}
		for i, o := range plan {
			last := i == len(plan)-1
			if o.Reason != ReasonAsked || !o.Window.From.Equal(c.first.AddDate(0, 0, i)) || o.Final == (last && c.open) {
				t.Errorf("%s: window %d is %v", c.name, i, o)
			}
			if o.Past == o.Window.To.After(now.Add(-spec.Lookback)) {
				t.Errorf("%s: %v: wrong side of the look-back", c.name, o)
			}
		}
	}
}

func TestPlanOfCatalogue(t *testing.T) {
	want := []Owed{{Reason: ReasonWhole, Final: true}}
	if got := Plan(Spec{Name: "c"}, sinks.Done{}, time.Unix(0, 0)); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if got := PlanBetween(Spec{Name: "c"}, time.Unix(0, 0), time.Unix(1, 0), time.Unix(9, 0)); !slices.Equal(got, want) {
		t.Errorf("asked for: got %v", got)
	}
}

func TestParseStep(t *testing.T) {
	for text, want := range map[string]Step{"24h": {Days: 1}, "168h": {Days: 7}, "1h": {Every: time.Hour},
		"36h": {Every: 36 * time.Hour}, "1440m": {Days: 1}} {
		if got, err := ParseStep(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "day", "0", "-24h", "59s", "1d"} {
		if got, err := ParseStep(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
	if got := fmt.Sprint(Step{Days: 7}, Step{Every: time.Hour}); got != "168h 1h0m0s" {
		t.Error(got)
	}
}

// 100,000 wallets with ten years behind them: the cost is that of what is owed.
func TestPlanOfManyWallets(t *testing.T) {
	baku := zone(t, "Asia/Baku")
	spec := Spec{Start: time.Date(2016, 1, 1, 0, 0, 0, 0, baku), Step: Step{Days: 1}, Lookback: 72 * time.Hour, Zone: baku}
	now := time.Date(2026, 3, 20, 12, 0, 0, 0, baku)
	complete := sinks.Done{Complete: []schemas.Window{{From: spec.Start, To: StartOfDay(now, baku)}}}
	planner := NewPlanner(spec, now)
	if allocs := testing.AllocsPerRun(100, func() { planner.Count(complete) }); allocs > 4 {
		t.Errorf("%v allocations a wallet", allocs)
	}
	steps := 0
	for range 100_000 {
		w := planner.walk(complete)
		for _, ok := w.next(); ok; _, ok = w.next() {
			steps++
		}
	}
	if steps != 100_000*4 { // three days that the look-back touches, and today
		t.Errorf("%d windows", steps)
	}
}

func BenchmarkPlan100000Wallets(b *testing.B) {
	baku := zone(b, "Asia/Baku")
	spec := Spec{Start: time.Date(2016, 1, 1, 0, 0, 0, 0, baku), Step: Step{Days: 1}, Lookback: 72 * time.Hour, Zone: baku}
	now := time.Date(2026, 3, 20, 12, 0, 0, 0, baku)
	complete := sinks.Done{Complete: []schemas.Window{{From: spec.Start, To: StartOfDay(now, baku)}}}
	b.ReportAllocs()
	for b.Loop() {
		planner := NewPlanner(spec, now)
		for range 100_000 {
			planner.Count(complete)
		}
	}
}
