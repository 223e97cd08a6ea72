// The names of the faults that a sandbox can have, and where each strikes.

package sandbox

import (
	"fmt"
	"slices"
	"strings"

	"github.com/paylake/paylake/sources/flashpay/flashpaytest"
)

// ChaosNames lists the faults, in the order of the documentation.
func ChaosNames() []string {
	return []string{"expiry", "throttle", "5xx", "slow", "duplicate-page", "skipped-row", "late", "cursor-loop", "error-200", "skew"}
}

// mpayFaults are the façade's own. Late rows are the world's: hours or days
// late, so that Truth knows them too.
var mpayFaults = []string{"expiry", "throttle", "5xx", "slow", "duplicate-page", "skipped-row", "cursor-loop", "error-200", "skew"}

// flashpayFaults are the platform's. It has neither sessions nor cursors to
// break; and a row that is missing from its list leaves no evidence, so that
// nobody could find it: skipped rows are the façade's, where balances tell.
var flashpayFaults = map[flashpaytest.Fault]flashpaytest.Plan{
	flashpaytest.Throttle:      {First: 3, Every: 17},
	flashpaytest.ServerError:   {First: 5, Every: 19},
	flashpaytest.Slow:          {First: 2, Every: 23},
	flashpaytest.DuplicatePage: {First: 1, Every: 3},
	flashpaytest.Error200:      {First: 7, Every: 29},
}

// chaosSet holds the names that are on.
type chaosSet map[string]bool

// on lists those of some names that are on.
func (c chaosSet) on(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !c[name] })
}

// parseChaos accepts names one by one or joined by commas.
func parseChaos(names []string) (chaosSet, error) {
	set, known := chaosSet{}, ChaosNames()
	for _, joined := range names {
		for name := range strings.SplitSeq(joined, ",") {
			name = strings.TrimSpace(name)
			if name == "" {
				continue
			}
			if !slices.Contains(known, name) {
				return nil, fmt.Errorf("sandbox: unknown chaos %q; known are %s", name, strings.Join(known, ", "))
			}
			set[name] = true
		}
	}
	return set, nil
}
