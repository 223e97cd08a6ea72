package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/sinks/lake"
)

func (p *program) diffCommand() *cobra.Command {
	var asJSON bool
	var rows int
	cmd := &cobra.Command{
		Use: "diff N M", Short: "What changed between two manifests, and its effect on the money",
		Long: `Compares the lake as of manifest N with the lake as of M: rows that are new, gone
or have other content, and for every provider and currency what that does to
the sum of the amounts (minor units). N may be 0: the empty lake. It reads the
objects in between and nothing else; the warehouse is not asked. Counts and sums
are of everything that was committed, also of wallets that withdrew a consent.`,
		Example: "  paylake diff 12 15\n  paylake diff 0 15 --json", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var n [2]int64
			for i, text := range args {
				var err error
				if n[i], err = strconv.ParseInt(text, 10, 64); err != nil || n[i] < 0 {
					return usagef("%q is not the number of a manifest; see: paylake snapshots", text)
				}
			}
			if n[0] > n[1] {
				return usagef("manifest %d is newer than %d; the older one comes first: paylake diff %d %d", n[0], n[1], n[1], n[0])
			}
			if rows < 0 {
				return usagef("--rows is how many rows to list, not %d", rows)
			}
			return p.diff(cmd.Context(), n[0], n[1], rows, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().IntVar(&rows, "rows", 20, "list at most `N` revised and retracted rows of each table, and as many inserted ones")
	return cmd
}

func (p *program) diff(ctx context.Context, from, to int64, rows int, asJSON bool) (err error) {
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if err := h.readLake(ctx); err != nil {
		return err
	}
	d := lake.Diff{From: from, To: to, Tables: []lake.TableDiff{}}
	if h.lake != nil {
		d, err = h.lake.Diff(ctx, from, to, rows)
	} else if to > 0 {
		err = lake.ErrRange
	}
	switch {
	case errors.Is(err, lake.ErrRange):
		return usagef("the lake has no manifest %d; see: paylake snapshots", to)
	case err != nil:
		return err
	case asJSON:
		return p.json(d)
	}
	p.showDiff(d)
	return nil
}

func (p *program) showDiff(d lake.Diff) {
	if len(d.Tables) == 0 {
		fmt.Fprintf(p.stdout, "nothing changed from manifest %d to %d\n", d.From, d.To)
		return
	}
	for _, t := range d.Tables {
		fmt.Fprintf(p.stdout, "%s %s: %s inserted, %s retracted, %s revised", t.Source, t.Table, thousands(t.Inserted), thousands(t.Retracted), thousands(t.Revised))
		if t.Passing > 0 {
			fmt.Fprintf(p.stdout, ", %s came and went", thousands(t.Passing))
		}
		fmt.Fprintln(p.stdout)
		var rows [][]string
		for _, m := range t.Money {
			rows = append(rows, []string{m.Provider, m.Currency, m.Inserted.String(), m.Retracted.String(), m.Revised.String(), m.Net.String()})
		}
		if len(rows) > 0 {
			p.grid([]string{"provider", "currency", "inserted (minor)", "retracted (minor)", "revised (minor)", "net (minor)"}, rows)
		}
		p.showChanged(t)
	}
}

func (p *program) showChanged(t lake.TableDiff) {
	state := func(s *lake.RowState, none string) string {
		if s == nil {
			return none
		}
		return fmt.Sprintf("revision %d: %s %d %s", s.Revision, s.Provider, s.Amount, s.Currency)
	}
	var rows [][]string
	for _, r := range t.Rows {
		rows = append(rows, []string{r.WalletID, r.ID, state(r.Before, "new"), state(r.After, "gone")})
	}
	if len(rows) > 0 {
		p.grid([]string{"wallet", "row", "before", "after"}, rows)
	}
	if t.Unlisted > 0 {
		fmt.Fprintf(p.stdout, "and %s rows more; --rows %d lists them\n", thousands(t.Unlisted), max(t.Inserted, t.Retracted+t.Revised))
	}
}
