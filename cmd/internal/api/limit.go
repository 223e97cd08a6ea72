package api

import (
	"math"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// doors count how often each caller asks.
type doors struct {
	perSecond float64

	mu  sync.Mutex
	all map[string]*rate.Limiter
}

// knownDoors bounds the memory; forgetting them gives everybody a fresh burst.
const knownDoors = 10_000

func newDoors(perSecond float64) *doors {
	return &doors{perSecond: perSecond, all: map[string]*rate.Limiter{}}
}

// open lets a request of who through, or answers it with 429. A page of a
// dashboard asks several things at once: a burst is two seconds' worth.
func (d *doors) open(w http.ResponseWriter, who string, now time.Time) bool {
	d.mu.Lock()
	l := d.all[who]
	if l == nil {
		if len(d.all) >= knownDoors {
			clear(d.all)
		}
		l = rate.NewLimiter(rate.Limit(d.perSecond), int(math.Ceil(2*d.perSecond)))
		d.all[who] = l
	}
	d.mu.Unlock()
	r := l.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if r.OK() && wait == 0 {
		return true
	}
	r.CancelAt(now)
	w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(wait.Seconds())))))
	refuse(w, http.StatusTooManyRequests, "this key asks too often; wait as long as Retry-After says")
	return false
}

func host(address string) string {
	h, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return h
}
