package api

import (
	"math"
	"net/http"
	"strconv"

	"github.com/paylake/paylake/cmd/internal/doors"
)

// newDoors lets every caller ask so often. A page of a dashboard asks several
// things at once: a burst is two seconds' worth.
func newDoors(perSecond float64) *doors.Doors {
	return doors.New(perSecond, int(math.Ceil(2*perSecond)))
}

// enter lets a request of who through, or answers it with 429.
func (a *API) enter(w http.ResponseWriter, who string) bool {
	wait := a.doors.Wait(who, a.Now())
	if wait == 0 {
		return true
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	refuse(w, http.StatusTooManyRequests, "this key asks too often; wait as long as Retry-After says")
	return false
}
