package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/cmd/internal/decisions"
	"github.com/paylake/paylake/cmd/internal/reconcile"
	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline"
)

type reconcileFlags struct {
	period, expect     string
	accept, by, reason string
	explain, confirm   string
	state, kind        string
	hold               bool
	repair, findings   bool
	rows               int
	asJSON             bool
}

func (p *program) reconcileCommand() *cobra.Command {
	var f reconcileFlags
	cmd := &cobra.Command{
		Use: "reconcile [--period MONTH] [--expect FILE | --repair | --findings]", Short: "Compare a month's totals, follow balances, list what does not fit, down to the rows",
		Long: `Sums the wallets' ledger of one month (or quarter) up twice, from the lake's own
objects and from the warehouse's views, and compares both with each other, row by
row, and with the totals that --expect brings. Business dates decide what belongs
to the period: calendar days in the source's zone.

An expectation is a line of a CSV file with a header, or a mapping of a YAML list:

  wallet_id, provider_code, category, currency   whose total it is; left out or
      empty: all of them together (a currency only where the rows have just one);
      "-" for rows without a provider or category
  what      spend (the default), refunds, net, debit or credit
  amount    an exact decimal such as 1310.20, or amount_minor in minor units
  count     how many rows make it; may be empty

Spend, refunds and net are the words of spend_by_provider. Debit and credit are all
that left or reached the wallets, transfers and top-ups as well; pending rows are
in neither. No amount is signed, but net.

What does not agree is listed with its rows. Money that no line is about is a
finding, too. Every difference has an id: --accept takes the difference as it is,
to the minor unit, and keeps who did so and why; should it become another amount, it
is open again. --hold keeps a period (also 2026-04.., a month and all that follow)
from analysts until it is signed off: until a comparison with --expect agrees, or
what does not is accepted. --by with --expect signs a period off that nobody held.
Decisions are commits in the lake, and acts in the audit log.

Without --expect the balances are followed as well, without --period those of all
time: where a wallet's balance does not come out of the one before and the row's
amount, between which two rows, how much is missing, and which windows have to be
read again; and where a platform's balance has moved by something else than its
operations, fees and chargebacks. --repair reads exactly these windows again, as
a run would, and says what has closed. --findings lists what the warehouse has
found in its rows, with ages: docs/reconciliation.md has the kinds. --explain and
--confirm keep what a person says of one of them, with who and why; saying the
other later replaces it.

Exit code 0: everything agrees or is accepted; 3: something does not; 2: the file or
the period cannot be used, and nothing was compared or decided.`,
		Example: `  paylake reconcile --period 2026-03 --expect totals.csv
  paylake reconcile --period 2026-Q1                       # lake against warehouse alone
  paylake reconcile --period 2026-03 --expect totals.yaml --json --rows 100
  paylake reconcile --period 2026-04.. --hold --by "A. Accountant" --reason "months are published when they are reconciled"
  paylake reconcile --period 2026-03 --expect totals.csv --accept fnd_5b1c0f77a9e2d384 --by "A. Accountant" --reason "paid in April, case 7"
  paylake reconcile                                        # balance chains of all that is read
  paylake reconcile --repair
  paylake reconcile --findings --state open
  paylake reconcile --explain fnd_5b1c0f77a9e2d384 --by "A. Auditor" --reason "two meters of one flat"

totals.csv:
  provider_code,currency,amount,count
  AZERSU_RES,AZN,1310.20,17
  MOB_AZERCELL,AZN,240.00,`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			if err := f.agree(); err != nil {
				return err
			}
			switch {
			case f.explain != "" || f.confirm != "":
				return p.judge(cmd.Context(), f)
			case f.findings:
				return p.listFindings(cmd.Context(), f)
			case f.repair:
				return p.repair(cmd.Context(), f)
			case f.period == "" && f.expect == "" && f.accept == "" && !f.hold:
				return p.balances(cmd.Context(), f)
			}
			return p.reconcile(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.period, "period", "", "a month (`YYYY-MM`) or quarter (YYYY-Q1) that is over")
	flags.StringVar(&f.expect, "expect", "", "`FILE` of expected totals, .csv or .yaml")
	flags.StringVar(&f.accept, "accept", "", "accept the difference `FINDING` as it is")
	flags.BoolVar(&f.hold, "hold", false, "hold the period back from publication")
	flags.StringVar(&f.explain, "explain", "", "`FINDING` of the warehouse has an innocent reason")
	flags.StringVar(&f.confirm, "confirm", "", "`FINDING` of the warehouse is what it looks like")
	flags.StringVar(&f.by, "by", "", "`NAME` of who decides")
	flags.StringVar(&f.reason, "reason", "", "why, `TEXT` for the record")
	flags.IntVar(&f.rows, "rows", 20, "list at most `N` rows of each difference")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	flags.BoolVar(&f.repair, "repair", false, "read the windows of broken balance chains again")
	flags.BoolVar(&f.findings, "findings", false, "list what the warehouse has found in its rows")
	flags.StringVar(&f.state, "state", "", "with --findings: only those in `STATE` open, explained or confirmed")
	flags.StringVar(&f.kind, "kind", "", "with --findings: only those of `KIND`")
	return cmd
}

// agree refuses flags that mean nothing together.
func (f reconcileFlags) agree() error {
	switch {
	case f.repair && f.findings:
		return usagef("--repair reads windows again and --findings lists; give one of them")
	case f.expect != "" && (f.repair || f.findings):
		return usagef("--expect compares totals; give it without --repair and --findings")
	case !f.findings && (f.state != "" || f.kind != ""):
		return usagef("--state and --kind pick findings; add --findings")
	}
	return nil
}

func (p *program) reconcile(ctx context.Context, f reconcileFlags) (err error) {
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if f.hold {
		return h.holdPeriod(ctx, f)
	}
	period, err := reconcile.ParsePeriod(f.period)
	if err != nil {
		return usagef("--period: %w", err)
	}
	in := reconcile.Input{File: filepath.Base(f.expect), List: f.rows, Period: period.Name}
	s := &signing{flags: f}
	if s.period, err = decisions.ParseSpan(period.Name); err != nil {
		return err
	}
	if f.expect != "" {
		if in.Lines, s.evidence, err = readExpectations(f.expect); err != nil {
			return err
		}
	}
	if err := period.Over(p.now(), h.walletZones()); err != nil {
		return usagef("--period: %w", err)
	}
	if err := h.openExisting(ctx); err != nil {
		return err
	}
	maybe, err := h.decidesMaybe(ctx, s)
	if err == nil && maybe {
		err = h.openState(ctx)
	}
	if err != nil {
		return err
	}
	snapshots, err := h.openSides(ctx, period, &in)
	if err != nil {
		return err
	}
	report, err := reconcile.Compare(ctx, in)
	if errors.Is(err, reconcile.ErrExpectations) {
		return usagef("%w", err)
	}
	if err != nil {
		return fmt.Errorf("reconcile %s: %w", period.Name, err)
	}
	report.Period, report.From, report.To = period.Name, period.From.Format(time.DateOnly), period.To.Format(time.DateOnly)
	report.Snapshot, report.WarehouseSnapshot = snapshots[0], snapshots[1]
	if err := h.unread(ctx, period, &report); err != nil {
		return err
	}
	if report.AmbiguousMatches, err = h.ambiguous(ctx, period, snapshots[1]); err != nil {
		return err
	}
	if err := h.sign(ctx, s, &report); err != nil {
		return err
	}
	var balances chainReport // a sign-off is about totals alone
	if f.expect == "" {
		ch, err := h.store.get(ctx)
		if err == nil {
			balances, err = h.chains(ctx, ch, &period)
		}
		if err != nil {
			return err
		}
	}
	switch {
	case f.asJSON && f.expect == "":
		err = p.json(struct {
			reconcile.Report
			chainReport
		}{report, balances})
	case f.asJSON:
		err = p.json(report)
	default:
		p.showReconciliation(report, f.expect)
		if f.expect == "" {
			p.showChains(balances, period.Name)
		}
	}
	if err == nil && !report.Agrees {
		err = &failure{code: pipeline.CodeFinding, err: fmt.Errorf("%s does not reconcile", period.Name), said: true}
	}
	if err == nil {
		err = balances.verdict("balances do not follow from each other")
	}
	return err
}

// maxExpectations is how large a file of expectations may be.
const maxExpectations = 32 << 20

// readExpectations reads a file and its SHA-256.
func readExpectations(file string) (lines []reconcile.Line, sha string, err error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, "", usagef("--expect: %w", err)
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxExpectations+1))
	if err != nil {
		return nil, "", usagef("--expect: read %s: %w", file, err)
	}
	if len(text) > maxExpectations {
		return nil, "", usagef("--expect: %s is larger than %d MiB; expect less at once", file, maxExpectations>>20)
	}
	digest := sha256.Sum256(text)
	lines, err = reconcile.ReadLines(file, text)
	if err != nil {
		return nil, "", usagef("%w", err)
	}
	return lines, hex.EncodeToString(digest[:]), nil
}

// walletZones are the zones in which a month must be over.
func (h *house) walletZones() []*time.Location {
	var zones []*time.Location
	for _, s := range h.cfg.Sources {
		if s.Type == config.MPAY {
			zones = append(zones, s.Zone)
		}
	}
	if len(zones) == 0 {
		zones = append(zones, time.UTC)
	}
	return zones
}
