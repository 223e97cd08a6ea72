package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"time"

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
	ConsentID string `json:"consent_id,omitempty"`
	Waits     string `json:"waits_for,omitempty"` // "consent": run skips it until somebody consents
}

func (p *program) planCommand() *cobra.Command {
	var days span
	var asJSON bool
	cmd := &cobra.Command{
		Use: "plan [PIPELINE…]", Short: "Show the windows that run would read, and why; touches nothing",
		Long: `Shows what run would read now. Needs the configuration, and the lake and the
registry of consents if they are there: no warehouse, no upstream, no secret.
Windows of wallets without a live consent are listed as waiting for one.`,
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
	if p.getenv("GOGC") == "" { // a short life: collecting while 100,000 wallets are read takes longer than reading them
		debug.SetGCPercent(400)
	}
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
	registry := h.peekConsents(ctx)
	list := []plannedWindow{}
	for _, q := range chosen {
		windows, err := h.owed(ctx, q, days, registry)
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

// owed plans one pipeline from the lake and the registry alone.
func (h *house) owed(ctx context.Context, q config.Pipeline, days span, registry peeked) ([]plannedWindow, error) {
	spec, now := h.spec(q), h.p.now()
	from, to, err := days.in(spec.Zone)
	if err != nil {
		return nil, err
	}
	var asked []pipeline.Owed
	if !from.IsZero() || !to.IsZero() {
		asked = pipeline.PlanBetween(spec, from, to, now)
	}
	planner := pipeline.NewPlanner(spec, now)
	streams := h.streams(q)
	out := make([]plannedWindow, 0, len(streams))
	for _, s := range streams {
		done, err := h.done(ctx, s)
		if err != nil {
			return nil, err
		}
		line := plannedWindow{Pipeline: q.Name, Source: s.Source, Table: s.Table.Name, WalletID: s.Wallet}
		consent := registry.of(s, now)
		line.ConsentID, line.Waits = consent.ID, registry.waits(s, consent)
		windows := planner.Within(done, consent.From, consent.Until)
		if asked != nil {
			windows = clipped(asked, consent.From, consent.Until)
		}
		for line.Owed = range windows {
			out = append(out, line)
		}
	}
	return out, nil
}

// clipped yields the windows inside [from, to).
func clipped(list []pipeline.Owed, from, to time.Time) iter.Seq[pipeline.Owed] {
	return func(yield func(pipeline.Owed) bool) {
		for _, o := range list {
			if o, ok := o.Clip(from, to); ok && !yield(o) {
				return
			}
		}
	}
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
	waiting, wallets := 0, map[string]bool{}
	for _, w := range list {
		why := string(w.Reason)
		if w.Waits != "" {
			waiting, wallets[w.Source+"/"+w.WalletID] = waiting+1, true
			why += ", waits for " + w.Waits
		}
		from, to := "whole", ""
		if !w.Window.IsZero() {
			from, to = instant(w.Window.From), instant(w.Window.To)
		}
		rows = append(rows, []string{w.Pipeline, w.WalletID, from, to, why})
	}
	if len(rows) > 0 {
		p.grid([]string{"pipeline", "wallet", "from", "to", "why"}, rows)
	}
	fmt.Fprintf(p.stderr, "%d windows to read; type: paylake run\n", len(list)-waiting)
	if waiting > 0 {
		fmt.Fprintf(p.stderr, "%d windows of %d wallets wait for a consent; type: paylake consent grant --wallet W\n", waiting, len(wallets))
	}
}
