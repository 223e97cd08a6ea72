package main

// The state database as webhooks see it.

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/sinks/webhook"
)

// outbox implements webhook.Outbox and webhook.Deliveries.
type outbox struct{ state.Webhooks }

var (
	_ webhook.Outbox     = outbox{}
	_ webhook.Deliveries = outbox{}
)

// Endpoints implements webhook.Outbox.
func (b outbox) Endpoints(ctx context.Context) (out []webhook.Endpoint, err error) {
	all, err := b.Webhooks.Endpoints(ctx)
	for _, e := range all {
		if e.Disabled != "" {
			continue
		}
		one, err := endpointOf(e)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, err
}

func endpointOf(e state.Endpoint) (webhook.Endpoint, error) {
	out := webhook.Endpoint{ID: e.ID, Name: e.Name, URL: e.URL, Form: webhook.Form(e.Form), Ordered: e.Ordered, Disabled: e.Disabled,
		Failures: e.Failures, Open: e.Open, Applied: e.Applied, Added: e.Added}
	for _, t := range e.Types {
		out.Types = append(out.Types, webhook.Type(t))
	}
	for _, s := range e.Secrets {
		secret, err := webhook.ParseSecret(s.Text)
		if err != nil {
			return out, err
		}
		secret.Until = s.Until
		out.Secrets = append(out.Secrets, secret)
	}
	return out, nil
}

func secretsOf(list []webhook.Secret) (out []state.EndpointSecret) {
	for _, s := range list {
		out = append(out, state.EndpointSecret{Text: s.Reveal(), Until: s.Until})
	}
	return out
}

// stored is the part of an event that is sealed.
type stored struct {
	Data webhook.Fields `json:"data"`
}

// Put implements webhook.Outbox.
func (b outbox) Put(ctx context.Context, upTo int64, mail []webhook.Mail) error {
	out := make([]state.Mail, len(mail))
	for i, m := range mail {
		out[i] = state.Mail{Endpoint: m.Endpoint, From: m.From}
		for _, e := range m.Events {
			body, err := json.Marshal(stored{e.Data})
			if err != nil {
				return err
			}
			out[i].Events = append(out[i].Events, state.Event{ID: e.ID, Type: string(e.Type), At: e.At, Body: body})
		}
	}
	return b.Webhooks.Put(ctx, upTo, out)
}

// Load implements webhook.Deliveries.
func (b outbox) Load(ctx context.Context, id int64) (webhook.Delivery, error) {
	s, err := b.Webhooks.Load(ctx, id)
	if errors.Is(err, state.ErrAbsent) {
		return webhook.Delivery{}, webhook.ErrNoDelivery
	}
	if err != nil {
		return webhook.Delivery{}, err
	}
	e, err := endpointOf(s.Endpoint)
	d := webhook.Delivery{ID: s.ID, Endpoint: e, Status: webhook.Status(s.Status), Tries: s.Tries, First: s.First, Next: s.Next, Blocked: s.Blocked,
		Event: webhook.Event{ID: s.Event.ID, Type: webhook.Type(s.Event.Type), At: s.Event.At}}
	if err == nil && s.Event.Body != nil {
		var body stored
		err = json.Unmarshal(s.Event.Body, &body)
		d.Event.Data = body.Data
	}
	return d, err
}

// Probe implements webhook.Deliveries.
func (b outbox) Probe(ctx context.Context, endpoint int64, open, until time.Time) (bool, error) {
	return b.Webhooks.Probe(ctx, endpoint, open, until)
}

// Settle implements webhook.Deliveries.
func (b outbox) Settle(ctx context.Context, d webhook.Delivery, o webhook.Outcome) error {
	s := state.Sending{ID: d.ID, Endpoint: state.Endpoint{ID: d.Endpoint.ID, Ordered: d.Endpoint.Ordered, Failures: d.Endpoint.Failures, Open: d.Endpoint.Open}}
	return b.Webhooks.Settle(ctx, s, state.Attempt{Status: string(o.Status), At: o.At, First: o.First, Next: o.Next, Code: o.Answer.Code, Error: o.Why(),
		Taken: o.Status == webhook.Delivered, Disabled: o.Disabled, Open: o.Open})
}
