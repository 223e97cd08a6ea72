package pipeline

// The plan: what is owed, from what is done and what time it is. Pure.

import (
	"cmp"
	"iter"
	"slices"
	"sort"
	"time"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// Spec is a pipeline as the configuration describes it.
type Spec struct {
	Name     string         // the pipeline's name
	Schedule string         // cron expression in Zone; empty: only by hand
	Start    time.Time      // first instant that is wanted
	Step     Step           // zero for a catalogue
	Lookback time.Duration  // how far back rows may still appear
	Lag      time.Duration  // how long the newest rows are left alone
	Zone     *time.Location // the source's clock; nil is UTC
}

func (s Spec) zone() *time.Location {
	if s.Zone == nil {
		return time.UTC
	}
	return s.Zone
}

// Reason says why a window is owed.
type Reason string

const (
	ReasonMissing  Reason = "missing"   // never read to its end
	ReasonLookback Reason = "look-back" // complete, but late rows may have come
	ReasonOpen     Reason = "open"      // contains now: read up to now
	ReasonChain    Reason = "chain"     // its balance chain does not close
	ReasonAsked    Reason = "asked"     // named by a person: --from, --to
	ReasonWhole    Reason = "whole"     // a catalogue
)

// Owed is a window to read.
type Owed struct {
	Window schemas.Window `json:"window"`
	Reason Reason         `json:"reason"`
	Final  bool           `json:"final"` // reading it to the end completes it
	Past   bool           `json:"past"`  // lies before the look-back
}

// Plan lists the windows owed at an instant, ascending and without overlap:
// every window since Start that is not complete, the open one up to now less
// the lag, those that the look-back touches or touched when the stream was read
// last, and those whose balance chain does not close, however old. Of a catalogue
// there is one, the zero Window.
func Plan(spec Spec, done sinks.Done, now time.Time) []Owed {
	return slices.Collect(NewPlanner(spec, now).All(done))
}

// PlanBetween lists the windows that touch [from, to), whatever is done
// already, ascending. A zero from means Start, a zero to means now; windows
// before Start can be asked for. A catalogue has one window in any span.
func PlanBetween(spec Spec, from, to, now time.Time) []Owed {
	return slices.Collect(newAsked(spec, from, to, now).All(sinks.Done{}))
}

// Planner plans many streams of one pipeline at one instant: the calendar is
// computed once.
type Planner struct {
	steps []Owed // every window up to the horizon, Reason as for a complete one
	again int    // index of the first window that is read again in any case

	lookback time.Duration
}

// NewPlanner prepares the plan of spec's streams at now.
func NewPlanner(spec Spec, now time.Time) *Planner {
	if spec.Step.IsZero() {
		return whole()
	}
	p := between(spec, spec.Start, now, now)
	lookback := now.Add(-spec.Lookback)
	p.again, p.lookback = len(p.steps), spec.Lookback
	for i := len(p.steps) - 1; i >= 0; i-- {
		s := &p.steps[i]
		switch {
		case !s.Final:
			s.Reason = ReasonOpen
		case s.Window.To.After(lookback):
			s.Reason = ReasonLookback
		default:
			return p
		}
		p.again = i
	}
	return p
}

func newAsked(spec Spec, from, to, now time.Time) *Planner {
	if spec.Step.IsZero() {
		return whole()
	}
	if from.IsZero() {
		from = spec.Start
	}
	if to.IsZero() {
		to = now
	}
	p := between(spec, from, to, now)
	for i := range p.steps {
		p.steps[i].Reason = ReasonAsked
	}
	return p
}

func whole() *Planner { return &Planner{steps: []Owed{{Reason: ReasonWhole, Final: true}}} }

// between cuts the windows that touch [from, to) and begin before the horizon:
// now less the lag, to the microsecond, which is all that rows can tell.
func between(spec Spec, from, to, now time.Time) *Planner {
	horizon := now.Add(-max(spec.Lag, 0)).UTC().Truncate(time.Microsecond)
	lookback := now.Add(-spec.Lookback)
	if to.After(horizon) {
		to = horizon
	}
	p := &Planner{}
	if !from.Before(to) {
		return p
	}
	c := newCalendar(spec)
	i := c.holds(from)
	for begin := c.at(i); begin.Before(to); i++ {
		w := schemas.Window{From: begin, To: c.at(i + 1)}
		begin = w.To
		if i == 0 && !c.aligned && !from.Before(c.start) { // a start within a day shortens the first window
			w.From = c.start
		}
		if !w.From.Before(w.To) { // a day that its zone left out
			continue
		}
		o := Owed{Window: w, Final: !w.To.After(horizon)}
		if !o.Final {
			o.Window.To = horizon
		}
		o.Past = !o.Window.To.After(lookback)
		p.steps = append(p.steps, o)
	}
	return p
}

// All yields what is owed of one stream, ascending.
func (p *Planner) All(done sinks.Done) iter.Seq[Owed] {
	return p.Within(done, time.Time{}, time.Time{})
}

// Within yields what is owed of one stream inside [from, to), windows clipped;
// a zero time is no bound.
func (p *Planner) Within(done sinks.Done, from, to time.Time) iter.Seq[Owed] {
	return func(yield func(Owed) bool) {
		w := p.walk(done)
		w.from, w.to = from, to
		for o, ok := w.next(); ok; o, ok = w.next() {
			if !yield(o) {
				return
			}
		}
	}
}

// Count is the number of windows owed of one stream.
func (p *Planner) Count(done sinks.Done) int {
	n := 0
	for range p.All(done) {
		n++
	}
	return n
}

// walk is a place in the plan of one stream. It holds no list of its own, so
// that 100,000 streams can be planned side by side.
type walk struct {
	p        *Planner
	complete []schemas.Window
	owed     []schemas.Window
	from, to time.Time // bounds of what may be read; zero: none
	i        int
	again    int // as the planner's, but counted from when the stream was read
}

func (p *Planner) walk(done sinks.Done) walk {
	w := walk{p: p, complete: ascending(done.Complete), owed: ascending(done.Owed), again: p.again}
	// Nobody may have read for longer than the look-back. What was complete when
	// the reading stopped has not been looked back at yet, however old it is now.
	if w.again > 0 && !done.Reached.IsZero() {
		w.again = min(w.again, p.touches(done.Reached.Add(-p.lookback)))
	}
	return w
}

func ascending(spans []schemas.Window) []schemas.Window {
	order := func(a, b schemas.Window) int {
		return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To))
	}
	if slices.IsSortedFunc(spans, order) {
		return spans
	}
	return slices.SortedFunc(slices.Values(spans), order)
}

// next returns the next owed window. Completed stretches are jumped over, so
// that the cost follows what is owed and not the length of the history.
func (w *walk) next() (Owed, bool) {
	for w.i < len(w.p.steps) {
		o, inside := w.p.steps[w.i].Clip(w.from, w.to)
		if !inside {
			w.i = w.leap()
			continue
		}
		w.complete = endingAfter(w.complete, o.Window.From)
		w.owed = endingAfter(w.owed, o.Window.From)
		switch {
		case w.i >= w.p.again && o.Reason != ReasonLookback:
			// open, asked for or whole: read in any case
		case !covers(w.complete, o.Window):
			o.Reason = ReasonMissing
		case len(w.owed) > 0 && w.owed[0].Overlaps(o.Window):
			o.Reason = ReasonChain
		case w.i < w.again:
			w.i = w.jump()
			continue
		case w.i < w.p.again:
			o.Reason = ReasonLookback
		}
		w.i++
		return o, true
	}
	return Owed{}, false
}

// jump finds the next window that may be owed after one that is complete.
func (w *walk) jump() int {
	next := min(w.p.touches(w.complete[0].To), w.again)
	if len(w.owed) > 0 {
		next = min(next, w.p.touches(w.owed[0].From))
	}
	return max(next, w.i+1)
}

// touches is the first window that ends after t.
func (p *Planner) touches(t time.Time) int {
	return sort.Search(len(p.steps), func(i int) bool { return p.steps[i].Window.To.After(t) })
}

func endingAfter(spans []schemas.Window, t time.Time) []schemas.Window {
	for len(spans) > 0 && !spans[0].To.After(t) {
		spans = spans[1:]
	}
	return spans
}

// covers reports whether spans, ascending, hold all of w.
func covers(spans []schemas.Window, w schemas.Window) bool {
	reached := w.From
	for _, s := range spans {
		if s.From.After(reached) {
			return false
		}
		if s.To.After(reached) {
			reached = s.To
		}
		if !reached.Before(w.To) {
			return true
		}
	}
	return false
}
