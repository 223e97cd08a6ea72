package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/cmd/internal/matching"
	"github.com/paylake/paylake/cmd/internal/reconcile"
	"github.com/paylake/paylake/sinks/clickhouse"
)

func (p *program) matchListCommand() *cobra.Command {
	var period string
	var rows int
	var open, asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "Matches with their scores and reasons, and rows without a partner", Args: cobra.NoArgs,
		Long: `Lists pairs of rows that are the same money: which rule or person made them, how
many points of 100 speak for them, and what the points are for. Ambiguous pairs
are several that are equally good: none of them is chosen. With --open also the
rows that a rule looked at and found no partner for, the oldest first.`,
		Example: "  paylake match list --period 2026-03\n  paylake match list --open --rows 100 --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if rows < 0 {
				return usagef("--rows is how many rows to list, not %d", rows)
			}
			return p.matchList(cmd.Context(), period, rows, open, asJSON)
		},
	}
	cmd.Flags().StringVar(&period, "period", "", "a month (`YYYY-MM`) or quarter (YYYY-Q1) of business dates")
	cmd.Flags().IntVar(&rows, "rows", 20, "list at most `N` pairs, and rows of each side of a rule")
	cmd.Flags().BoolVar(&open, "open", false, "also rows without a partner")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *program) matchList(ctx context.Context, period string, rows int, open, asJSON bool) (err error) {
	var days matching.Days
	if period != "" {
		parsed, err := reconcile.ParsePeriod(period)
		if err != nil {
			return usagef("--period: %w", err)
		}
		days = matching.Days{From: parsed.From.Format(time.DateOnly), To: parsed.To.Format(time.DateOnly)}
	}
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	unread := h.readLake(ctx)
	if unread == nil && h.lake == nil {
		return usagef("there is no lake at %s yet; paylake run makes it", h.cfg.Lake)
	}
	h.store = h.newWarehouse()
	ch, err := h.store.get(ctx)
	if err != nil {
		return err
	}
	if err := h.holdsLake(ctx, ch, 0, unread); err != nil {
		return err
	}
	shown, err := ch.Newest(ctx, 0)
	if err != nil {
		return err
	}
	q := clickhouse.Query{Snapshot: shown.Sequence, User: "auditor"}
	list, err := matching.ListPairs(ctx, ch, q, days, rows)
	if err == nil && open {
		err = list.ListOpen(ctx, ch, q, matching.Between(h.cfgRules(), h.configured), days, rows, p.now())
	}
	if err != nil {
		return err
	}
	if asJSON {
		return p.json(list)
	}
	p.showMatches(&list, open)
	return nil
}

func (p *program) showMatches(list *matching.List, open bool) {
	var grid [][]string
	for _, m := range list.Pairs {
		minor, _ := strconv.ParseInt(m.Minor, 10, 64)
		grid = append(grid, []string{m.Date, m.Rule, m.State, m.Shape, m.Score, m.Left, m.Right, inUnits(minor, m.Currency) + " " + m.Currency, m.Reasons})
	}
	p.grid([]string{"day", "rule", "state", "shape", "score", "left", "right", "amount", "because"}, grid)
	fmt.Fprintf(p.stdout, "%s pairs, as of manifest %d", thousands(int64(len(list.Pairs))+list.Unlisted), list.Snapshot)
	if list.Unlisted > 0 {
		fmt.Fprintf(p.stdout, "; %s of them not listed (--rows)", thousands(list.Unlisted))
	}
	fmt.Fprintln(p.stdout)
	if !open {
		return
	}
	grid = nil
	for _, o := range list.Open {
		minor, _ := strconv.ParseInt(o.Minor, 10, 64)
		state := "none"
		if o.Doubtful {
			state = "several"
		}
		grid = append(grid, []string{o.Rule, o.Side, o.Row, o.At, strconv.FormatInt(o.AgeDays, 10), inUnits(minor, o.Currency) + " " + o.Currency, state})
	}
	p.grid([]string{"rule", "side", "row", "at", "days old", "amount", "partners"}, grid)
	for _, k := range slices.Sorted(maps.Keys(list.OpenRows)) {
		fmt.Fprintf(p.stdout, "%s: %s rows without a partner\n", k, thousands(list.OpenRows[k]))
	}
}
