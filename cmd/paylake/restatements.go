package main

// What changed of closed periods since they were closed.

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/cmd/internal/decisions"
	"github.com/paylake/paylake/cmd/internal/reconcile"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/lake"
)

// restatement is what restatements prints of a closed period, as JSON.
type restatement struct {
	Period   string `json:"period"`
	ClosedBy string `json:"closed_by"`
	ClosedAt string `json:"closed_at"`
	Reason   string `json:"reason"`
	Then     int64  `json:"then_snapshot"` // what was known at the close
	Now      int64  `json:"now_snapshot"`
	ThenRows int64  `json:"then_rows"`
	NowRows  int64  `json:"now_rows"`
	Restated bool   `json:"restated"`

	Inserted  int64                 `json:"inserted"`
	Retracted int64                 `json:"retracted"`
	Revised   int64                 `json:"revised"`
	Effects   []reconcile.Effect    `json:"effects"`
	Rows      []reconcile.RowChange `json:"rows"`
	Unlisted  int64                 `json:"unlisted"`
}

func (p *program) restatementsCommand() *cobra.Command {
	var rows int
	var asJSON bool
	cmd := &cobra.Command{
		Use: "restatements [PERIOD]", Short: "What changed of closed periods since they were closed", Args: cobra.MaximumNArgs(1),
		Long: `Compares, for each closed period, the wallets' ledger as it was known at the close
with what is known now: rows that came, went or changed, and what that comes to by
wallet, provider and currency, in the words of paylake reconcile. Both are summed up
from the lake's own objects, so no warehouse is needed.

Exit code 0: nothing changed; 3: something did; 2: the period is not closed.`,
		Example: "  paylake restatements\n  paylake restatements 2026-03 --rows 100\n  paylake restatements 2026-03 --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if rows < 0 {
				return usagef("--rows is how many rows to list, not %d", rows)
			}
			return p.restatements(cmd.Context(), strings.Join(args, ""), rows, asJSON)
		},
	}
	cmd.Flags().IntVar(&rows, "rows", 20, "list at most `N` rows of each period")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *program) restatements(ctx context.Context, name string, rows int, asJSON bool) (err error) {
	if name != "" {
		if _, err := reconcile.ParsePeriod(name); err != nil {
			return usagef("restatements: %w", err)
		}
	}
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if err := h.openExisting(ctx); err != nil {
		return err
	}
	so, err := decisions.Read(ctx, h.lake)
	if err != nil {
		return err
	}
	list, restated := []restatement{}, false
	for _, d := range so.All(decisions.Close) {
		if name != "" && d.Period != name {
			continue
		}
		one, err := h.restated(ctx, d, rows)
		if err != nil {
			return fmt.Errorf("restatements %s: %w", d.Period, err)
		}
		list, restated = append(list, one), restated || one.Restated
	}
	if name != "" && len(list) == 0 {
		return usagef("restatements: %s is not closed; paylake close %s --by NAME closes it", name, name)
	}
	if asJSON {
		err = p.json(list)
	} else {
		p.showRestatements(list)
	}
	if err == nil && restated {
		err = &failure{code: pipeline.CodeFinding, err: errors.New("a closed period was restated"), said: true}
	}
	return err
}

// restated compares a period as it was known at its close with what is known now.
func (h *house) restated(ctx context.Context, d decisions.Decision, rows int) (out restatement, err error) {
	period, err := reconcile.ParsePeriod(d.Period)
	if err != nil {
		return out, err
	}
	categories, err := h.catalogue(ctx)
	if err != nil {
		return out, err
	}
	before, err := h.lake.StandingAt(ctx, schemas.Ledger.Name, d.AsOf)
	if err != nil {
		return out, err
	}
	head, objects, err := h.lake.Standing(ctx, schemas.Ledger.Name)
	if err != nil {
		return out, err
	}
	side := func(objects []lake.Standing) *lakeSide {
		return &lakeSide{lake: h.lake, objects: objects, period: period, categories: categories}
	}
	r, err := reconcile.Restate(ctx, side(before), side(objects), rows)
	return restatement{Period: d.Period, ClosedBy: d.By, ClosedAt: instant(d.At), Reason: d.Reason, Then: d.AsOf, Now: head, ThenRows: r.ThenRows, NowRows: r.NowRows,
		Restated: r.Changed(), Inserted: r.Inserted, Retracted: r.Retracted, Revised: r.Revised, Effects: r.Effects, Rows: r.Rows, Unlisted: r.Unlisted}, err
}

func (p *program) showRestatements(list []restatement) {
	if len(list) == 0 {
		fmt.Fprintln(p.stdout, "no period is closed")
	}
	for _, r := range list {
		fmt.Fprintf(p.stdout, "%s, closed by %s at %s as of manifest %d (%s): %s rows then, %s rows now (manifest %d)\n",
			r.Period, r.ClosedBy, r.ClosedAt, r.Then, r.Reason, thousands(r.ThenRows), thousands(r.NowRows), r.Now)
		if !r.Restated {
			fmt.Fprintln(p.stdout, "nothing changed since")
			continue
		}
		fmt.Fprintf(p.stdout, "since then %s rows came, %s went, %s have other content\n", thousands(r.Inserted), thousands(r.Retracted), thousands(r.Revised))
		var effects, rows [][]string
		for _, e := range r.Effects {
			effects = append(effects, []string{e.Wallet, orNone(e.Provider), e.Currency, string(e.What), inUnits(e.Then, e.Currency), inUnits(e.Now, e.Currency), more(e.Effect, e.Currency), thousands(e.ThenRows), thousands(e.NowRows)})
		}
		if len(effects) > 0 {
			p.grid([]string{"wallet", "provider", "currency", "what", "then", "now", "effect", "rows then", "now"}, effects)
		}
		for _, c := range r.Rows {
			rows = append(rows, []string{c.Wallet, c.ID, rowState(c.Then), rowState(c.Now)})
		}
		if len(rows) > 0 {
			p.grid([]string{"wallet", "row", "then", "now"}, rows)
		}
		if r.Unlisted > 0 {
			fmt.Fprintf(p.stdout, "and %s rows more; --rows %d lists them\n", thousands(r.Unlisted), r.Unlisted+int64(len(r.Rows)))
		}
	}
}

// orNone writes a provider code; rows without one have none.
func orNone(provider string) string {
	if provider == "" {
		return reconcile.None
	}
	return provider
}
