package main

// Sending what is approved, and the payer's approval code.

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/sinks/gate"
)

// sendFlags are those of `pay send`.
type sendFlags struct {
	live, again, all bool
	by               string
}

func (p *program) paySendCommand() *cobra.Command {
	var f sendFlags
	cmd := &cobra.Command{
		Use: "send [BATCH | PAYMENT…]", Short: "Send approved payments; without --live it only shows what would be sent",
		Long: `Sends approved payments to the platform, each once: it is durably "sending" before a
connection is opened, and whatever happens then is found out by asking for its
status, never by sending again. Without --live nothing is sent and nothing changes.
--live also needs payments.live: true, limits and approvals.

--again has payments of unknown outcome sent once more, with the same bytes and the
same payment_id, where the platform has said at least twice that it does not know
them. Somebody else than the maker says so; look at the platform's dashboard first.`,
		Example: "  paylake pay send b_51d2c07be83af694\n  paylake pay send b_51d2c07be83af694 --live\n  paylake pay send pl_0123… --live --again --by aysel",
		RunE:    func(cmd *cobra.Command, args []string) error { return p.paySend(cmd.Context(), args, f) },
	}
	cmd.Flags().BoolVar(&f.live, "live", false, "really send")
	cmd.Flags().BoolVar(&f.again, "again", false, "send once more what the platform does not know")
	cmd.Flags().StringVar(&f.by, "by", "", "`NAME` of who says so, with --again, one of payments.approvers")
	cmd.Flags().BoolVar(&f.all, "all", false, "everything that is approved")
	return cmd
}

func (p *program) paySend(ctx context.Context, args []string, f sendFlags) (err error) {
	switch {
	case len(args) == 0 && !f.all:
		return usagef("send needs a batch, payments or --all; see: paylake pay status --state approved")
	case len(args) > 0 && f.all, f.again && f.all:
		return usagef("--all stands alone")
	}
	d, err := p.openPayments(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close(ctx)) }()
	if f.live {
		if err := d.live(); err != nil {
			return err
		}
	}
	list, err := d.named(ctx, args, string(gate.Approved))
	if err != nil {
		return err
	}
	if !f.live {
		return p.dryRun(ctx, d, list)
	}
	by := ""
	if f.again {
		if err := d.mayDecide(f.by); err != nil {
			return err
		}
		by = f.by
	}
	return p.sendAll(ctx, d, list, by)
}

// mayDecide says whether somebody may decide about payments whose outcome is
// unclear: the approvers may.
func (d *payDesk) mayDecide(by string) error {
	if _, ok := d.h.cfg.Payments.Approvers[by]; !ok {
		return usagef("--by names who decides, one of payments.approvers; %q is none", by)
	}
	return nil
}

// named finds the intents of batches and payments; with no names those of a
// status.
func (d *payDesk) named(ctx context.Context, names []string, status string) (list []gate.Intent, err error) {
	if len(names) == 0 {
		rows, err := d.payments.List(ctx, state.PaymentFilter{Statuses: []string{status}})
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			it, err := intentOf(r)
			if err != nil {
				return nil, err
			}
			list = append(list, it)
		}
		return list, nil
	}
	var ids []string
	for _, n := range names {
		b, err := d.payments.Batch(ctx, n)
		switch {
		case errors.Is(err, state.ErrAbsent):
			ids = append(ids, n)
		case err != nil:
			return nil, err
		default:
			ids = append(ids, b.IDs...)
		}
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		it, err := d.register.Load(ctx, id)
		if errors.Is(err, gate.ErrAbsent) {
			return nil, usagef("there is no payment and no batch %q; see: paylake pay status", id)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, it)
	}
	return list, nil
}

// dryRun shows what would be sent and what would keep it from being sent.
func (p *program) dryRun(ctx context.Context, d *payDesk, list []gate.Intent) error {
	sender, held := d.sender(), 0
	var would []gate.Intent
	for _, it := range list {
		err := sender.Rehearse(ctx, it.PaymentID)
		if err != nil {
			held++
			fmt.Fprintln(p.stderr, "would not be sent:", err)
			continue
		}
		would = append(would, it)
	}
	p.showIntents(would)
	b, err := gate.BatchOf(would)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "dry run: %d payments, %s would be sent; --live sends them\n", b.Count, b.TotalsText())
	if held > 0 {
		return &failure{code: pipeline.CodePerson, err: fmt.Errorf("%d payments would not be sent", held), said: true}
	}
	return nil
}

// sendAll sends one after the other. The first that is stopped by the kill
// switch stops the rest; other failures do not.
func (p *program) sendAll(ctx context.Context, d *payDesk, list []gate.Intent, again string) error {
	sender := d.sender()
	var failed []error
	for _, it := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		out, err := sender.Send(ctx, it.PaymentID, again)
		d.told = true
		if errors.Is(err, gate.ErrKilled) {
			return personMust(err)
		}
		if err != nil {
			fmt.Fprintln(p.stderr, "not sent:", err)
			failed = append(failed, err)
			continue
		}
		fmt.Fprintf(p.stdout, "%s %s %s %s\n", out.PaymentID, out.Order.Amount(), out.Status, out.Reason)
	}
	if len(list) == 0 {
		fmt.Fprintln(p.stderr, "nothing is approved and waits to be sent")
	}
	if len(failed) > 0 {
		err := personMust(failed[0])
		return &failure{code: p.codeOf(err), err: fmt.Errorf("%d of %d payments were not sent", len(failed), len(list))}
	}
	fmt.Fprintln(p.stderr, "paylake up asks how they end; or: paylake pay status --poll")
	return nil
}

func (p *program) payConfirmCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "confirm PAYMENT", Short: "Hand the payer's approval code over; it is read from standard input", Args: cobra.ExactArgs(1),
		Long: `Asks for the code that the payer has got from the bank and hands it to the platform,
once. The code is neither stored nor logged, and is no argument, because others see
the arguments of a process. It is good for 60 minutes.`,
		Example: "  paylake pay confirm pl_0123…\n  read-code | paylake pay confirm pl_0123…",
		RunE:    func(cmd *cobra.Command, args []string) error { return p.payConfirm(cmd.Context(), args[0]) },
	}
	return cmd
}

const maxCode = 32

func (p *program) payConfirm(ctx context.Context, id string) (err error) {
	d, err := p.openPayments(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close(ctx)) }()
	if err := d.live(); err != nil {
		return err
	}
	it, err := d.register.Load(ctx, id)
	if errors.Is(err, gate.ErrAbsent) {
		return usagef("there is no payment %q; see: paylake pay status", id)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stderr, "Code of the payer of %s (%s): ", it.PaymentID, it.Order.Amount())
	p.stdin.turn.Lock()
	code, err := p.stdin.line(ctx)
	p.stdin.turn.Unlock()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil || code == "" || len(code) > maxCode:
		return usagef("nobody typed a code of 1 to %d characters", maxCode)
	}
	it, err = d.sender().Confirm(ctx, id, code)
	d.told = true
	if err != nil {
		return personMust(err)
	}
	switch it.CodeState {
	case gate.CodeTaken:
		fmt.Fprintf(p.stdout, "%s: the platform has taken the code; paylake up hears how it ends\n", id)
	case gate.CodeRefused:
		return &failure{code: pipeline.CodePerson, err: fmt.Errorf("%s: the platform has refused the code (%s); type it again", id, it.Reason)}
	default:
		return fmt.Errorf("%s: no answer to the code; see what came of it: paylake pay status %s --poll", id, id)
	}
	return nil
}
