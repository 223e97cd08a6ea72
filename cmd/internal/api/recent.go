package api

import (
	"sync"
	"time"
)

// recent keeps one answer for a moment, and has it made by one at a time.
type recent struct {
	mu    sync.Mutex
	at    time.Time
	value any
}

func (r *recent) get(now time.Time, make func() (any, error)) (any, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.value != nil && now.Sub(r.at) < statusEvery {
		return r.value, nil
	}
	value, err := make()
	if err == nil {
		r.at, r.value = now, value
	}
	return value, err
}
