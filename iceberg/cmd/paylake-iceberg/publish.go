package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/iceberg/publish"
)

func (p *program) publishCommand() *cobra.Command {
	var batch, window int
	var asJSON bool
	cmd := &cobra.Command{
		Use: "publish", Short: "Bring the tables up to the newest manifest",
		Long: `Adds the objects of every manifest that the tables do not show yet. Each manifest
becomes a snapshot whose summary names it (paylake.sequence). One that merges small
objects (paylake compact) becomes a snapshot that names the new objects instead of
the old ones: the rows are the same, and older snapshots are read as before. With
nothing new it changes nothing; a publication that was cut short goes on where it was.`,
		Example: `  paylake-iceberg publish
  paylake-iceberg publish --lake file:///var/lib/paylake/lake --catalog sqlite:///var/lib/paylake/iceberg.db
  paylake-iceberg publish --catalog https://catalog.example/rest      # token: $PAYLAKE_ICEBERG_TOKEN
  paylake-iceberg publish --batch 500      # years of history at once: a snapshot per 500 manifests of a table`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if batch < 1 || window < 1 {
				return usagef("--batch and --window are numbers of manifests, at least 1")
			}
			return p.publish(cmd.Context(), batch, max(window, batch), asJSON)
		},
	}
	cmd.Flags().IntVar(&batch, "batch", 1, "`N` manifests of a table make one snapshot; the states in between cannot be asked for")
	cmd.Flags().IntVar(&window, "window", 100, "`N` manifests are read and committed together; every commit writes the list of all snapshots anew")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return p.places(cmd)
}

func (p *program) publish(ctx context.Context, batch, window int, asJSON bool) error {
	o, err := p.open(ctx)
	if err != nil {
		return err
	}
	report, err := publish.New(publish.Options{
		Lake: o.lake, Catalog: o.catalog, Place: o.place, Namespace: p.namespace, Batch: batch, Window: window,
	}).Publish(ctx)
	if err = errors.Join(err, o.close()); err != nil {
		return err
	}
	if asJSON {
		return p.json(report)
	}
	return p.showReport(report)
}

func (p *program) showReport(r publish.Report) error {
	if len(r.Tables) == 0 {
		_, err := fmt.Fprintf(p.stdout, "nothing new; published through manifest %d\n", r.Through)
		return err
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "table\tmanifests\tsnapshots\tobjects\treplaced\trows\tthrough")
	for _, c := range r.Tables {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\n", c.Table, c.Manifests, c.Snapshots, c.Objects, c.Replaced, c.Rows, c.Sequence)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(p.stdout, "published through manifest %d\n", r.Through)
	return err
}
