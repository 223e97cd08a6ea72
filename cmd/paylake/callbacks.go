package main

// Callbacks: which sources receive them, who judges them, and how they get from
// the inbox into the lake.

import (
	"context"
	"sync"
	"time"

	"github.com/paylake/paylake/cmd/internal/callbacks"
	"github.com/paylake/paylake/cmd/internal/intents"
	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/sources/flashpay"
	"github.com/paylake/paylake/sources/mpay"
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
		judge, reader, err := h.receiverOf(ctx, s)
		if err != nil {
			return nil, misconfigured(err)
		}
		if judge != nil {
			judges[s.Type+"/"+s.Name], readers[s.Name] = judge, reader
		}
	}
	if len(judges) == 0 {
		return nil, nil
	}
	r := &receiver{wake: make(chan struct{}, 1), inbox: h.state.Inbox(), now: h.p.now}
	r.handler = callbacks.New(callbacks.Options{Judges: judges, Store: r.inbox.Put, Wake: r.nudge, Now: h.p.now, Log: h.p.log, MaxBody: max(flashpay.MaxCallback, mpay.MaxWebhook)})
	r.drain = &pipeline.Drain{Inbox: inbox{r.inbox}, Readers: readers, Sink: h.lake, Followers: followers, Consents: h.permits,
		Subjects: h.persons, Vault: h.persons, Checks: h.rejectingBySource(), NameReject: h.pseudo.NameReject, Lease: h.state.Lease, Now: h.p.now, Log: h.p.log, TempDir: h.tempDir()}
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

// receiverOf makes what judges and reads the deliveries of one source; nothing
// for a source that has no secret to verify them with.
func (h *house) receiverOf(ctx context.Context, s config.Source) (callbacks.Judge, pipeline.NoticeReader, error) {
	switch {
	case s.Type == config.Flashpay && len(s.Secret) > 0:
		n, err := h.flashpayNotices(ctx, s)
		if err != nil {
			return nil, nil, err
		}
		desk, err := h.payDesk(ctx)
		if err != nil {
			return nil, nil, err
		}
		return judgeFlashpay(n, h.p.now), &hearing{flashpayReader{n, intents.Reader{Source: s.Name, Zone: s.Zone, People: h.pseudo}}, desk.sender()}, nil
	case s.Type == config.MPAY && len(s.WebhookSecret) > 0:
		w, err := h.mpayWebhooks(ctx, s)
		return judgeMPAY(w), mpayReader{w}, err
	}
	return nil, nil, nil
}

// inbox shows the state's inbox to the pipeline.
type inbox struct{ state.Inbox }

// Waiting implements pipeline.Inbox.
func (b inbox) Waiting(ctx context.Context, sources []string, limit int) ([]pipeline.Notice, error) {
	list, err := b.Inbox.Waiting(ctx, sources, limit)
	out := make([]pipeline.Notice, len(list))
	for i, d := range list {
		out[i] = pipeline.Notice{ID: d.ID, Source: d.Source, Kind: d.Kind, Variant: d.Variant, At: d.ReceivedAt, Body: d.Body}
	}
	return out, err
}
