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

// tellAliases makes the configuration's crosswalk the one that readers see,
// once per process.
func (w *warehouse) tellAliases(ctx context.Context, ch *clickhouse.Warehouse) error {
	w.people.Lock()
	defer w.people.Unlock()
	if w.aliased {
		return nil
	}
	if err := ch.SetAliases(ctx, aliasesOf(w.h.cfg)); err != nil {
		return fmt.Errorf("apply %s: %w", w.h.cfg.AliasFile, err)
	}
	w.aliased = true
	return nil
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
