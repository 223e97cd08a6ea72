package mpaytest

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Faults are the names that SetFault knows.
var Faults = []string{"expiry", "throttle", "5xx", "slow", "duplicate-page", "skipped-row", "late", "cursor-loop", "error-200", "skew"}

// How often a fault fires: at every n-th statement or catalogue request. The
// numbers share no factor, so that faults switched on together do not hide
// each other.
const (
	expiryEvery, throttleEvery, brokenEvery, errorEvery, slowEvery = 5, 7, 11, 13, 6
	duplicateEvery                                                 = 3
	skippedOneIn                                                   = 97
)

type faults struct {
	mu     sync.Mutex
	on     map[string]bool
	fired  map[string]int64
	asked  map[string]int64
	otps   int             // starts refused by the fault throttle
	hidden map[string]bool // skipped rows that have been hidden once
	pages  map[string]bool // pages that have been served twice
}

// SetFault switches a fault on or off; an unknown name is an error.
func (s *Server) SetFault(name string, on bool) error {
	if !slices.Contains(Faults, name) {
		return fmt.Errorf("no fault is called %q; there are %v", name, Faults)
	}
	f := &s.faults
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.on == nil {
		f.on, f.fired, f.asked = map[string]bool{}, map[string]int64{}, map[string]int64{}
		f.hidden, f.pages = map[string]bool{}, map[string]bool{}
	}
	f.on[name] = on
	return nil
}

// Fired counts how often a fault was met by a request.
func (s *Server) Fired(name string) int64 {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return s.faults.fired[name]
}

// every reports whether a fault fires now, and how often it has before.
func (f *faults) every(name string, n int64) (before int64, fires bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.on[name] {
		return 0, false
	}
	f.asked[name]++
	if f.asked[name]%n != 0 {
		return 0, false
	}
	f.fired[name]++
	return f.fired[name] - 1, true
}

func (f *faults) expires() bool {
	_, fires := f.every("expiry", expiryEvery)
	return fires
}

// throttlesOTP refuses every second start.
func (f *faults) throttlesOTP() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.on["throttle"] {
		return false
	}
	f.asked["otp"]++
	if f.asked["otp"]%2 == 0 {
		return false
	}
	f.fired["throttle"]++
	f.otps++
	return true
}

// OTPThrottled counts the starts that the fault throttle refused.
func (s *Server) OTPThrottled() int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return s.faults.otps
}

// skew is how far the clock that answers show is off: ahead and behind in turn.
func (f *faults) skew() time.Duration {
	before, fires := f.every("skew", 1)
	switch {
	case !fires:
		return 0
	case before%2 == 0:
		return 2 * time.Hour
	default:
		return -2 * time.Hour
	}
}

// answer lets a fault answer in place of the upstream; true when one did.
func (s *Server) answer(w http.ResponseWriter) bool {
	f := &s.faults
	if before, fires := f.every("throttle", throttleEvery); fires {
		switch before % 3 { // seconds, none, zero
		case 0:
			w.Header().Set("Retry-After", "1")
		case 2:
			w.Header().Set("Retry-After", "0")
		}
		problem(w, http.StatusTooManyRequests, `{"error":"too_many_requests"}`)
		return true
	}
	if before, fires := f.every("5xx", brokenEvery); fires {
		status := [...]int{500, 502, 503, 504, 0}[before%5]
		if status == 0 {
			panic(http.ErrAbortHandler) // the connection breaks
		}
		problem(w, status, `<html>upstream error</html>`)
		return true
	}
	if _, fires := f.every("error-200", errorEvery); fires {
		problem(w, http.StatusOK, `{"error":"temporarily_unavailable"}`)
		return true
	}
	return false
}

// delay is how long a slow answer takes.
func (s *Server) delay(r *http.Request) {
	if _, fires := s.faults.every("slow", slowEvery); !fires {
		return
	}
	t := time.NewTimer(s.opts.SlowBy)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
	}
}

// duplicates reports whether a page is to be served once more under a new
// cursor.
func (f *faults) duplicates(page string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.on["duplicate-page"] || f.pages[page] {
		return false
	}
	f.asked["duplicate-page"]++
	if f.asked["duplicate-page"]%duplicateEvery != 0 {
		return false
	}
	f.pages[page] = true
	f.fired["duplicate-page"]++
	return true
}

// hides reports whether a row is missing from this answer: one row in
// skippedOneIn is, the first time that it is asked for.
func (f *faults) hides(id string) bool {
	if hash(id)%skippedOneIn != 0 {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hidden[id] {
		return false
	}
	f.hidden[id] = true
	f.fired["skipped-row"]++
	return true
}

func (f *faults) is(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.on[name]
}

func (f *faults) fire(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fired[name]++
}

// hash is FNV-1a.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
