package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/iceberg/publish"
)

func (p *program) snapshotsCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "snapshots [TABLE]", Short: "List the states that readers can ask for",
		Example: "  paylake-iceberg snapshots ledger\n  paylake-iceberg snapshots --json", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			list, _, err := p.list(cmd.Context())
			if err != nil {
				return err
			}
			if len(args) == 1 {
				list = slices.DeleteFunc(list, func(s publish.Shown) bool { return s.Table != args[0] })
			}
			if asJSON {
				return p.json(append([]publish.Shown{}, list...))
			}
			w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "table\tmanifest\tsnapshot id\tcommitted\tpublished\tchange\trows")
			for _, s := range list {
				fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%s\t%d\n", s.Table, s.Sequence, s.Snapshot,
					s.CreatedAt.Format(time.RFC3339), s.Published.Format(time.RFC3339), s.Change, s.Rows)
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return p.places(cmd)
}

func (p *program) sqlCommand() *cobra.Command {
	var sequence int64
	cmd := &cobra.Command{
		Use: "sql TABLE", Short: "Print the ClickHouse query for a table's visible rows",
		Long: `Tables show every row that was ever committed, with its sign. The query that is
printed applies the retractions: what is left is what the lake shows.`,
		Example: "  paylake-iceberg sql ledger\n  paylake-iceberg sql ledger --snapshot 42      # as of manifest 42", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if sequence < 0 {
				return usagef("--snapshot is the number of a manifest")
			}
			list, place, err := p.list(cmd.Context())
			if err != nil {
				return err
			}
			s, err := publish.AsOf(list, args[0], sequence)
			if err != nil {
				return usageError{err}
			}
			text, err := publish.ClickHouseSQL(place, s)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.stdout, text)
			return err
		},
	}
	cmd.Flags().Int64Var(&sequence, "snapshot", 0, "as of manifest `N` (default the newest that is published)")
	return p.places(cmd)
}

func (p *program) list(ctx context.Context) ([]publish.Shown, publish.Place, error) {
	o, err := p.open(ctx)
	if err != nil {
		return nil, publish.Place{}, err
	}
	list, err := publish.List(ctx, o.catalog, p.namespace)
	return list, o.place, errors.Join(err, o.close())
}
