package main

// `paylake match` and `paylake unmatch`: pairs of rows that people make and take
// apart, and the list of all of them.

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/cmd/internal/decisions"
	"github.com/paylake/paylake/cmd/internal/match"
	"github.com/paylake/paylake/cmd/internal/matching"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/sinks/clickhouse"
)

func (p *program) matchCommand() *cobra.Command {
	var by, reason string
	cmd := &cobra.Command{
		Use: "match LEFT RIGHT…", Short: "Say that rows of two systems are the same money", Args: cobra.MinimumNArgs(2),
		Long: `Rules match rows of two systems at the end of every run (docs/reconciliation.md).
Where they cannot, a person does: the pair goes into the lake as a decision, with
who and why, and beats every rule. A row is named table:source:account:id, as
paylake match list and the views show it. Of a payment that was booked in parts
name the whole first and then its parts.

What cannot be the same money is refused: another currency, amounts that differ
or do not add up, rows that moved none, a row that a person matched before.
paylake unmatch takes a pair apart; no rule makes it again.`,
		Example: `  paylake match ledger:mpay:wlt_441b:txn_88a1 bank_entries:bank:AZ77•••••3456:BB-1029 --by "Aysel M." --reason "receipt 2026-118"
  paylake match list --period 2026-03 --open`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.decidePair(cmd.Context(), args, by, reason, func(ctx context.Context, d matching.Desk, so *decisions.Ledger, rows []match.Key) ([]decisions.Decision, error) {
				return d.Match(ctx, so, rows[0], rows[1:])
			})
		},
	}
	whoAndWhy(cmd, &by, &reason)
	cmd.AddCommand(p.matchListCommand())
	return cmd
}

func (p *program) unmatchCommand() *cobra.Command {
	var by, reason string
	cmd := &cobra.Command{
		Use: "unmatch LEFT RIGHT", Short: "Say that two rows are not the same money", Args: cobra.ExactArgs(2),
		Long: `Takes a pair apart that a rule, a person or the view double_counts made. It is a
decision in the lake, with who and why: both rows count again, and no rule makes
the pair a second time. paylake match makes it again.`,
		Example: `  paylake unmatch ledger:mpay:wlt_441b:txn_88a1 bank_entries:bank:AZ77•••••3456:BB-1029 --by "Aysel M." --reason "two visits to one shop"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.decidePair(cmd.Context(), args, by, reason, func(ctx context.Context, d matching.Desk, so *decisions.Ledger, rows []match.Key) ([]decisions.Decision, error) {
				return d.Unmatch(ctx, so, rows[0], rows[1])
			})
		},
	}
	whoAndWhy(cmd, &by, &reason)
	return cmd
}

func whoAndWhy(cmd *cobra.Command, by, reason *string) {
	cmd.Flags().StringVar(by, "by", "", "`NAME` of who decides")
	cmd.Flags().StringVar(reason, "reason", "", "`TEXT` that says why")
}

type decide func(context.Context, matching.Desk, *decisions.Ledger, []match.Key) ([]decisions.Decision, error)

// decidePair records what a person decides about rows, and has the matches and
// the warehouse follow it.
func (p *program) decidePair(ctx context.Context, args []string, by, reason string, plan decide) (err error) {
	if err := decisions.CheckWords(by, reason); err != nil {
		return usagef("%w", err)
	}
	var rows []match.Key
	for _, a := range args {
		k, err := matching.ParseKey(a)
		if err != nil {
			return usagef("%w", err)
		}
		rows = append(rows, k)
	}
	p.boundMemory()
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	ch, followers, err := h.openDesk(ctx)
	if err != nil {
		return err
	}
	shown, err := ch.Newest(ctx, 0)
	if err != nil {
		return err
	}
	desk := matching.Desk{Warehouse: ch, Query: clickhouse.Query{Snapshot: shown.Sequence, User: "auditor"}, By: by, Reason: reason}
	done, err := decisions.Record(ctx, h.lake, p.now, func(so *decisions.Ledger, _ int64) ([]decisions.Decision, error) { return plan(ctx, desk, so, rows) })
	if errors.Is(err, matching.ErrRefused) || errors.Is(err, matching.ErrMoney) || errors.Is(err, decisions.ErrDecision) {
		return usagef("%w", err)
	}
	if err != nil {
		return err
	}
	for _, d := range done.Made {
		fmt.Fprintf(p.stdout, "%s: %s %s and %s, manifest %d\n", d.ID, d.Kind, match.Key(d.Left), match.Key(d.Right), done.Manifest)
	}
	for _, d := range done.Standing {
		fmt.Fprintf(p.stdout, "%s says so already\n", d.ID)
	}
	return p.conclude(h.follows(ctx, ch, followers))
}

// openDesk opens what a decision about rows needs: the lake to write in, and the
// warehouse up to its head.
func (h *house) openDesk(ctx context.Context) (*clickhouse.Warehouse, *pipeline.Followers, error) {
	if err := h.openState(ctx); err != nil {
		return nil, nil, err
	}
	if err := h.openPseudonyms(ctx); err != nil {
		return nil, nil, err
	}
	if err := h.openLake(ctx); err != nil {
		return nil, nil, err
	}
	if err := h.openLog(ctx); err != nil {
		return nil, nil, err
	}
	h.store = h.newWarehouse()
	followers := pipeline.NewFollowers(h.followers()...)
	ch, err := h.store.get(ctx)
	if err != nil {
		return nil, nil, err
	}
	followers.Nudge(ctx)
	for _, f := range followers.Wait(ctx) {
		if f.Err != nil && f.Name == h.store.Name() {
			return nil, nil, fmt.Errorf("the warehouse cannot follow the lake: %w", f.Err)
		}
	}
	return ch, followers, nil
}

// follows matches anew after a decision. What cannot be done now the next run
// does: the decision stands.
func (h *house) follows(ctx context.Context, ch *clickhouse.Warehouse, followers *pipeline.Followers) pipeline.Verdict {
	v := h.caughtUp(ctx, followers)
	if v.Code != pipeline.CodeDone {
		return v
	}
	out, err := h.match(ctx, ch)
	if err != nil {
		return pipeline.Verdict{Code: pipeline.CodeFailed, Why: []string{fmt.Sprintf("the decision stands; rows are matched anew by the next run: %v", err)}}
	}
	if out.Manifest == 0 {
		return v
	}
	return h.caughtUp(ctx, followers)
}
