// Flaws: rows of the bank's export that no reader may take as they are.

package sandbox

import "time"

// flaw is a bad line of the bank's statement: the amount as it is spelled, why
// it is refused, and its minor units where they can be read.
type flaw struct {
	id, amount, reason string
	minor              int64
}

// bankLimit is what the written configuration lets a booked entry be, in minor
// units: beyond it somebody has mistyped.
const bankLimit = 10_000_000

var flaws = []flaw{
	{"BB-FLAW-1", "12,345", "amount_scale", 0},             // three digits of qəpik
	{"BB-FLAW-2", "750000,00", "check_range", -75_000_000}, // readable, and more than a check lets through
}

// flawed lists them; none in a world without.
func (w *World) flawed() []flaw {
	if !w.flaws || !w.files {
		return nil
	}
	return flaws
}

// flawedAt is when they are booked: the noon before the world's day.
func (w *World) flawedAt() time.Time { return w.eve().Add(-12 * time.Hour).In(w.cal.zone) }

// quarantineTable is the rows that wait, and their money as far as it can be read.
func (w *World) quarantineTable() TableTruth {
	out := table("quarantine", "source; table; reason; currency", "count(); sum(ifNull(amount_minor, 0))")
	for _, f := range w.flawed() {
		out.add(1, "AZN", f.minor, SourceBank, "bank_entries", f.reason, "AZN", 1, f.minor)
	}
	return out
}
