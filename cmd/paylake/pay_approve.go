package main

// Approving payments: somebody else than the maker looks at a batch and signs
// its fingerprints.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/sinks/gate"
)

func (p *program) payKeyCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "key NAME", Short: "Make the key with which somebody approves payments", Args: cobra.ExactArgs(1),
		Long: `Makes an Ed25519 key for a person. The person keeps it; the verifier key, which is
printed, is put into the configuration: payments.approvers.`,
		Example: "  paylake pay key aysel -o aysel.key",
		RunE: func(_ *cobra.Command, args []string) error {
			if !endpointName.MatchString(args[0]) {
				return usagef("%q cannot be an approver's name; use lower-case letters, digits, _ and -, at most 63", args[0])
			}
			key, verifier, err := gate.GenerateApprover(args[0])
			if err != nil {
				return err
			}
			if out == "" {
				out = args[0] + ".key"
			}
			if err := writeNew(out, key+"\n"); err != nil {
				return fmt.Errorf("write the key: %w", err)
			}
			fmt.Fprintln(p.stdout, verifier)
			fmt.Fprintf(p.stderr, "%s has the key; put into the configuration:\n  payments:\n    approvers: {%s: %q}\n", out, args[0], verifier)
			return nil
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "write the key to `FILE` (0600), which must not exist (NAME.key)")
	return cmd
}

// approveFlags are those of `pay approve`.
type approveFlags struct {
	by, key string
	yes     bool
}

func (p *program) payApproveCommand() *cobra.Command {
	var f approveFlags
	cmd := &cobra.Command{
		Use: "approve BATCH --by NAME --key FILE", Short: "Approve a batch of drafts that somebody else has planned", Args: cobra.ExactArgs(1),
		Long: `Shows the batch that paylake pay plan has named, with count and totals, and signs the
fingerprint of each of its payments. The approver is one of payments.approvers, and
never the maker. A draft that was edited since makes another batch: plan again and
look again. Approved payments are sent by paylake pay send --live.`,
		Example: "  paylake pay approve b_51d2c07be83af694 --by aysel --key aysel.key",
		RunE:    func(cmd *cobra.Command, args []string) error { return p.payApprove(cmd.Context(), args[0], f) },
	}
	cmd.Flags().StringVar(&f.by, "by", "", "`NAME` of who approves, one of payments.approvers")
	cmd.Flags().StringVar(&f.key, "key", "", "the approver's key: `FILE`, or env:NAME")
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do not ask whether count and totals are right")
	return cmd
}

func (p *program) payApprove(ctx context.Context, id string, f approveFlags) (err error) {
	if f.by == "" || f.key == "" {
		return usagef("approve needs --by NAME and --key FILE; a key is made by: paylake pay key NAME")
	}
	d, err := p.openPayments(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close(ctx)) }()
	if _, ok := d.h.cfg.Payments.Approvers[f.by]; !ok {
		return misconfigured(fmt.Errorf("payments.approvers of %s has no %q; a key is made by: paylake pay key %s", d.h.cfg.File, f.by, f.by))
	}
	batch, list, err := d.batch(ctx, id)
	if err != nil {
		return err
	}
	key, err := p.keyText(f.key)
	if err != nil {
		return usagef("--key: %w", err)
	}
	by, note, err := batch.Sign(key)
	if err != nil {
		return usagef("--key: %w", err)
	}
	if by != f.by {
		return usagef("--key is the key of %s, and --by says %s", by, f.by)
	}
	p.showIntents(list)
	fmt.Fprintf(p.stdout, "%s, %d payments, %s\n", batch.ID, batch.Count, batch.TotalsText())
	if err := p.sayAbove(d.above(ctx, list)); err != nil {
		return err
	}
	if !f.yes {
		if err := p.sure(ctx, "Approve them"); err != nil {
			return err
		}
	}
	ids := make([]string, len(list))
	for i, it := range list {
		ids[i] = it.PaymentID
	}
	now := d.h.p.now()
	ap := gate.Approval{By: f.by, Batch: batch.ID, At: now, Note: note}
	err = d.register.Decide(ctx, gate.Ask{IDs: ids}, gate.ApproveBatch(ids, ap, d.h.cfg.Payments.Approvers, now))
	if err != nil {
		return personMust(err)
	}
	d.told = true
	fmt.Fprintf(p.stdout, "approved by %s\n", f.by)
	if err := d.live(); err != nil {
		fmt.Fprintln(p.stderr, "payments.live is not true: nothing is sent")
	} else {
		fmt.Fprintf(p.stderr, "now: paylake pay send %s --live\n", batch.ID)
	}
	return nil
}

// batch finds a batch and its drafts as they stand now.
func (d *payDesk) batch(ctx context.Context, id string) (gate.Batch, []gate.Intent, error) {
	stored, err := d.payments.Batch(ctx, id)
	if errors.Is(err, state.ErrAbsent) {
		return gate.Batch{}, nil, usagef("there is no batch %q; paylake pay plan names them", id)
	}
	if err != nil {
		return gate.Batch{}, nil, err
	}
	list := make([]gate.Intent, 0, len(stored.IDs))
	for _, one := range stored.IDs {
		it, err := d.register.Load(ctx, one)
		if err != nil {
			return gate.Batch{}, nil, err
		}
		list = append(list, it)
	}
	batch, err := gate.BatchOf(list)
	if err == nil && batch.ID != id {
		err = personMust(fmt.Errorf("batch %s: %w", id, gate.ErrBatch))
	}
	return batch, list, err
}

// keyText reads an approver's key: a file, or a variable of the environment.
func (p *program) keyText(ref string) (string, error) {
	if name, ok := strings.CutPrefix(ref, "env:"); ok {
		if text := p.getenv(name); text != "" {
			return text, nil
		}
		return "", fmt.Errorf("the variable %s is not set", name)
	}
	text, err := os.ReadFile(ref)
	return string(text), err
}

// personMust marks what a person has to do something about first.
func personMust(err error) error {
	for _, usage := range []error{gate.ErrApproval, gate.ErrState, gate.ErrBatch, gate.ErrLimit, gate.ErrKilled, gate.ErrOrder, gate.ErrMethod} {
		if errors.Is(err, usage) {
			return &failure{code: pipeline.CodePerson, err: err}
		}
	}
	return err
}

// sure asks a person; everything but yes is no.
func (p *program) sure(ctx context.Context, what string) error {
	fmt.Fprintf(p.stderr, "%s? Type yes: ", what)
	p.stdin.turn.Lock()
	defer p.stdin.turn.Unlock()
	text, err := p.stdin.line(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil || !strings.EqualFold(text, "yes") {
		return usagef("nothing was changed: nobody typed yes; a program gives --yes")
	}
	return nil
}
