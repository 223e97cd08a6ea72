package main

// How many unsigned notices are let in, and that the same one counts once.

import (
	"crypto/sha256"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// hintsPerMinute bounds what anybody may put into the lake without a signature.
	hintsPerMinute = 10
	// hintsKnown is how many of the latest are known again: those of an hour and a
	// half at the full rate, in 64 KiB.
	hintsKnown = 1024
)

// hintGate lets unsigned notices in, so many in a minute. The same one again is
// none more: it takes no place of a genuine one. Safe for concurrent use.
type hintGate struct {
	limit *rate.Limiter

	mu    sync.Mutex
	known map[[sha256.Size]byte]bool
	ring  [hintsKnown][sha256.Size]byte
	next  int
}

func newHintGate() *hintGate {
	return &hintGate{limit: rate.NewLimiter(rate.Every(time.Minute/hintsPerMinute), hintsPerMinute), known: make(map[[sha256.Size]byte]bool, hintsKnown)}
}

// allow reports whether a notice may come in at an instant. What was let in is
// let in again, to be stored if it was not yet: the inbox keeps one of each.
func (g *hintGate) allow(body []byte, now time.Time) bool {
	digest := sha256.Sum256(body)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.known[digest] {
		return true
	}
	if !g.limit.AllowN(now, 1) {
		return false
	}
	delete(g.known, g.ring[g.next])
	g.known[digest], g.ring[g.next] = true, digest
	g.next = (g.next + 1) % hintsKnown
	return true
}
