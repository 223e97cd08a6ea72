package main

// What commands that touch nothing know of consents.

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/schemas"
)

// peeked are the standing consents by source and wallet. unknown says that
// nobody could look: then nothing is said about them.
type peeked struct {
	by      map[string]map[string]pipeline.Consent
	unknown bool
}

// peekConsents reads the registry without making or changing anything. One
// query for each source that has wallets.
func (h *house) peekConsents(ctx context.Context) peeked {
	found, err := h.standing(ctx)
	switch {
	case errors.Is(err, state.ErrAbsent): // no state yet: nobody has consented
		return peeked{}
	case err != nil:
		fmt.Fprintf(h.p.stderr, "paylake: consents are not looked at: %v\n", err)
		return peeked{unknown: true}
	}
	return peeked{by: found}
}

func (h *house) standing(ctx context.Context) (found map[string]map[string]pipeline.Consent, err error) {
	place, err := h.cfg.StateURL(ctx)
	if err != nil {
		return nil, err
	}
	db, err := state.Open(ctx, state.Options{URL: place, Now: h.p.now, ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	found = map[string]map[string]pipeline.Consent{}
	for _, s := range h.cfg.Sources {
		if len(s.Wallets) == 0 {
			continue
		}
		list, err := db.Consents().Standing(ctx, s.Name)
		if err != nil {
			return nil, err
		}
		found[s.Name] = byWallet(list)
	}
	return found, nil
}

// of is the live consent that covers a stream; the zero Consent when there is
// none, or none is needed.
func (p peeked) of(s schemas.Stream, now time.Time) pipeline.Consent {
	c := p.by[s.Source][s.Wallet]
	if _, ok := schemas.Covered(c.Purposes, s.Table); s.Wallet == "" || !ok || !c.Live(now) {
		return pipeline.Consent{}
	}
	return c
}

func (p peeked) waits(s schemas.Stream, c pipeline.Consent) string {
	if p.unknown || s.Wallet == "" || c.ID != "" {
		return ""
	}
	return "consent"
}

// consentStatus says how a pipeline's wallets stand.
type consentStatus struct {
	Wallets  int        `json:"wallets"`
	Live     int        `json:"live"`
	NextEnd  *time.Time `json:"next_end"` // when the first of the live ones ends
	NextEnds string     `json:"next_end_wallet,omitempty"`
}

func (g *permits) status(ctx context.Context, streams []schemas.Stream) (*consentStatus, error) {
	var out consentStatus
	now := g.h.p.now()
	for _, s := range streams {
		if s.Wallet == "" {
			continue
		}
		standing, err := g.Standing(ctx, s.Source)
		if err != nil {
			return nil, err
		}
		out.Wallets++
		c := standing[s.Wallet]
		if !c.Live(now) {
			continue
		}
		out.Live++
		if out.NextEnd == nil || c.Until.Before(*out.NextEnd) {
			out.NextEnd, out.NextEnds = &c.Until, s.Wallet
		}
	}
	if out.Wallets == 0 {
		return nil, nil
	}
	return &out, nil
}

func (c *consentStatus) text() string {
	switch {
	case c == nil:
		return "-"
	case c.Live == 0:
		return fmt.Sprintf("none of %d", c.Wallets)
	}
	return fmt.Sprintf("%d of %d, the first ends %s", c.Live, c.Wallets, c.NextEnd.Format(time.DateOnly))
}
