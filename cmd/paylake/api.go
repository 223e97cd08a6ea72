package main

// The HTTP API of `up`: what it is made of.

import (
	"context"

	"github.com/paylake/paylake/cmd/internal/api"
	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/sinks/clickhouse"
)

// newAPI makes the API of a house whose state and lake are open.
func (h *house) newAPI(live *liveRuns, desk *payDesk) *api.API {
	rate := 0.0
	if !h.cfg.APIRate.IsZero() {
		rate = h.cfg.APIRate.PerSecond()
	}
	o := api.Options{
		Version: version(), Keys: h.state.APIKeys(), Warehouse: answering{h.store}, Now: h.p.now, Log: h.p.log, TLS: h.cfg.TLS != nil,
		Rate: rate, Currencies: currencies(), Lake: proofs{h}, Works: works{h, live}, Consents: permissions{h}, Exports: files{h},
	}
	if desk != nil {
		o.Payments = approving{desk}
	}
	return api.New(o)
}

// answering shows the warehouse to the API.
type answering struct{ w *warehouse }

// Standing implements api.Warehouse. First the warehouse is told of consents: a
// command that could not reach it has changed the state database all the same.
func (a answering) Standing(ctx context.Context) (clickhouse.Standing, error) {
	ch, err := a.w.get(ctx)
	if err != nil {
		return clickhouse.Standing{}, err
	}
	if err := a.w.tellPeople(ctx, ch, a.w.h.state); err != nil {
		return clickhouse.Standing{}, err
	}
	if err := a.w.tellAliases(ctx, ch); err != nil {
		return clickhouse.Standing{}, err
	}
	return ch.Standing(ctx)
}

// Answer implements api.Warehouse.
func (a answering) Answer(ctx context.Context, q clickhouse.Question) ([]byte, error) {
	ch, err := a.w.get(ctx)
	if err != nil {
		return nil, err
	}
	return ch.Answer(ctx, q)
}

// OneUser implements api.Warehouse.
func (a answering) OneUser() bool { return a.w.h.cfg.Warehouse != config.Embedded }
