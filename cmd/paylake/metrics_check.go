package main

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/paylake/paylake/cmd/internal/meters"
)

// `paylake check` as synthetic monitoring: a running paylake does now and then
// what the command does, and /metrics shows what came of it.

// selfCheckEvery is how often. A check asks upstreams whether they answer, so it is
// not done for everybody who looks at /metrics.
const selfCheckEvery = 10 * time.Minute

// checkLine is the outcome of one check.
type checkLine struct {
	what string
	held bool
}

// checkBook holds the newest outcomes.
type checkBook struct {
	mu    sync.Mutex
	lines []checkLine
	at    time.Time
}

func (b *checkBook) keep(lines []checkLine, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines, b.at = lines, at
}

func (b *checkBook) gauges() []meters.Gauge {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.at.IsZero() {
		return nil
	}
	out := []meters.Gauge{{Name: "paylake_check_timestamp_seconds", Help: "When the checks of `paylake check` were last made.", Value: meters.Seconds(b.at)}}
	for _, l := range b.lines {
		out = append(out, meters.Gauge{Name: "paylake_check_ok", Help: "1 when a check of `paylake check` held.", Labels: [][2]string{{"check", l.what}}, Value: indicator(l.held)})
	}
	return out
}

// keepChecking checks now and then until ctx ends.
func (h *house) keepChecking(ctx context.Context) {
	for {
		h.checkOnce(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(selfCheckEvery):
		}
	}
}

// checkOnce is `paylake check` without the parts that only a start needs:
// everything is open, and stays what it is.
func (h *house) checkOnce(ctx context.Context) {
	seen := map[string]bool{}
	var lines []checkLine
	c := &checklist{p: h.p, tell: func(what, _ string, err error) {
		if strings.HasPrefix(what, " ") {
			return // a file of a source: there is one of each name
		}
		if !seen[what] {
			lines = append(lines, checkLine{what, err == nil})
		}
		if seen[what] = true; err != nil {
			h.p.log.Warn("check did not hold", "part", what, "err", err)
		}
	}}
	h.checkSecrets(ctx, c)
	c.line("state", "", h.state.Ping(ctx))
	_, err := h.lake.Head(ctx)
	c.line("lake", "", err)
	h.checkLog(ctx, c)
	c.line("warehouse", "", h.store.ping(ctx))
	h.pingUpstreams(ctx, c)
	h.checkWebhooks(ctx, c)
	if ctx.Err() == nil {
		h.checked.keep(lines, h.p.now())
	}
}
