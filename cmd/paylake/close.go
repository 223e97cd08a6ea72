package main

// Closing a period: what is known then stays known, and what comes later is told
// apart from it.

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/cmd/internal/decisions"
	"github.com/paylake/paylake/cmd/internal/reconcile"
)

type closeFlags struct {
	by, reason string
	anyway     bool
}

// closedBecause is the reason of a closing for which nobody gave one.
const closedBecause = "month-close"

func (p *program) closeCommand() *cobra.Command {
	var f closeFlags
	cmd := &cobra.Command{
		Use: "close PERIOD --by NAME", Short: "Close a month or quarter: what changes afterwards is its restatement", Args: cobra.ExactArgs(1),
		Long: `Commits that a period is closed, with the manifest that the lake had reached: what
was known then. Nothing is rewritten and nothing is refused afterwards; rows that
come late load as ever, and paylake restatements says what they changed.

A period is not closed that goes on, that is closed already, that is held back from
publication, or of which something is still owed. --anyway closes the last of these,
with a reason. Differences of a closed period can no longer be accepted, nor can it
be held back.`,
		Example: `  paylake close 2026-03 --by "A. Accountant"
  paylake close 2026-03 --by "A. Accountant" --anyway --reason "wallet wlt_7 cannot be read any more, case 9"`,
		RunE: func(cmd *cobra.Command, args []string) error { return p.closePeriod(cmd.Context(), args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.by, "by", "", "`NAME` of who closes it")
	flags.StringVar(&f.reason, "reason", "", "why, `TEXT` for the record ("+closedBecause+")")
	flags.BoolVar(&f.anyway, "anyway", false, "although something of it is still owed; needs --reason")
	return cmd
}

func (p *program) closePeriod(ctx context.Context, name string, f closeFlags) (err error) {
	period, err := reconcile.ParsePeriod(name)
	if err != nil {
		return usagef("close: %w", err)
	}
	span, err := decisions.ParseSpan(name)
	if err != nil {
		return usagef("close: %w", err)
	}
	if f.reason == "" && !f.anyway {
		f.reason = closedBecause
	}
	if err := decisions.CheckWords(f.by, f.reason); err != nil {
		return usagef("close: %w", err)
	}
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if err := period.Over(p.now(), h.walletZones()); err != nil {
		return usagef("close: %w", err)
	}
	if err := h.openExisting(ctx); err != nil {
		return err
	}
	if err := h.openState(ctx); err != nil {
		return err
	}
	var known int64
	made, err := h.decide(ctx, func(so *decisions.Ledger, head int64) ([]decisions.Decision, error) {
		known = head
		if err := h.closable(ctx, period, span, so, f.anyway); err != nil {
			return nil, err
		}
		return []decisions.Decision{{Kind: decisions.Close, Period: period.Name, By: f.by, Reason: f.reason, AsOf: head}}, nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "%s is closed by %s as of manifest %d; the decision is manifest %d. What changes from now on: paylake restatements %s\n", period.Name, f.by, known, made.Manifest, period.Name)
	return nil
}

// closable says what stands in the way of closing a period.
func (h *house) closable(ctx context.Context, period reconcile.Period, span decisions.Span, so *decisions.Ledger, anyway bool) error {
	if by, closed := so.Closed(span); closed {
		return closedError("close", by)
	}
	if d, ok := so.Hold(span); ok && d.Kind == decisions.Hold {
		return usagef("close: %s is held back (%s) and not signed off; reconcile it first: paylake reconcile --period %s --expect FILE", period.Name, signed(d), period.Name)
	}
	if anyway {
		return nil
	}
	var r reconcile.Report
	if err := h.unread(ctx, period, &r); err != nil {
		return err
	}
	if len(r.Unread) > 0 {
		u := r.Unread[0]
		return usagef("close: not all of %s is read: of %d wallets something is owed, first of %s from %s on; paylake run reads it, or close it --anyway with a --reason", period.Name, len(r.Unread), u.Wallet, instant(u.From))
	}
	return nil
}
