package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/lake"
)

func (p *program) proveCommand() *cobra.Command {
	var sequence int64
	var object, out string
	cmd := &cobra.Command{
		Use: "prove [LAKE-URL]", Short: "Write a proof that a snapshot is in the transparency log", Args: cobra.MaximumNArgs(1),
		Long: `Writes a C2SP .tlog-proof: the manifest of a snapshot, its place in the log, and
a signed checkpoint. paylake verify --proof FILE --key FILE accepts it alone,
without the lake. --object names the one file that the proof is about. Exit code
6: the lake or its log does not hold, so there is nothing to prove from.`,
		Example: "  paylake prove --snapshot 12 -o snapshot-12.tlog-proof\n  paylake prove --snapshot 12 --object objects/ledger/….parquet",
		RunE: func(cmd *cobra.Command, args []string) error {
			if sequence < 1 {
				return usagef("--snapshot N is missing; paylake snapshots lists them")
			}
			url, err := p.lakeURL(args)
			if err != nil {
				return err
			}
			proof, err := lake.Prove(cmd.Context(), url, sequence, object)
			switch {
			case errors.Is(err, lake.ErrRange), errors.Is(err, lake.ErrNoFile):
				return misconfigured(err)
			case errors.Is(err, sinks.ErrCorrupt):
				return &failure{code: codeVerify, err: err}
			case err != nil:
				return err
			}
			if out == "" {
				_, err = p.stdout.Write(proof)
				return err
			}
			if err := os.WriteFile(out, proof, 0o644); err != nil {
				return fmt.Errorf("write the proof: %w", err)
			}
			fmt.Fprintln(p.stderr, "wrote", out)
			return nil
		},
	}
	flags := cmd.Flags()
	flags.Int64Var(&sequence, "snapshot", 0, "`N` of the manifest")
	flags.StringVar(&object, "object", "", "`PATH` of one of its files, as paylake snapshots N shows it")
	flags.StringVarP(&out, "output", "o", "", "write to `FILE`")
	return cmd
}
