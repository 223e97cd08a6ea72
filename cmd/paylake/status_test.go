package main

import (
	"testing"
	"time"

	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// Data is complete up to the first gap, and no further than the row before the
// first break of a balance chain.
func TestCompleteThrough(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 3, n, 0, 0, 0, 0, time.UTC) }
	span := func(from, to int) schemas.Window { return schemas.Window{From: day(from), To: day(to)} }
	daily := pipeline.Spec{Start: day(1), Step: pipeline.Step{Days: 1}}
	for name, c := range map[string]struct {
		spec pipeline.Spec
		done sinks.Done
		want time.Time
	}{
		"nothing":            {daily, sinks.Done{}, time.Time{}},
		"unbroken":           {daily, sinks.Done{Complete: []schemas.Window{span(1, 5)}}, day(5)},
		"a gap":              {daily, sinks.Done{Complete: []schemas.Window{span(1, 3), span(4, 9)}}, day(3)},
		"not from the start": {daily, sinks.Done{Complete: []schemas.Window{span(2, 9)}}, time.Time{}},
		"a break":            {daily, sinks.Done{Complete: []schemas.Window{span(1, 9)}, Owed: []schemas.Window{span(4, 5), span(7, 8)}}, day(4)},
		"a break further on": {daily, sinks.Done{Complete: []schemas.Window{span(1, 3)}, Owed: []schemas.Window{span(4, 5)}}, day(3)},
		"a catalogue":        {pipeline.Spec{}, sinks.Done{LastRead: day(7)}, day(7)},
	} {
		if got := completeThrough(c.spec, c.done); !got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
