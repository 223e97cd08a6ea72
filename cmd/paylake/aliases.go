package main

// The crosswalk from other systems' codes to provider codes, from the
// configuration into the warehouse's views.

import (
	"context"
	"fmt"
	"time"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/sinks/clickhouse"
)

// tellAliases makes the configuration's crosswalk the one that readers see, and
// its streams those that completeness tells of, once per process.
func (w *warehouse) tellAliases(ctx context.Context, ch *clickhouse.Warehouse) error {
	w.people.Lock()
	defer w.people.Unlock()
	if w.aliased {
		return nil
	}
	if err := ch.SetAliases(ctx, aliasesOf(w.h.cfg)); err != nil {
		return fmt.Errorf("apply %s: %w", w.h.cfg.AliasFile, err)
	}
	if err := ch.Expect(ctx, w.h.expected()); err != nil {
		return fmt.Errorf("name the streams of the configuration: %w", err)
	}
	w.aliased = true
	return nil
}

// expected are the streams of every pipeline, for the view completeness.
func (h *house) expected() (out []clickhouse.Expected) {
	for _, q := range h.cfg.Pipelines {
		spec := h.spec(q)
		for _, s := range h.streams(q) {
			e := clickhouse.Expected{Source: s.Source, Wallet: s.Wallet, Table: s.Table.Name}
			if !spec.Step.IsZero() {
				e.Start, e.Lookback = spec.Start, spec.Lookback
			}
			out = append(out, e)
		}
	}
	return out
}

func aliasesOf(c *config.Config) []clickhouse.Alias {
	out := make([]clickhouse.Alias, len(c.Aliases))
	for i, a := range c.Aliases {
		out[i] = clickhouse.Alias{Source: a.Source, ForeignCode: a.ForeignCode, ProviderCode: a.ProviderCode}
		if !a.ValidFrom.IsZero() {
			out[i].ValidFrom = a.ValidFrom.In(time.UTC)
		}
	}
	return out
}
