package main

import (
	"context"
	"sync"

	"github.com/paylake/paylake/pipeline/state"
)

// checkWebhooks connects to every endpoint that is told of something, without
// telling it anything. One that cannot be reached stops nothing (its messages
// wait, and are sent again for 72 hours), so it fails nothing.
func (h *house) checkWebhooks(ctx context.Context, c *checklist) {
	all, err := h.state.Webhooks().Endpoints(ctx)
	if err != nil {
		c.line("webhooks", "", err)
		return
	}
	sender := h.sender()
	defer sender.Close()
	notes, errs := make([]string, len(all)), make([]error, len(all))
	slots := make(chan struct{}, sendersAtOnce)
	var reaching sync.WaitGroup
	for i, e := range all {
		if e.Disabled != "" {
			continue
		}
		reaching.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			notes[i], errs[i] = sender.Reach(ctx, e.URL)
		})
	}
	reaching.Wait()
	for i, e := range all {
		c.endpoint(e, notes[i], errs[i])
	}
}

func (c *checklist) endpoint(e state.Endpoint, note string, err error) {
	what := "webhook " + e.Name
	switch {
	case e.Disabled != "":
	case err != nil:
		c.warn(what, err.Error()+"; what is for it waits, see: paylake webhook deliveries "+e.Name)
	default:
		c.line(what, note+"; nothing was sent", nil)
	}
}
