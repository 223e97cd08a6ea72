package flashpaytest

import (
	"fmt"
	"slices"
	"strings"
)

// Fault is a way in which the platform fails.
type Fault string

const (
	Throttle      Fault = "throttle"       // 429 with Retry-After
	ServerError   Fault = "5xx"            // 503 with a page of HTML
	Slow          Fault = "slow"           // the answer takes Options.Slow
	DuplicatePage Fault = "duplicate-page" // the previous page of the interval once more
	SkippedRow    Fault = "skipped-row"    // one row from the middle of a page is missing
	Late          Fault = "late"           // recent updates are not shown yet; a state, not an event
	Error200      Fault = "error-200"      // HTTP 200 with an error report
	BadSignature  Fault = "bad-signature"  // the answer is signed with another secret
	Moving        Fault = "moving"         // rows at the beginning are updated before a later page is answered
)

// Faults lists every fault by name.
func Faults() []Fault {
	return []Fault{Throttle, ServerError, Slow, DuplicatePage, SkippedRow, Late, Error200, BadSignature, Moving}
}

// Plan says which of the requests that a fault can hit it does hit.
type Plan struct {
	First int // the first one, counted from 1 when the plan is made; 1 when 0
	Every int // then every so many; 0: only the first
	Times int // at most so often; 0: no limit
	Rows  int // Moving: rows moved each time; 1 when 0
}

type faults struct {
	plans map[Fault]Plan
	could map[Fault]int // requests that the fault could have hit
	fired map[Fault]int
}

func newFaults() faults {
	return faults{plans: map[Fault]Plan{}, could: map[Fault]int{}, fired: map[Fault]int{}}
}

func (f *faults) on(name Fault) bool { _, ok := f.plans[name]; return ok }

// due reports whether the fault hits this request, and counts it.
func (f *faults) due(name Fault) bool {
	p, ok := f.plans[name]
	if !ok || (p.Times > 0 && f.fired[name] >= p.Times) {
		return false
	}
	f.could[name]++
	n := f.could[name] - max(p.First, 1)
	if n < 0 || (n > 0 && p.Every == 0) || (p.Every > 0 && n%p.Every != 0) {
		return false
	}
	f.fired[name]++
	return true
}

// Inject turns a fault on; it may be done while requests come.
func (s *Server) Inject(name Fault, p Plan) error {
	if !slices.Contains(Faults(), name) {
		known := make([]string, 0, len(Faults()))
		for _, f := range Faults() {
			known = append(known, string(f))
		}
		return fmt.Errorf("flashpay fake: no fault is called %q; there are %s", name, strings.Join(known, ", "))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.plans[name], s.faults.could[name], s.faults.fired[name] = p, 0, 0
	return nil
}

// Heal turns every fault off. Rows that were moved stay where they are.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.plans = map[Fault]Plan{}
}

// Fired counts how often a fault has hit since it was injected: a fault that
// never fired proves nothing.
func (s *Server) Fired(name Fault) int { s.mu.Lock(); defer s.mu.Unlock(); return s.faults.fired[name] }
