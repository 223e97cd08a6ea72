package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/pipeline/state"
)

func (p *program) keysCommand() *cobra.Command {
	group := &cobra.Command{
		Use: "keys", Short: "Keys of our own", Args: cobra.NoArgs, Example: "  paylake keys rotate pseudonym\n  paylake keys show audit",
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var by string
	var finish bool
	rotate := &cobra.Command{
		Use: "rotate NAME", Short: "Put a new version of a key in use: pseudonym, audit", Args: cobra.ExactArgs(1),
		Long: `pseudonym: makes a new key, sealed in the state database, for the pseudonyms of
what is read from now on. Rows under former versions stay what they are, compare
as the same rows, and join in the warehouse. keys.pseudonym of the configuration
is version 1 and still needed. Keep a backup of the state database: without it
the new versions are lost.

audit: puts a new signing key before the old ones in the file of keys.audit (or
of data_dir). Every checkpoint then carries a signature by each, so that auditors
with either verifier key go on; --finish leaves the newest key alone.`,
		Example: "  paylake keys rotate pseudonym\n  paylake keys rotate audit\n  paylake keys rotate audit --finish", ValidArgs: []string{"pseudonym", "audit"},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case args[0] == "audit":
				return p.rotateAudit(cmd.Context(), cmp.Or(by, p.actor()), finish)
			case args[0] != "pseudonym":
				return usagef("%q is no key that can be rotated here; there are pseudonym and audit", args[0])
			case finish:
				return usagef("--finish is for audit: former pseudonym keys are always needed")
			}
			return p.rotatePseudonyms(cmd.Context(), cmp.Or(by, p.actor()))
		},
	}
	rotate.Flags().StringVar(&by, "by", "", "`NAME` of who asks ($USER)")
	rotate.Flags().BoolVar(&finish, "finish", false, "audit: stop signing with the former keys")
	group.AddCommand(rotate, p.keysGenerateCommand(), p.keysShowCommand())
	return group
}

func (p *program) rotatePseudonyms(ctx context.Context, by string) (err error) {
	h, err := p.openPersons(ctx)
	if h != nil {
		defer func() { err = errors.Join(err, h.close()) }()
	}
	if err != nil {
		return err
	}
	key, err := h.cfg.Keys.Pseudonym.Value(ctx)
	if err != nil {
		return misconfigured(err)
	}
	version, err := h.state.RotatePseudonymKey(ctx, proofOf(key), proofOf, state.Act{Actor: by, Action: "rotate", Reason: "keys rotate pseudonym"})
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "version %d of the pseudonym key is in use from the next run on; a running paylake up takes it when it is started again\n", version)
	return nil
}
