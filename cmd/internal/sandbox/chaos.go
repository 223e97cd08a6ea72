// The names of the faults that a sandbox can have.

package sandbox

import (
	"fmt"
	"slices"
	"strings"
)

// ChaosNames lists the faults, in the order of the documentation.
func ChaosNames() []string {
	return []string{"expiry", "throttle", "5xx", "slow", "duplicate-page", "skipped-row", "late", "cursor-loop", "error-200", "skew"}
}

// chaosSet holds the names that are on.
type chaosSet map[string]bool

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
