package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/sinks/lake"
)

// Defaults of compact: what is small, and when a month is closed. The longest
// look-back of the examples is 11 days.
const (
	smallRows  = 100_000
	closedDays = 14
)

func (p *program) compactCommand() *cobra.Command {
	var dry, asJSON bool
	var rows int64
	var days int
	cmd := &cobra.Command{
		Use: "compact", Short: "Merge the small objects of closed months", Args: cobra.NoArgs,
		Long: `Writes the rows of small objects again into few large ones, by a manifest that
changes no row, and has the warehouse change over to them. The old objects stay
in the lake for the auditor; verify compares both, row by row. What was read of
an earlier snapshot is read of it afterwards, byte by byte.

A month is closed when it ended so many days ago; later rows of it still arrive.
Of catalogues, which have no months, objects of that age are merged. It may be
interrupted and repeated, and run beside everything else.`,
		Example: "  paylake compact --dry-run\n  paylake compact --small-rows 20000 --closed-days 40",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if rows < 2 || days < 0 {
				return usagef("--small-rows is at least 2, --closed-days at least 0")
			}
			o := lake.CompactOptions{SmallRows: rows, Before: p.now().AddDate(0, 0, -days), DryRun: dry}
			return p.compact(cmd.Context(), o, asJSON)
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say what would be merged")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().Int64Var(&rows, "small-rows", smallRows, "objects with fewer `ROWS` are small")
	cmd.Flags().IntVar(&days, "closed-days", closedDays, "months that ended this many `DAYS` ago are closed")
	return cmd
}

func (p *program) compact(ctx context.Context, o lake.CompactOptions, asJSON bool) (err error) {
	p.boundMemory()
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if o.DryRun {
		err = h.readLake(ctx)
	} else {
		err = h.openLake(ctx)
	}
	if err != nil {
		return err
	}
	done := []lake.Compaction{}
	if h.lake != nil {
		began := p.now()
		var merged []lake.Compaction
		merged, err = h.lake.Compact(ctx, o)
		done = append(done, merged...)
		if len(done) > 0 && !o.DryRun {
			fmt.Fprintf(p.stderr, "took %s\n", p.now().Sub(began).Round(time.Millisecond))
		}
	}
	if asJSON {
		err = errors.Join(err, p.json(done))
	} else {
		p.showCompactions(done, o.DryRun)
	}
	if err != nil || o.DryRun || len(done) == 0 {
		return err
	}
	return errors.Join(h.logCommitted(ctx, "the objects are merged"), h.changeOver(ctx, "the objects are merged"))
}

// logCommitted brings the transparency log up to a commit, as a run does after
// its own: otherwise the manifest would stay unlogged until the next. done says
// what stands whatever comes of it.
func (h *house) logCommitted(ctx context.Context, done string) error {
	err := h.openLog(ctx)
	if err == nil && h.log != nil {
		_, err = h.log.Follow(ctx)
	}
	if err != nil {
		return fmt.Errorf("%s; the transparency log covers that with the next run: %w", done, err)
	}
	return nil
}

// changeOver has the warehouse follow what was committed; what it cannot do now
// the next run does.
func (h *house) changeOver(ctx context.Context, done string) error {
	if h.store == nil {
		h.store = h.newWarehouse()
	}
	ch, err := h.store.get(ctx)
	if err != nil {
		return err
	}
	if _, err := ch.Follow(ctx); err != nil {
		return fmt.Errorf("%s; the warehouse changes over with the next run: %w", done, err)
	}
	return nil
}

func (p *program) showCompactions(done []lake.Compaction, dry bool) {
	if len(done) == 0 {
		fmt.Fprintln(p.stdout, "there is nothing to merge")
		return
	}
	var rows [][]string
	objects, total := 0, int64(0)
	for _, c := range done {
		month := c.Month
		if month == "" {
			month = "–"
		}
		size := "–"
		if !dry {
			size = thousands(c.Size)
		}
		rows = append(rows, []string{c.Source, c.Table, month, thousands(int64(c.Objects)), thousands(c.Rows), thousands(c.Bytes), size})
		objects += c.Objects
		total += c.Rows
	}
	p.grid([]string{"source", "table", "month", "objects", "rows", "bytes", "bytes merged"}, rows)
	verb := "were merged"
	if dry {
		verb = "would be merged"
	}
	fmt.Fprintf(p.stdout, "%s objects with %s rows %s into %s\n", thousands(int64(objects)), thousands(total), verb, thousands(int64(len(done))))
}
