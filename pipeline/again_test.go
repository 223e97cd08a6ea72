package pipeline

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
)

// Only windows that hold an instant of a span are read again, each once.
func TestPlanAgain(t *testing.T) {
	day := func(d, h int) time.Time { return time.Date(2026, 3, d, h, 0, 0, 0, time.UTC) }
	spec := Spec{Name: "ledger", Start: day(1, 0), Step: Step{Days: 1}, Lookback: 72 * time.Hour}
	now := day(20, 12)
	for _, c := range []struct {
		spans []schemas.Window
		want  string
	}{
		{nil, ""},
		{[]schemas.Window{{From: day(5, 3), To: day(5, 4)}}, "5"},
		{[]schemas.Window{{From: day(5, 23), To: day(6, 1)}}, "5 6"},
		{[]schemas.Window{{From: day(5, 23), To: day(6, 0)}}, "5"}, // half open
		{[]schemas.Window{{From: day(9, 1), To: day(9, 2)}, {From: day(5, 23), To: day(5, 23).Add(time.Microsecond)}, {From: day(9, 3), To: day(9, 4)}}, "5 9"},
		{[]schemas.Window{{From: day(20, 1), To: day(20, 2)}}, "20"}, // the open one, up to now
		{[]schemas.Window{{From: day(20, 13), To: day(21, 2)}}, ""},
	} {
		var got []string
		for _, o := range PlanAgain(spec, c.spans, now) {
			got = append(got, fmt.Sprint(o.Window.From.Day()))
			if o.Reason != ReasonChain || o.Final != (o.Window.From.Day() < 20) || o.Past != (o.Window.From.Day() < 17) {
				t.Errorf("%+v", o)
			}
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%v: windows of the days %q, want %q", c.spans, text, c.want)
		}
	}
	if got := PlanAgain(Spec{Name: "providers"}, []schemas.Window{{From: day(1, 0), To: day(2, 0)}}, now); got != nil {
		t.Errorf("a catalogue: %v", got)
	}
}
