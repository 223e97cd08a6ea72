package main

// Stopping every sender at once, and letting them go on.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/gate"
)

// killFlags are those of `pay kill` and `pay resume`.
type killFlags struct{ by, reason string }

func (f *killFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.by, "by", "", "`NAME` of who does it ($USER)")
	cmd.Flags().StringVar(&f.reason, "reason", "", "why, `TEXT` for the record")
}

func (p *program) payKillCommand() *cobra.Command {
	var f killFlags
	cmd := &cobra.Command{
		Use: "kill", Short: "Stop every sender of payments at once", Args: cobra.NoArgs,
		Long: `Turns the kill switch on, in the state database for every process and in data_dir for
those of this machine, and returns when no sender is at it any more: from then on
nothing is sent until paylake pay resume. Payments that are with the platform
already go on there, and what becomes of them is still found out.`,
		Example: `  paylake pay kill --reason "the amounts of October look wrong"`,
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.payKill(cmd.Context(), f) },
	}
	f.add(cmd)
	return cmd
}

func (p *program) payResumeCommand() *cobra.Command {
	var f killFlags
	cmd := &cobra.Command{
		Use: "resume --reason TEXT", Short: "Let payments be sent again", Args: cobra.NoArgs,
		Long:    `Turns the kill switch off. Who did it and why is recorded.`,
		Example: `  paylake pay resume --reason "the amounts were right"`,
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.payResume(cmd.Context(), f) },
	}
	f.add(cmd)
	return cmd
}

func (p *program) payKill(ctx context.Context, f killFlags) (err error) {
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	d := &payDesk{h: h}
	// The file first: it stops this machine when nothing else can be reached.
	text := fmt.Sprintf("%s: stopped by %s: %s\n", p.now().UTC().Format(time.RFC3339), cmp.Or(f.by, p.actor()), f.reason)
	err = os.MkdirAll(h.cfg.DataDir, 0o700)
	if err == nil {
		err = sinks.ReplaceFile(d.killedFile(), []byte(text), 0o600)
	}
	if err != nil {
		fmt.Fprintln(p.stderr, "payments.killed could not be written:", err)
	}
	if err := h.openState(ctx); err != nil {
		return fmt.Errorf("senders of this machine are stopped; others may go on, because the state database cannot be reached: %w", err)
	}
	d.payments = h.state.Payments()
	if err := d.payments.Kill(ctx, cmp.Or(f.by, p.actor()), f.reason); err != nil {
		return fmt.Errorf("senders of this machine are stopped; others may go on: %w", err)
	}
	fmt.Fprintln(p.stderr, "payments are stopped; waiting for senders that are at it")
	left, err := d.drained(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "payments are stopped: nothing is sent until paylake pay resume\n")
	if left > 0 {
		fmt.Fprintf(p.stdout, "%d payments were being sent by a process that has died; paylake up or paylake pay status --poll finds out\n", left)
	}
	return nil
}

const drainedEvery = 200 * time.Millisecond

// drained waits until no sender is at it: until every claim, and every code that
// is handed over, has been answered or has run out. It returns how many claims
// have run out.
func (d *payDesk) drained(ctx context.Context) (lapsed int, err error) {
	tick := time.NewTicker(drainedEvery)
	defer tick.Stop()
	for {
		rows, err := d.payments.List(ctx, state.PaymentFilter{Statuses: []string{string(gate.Sending), string(gate.Accepted)}})
		if err != nil {
			return 0, err
		}
		live := 0
		lapsed = 0
		for _, r := range rows {
			it, err := intentOf(r)
			if err != nil {
				return 0, err
			}
			switch {
			case it.AtIt(d.h.p.now()):
				live++
			case it.Status == gate.Sending:
				lapsed++
			}
		}
		if live == 0 {
			return lapsed, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

func (p *program) payResume(ctx context.Context, f killFlags) (err error) {
	if strings.TrimSpace(f.reason) == "" {
		return usagef("resume needs --reason TEXT: it is recorded with your name")
	}
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if err := h.openState(ctx); err != nil {
		return err
	}
	if err := h.state.Payments().Resume(ctx, cmp.Or(f.by, p.actor()), f.reason); err != nil {
		return err
	}
	if err := os.Remove((&payDesk{h: h}).killedFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the switch is off in the state database, and this machine is still stopped: %w", err)
	}
	fmt.Fprintln(p.stdout, "payments may be sent again")
	return nil
}
