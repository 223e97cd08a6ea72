package main

import (
	"bufio"
	"context"
	"encoding/json"
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
	v := planView{h: h, chosen: chosen, days: days, registry: h.peekConsents(ctx), now: p.now()}
	if asJSON {
		return v.json(ctx)
	}
	return v.table(ctx)
}

// planView computes a plan as often as it is asked for: that is cheap, and very
// many windows are not worth keeping.
type planView struct {
	h        *house
	chosen   []config.Pipeline
	days     span
	registry peeked
	now      time.Time
}

// windows yields what would be read, pipeline by pipeline. The pointer is valid
// until the next one.
func (v planView) windows(ctx context.Context) iter.Seq2[*plannedWindow, error] {
	return func(yield func(*plannedWindow, error) bool) {
		for _, q := range v.chosen {
			for w, err := range v.owed(ctx, q) {
				if !yield(w, err) {
					return
				}
			}
		}
	}
}

// owed plans one pipeline from the lake and the registry alone.
func (v planView) owed(ctx context.Context, q config.Pipeline) iter.Seq2[*plannedWindow, error] {
	return func(yield func(*plannedWindow, error) bool) {
		spec := v.h.spec(q)
		from, to, err := v.days.in(spec.Zone)
		if err != nil {
			yield(nil, err)
			return
		}
		var asked []pipeline.Owed
		if !from.IsZero() || !to.IsZero() {
			asked = pipeline.PlanBetween(spec, from, to, v.now)
		}
		planner := pipeline.NewPlanner(spec, v.now)
		for _, s := range v.h.streams(q) {
			done, err := v.h.done(ctx, s)
			if err != nil {
				yield(nil, err)
				return
			}
			line := plannedWindow{Pipeline: q.Name, Source: s.Source, Table: s.Table.Name, WalletID: s.Wallet}
			consent := v.registry.of(s, v.now)
			line.ConsentID, line.Waits = consent.ID, v.registry.waits(s, consent)
			windows := planner.Within(done, consent.From, consent.Until)
			if asked != nil {
				windows = clipped(asked, consent.From, consent.Until)
			}
			for line.Owed = range windows {
				if !yield(&line, nil) {
					return
				}
			}
		}
	}
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

// json prints one window a line, all of them one array.
func (v planView) json(ctx context.Context) error {
	out := bufio.NewWriterSize(v.h.p.stdout, 1<<16)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	before := "[\n"
	for w, err := range v.windows(ctx) {
		if err != nil {
			return err
		}
		_, _ = out.WriteString(before) // errors of a bufio.Writer stay until Flush
		if err := enc.Encode(w); err != nil {
			return err
		}
		before = ","
	}
	if before == "[\n" {
		_, _ = out.WriteString("[")
	}
	_, _ = out.WriteString("]\n")
	return out.Flush()
}

// columns of a window in the table.
func (w *plannedWindow) columns() [5]string {
	from, to, why := "whole", "", string(w.Reason)
	if !w.Window.IsZero() {
		from, to = instant(w.Window.From), instant(w.Window.To)
	}
	if w.Waits != "" {
		why += ", waits for " + w.Waits
	}
	return [5]string{w.Pipeline, w.WalletID, from, to, why}
}

// table prints the windows as they are computed, a second time: the first one
// finds out how wide the columns are.
func (v planView) table(ctx context.Context) error {
	t := newStream("pipeline", "wallet", "from", "to", "why")
	total, waiting, wallets := 0, 0, map[string]bool{}
	for w, err := range v.windows(ctx) {
		if err != nil {
			return err
		}
		t.fit(w.columns())
		total++
		if w.Waits != "" {
			waiting, wallets[w.Source+"/"+w.WalletID] = waiting+1, true
		}
	}
	if total > 0 {
		out := bufio.NewWriterSize(v.h.p.stdout, 1<<16)
		t.begin(out)
		for w, err := range v.windows(ctx) {
			if err != nil {
				return errors.Join(err, out.Flush())
			}
			t.row(out, w.columns())
		}
		t.end(out)
		if err := out.Flush(); err != nil {
			return err
		}
	}
	fmt.Fprintf(v.h.p.stderr, "%d windows to read; type: paylake run\n", total-waiting)
	if waiting > 0 {
		fmt.Fprintf(v.h.p.stderr, "%d windows of %d wallets wait for a consent; type: paylake consent grant --wallet W\n", waiting, len(wallets))
	}
	return nil
}
