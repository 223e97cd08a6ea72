package main

// Webhooks, wired: the follower that makes events, and what sends them while
// `up` runs.

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/sinks/clickhouse"
	"github.com/paylake/paylake/sinks/webhook"
)

const (
	sendersAtOnce = 8
	sendWithin    = 40 * time.Second    // for one step: an attempt and its transactions
	keepMessages  = 30 * 24 * time.Hour // of messages that everybody has
	failuresSince = 72 * time.Hour      // how far back runs are looked at for events
)

// webhookFollower turns commits, failed runs and ending consents into messages.
func (h *house) webhookFollower() *webhook.Follower {
	f := &webhook.Follower{Log: h.lake, Outbox: outbox{h.state.Webhooks()}, Rules: webhook.Rules{BalanceLow: map[string]webhook.Threshold{}}, Others: h.otherEvents}
	for wallet, sum := range h.cfg.Webhooks.BalanceLow {
		f.Rules.BalanceLow[wallet] = webhook.Threshold{Minor: sum.Minor, Currency: sum.Currency}
	}
	return f
}

// otherEvents are those that no manifest brings.
func (h *house) otherEvents(ctx context.Context) (out []webhook.Event, err error) {
	now, lead := h.p.now(), h.cfg.Webhooks.ConsentEnding
	failed, err := h.state.Runs().Failed(ctx, now.Add(-failuresSince))
	if err != nil {
		return nil, err
	}
	for _, r := range failed {
		if strings.HasPrefix(r.Pipeline, exportRuns) {
			continue // told as what it is
		}
		out = append(out, webhook.RunFailure(failureOf(r)))
	}
	ending, err := h.state.Consents().Ending(ctx, now.Add(lead))
	if err != nil {
		return nil, err
	}
	for _, c := range ending {
		out = append(out, webhook.ConsentEnding(c.ID, c.Source, c.Wallet, c.Until, lead))
	}
	exports, err := h.exportEvents(ctx, now.Add(-failuresSince))
	if err != nil {
		return nil, err
	}
	differ, err := h.differenceEvents(ctx)
	return slices.Concat(out, exports, differ), err
}

// failureOf reads what was remembered of a run.
func failureOf(r state.Run) webhook.Failure {
	var text struct {
		Source string   `json:"source"`
		Table  string   `json:"table"`
		Why    []string `json:"why"`
	}
	_ = json.Unmarshal(r.Report, &text) // an older report says less
	return webhook.Failure{RunID: r.ID, Pipeline: r.Pipeline, Source: text.Source, Table: text.Table, Started: r.Started, Finished: r.Finished, Code: r.Code, Why: strings.Join(text.Why, "; ")}
}

func (h *house) sender() *webhook.Sender {
	return webhook.NewSender(webhook.SenderOptions{AllowHTTP: h.cfg.Webhooks.AllowHTTP, AllowNetworks: h.cfg.Webhooks.AllowNetworks, Agent: "paylake"})
}

// startQueue does what is queued, in the background, until ctx ends; stop waits
// for what is under way.
func (h *house) startQueue(ctx context.Context, desk *payDesk) (stop func()) {
	sender := h.sender()
	d := &webhook.Deliverer{Store: outbox{h.state.Webhooks()}, Send: sender, Now: h.p.now, Log: h.p.log}
	workers := map[string]state.Worker{state.WebhookStep: {Do: d.Deliver, Parallel: sendersAtOnce, Within: sendWithin}, state.PaymentStep: payWorker(desk.sender()),
		redriveStep: h.p.redriveWorker()}
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() {
		if err := h.state.Work(ctx, workers, h.p.log); err != nil {
			h.p.log.Error("the queue stopped; webhooks are not sent, payments not asked for, rows not tried again", "err", err)
		}
	})
	all.Go(func() { h.pruneWebhooks(ctx) })
	return func() { cancel(); all.Wait(); sender.Close() }
}

func (h *house) pruneWebhooks(ctx context.Context) {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := h.state.Webhooks().Prune(ctx, h.p.now().Add(-keepMessages)); err != nil && ctx.Err() == nil {
			h.p.log.Warn("webhooks not pruned", "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// deliveriesAtOnce are told to the warehouse with one insert.
const deliveriesAtOnce = 5000

// tellDeliveries tells the warehouse which messages have arrived: what has
// changed since it was told last. The state database is what knows; the view can
// be filled from it again at any time.
func (w *warehouse) tellDeliveries(ctx context.Context, ch *clickhouse.Warehouse) error {
	db := w.h.state
	if db == nil {
		return nil
	}
	w.people.Lock()
	defer w.people.Unlock()
	if w.toldDeliveries == nil {
		if some, err := db.Webhooks().ChangedSince(ctx, time.Time{}, 0, 1); err != nil || len(some) == 0 {
			return err
		}
		known, err := ch.DeliveriesUpTo(ctx) // another process may have told it
		if err != nil {
			return fmt.Errorf("tell of webhooks: %w", err)
		}
		w.deliveriesUpTo, w.toldDeliveries = known, map[int64]time.Time{}
	}
	// A little again: clocks of several processes differ, and the same row twice
	// is one. What was told already is not told for that alone.
	at, after := w.deliveriesUpTo.Add(-clockSlack), int64(0)
	for {
		list, err := db.Webhooks().ChangedSince(ctx, at, after, deliveriesAtOnce)
		if err != nil {
			return err
		}
		if err := ch.RecordDeliveries(ctx, w.untold(list)); err != nil {
			return fmt.Errorf("tell of webhooks: %w", err)
		}
		for _, d := range list {
			w.toldDeliveries[d.ID] = d.Changed
			at, after = d.Changed, d.ID
		}
		if len(list) < deliveriesAtOnce {
			break
		}
	}
	if at.After(w.deliveriesUpTo) {
		w.deliveriesUpTo = at
	}
	for id, changed := range w.toldDeliveries {
		if changed.Before(w.deliveriesUpTo.Add(-clockSlack)) {
			delete(w.toldDeliveries, id)
		}
	}
	return nil
}

// clockSlack is how far clocks of processes on one state database may differ.
const clockSlack = 5 * time.Second

// untold are the deliveries that the warehouse has not been told of as they are.
func (w *warehouse) untold(list []state.Sending) (fresh []clickhouse.Delivery) {
	for _, d := range list {
		if w.toldDeliveries[d.ID].Equal(d.Changed) {
			continue
		}
		fresh = append(fresh, clickhouse.Delivery{Endpoint: d.Endpoint.Name, EventID: d.Event.ID, EventType: d.Event.Type, EventAt: d.Event.At, Status: d.Status,
			Error: d.Error, FirstAt: d.First, LastAt: d.Last, DeliveredAt: d.Delivered, Tries: int64(d.Tries), Snapshot: d.Event.Snapshot, Code: d.Code, ChangedAt: d.Changed})
	}
	return fresh
}
