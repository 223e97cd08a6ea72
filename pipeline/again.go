package pipeline

import (
	"slices"
	"time"

	"github.com/paylake/paylake/schemas"
)

// PlanAgain lists the windows of a stream that hold an instant of one of the
// spans, whatever is done already: ascending, without overlap. A catalogue has
// none: there is no place in it.
func PlanAgain(spec Spec, spans []schemas.Window, now time.Time) []Owed {
	if spec.Step.IsZero() || len(spans) == 0 {
		return nil
	}
	first := slices.MinFunc(spans, func(a, b schemas.Window) int { return a.From.Compare(b.From) })
	last := slices.MaxFunc(spans, func(a, b schemas.Window) int { return a.To.Compare(b.To) })
	steps := between(spec, first.From, last.To, now).steps
	steps = slices.DeleteFunc(steps, func(o Owed) bool {
		return !slices.ContainsFunc(spans, o.Window.Overlaps)
	})
	for i := range steps {
		steps[i].Reason = ReasonChain
	}
	return steps
}

// skips reports whether a run leaves a stream alone.
func (j *Job) skips(s schemas.Stream) bool { return j.Again != nil && len(j.Again[s.String()]) == 0 }

// plannerOf is the planner of one stream: that of all, unless places are to be
// read again.
func (j *Job) plannerOf(s schemas.Stream, all *Planner) *Planner {
	if j.Again == nil {
		return all
	}
	return &Planner{steps: PlanAgain(j.Spec, j.Again[s.String()], j.Now())}
}
