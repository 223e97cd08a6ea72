package main

import (
	"context"
	"slices"
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
	all = slices.DeleteFunc(all, func(e state.Endpoint) bool { return e.Disabled != "" })
	sender := h.sender()
	defer sender.Close()
	notes, errs := make([]string, len(all)), make([]error, len(all))
	slots := make(chan struct{}, sendersAtOnce)
	var reaching sync.WaitGroup
	for i, e := range all {
		reaching.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			notes[i], errs[i] = sender.Reach(ctx, e.URL)
		})
	}
	reaching.Wait()
	for i, e := range all {
		if errs[i] != nil {
			c.warn("webhook "+e.Name, errs[i].Error()+"; what is for it waits, see: paylake webhook deliveries "+e.Name)
			continue
		}
		c.line("webhook "+e.Name, notes[i]+"; nothing was sent", nil)
	}
}
