package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/lake"
)

func (p *program) verifyCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "verify [LAKE-URL]", Short: "Prove the lake from its files alone",
		Long: `Checks the chain of manifests, every object's hash, rows, control totals and
balance chains, recomputed from the Parquet files. With a URL it needs nothing
else: no configuration, no warehouse, no state. Exit code 6: something that was
published does not hold, and is named with its full path.`,
		Example: "  paylake verify\n  paylake verify file:///var/lib/paylake/lake --json\n  paylake verify \"s3://bucket?region=eu-central-1\"",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			url, err := p.lakeURL(args)
			if err != nil {
				return err
			}
			return p.verify(cmd.Context(), url, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// lakeURL is the argument, relative to where we are, or the configuration's.
func (p *program) lakeURL(args []string) (string, error) {
	if len(args) == 0 {
		h, err := p.open()
		if err != nil {
			return "", err
		}
		return h.cfg.Lake, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the current folder: %w", err)
	}
	url, err := config.LakeURL(dir, args[0])
	if err != nil {
		return "", usagef("%v", err)
	}
	return url, nil
}

func (p *program) verify(ctx context.Context, url string, asJSON bool) error {
	report, err := lake.Verify(ctx, url, lake.VerifyOptions{})
	broken := errors.Is(err, sinks.ErrCorrupt)
	if err != nil && !broken {
		return err
	}
	for _, path := range report.Foreign {
		fmt.Fprintf(p.stderr, "no manifest names %s; it changes nothing\n", path)
	}
	if asJSON {
		if jerr := p.json(report); jerr != nil {
			return jerr
		}
	} else {
		p.showReport(report)
	}
	if !broken {
		return nil
	}
	for _, f := range report.Findings {
		fmt.Fprintf(p.stderr, "paylake: %s: %s\n", f.Path, f.Detail)
	}
	showAffected(p.stderr, p.configured(url), report.Affected)
	return &failure{code: codeVerify, err: err, said: len(report.Findings) > 0}
}

func (p *program) showReport(r lake.Report) {
	w := p.stdout
	fmt.Fprintf(w, "lake         %s\n", r.URL)
	fmt.Fprintf(w, "manifests    %s, an unbroken chain is checked; %s not in a transparency log\n", thousands(r.Manifests), thousands(r.Unlogged))
	fmt.Fprintf(w, "objects      %s, %s bytes; hashes, rows and totals recomputed\n", thousands(r.Objects), thousands(r.Bytes))
	fmt.Fprintf(w, "rows         %s, of them %s retractions; %s visible\n", thousands(r.Rows), thousands(r.Retractions), thousands(r.Visible))
	fmt.Fprintf(w, "quarantined  %s\n", thousands(r.Quarantined))
	fmt.Fprintf(w, "chains       %s recomputed, %s open, %s broken\n", thousands(r.Chains), thousands(r.Open), thousands(r.Broken))
	if len(r.Foreign) > 0 {
		fmt.Fprintf(w, "foreign      %d files that no manifest names\n", len(r.Foreign))
	}
	if r.Head != "" {
		fmt.Fprintf(w, "head         %s\n", r.Head)
	}
	verdict := "everything that was published holds"
	if len(r.Findings) > 0 {
		verdict = fmt.Sprintf("FAILED: %d findings, named on stderr", len(r.Findings))
	}
	fmt.Fprintf(w, "verdict      %s (signatures are not checked: no key)\n", verdict)
}
