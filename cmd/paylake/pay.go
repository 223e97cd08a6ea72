package main

// Payments on the command line: planned by one person, approved by another,
// sent once.

import "github.com/spf13/cobra"

func (p *program) payCommand() *cobra.Command {
	group := &cobra.Command{
		Use: "pay", Short: "Initiate payments: planned by one, approved by another, sent once", Args: cobra.NoArgs,
		Long: `Jobs of the configuration read the warehouse and draft payments; somebody else than
the maker approves a batch; it is sent, once, within limits that are 0 unless they
are configured. Nothing is ever sent without payments.live: true, --live and an
approval. docs/payments.md explains each step, and what happens when the outcome
is unknown.`,
		Example: `  paylake pay plan bills --by farid
  paylake pay approve b_51d2c07be83af694 --by aysel --key aysel.key
  paylake pay send b_51d2c07be83af694 --live
  paylake pay confirm pl_0123…
  paylake pay status`,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	group.AddCommand(p.payPlanCommand(), p.payApproveCommand(), p.paySendCommand(), p.payConfirmCommand(), p.payStatusCommand(), p.payLinkCommand(),
		p.payResolveCommand(), p.payCheckCommand(), p.payKillCommand(), p.payResumeCommand(), p.payKeyCommand())
	return group
}
