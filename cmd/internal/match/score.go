package match

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Reason is one thing that speaks for a match.
type Reason struct {
	What   string // in words
	Points int
}

// evidence is what speaks for a pair.
type evidence struct {
	points int // all of it, at most 100
	firm   int // without the time: what a later or earlier candidate has, too
}

// judge weighs a pair; false where it cannot be one. difference is what is
// missing on the right side.
func (r *Rule) judge(l, x *Fact, common bool, difference int64) (e evidence, ok bool) {
	if l.Person != "" && x.Person != "" && l.Person != x.Person || l.Provider != "" && x.Provider != "" && l.Provider != x.Provider {
		return e, false
	}
	person, provider := l.Person != "" && l.Person == x.Person, l.Provider != "" && l.Provider == x.Provider
	if r.NeedReference && !common || r.NeedPerson && !person || r.NeedProvider && !provider || r.OtherSource && !l.Key.elsewhere(x.Key) {
		return e, false
	}
	if l.Key == x.Key || !r.inWindow(l, x, common) {
		return e, false
	}
	e.firm = r.Weights.Amount
	if difference != 0 {
		e.firm = r.Weights.Net
	}
	if common {
		e.firm += r.Weights.Reference
	}
	if person {
		e.firm += r.Weights.Person
	}
	if provider {
		e.firm += r.Weights.Provider
	}
	e.points = min(100, e.firm+r.timely(l, x))
	return e, e.points >= r.Enough
}

// timely are the points for being close in time.
func (r *Rule) timely(l, x *Fact) int {
	d := apart(l, x)
	switch {
	case d <= r.resolution(l, x):
		return r.Weights.Near
	case 4*d <= r.reach():
		return r.Weights.Soon
	case d <= r.reach():
		return r.Weights.Window
	}
	return 0
}

func apart(a, b *Fact) int64 { return max(a.At-b.At, b.At-a.At) }

// reasons are the evidence in words, the strongest first.
func (r *Rule) reasons(l, x *Fact, reference string, difference int64) []Reason {
	var out []Reason
	say := func(points int, format string, args ...any) {
		if points != 0 {
			out = append(out, Reason{fmt.Sprintf(format, args...), points})
		}
	}
	switch {
	case difference == 0:
		say(r.Weights.Amount, "same amount")
	case difference > 0:
		say(r.Weights.Net, "same amount after a fee of %d", difference)
	default:
		say(r.Weights.Net, "same amount with a fee of %d on top", -difference)
	}
	if reference != "" {
		say(r.Weights.Reference, "same reference %s", reference)
	}
	if l.Person != "" && l.Person == x.Person {
		say(r.Weights.Person, "same person")
	}
	if l.Provider != "" && l.Provider == x.Provider {
		say(r.Weights.Provider, "same provider %s", l.Provider)
	}
	say(r.timely(l, x), "%s apart", (time.Duration(apart(l, x)) * time.Microsecond).Round(time.Second))
	return strongest(out)
}

func strongest(out []Reason) []Reason {
	slices.SortStableFunc(out, func(a, b Reason) int { return b.Points - a.Points })
	return out
}

// Explain writes reasons in one line: "same reference acr_1 (50), same amount (40)".
func Explain(reasons []Reason) string {
	words := make([]string, len(reasons))
	for i, r := range reasons {
		words[i] = fmt.Sprintf("%s (%d)", r.What, r.Points)
	}
	return strings.Join(words, ", ")
}
