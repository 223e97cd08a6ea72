package main

// Sending what is approved, and the payer's approval code.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

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

Exit code 0: all are accepted or paid; 3: some are declined or of unknown outcome;
4: some wait for a person, or were kept from being sent; of several the gravest.

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
	var came sendings
	for _, it := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		out, err := sender.Send(ctx, it.PaymentID, again)
		d.told = true
		if errors.Is(err, gate.ErrKilled) {
			return &failure{code: graver(came.code, pipeline.CodePerson), err: err}
		}
		if err == nil && out.Status == gate.Approved { // nobody could be reached, and nothing went out
			err = fmt.Errorf("%s: %s", out.PaymentID, out.Reason)
		}
		if err != nil {
			fmt.Fprintln(p.stderr, "not sent:", err)
			came.unsent, came.code = came.unsent+1, graver(came.code, p.codeOf(personMust(err)))
			continue
		}
		fmt.Fprintf(p.stdout, "%s %s %s %s\n", out.PaymentID, out.Order.Amount(), out.Status, out.Reason)
		came.of(out.Status)
	}
	if len(list) == 0 {
		fmt.Fprintln(p.stderr, "nothing is approved and waits to be sent")
	}
	if came.code == pipeline.CodeDone || came.unclear > 0 {
		fmt.Fprintln(p.stderr, "paylake up asks how they end; or: paylake pay status --poll")
	}
	return came.conclude(len(list))
}

// sendings is what came of sending.
type sendings struct {
	unsent, declined, unclear, manual int
	code                              int
}

// of counts a payment that was sent and stands at a status.
func (s *sendings) of(status gate.Status) {
	switch status {
	case gate.Manual:
		s.manual++
		s.code = graver(s.code, pipeline.CodePerson)
	case gate.Decline:
		s.declined++
		s.code = graver(s.code, pipeline.CodeFinding)
	case gate.Unknown:
		s.unclear++
		s.code = graver(s.code, pipeline.CodeFinding)
	}
}

// conclude is the exit code of sending.
func (s *sendings) conclude(all int) error {
	if s.code == pipeline.CodeDone {
		return nil
	}
	var said []string
	for _, one := range []struct {
		n    int
		what string
	}{{s.unsent, "not sent"}, {s.manual, "waiting for a person's decision"}, {s.unclear, "of unknown outcome"}, {s.declined, "declined"}} {
		if one.n > 0 {
			said = append(said, fmt.Sprintf("%d %s", one.n, one.what))
		}
	}
	return &failure{code: s.code, err: fmt.Errorf("of %d payments: %s", all, strings.Join(said, ", "))}
}

// graver is the graver of two exit codes: as for runs, and a mistake of the
// configuration after what failed.
func graver(a, b int) int {
	for _, code := range []int{pipeline.CodeInterrupted, pipeline.CodeBusy, pipeline.CodeFailed, codeUsage, pipeline.CodePerson, pipeline.CodeFinding} {
		if a == code || b == code {
			return code
		}
	}
	return pipeline.CodeDone
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
