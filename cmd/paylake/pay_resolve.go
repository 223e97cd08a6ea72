package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/sinks/gate"
)

func (p *program) payResolveCommand() *cobra.Command {
	var as, by, reason string
	cmd := &cobra.Command{
		Use: "resolve PAYMENT --as success|decline --by NAME --reason TEXT", Short: "End by a person's word what the platform does not end", Args: cobra.ExactArgs(1),
		Long: `Ends a payment that waits for a decision (state manual), or one that the platform
says it does not know, after somebody has found out what became of it. It is
recorded. Evidence to the contrary that comes later is a finding.`,
		Example: `  paylake pay resolve pl_0123… --as decline --by aysel --reason "the bank's statement of 3 November has no such payment"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if as == "" || by == "" || reason == "" {
				return usagef("resolve needs --as success or decline, --by NAME and --reason TEXT")
			}
			return p.payResolve(cmd.Context(), args[0], gate.Status(as), by, reason)
		},
	}
	cmd.Flags().StringVar(&as, "as", "", "how it has ended: `success|decline`")
	cmd.Flags().StringVar(&by, "by", "", "`NAME` of who decides, not of who has planned it")
	cmd.Flags().StringVar(&reason, "reason", "", "why, `TEXT` for the record")
	_ = cmd.RegisterFlagCompletionFunc("as", cobra.FixedCompletions([]string{string(gate.Success), string(gate.Decline)}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (p *program) payResolve(ctx context.Context, id string, as gate.Status, by, reason string) (err error) {
	d, err := p.openPayments(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close(ctx)) }()
	if err := d.mayDecide(by); err != nil {
		return err
	}
	err = d.register.Decide(ctx, gate.Ask{IDs: []string{id}}, func(v gate.View) ([]gate.Change, error) {
		it, ok := v.Intents[id]
		if !ok {
			return nil, usagef("there is no payment %q; see: paylake pay status", id)
		}
		it, line, err := it.Resolve(as, by, reason, d.h.p.now())
		return []gate.Change{{Intent: it, Line: line}}, err
	})
	if err != nil {
		return personMust(err)
	}
	d.told = true
	_, err = fmt.Fprintf(p.stdout, "%s is %s, says %s\n", id, as, by)
	return err
}
