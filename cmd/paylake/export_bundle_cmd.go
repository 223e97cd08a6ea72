package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/cmd/internal/dossier"
	"github.com/paylake/paylake/pipeline/state"
)

// bundleFlags are those of both bundles.
type bundleFlags struct {
	exportFlags
	reason, by string
}

func (f *bundleFlags) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&f.file, "output", "o", "", "`FILE` to write (a name that says what it is, in the current folder)")
	flags.Int64Var(&f.snapshot, "snapshot", 0, "as of manifest `N`")
	flags.StringVar(&f.reader, "as", "auditor", "read-only `USER` of the embedded warehouse: accountant without wallets whose consent was withdrawn, analyst no persons")
	flags.StringVar(&f.reason, "reason", "", "why, `TEXT` for the audit record")
	flags.StringVar(&f.by, "by", "", "`NAME` of who asks ($USER)")
}

func (p *program) archiveCommand() *cobra.Command {
	var f bundleFlags
	cmd := &cobra.Command{
		Use: "archive --period YYYY-MM", Short: "Transfers of high value of a period, with their proof of identity, as one bundle", Args: cobra.NoArgs,
		Long: `Writes a zip with the period's transfers from the amounts of compliance.high_value
on, their sessions and assurance, the events behind these, the transfers for which
there is no completed step-up, totals, and the proof that the snapshot is in the
lake's log. paylake verify LAKE --export FILE makes all of it again. Where it names
persons (any reader but the analyst) it is recorded who made it, before it is.`,
		Example: `  paylake export archive --period 2026-03 --reason "supervision 7/2026"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.format = "csv"
			if f.period == "" {
				return usagef("which period? --period 2026-03")
			}
			if _, err := f.dataset("ledger", cmd.Flags().Changed("snapshot")); err != nil {
				return err
			}
			return p.exportBundle(cmd.Context(), f, bundleManifest{Bundle: archiveBundle}, "archive", f.period)
		},
	}
	f.flags(cmd)
	cmd.Flags().StringVar(&f.period, "period", "", "the month (`YYYY-MM`)")
	return cmd
}

func (p *program) evidenceCommand() *cobra.Command {
	var f bundleFlags
	var id, wallet string
	cmd := &cobra.Command{
		Use: "evidence --entry ID", Short: "All there is about one ledger line, for a dispute, as one bundle", Args: cobra.NoArgs,
		Long: `Writes a zip with the line, every wording that it has had, how its payer was
identified, the wallet's notices and the platform's operations and payments of the
same reference, what is odd about it, and the proof that the snapshot is in the
lake's log. paylake verify LAKE --export FILE makes all of it again. Where it names
persons (any reader but the analyst) it is recorded who made it, before it is.`,
		Example: `  paylake export evidence --entry txn_98231 --reason "dispute 12/2026"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.format = "csv"
			if id == "" {
				return usagef("which line? --entry ID, its entry_id in the ledger")
			}
			if _, err := f.dataset("ledger", cmd.Flags().Changed("snapshot")); err != nil {
				return err
			}
			return p.exportBundle(cmd.Context(), f, bundleManifest{Bundle: evidenceBundle, Entry: &dossier.Entry{ID: id, Wallet: wallet}}, "evidence", id)
		},
	}
	f.flags(cmd)
	cmd.Flags().StringVar(&id, "entry", "", "`ID` of the line")
	cmd.Flags().StringVar(&wallet, "wallet", "", "its `WALLET`, where several have a line of that id")
	return cmd
}

var unfit = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// exportBundle opens what is needed, records who asks where persons are shown,
// and packs.
func (p *program) exportBundle(ctx context.Context, f bundleFlags, m bundleManifest, kind, subject string) (err error) {
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if m.Bundle == archiveBundle {
		if m.HighValue = h.cfg.Compliance.HighValue; len(m.HighValue) == 0 {
			return usagef("%s does not say from which amount on a transfer is of high value; write compliance: {high_value: [10000.00 AZN]}", h.cfg.File)
		}
	}
	if h.state == nil {
		if err := h.openState(ctx); err != nil {
			return err
		}
	}
	s, err := h.openShop(ctx, f.exportFlags)
	if err != nil {
		return err
	}
	if s.snapshot == 0 {
		return errors.New("nothing is loaded yet; type: paylake run")
	}
	if f.file == "" {
		f.file = fmt.Sprintf("%s-%s-s%d.zip", kind, unfit.ReplaceAllString(subject, "_"), s.snapshot)
	}
	if f.reader != "analyst" {
		act := state.Act{Actor: cmp.Or(f.by, p.actor()), Action: "export " + kind, Subject: subject, Reason: f.reason}
		if err := h.state.Audit(ctx, act); err != nil {
			return err
		}
	}
	if err := h.pack(ctx, s, m, f.exportFlags); err != nil {
		return fmt.Errorf("export %s: %w", kind, err)
	}
	fmt.Fprintf(p.stderr, "%s of %s as of manifest %d (sha256 %.12s…), %s rows", kind, subject, s.snapshot, s.sha256, thousands(s.rows))
	if m.Bundle == archiveBundle {
		fmt.Fprintf(p.stderr, "; transfers from %s on", thresholds(m.HighValue))
	}
	fmt.Fprintln(p.stderr)
	return nil
}
