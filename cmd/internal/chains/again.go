package chains

import (
	"time"

	"github.com/paylake/paylake/schemas"
)

// Span is where missing rows may lie: from the row before to the row after, both
// included, since rows of one instant may be missing, too.
func (b Break) Span() schemas.Window {
	return schemas.Window{From: b.BeforeAt, To: b.AfterAt.Add(time.Microsecond)}
}

// Again are the spans to read again, by source and wallet.
func Again(list []Break) map[[2]string][]schemas.Window {
	out := map[[2]string][]schemas.Window{}
	for _, b := range list {
		key := [2]string{b.Source, b.Wallet}
		out[key] = append(out[key], b.Span())
	}
	return out
}

// Within picks the breaks that touch days: those of both rows and all between
// them, in the source's zone. from and to are midnights, UTC standing for no zone.
func Within(list []Break, from, to time.Time, zone func(source string) *time.Location) []Break {
	day := func(t time.Time, source string) time.Time {
		y, m, d := t.In(zone(source)).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	out := []Break{}
	for _, b := range list {
		if day(b.BeforeAt, b.Source).Before(to) && !day(b.AfterAt, b.Source).Before(from) {
			out = append(out, b)
		}
	}
	return out
}
