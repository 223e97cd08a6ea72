package main

// Permits: what the registry of consents says, for whoever is about to ask an
// upstream for something.

import (
	"context"
	"sync"

	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/schemas"
)

// permits remembers the standing consents as long as the registry does not change:
// asking costs one small row. It implements pipeline.Consents.
type permits struct {
	h *house

	mu       sync.Mutex
	changes  int64
	standing map[string]map[string]pipeline.Consent // by source and wallet
}

func newPermits(h *house) *permits { return &permits{h: h} }

// Standing implements pipeline.Consents. The map is not to be written to.
func (g *permits) Standing(ctx context.Context, source string) (map[string]pipeline.Consent, error) {
	registry := g.h.state.Consents()
	changes, err := registry.Changes(ctx) // first: what changes meanwhile is seen the next time
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.standing == nil || changes != g.changes {
		g.changes, g.standing = changes, map[string]map[string]pipeline.Consent{}
	}
	if found := g.standing[source]; found != nil {
		return found, nil
	}
	list, err := registry.Standing(ctx, source)
	if err != nil {
		return nil, err
	}
	g.standing[source] = byWallet(list)
	return g.standing[source], nil
}

func byWallet(list []state.Consent) map[string]pipeline.Consent {
	out := make(map[string]pipeline.Consent, len(list))
	for _, c := range list {
		out[c.Wallet] = pipeline.Consent{ID: c.ID, From: c.From, Until: c.Until, Purposes: c.Purposes}
	}
	return out
}

// of answers for the requests of one source: nil, or an error that wraps
// sources.ErrConsent.
func (g *permits) of(source string) func(ctx context.Context, wallet string) error {
	return func(ctx context.Context, wallet string) error {
		standing, err := g.Standing(ctx, source)
		if err != nil {
			return err
		}
		if standing[wallet].Live(g.h.p.now()) {
			return nil
		}
		return pipeline.NoConsent(schemas.Stream{Source: source, Wallet: wallet})
	}
}

var _ pipeline.Consents = (*permits)(nil)
