package pipeline

// Bounds of what may be read: windows are cut to them. Pure.

import "time"

// Clip leaves the part of the window inside [from, to); ok is false when there
// is none. A zero end is no end, and a catalogue is never clipped.
func (o Owed) Clip(from, to time.Time) (clipped Owed, ok bool) {
	if o.Window.IsZero() {
		return o, true
	}
	if !from.IsZero() && o.Window.From.Before(from) {
		o.Window.From = from
	}
	if !to.IsZero() && to.Before(o.Window.To) {
		o.Window.To, o.Final = to, true // what lies behind is never wanted
	}
	return o, o.Window.From.Before(o.Window.To)
}

// leap finds the next window after one that lies outside the bounds.
func (w *walk) leap() int {
	if !w.to.IsZero() && !w.p.steps[w.i].Window.From.Before(w.to) {
		return len(w.p.steps)
	}
	return max(w.p.touches(w.from), w.i+1)
}
