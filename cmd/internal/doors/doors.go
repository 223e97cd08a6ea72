// Package doors holds back who knocks too often: callers of the HTTP API and of
// the wallet façade, each by a name such as a key's id or an address.
package doors

import (
	"net"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Doors let every name in so often. Its methods may be called by many goroutines.
type Doors struct {
	every rate.Limit
	burst int

	mu  sync.Mutex
	all map[string]*rate.Limiter
}

// known bounds the memory; forgetting the names gives everybody a fresh burst.
const known = 10_000

// New lets each name in so many times a second, and at first as often as burst
// says.
func New(perSecond float64, burst int) *Doors {
	return &Doors{every: rate.Limit(perSecond), burst: burst, all: map[string]*rate.Limiter{}}
}

// Wait lets a name in, or says how long it has to wait; waiting is not counted.
func (d *Doors) Wait(name string, now time.Time) time.Duration {
	d.mu.Lock()
	l := d.all[name]
	if l == nil {
		if len(d.all) >= known {
			clear(d.all)
		}
		l = rate.NewLimiter(d.every, d.burst)
		d.all[name] = l
	}
	d.mu.Unlock()
	turn := l.ReserveN(now, 1)
	wait := turn.DelayFrom(now)
	if wait > 0 {
		turn.CancelAt(now)
	}
	return wait
}

// Host is an address without its port, as a name.
func Host(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}
