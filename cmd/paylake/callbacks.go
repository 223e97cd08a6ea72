package main

// Callbacks: which sources receive them, who judges them, and how they get from
// the inbox into the lake.

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/paylake/paylake/cmd/internal/callbacks"
	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/sources/flashpay"
)

const (
	drainEvery = 5 * time.Second // for what a process left behind that died
	pruneEvery = 24 * time.Hour
	keepInbox  = 30 * 24 * time.Hour // Flashpay repeats a callback for about 11 days
)

// receiver is everything that callbacks need while `up` runs.
type receiver struct {
	handler *callbacks.Handler
	drain   *pipeline.Drain
	wake    chan struct{}
	inbox   state.Inbox
	now     func() time.Time
}

// openCallbacks prepares the receiver for every source that has a secret to
// verify with; nil when none has.
func (h *house) openCallbacks(ctx context.Context, followers *pipeline.Followers) (*receiver, error) {
	judges, readers := map[string]callbacks.Judge{}, map[string]pipeline.NoticeReader{}
	for _, s := range h.cfg.Sources {
		if s.Type != config.Flashpay || len(s.Secret) == 0 {
			continue
		}
		n, err := h.flashpayNotices(ctx, s)
		if err != nil {
			return nil, misconfigured(err)
		}
		judges["flashpay/"+s.Name], readers[s.Name] = judgeFlashpay(n), flashpayReader{n}
	}
	if len(judges) == 0 {
		return nil, nil
	}
	r := &receiver{wake: make(chan struct{}, 1), inbox: h.state.Inbox(), now: h.p.now}
	r.handler = callbacks.New(callbacks.Options{Judges: judges, Store: r.inbox.Put, Wake: r.nudge, Now: h.p.now, Log: h.p.log, MaxBody: flashpay.MaxCallback})
	r.drain = &pipeline.Drain{Inbox: inbox{r.inbox}, Readers: readers, Sink: h.lake, Followers: followers, Consents: h.gate,
		Subjects: h.persons, Vault: h.persons, Lease: h.state.Lease, Now: h.p.now, Log: h.p.log, TempDir: h.tempDir()}
	return r, nil
}

func (r *receiver) nudge() {
	select {
	case r.wake <- struct{}{}:
	default: // somebody has nudged already
	}
}

// start stores, drains and forgets in the background. Draining ends with ctx;
// storing goes on until stop, so that deliveries that are on their way when a
// signal comes are still answered.
func (r *receiver) start(ctx context.Context, h *house) (stop func()) {
	if r == nil {
		return func() {}
	}
	storing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var all sync.WaitGroup
	all.Go(func() { r.handler.Run(storing) })
	all.Go(func() { r.drain.Run(ctx, r.wake, drainEvery) })
	all.Go(func() { r.prune(ctx, h) })
	return func() { cancel(); all.Wait() }
}

func (r *receiver) prune(ctx context.Context, h *house) {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := r.inbox.Prune(ctx, r.now().Add(-keepInbox)); err != nil && ctx.Err() == nil {
			h.p.log.Warn("inbox not pruned", "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

func (h *house) flashpayNotices(ctx context.Context, s config.Source) (*flashpay.Notices, error) {
	secrets, err := config.Values(ctx, s.Secret)
	if err != nil {
		return nil, err
	}
	return flashpay.NewNotices(flashpay.NoticesConfig{Name: s.Name, ProjectID: s.ProjectID, Secrets: secrets, Zone: s.Zone,
		Keep: h.keep(s.Name, "operations"), Pseudonyms: h.pseudo, Now: h.p.now})
}

// kindOperation is the kind of deliveries about operations.
const kindOperation = "operation"

func judgeFlashpay(n *flashpay.Notices) callbacks.Judge {
	return func(_ http.Header, body []byte) (callbacks.Verdict, error) {
		c, err := n.Accept(body)
		switch {
		case errors.Is(err, flashpay.ErrContent):
			return callbacks.Verdict{}, fmt.Errorf("%w (%w)", err, callbacks.ErrContent)
		case err != nil:
			return callbacks.Verdict{}, fmt.Errorf("%w (%w)", err, callbacks.ErrMalformed)
		}
		return callbacks.Verdict{Kind: kindOperation, Variant: c.Variant.String()}, nil
	}
}

// flashpayReader reads operations out of stored callbacks.
type flashpayReader struct{ n *flashpay.Notices }

// Read implements pipeline.NoticeReader. The signatures held when the callbacks
// came, perhaps with a secret that has been rotated away since.
func (f flashpayReader) Read(_ context.Context, notices []pipeline.Notice) ([]pipeline.Told, error) {
	var rows [][]byte
	for _, n := range notices {
		row, err := f.n.Row(n.Body)
		if err != nil {
			return nil, fmt.Errorf("delivery %d: %w", n.ID, err)
		}
		if row != nil {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return []pipeline.Told{{Stream: f.n.Stream(), Page: f.n.Page(rows)}}, nil
}

// inbox shows the state's inbox to the pipeline.
type inbox struct{ state.Inbox }

// Waiting implements pipeline.Inbox.
func (b inbox) Waiting(ctx context.Context, sources []string, limit int) ([]pipeline.Notice, error) {
	list, err := b.Inbox.Waiting(ctx, sources, limit)
	out := make([]pipeline.Notice, len(list))
	for i, d := range list {
		out[i] = pipeline.Notice{ID: d.ID, Source: d.Source, Kind: d.Kind, At: d.ReceivedAt, Body: d.Body}
	}
	return out, err
}
