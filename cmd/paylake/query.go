package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/sinks/clickhouse"
	"github.com/paylake/paylake/sinks/clickhouse/embedded"
)

var queryFormats = []string{"table", "json", "csv"}

func (p *program) queryCommand() *cobra.Command {
	var format, reader string
	var snapshot int64
	cmd := &cobra.Command{
		Use: "query SQL", Short: "Ask the warehouse, as a user who can only read",
		Example: `  paylake query "SELECT provider_name, currency, sum(spend) FROM spend_by_provider GROUP BY ALL"
  paylake query --format csv "SELECT * FROM ledger WHERE business_date = '2026-03-01'" > march-1.csv
  paylake query --snapshot 12 "SELECT count() FROM ledger"
  paylake query --as analyst "SELECT * FROM ledger LIMIT 5"   # without what stands for persons`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(queryFormats, format) {
				return usagef("--format is table, json or csv, not %q", format)
			}
			if cmd.Flags().Changed("snapshot") && snapshot < 1 {
				return usagef("--snapshot is the number of a manifest, from 1 on; see: paylake snapshots")
			}
			if !slices.Contains(embedded.Roles, reader) {
				return usagef("--as is %s, not %q", strings.Join(embedded.Roles, ", "), reader)
			}
			return p.query(cmd.Context(), args[0], clickhouse.Query{Format: clickhouse.Format(format), Snapshot: snapshot, User: reader})
		},
	}
	cmd.Flags().StringVar(&format, "format", "table", "`table|json|csv`; csv has a header line")
	cmd.Flags().Int64Var(&snapshot, "snapshot", 0, "as of manifest `N`")
	cmd.Flags().StringVar(&reader, "as", "auditor", "read-only `USER` of the embedded warehouse: analyst sees no pseudonyms and no masked numbers")
	_ = cmd.RegisterFlagCompletionFunc("as", cobra.FixedCompletions(embedded.Roles, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(queryFormats, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (p *program) query(ctx context.Context, sql string, q clickhouse.Query) (err error) {
	if strings.TrimSpace(sql) == "" {
		return usagef(`query needs SQL, such as: paylake query "SELECT * FROM spend_by_provider"`)
	}
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	unread := h.readLakeSoon(ctx)
	if unread != nil && !answersWithout(ctx, unread) {
		return unread
	}
	h.store = h.newWarehouse()
	ch, err := h.store.get(ctx)
	if err != nil {
		return err
	}
	if err := h.holdsLake(ctx, ch, q.Snapshot, unread); err != nil {
		return err
	}
	if err := h.tellBeforeQuery(ctx, ch); err != nil && q.User != "auditor" { // who may see everything may see it now
		return fmt.Errorf("which consents were withdrawn cannot be found out: %w", err)
	}
	if err := h.store.tellAliases(ctx, ch); err != nil {
		return err
	}
	return ch.Query(ctx, sql, q, p.stdout)
}

// openWarehouse opens lake and warehouse for commands that ask the warehouse.
func (h *house) openWarehouse(ctx context.Context) (*clickhouse.Warehouse, error) {
	if err := h.readLake(ctx); err != nil {
		return nil, err
	}
	h.store = h.newWarehouse()
	return h.store.get(ctx)
}
