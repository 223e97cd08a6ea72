package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"
)

// ErrNoDelivery is returned by Deliveries for an id that is not there any more.
var ErrNoDelivery = errors.New("no such delivery")

// Deliveries are the rows behind the steps.
type Deliveries interface {
	// Load reads one; ErrNoDelivery when it is gone.
	Load(ctx context.Context, id int64) (Delivery, error)
	// Hold notes when it was a message's turn first. It changes nothing else.
	Hold(ctx context.Context, id int64, first time.Time) error
	// Probe takes the one attempt through an open circuit: false when somebody
	// else has it. open is how the circuit was seen, until is how long it is
	// taken.
	Probe(ctx context.Context, endpoint int64, open, until time.Time) (bool, error)
	// Settle stores what came of an attempt, of the message and of its endpoint;
	// with it, in the same transaction, the step of the message that waited behind
	// it at an ordered endpoint.
	Settle(ctx context.Context, d Delivery, o Outcome) error
}

// Transport sends one message; *Sender implements it.
type Transport interface {
	Send(ctx context.Context, e Endpoint, id string, body []byte, now time.Time) Answer
}

// Deliverer does the steps that deliver messages.
type Deliverer struct {
	Store Deliveries
	Send  Transport
	Now   func() time.Time
	Log   *slog.Logger // nil is silent
}

// Deliver does one step: it sends the message that key names, if it is its turn.
// again > 0 asks for the step once more after so long. Doing a step twice is
// safe; a message whose answer could not be stored is sent again, under the same
// id.
func (d *Deliverer) Deliver(ctx context.Context, key string) (again time.Duration, err error) {
	id, err := strconv.ParseInt(key, 10, 64)
	if err != nil {
		return 0, nil //nolint:nilerr // it is no step of ours, and never becomes one
	}
	one, err := d.Store.Load(ctx, id)
	if errors.Is(err, ErrNoDelivery) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("deliver: %w", err)
	}
	now := d.Now()
	send, probe, again := turn(one, now)
	if !send && again > 0 && one.First.IsZero() {
		if err := d.Store.Hold(ctx, id, now); err != nil {
			return 0, fmt.Errorf("deliver %s: %w", one.Event.ID, err)
		}
	}
	if !send {
		return again, nil
	}
	if probe {
		ours, err := d.Store.Probe(ctx, one.Endpoint.ID, one.Endpoint.Open, now.Add(probing))
		if err != nil {
			return 0, fmt.Errorf("deliver %s: %w", one.Event.ID, err)
		}
		if !ours {
			one.Endpoint.Open = now.Add(probing)
			return held(one, now), nil
		}
	}
	return d.attempt(ctx, one)
}

func (d *Deliverer) attempt(ctx context.Context, one Delivery) (time.Duration, error) {
	body, err := one.Event.Body(one.Endpoint.Form)
	if err != nil {
		return 0, fmt.Errorf("deliver %s: %w", one.Event.ID, err)
	}
	answer := d.Send.Send(ctx, one.Endpoint, one.Event.ID, body, d.Now())
	if ctx.Err() != nil { // we are stopping: it says nothing about the receiver
		return 0, ctx.Err()
	}
	now := d.Now()
	o := judge(one, answer, now)
	if err := d.Store.Settle(ctx, one, o); err != nil {
		return 0, fmt.Errorf("deliver %s: %w", one.Event.ID, err)
	}
	d.say(one, o)
	if o.Status == Pending {
		return max(o.Next.Sub(now), time.Second), nil
	}
	return 0, nil
}

// say logs what a person should know; a message that arrived is no news.
func (d *Deliverer) say(one Delivery, o Outcome) {
	if d.Log == nil {
		return
	}
	l := d.Log.With("endpoint", one.Endpoint.Name, "event", one.Event.ID, "tries", one.Tries+1)
	switch {
	case o.Disabled != "":
		l.Warn("webhook endpoint disabled", "err", o.Disabled)
	case o.Status == Dead:
		l.Warn("webhook given up", "err", o.Answer.why())
	case o.Status == Pending:
		l.Debug("webhook not taken", "err", o.Answer.why())
	default:
		l.Debug("webhook delivered")
	}
}
