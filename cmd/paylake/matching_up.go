package main

import (
	"context"
	"sync"
	"time"

	"github.com/paylake/paylake/pipeline"
)

// matcher matches while `up` runs: after pipelines have moved something, one
// matching at a time, and never more than a tenth of the time.
type matcher struct {
	wanted chan struct{}
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// rest is how long a matching is followed by nothing, in its own length.
const rest = 9

func (h *house) startMatching(ctx context.Context, followers *pipeline.Followers) *matcher {
	ctx, cancel := context.WithCancel(ctx)
	m := &matcher{wanted: make(chan struct{}, 1), cancel: cancel}
	m.done.Go(func() {
		for {
			select {
			case <-m.wanted:
			case <-ctx.Done():
				return
			}
			began := h.p.now()
			for _, why := range h.newMatches(ctx, followers, nil).Why {
				h.p.log.Warn("rows not matched", "err", why)
			}
			select {
			case <-time.After(rest * h.p.now().Sub(began)):
			case <-ctx.Done():
				return
			}
		}
	})
	return m
}

// nudge asks for a matching; one that waits already is enough.
func (m *matcher) nudge() {
	select {
	case m.wanted <- struct{}{}:
	default:
	}
}

func (m *matcher) stop() {
	m.cancel()
	m.done.Wait()
}
