package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// plannedWindow is one line of `plan`.
type plannedWindow struct {
	Pipeline string `json:"pipeline"`
	Source   string `json:"source"`
	Table    string `json:"table"`
	WalletID string `json:"wallet_id"`
	pipeline.Owed
}

func (p *program) planCommand() *cobra.Command {
	var days span
	var asJSON bool
	cmd := &cobra.Command{
		Use: "plan [PIPELINE…]", Short: "Show the windows that run would read, and why; touches nothing",
		Long: `Shows what run would read now. Needs the configuration, and the lake if there is
one: no warehouse, no state, no upstream, no secret.`,
		Example: "  paylake plan\n  paylake plan ledger --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.plan(cmd.Context(), args, days, asJSON)
		},
	}
	days.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.ValidArgsFunction = p.completePipelines
	return cmd
}

func (p *program) plan(ctx context.Context, names []string, days span, asJSON bool) (err error) {
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	chosen, err := h.chosen(names)
	if err != nil {
		return err
	}
	if err := h.readLake(ctx); err != nil {
		return err
	}
	list := []plannedWindow{}
	for _, q := range chosen {
		windows, err := h.owed(ctx, q, days)
		if err != nil {
			return err
		}
		list = append(list, windows...)
	}
	if asJSON {
		return p.json(list)
	}
	p.showPlan(list)
	return nil
}

// owed plans one pipeline from the lake alone.
func (h *house) owed(ctx context.Context, q config.Pipeline, days span) ([]plannedWindow, error) {
	spec, now := h.spec(q), h.p.now()
	from, to, err := days.in(spec.Zone)
	if err != nil {
		return nil, err
	}
	planner := pipeline.NewPlanner(spec, now)
	var out []plannedWindow
	for _, s := range h.streams(q) {
		done, err := h.done(ctx, s)
		if err != nil {
			return nil, err
		}
		line := plannedWindow{Pipeline: q.Name, Source: s.Source, Table: s.Table.Name, WalletID: s.Wallet}
		windows := planner.All(done)
		if !from.IsZero() || !to.IsZero() {
			windows = func(yield func(pipeline.Owed) bool) {
				for _, o := range pipeline.PlanBetween(spec, from, to, now) {
					if !yield(o) {
						return
					}
				}
			}
		}
		for line.Owed = range windows {
			out = append(out, line)
		}
	}
	return out, nil
}

// done asks the lake; without one nothing is done.
func (h *house) done(ctx context.Context, s schemas.Stream) (sinks.Done, error) {
	if h.lake == nil {
		return sinks.Done{}, nil
	}
	return h.lake.Done(ctx, s)
}

func (p *program) showPlan(list []plannedWindow) {
	var rows [][]string
	for _, w := range list {
		from, to := "whole", ""
		if !w.Window.IsZero() {
			from, to = instant(w.Window.From), instant(w.Window.To)
		}
		rows = append(rows, []string{w.Pipeline, w.WalletID, from, to, string(w.Reason)})
	}
	if len(rows) > 0 {
		p.grid([]string{"pipeline", "wallet", "from", "to", "why"}, rows)
	}
	fmt.Fprintf(p.stderr, "%d windows to read; type: paylake run\n", len(list))
}
