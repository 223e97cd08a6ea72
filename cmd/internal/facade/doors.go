package facade

import (
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// doors hold back who knocks too often: anybody may ask for a password to be
// sent, so each address may do it a few times.
type doors struct {
	now func() time.Time

	mu     sync.Mutex
	limits map[string]*rate.Limiter
}

const (
	knocks      = 10 // at once
	knocksEvery = 6 * time.Second
	mostDoors   = 10_000 // addresses that are remembered
)

func newDoors(now func() time.Time) *doors {
	return &doors{now: now, limits: map[string]*rate.Limiter{}}
}

// open reports how long the address has to wait; 0: it may come in.
func (d *doors) open(r *http.Request) time.Duration {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.limits[host]
	if l == nil {
		if len(d.limits) >= mostDoors {
			clear(d.limits) // forgetting lets some in too early, keeping all would grow without end
		}
		l = rate.NewLimiter(rate.Every(knocksEvery), knocks)
		d.limits[host] = l
	}
	now := d.now()
	turn := l.ReserveN(now, 1)
	if wait := turn.DelayFrom(now); wait > 0 {
		turn.CancelAt(now)
		return wait
	}
	return 0
}
