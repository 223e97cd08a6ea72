package main

import (
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/sinks/lake"
	"github.com/paylake/paylake/sinks/translog"
)

const countersignPatience = time.Minute

// checkpointCommand is what others need of the transparency log: its newest
// checkpoint to keep, to cosign and to stamp.
func (p *program) checkpointCommand() *cobra.Command {
	group := &cobra.Command{
		Use: "checkpoint", Short: "The transparency log's newest checkpoint: keep it, have it cosigned, have it stamped", Args: cobra.NoArgs,
		Example: "  paylake checkpoint show >checkpoint.kept\n  paylake checkpoint witness --url https://witness.example --witness witness.pub",
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	group.AddCommand(p.checkpointShow(), p.checkpointWitness(), p.checkpointStamp())
	return group
}

func (p *program) checkpointShow() *cobra.Command {
	var size int64
	cmd := &cobra.Command{
		Use: "show [LAKE-URL]", Short: "Print a checkpoint with its cosignatures", Args: cobra.MaximumNArgs(1),
		Long: `Prints the newest checkpoint, or the one of --size, for paylake verify --since.
Keep it where the lake's operator cannot write.`,
		Example: "  paylake checkpoint show s3://bucket >checkpoint.kept",
		RunE: func(cmd *cobra.Command, args []string) error {
			url, err := p.lakeURL(args)
			if err != nil {
				return err
			}
			raw, err := lake.ReadCheckpoint(cmd.Context(), url, size)
			if err != nil {
				return err
			}
			_, err = p.stdout.Write(raw)
			return err
		},
	}
	cmd.Flags().Int64Var(&size, "size", -1, "the checkpoint of `N` manifests")
	return cmd
}

func (p *program) checkpointWitness() *cobra.Command {
	var url, key string
	cmd := &cobra.Command{
		Use: "witness [LAKE-URL]", Short: "Have the newest checkpoint cosigned by a witness", Args: cobra.MaximumNArgs(1),
		Long: `Sends the newest checkpoint to a C2SP tlog-witness, with a proof that it continues
what the witness saw before, and stores the cosignature beside the checkpoint.`,
		Example: "  paylake checkpoint witness --url https://witness.example --witness witness.pub",
		RunE: func(cmd *cobra.Command, args []string) error {
			lakeURL, err := p.lakeURL(args)
			if err != nil {
				return err
			}
			witnesses, err := witnessesOf(key)
			if err != nil {
				return err
			}
			if url == "" || len(witnesses) != 1 {
				return usagef("give --url and --witness FILE with the key of that one witness")
			}
			r, err := lake.AskWitness(cmd.Context(), lakeURL, &http.Client{Timeout: countersignPatience}, url, witnesses[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(p.stdout, "checkpoint of %s manifests cosigned by %s at %s\n", thousands(r.Size), r.By, instant(r.At))
			return nil
		},
	}
	cmd.Flags().StringVar(&url, "url", "", "`URL` of the witness")
	cmd.Flags().StringVar(&key, "witness", "", "`FILE` with the witness's verifier key")
	return cmd
}

func (p *program) checkpointStamp() *cobra.Command {
	var url string
	cmd := &cobra.Command{
		Use: "stamp [LAKE-URL]", Short: "Have the newest checkpoint stamped by a time-stamping authority", Args: cobra.MaximumNArgs(1),
		Long:    "Asks an RFC 3161 authority for a stamp and stores it beside the checkpoint.",
		Example: "  paylake checkpoint stamp --url https://tsa.example/tsr",
		RunE: func(cmd *cobra.Command, args []string) error {
			lakeURL, err := p.lakeURL(args)
			if err != nil {
				return err
			}
			if url == "" {
				return usagef("--url is missing: the address of an RFC 3161 time-stamping authority")
			}
			r, err := lake.StampCheckpoint(cmd.Context(), lakeURL, &http.Client{Timeout: countersignPatience}, url)
			if err != nil {
				return err
			}
			fmt.Fprintf(p.stdout, "checkpoint of %s manifests stamped at %s\n", thousands(r.Size), instant(r.At))
			return nil
		},
	}
	cmd.Flags().StringVar(&url, "url", "", "`URL` of the authority")
	return cmd
}

// witnessesOf reads a file of witnesses' keys; none without a file.
func witnessesOf(path string) ([]translog.Witness, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("--witness: %w", err)
	}
	list, err := translog.ParseWitnesses(text)
	if err != nil {
		return nil, usagef("--witness %s: %w", path, err)
	}
	return list, nil
}
