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
are several that are equally good: none of them is chosen. With --open only what
is open: ambiguous pairs, and rows that a rule looked at and found no partner for,
the newest first and at most --rows of each, with what is waited for.`,
		Example: "  paylake match list --period 2026-03\n  paylake match list --open --rows 100 --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if rows < 0 {
				return usagef("--rows is how many rows to list, not %d", rows)
			}
			return p.matchList(cmd.Context(), period, rows, open, asJSON)
		},
	}
	cmd.Flags().StringVar(&period, "period", "", "a month (`YYYY-MM`) or quarter (YYYY-Q1) of business dates")
	cmd.Flags().IntVar(&rows, "rows", 20, "list at most `N` pairs, and rows without a partner")
	cmd.Flags().BoolVar(&open, "open", false, "ambiguous pairs, and rows without a partner")
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
	list, err := matching.ListPairs(ctx, ch, q, days, open, rows)
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
	what := "pairs"
	if open {
		what = "ambiguous pairs"
	}
	fmt.Fprintf(p.stdout, "%s %s, as of manifest %d", thousands(int64(len(list.Pairs))+list.Unlisted), what, list.Snapshot)
	if list.Unlisted > 0 {
		fmt.Fprintf(p.stdout, "; %s of them not listed (--rows)", thousands(list.Unlisted))
	}
	fmt.Fprintln(p.stdout)
	if !open {
		return
	}
	p.showOpen(list)
}

// showOpen lists rows without a partner and says how many there are of each kind.
func (p *program) showOpen(list *matching.List) {
	var grid [][]string
	for _, o := range list.Open {
		minor, _ := strconv.ParseInt(o.Minor, 10, 64)
		grid = append(grid, []string{o.Rule, o.Row, o.At, strconv.FormatInt(o.AgeDays, 10), inUnits(minor, o.Currency) + " " + o.Currency, o.Why})
	}
	if len(grid) > 0 {
		p.grid([]string{"rule", "row", "at", "days old", "amount", "why"}, grid)
	}
	total := int64(0)
	for _, k := range slices.Sorted(maps.Keys(list.OpenRows)) {
		if total += list.OpenRows[k]; list.OpenRows[k] > 0 {
			fmt.Fprintf(p.stdout, "%s: %s rows without a partner\n", k, thousands(list.OpenRows[k]))
		}
	}
	fmt.Fprintf(p.stdout, "%s rows without a partner in all", thousands(total))
	if rest := total - int64(len(list.Open)); rest > 0 {
		fmt.Fprintf(p.stdout, "; %s of them not listed (--rows)", thousands(rest))
	}
	fmt.Fprintln(p.stdout)
}
