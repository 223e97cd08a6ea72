package reconcile

import (
	"slices"

	"github.com/paylake/paylake/schemas"
)

// Unread is where a wallet's ledger is not known to be whole. Nothing follows
// for what is there; what is missing may still come.
type Unread struct {
	Source string `json:"source"`
	Wallet string `json:"wallet_id"`
	schemas.Window
}

// FirstGap is the first part of a window that was not read to its end, or whose
// balance chain does not close; false: there is none.
func FirstGap(w schemas.Window, complete, owed []schemas.Window) (schemas.Window, bool) {
	if !w.From.Before(w.To) {
		return schemas.Window{}, false
	}
	gap, at := schemas.Window{From: w.From, To: w.To}, w.From
	for _, c := range complete { // ascending and apart
		if c.From.After(at) {
			break
		}
		if c.To.After(at) {
			at = c.To
		}
	}
	gap.From = at
	if next := slices.IndexFunc(complete, func(c schemas.Window) bool { return c.From.After(at) && c.From.Before(w.To) }); next >= 0 {
		gap.To = complete[next].From
	}
	for _, o := range owed {
		if o.Overlaps(w) && o.From.Before(gap.From) {
			gap = o
		}
	}
	return gap, gap.From.Before(w.To)
}
