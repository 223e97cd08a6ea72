package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/lake"
	"github.com/paylake/paylake/sinks/translog"
)

// verifyFlags are files that an auditor gives.
type verifyFlags struct {
	key, since, proof, witness, tsa string
	export                          string
	json                            bool
}

func (p *program) verifyCommand() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use: "verify [LAKE-URL]", Short: "Prove the lake from its files alone",
		Long: `Checks the chain of manifests, the transparency log with its signatures, every
object's hash, rows, control totals, retractions and balance chains, recomputed
from the Parquet files. With a URL it needs nothing else: no configuration, no
warehouse, no state, no network but the bucket's.

--key names a file of verifier keys, one per line (paylake keys show audit);
without it the configuration's key is used, and without that one everything but
signatures is checked. --since names a checkpoint that you kept earlier: the log
must continue it. --proof checks a .tlog-proof, on its own where no lake is
given. --export names a file that paylake export wrote, with FILE.proof beside
it: it is made again from the lake alone, by the embedded ClickHouse in a folder
of its own, and the bytes must be the same; the first line that differs is
printed. Exit code 6: something that was published or exported does not hold, and
is named with its full path.`,
		Example: "  paylake verify\n  paylake verify file:///var/lib/paylake/lake --key audit.pub --since checkpoint.old\n  paylake verify \"s3://bucket?region=eu-central-1\" --json\n  paylake verify ./lake --key audit.pub --export march.csv\n  paylake verify --proof snapshot-12.tlog-proof --key audit.pub",
		Args:    cobra.MaximumNArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return p.verify(cmd.Context(), args, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.key, "key", "", "`FILE` of verifier keys, one per line")
	flags.StringVar(&f.since, "since", "", "`FILE` with an older checkpoint that the log must continue")
	flags.StringVar(&f.proof, "proof", "", "check a .tlog-proof `FILE`")
	flags.StringVar(&f.export, "export", "", "check that an exported `FILE` is what the lake gives")
	flags.StringVar(&f.witness, "witness", "", "`FILE` of witnesses' keys; each must have cosigned")
	flags.StringVar(&f.tsa, "tsa", "", "`FILE` (PEM) of the authorities that time stamps are believed from")
	flags.BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

// verified is what `verify --json` prints: the lake's report, and the proof's.
type verified struct {
	*lake.Report
	Proof      *lake.ProofReport `json:"proof,omitempty"`
	ProofFault *lake.Finding     `json:"proof_fault,omitempty"` // why the proof does not hold
	Export     *exportReport     `json:"export,omitempty"`
	Error      string            `json:"error,omitempty"` // what the exit code 6 stands for; empty: everything holds
}

func (p *program) verify(ctx context.Context, args []string, f verifyFlags) error {
	p.boundMemory()
	if p.getenv("GOGC") == "" {
		debug.SetGCPercent(300) // it holds little, and the limit of memory stands
	}
	whole := len(args) > 0 || f.proof == "" || f.since != "" || f.export != ""
	url := ""
	var err error
	if whole {
		if url, err = p.lakeURL(args); err != nil {
			return err
		}
	}
	o := lake.VerifyOptions{}
	if o.Keys, err = p.verifierKeys(ctx, f.key, url, len(args) > 0); err != nil {
		return err
	}
	if o.Since, err = olderCheckpoint(f.since, o.Keys); err != nil {
		return err
	}
	if o.Witnesses, err = witnessesOf(f.witness); err != nil {
		return err
	}
	if o.StampRoots, err = authorities(f.tsa); err != nil {
		return err
	}
	var out verified
	var fault error
	if f.proof != "" {
		if out.Proof, fault = checkProof(f.proof, o); fault != nil {
			var usage *failure
			if errors.As(fault, &usage) || !errors.Is(fault, sinks.ErrCorrupt) {
				return fault
			}
			out.ProofFault = &lake.Finding{Path: f.proof, Detail: strings.TrimPrefix(fault.Error(), f.proof+": ")}
		}
	}
	if whole {
		r, err := lake.Verify(ctx, url, o)
		if err != nil && !errors.Is(err, sinks.ErrCorrupt) {
			return err
		}
		out.Report, fault = &r, errors.Join(fault, err)
	}
	if f.export != "" && fault == nil { // of a lake that does not hold nothing can be made again
		if out.Export, fault = p.checkExport(ctx, url, f.export, o); fault != nil && !errors.Is(fault, sinks.ErrCorrupt) {
			return fault
		}
	}
	return p.showVerified(out, f, fault)
}

// showVerified prints what was checked. The last line says whether signatures
// were; what is at fault is named on stderr.
func (p *program) showVerified(out verified, f verifyFlags, fault error) error {
	if out.Report != nil {
		for _, path := range out.Foreign {
			switch lost := func(d lake.Damage) bool { return d.Path == path }; {
			case slices.ContainsFunc(out.Affected, lost): // told below
			case slices.ContainsFunc(out.Affected, func(d lake.Damage) bool { return d.Entry() == nil }):
				fmt.Fprintf(p.stderr, "no manifest that is there names %s; the one that is missing may\n", path)
			default:
				fmt.Fprintf(p.stderr, "no manifest names %s; it changes nothing\n", path)
			}
		}
		l := out.Log
		if l.OtherKeys > 0 {
			fmt.Fprintf(p.stderr, "%d older checkpoints are signed by none of the given keys; the newest one vouches for them\n", l.OtherKeys)
		}
		if l.Shown < l.Size {
			fmt.Fprintf(p.stderr, "the name checkpoint shows size %d, a later one of size %d is kept: a crash, or somebody put it back; the later one counts\n", l.Shown, l.Size)
		}
	}
	if fault != nil {
		out.Error = fault.Error()
	}
	switch {
	case f.json:
		if err := p.json(out); err != nil {
			return err
		}
	default:
		if out.Proof != nil && (fault == nil || out.Report != nil) {
			p.showProof(f.proof, *out.Proof)
		}
		if out.Report != nil {
			if out.Export != nil {
				p.showExport(*out.Export)
			}
			p.showReport(*out.Report)
		}
	}
	if fault == nil {
		return nil
	}
	said := false
	if out.Report != nil {
		for _, x := range out.Findings {
			fmt.Fprintf(p.stderr, "paylake: %s: %s\n", x.Path, x.Detail)
			said = true
		}
		showAffected(p.stderr, p.configured(out.URL), out.Affected)
	}
	return &failure{code: codeVerify, err: fault, said: said && !strings.HasPrefix(fault.Error(), f.proof+":")}
}

// authorities reads the certificates of time-stamping authorities.
func authorities(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("--tsa: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, usagef("--tsa %s holds no certificate in PEM", path)
	}
	return pool, nil
}

func checkProof(path string, o lake.VerifyOptions) (*lake.ProofReport, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("--proof: %w", err)
	}
	r, err := lake.CheckProof(data, o.Keys, o.Witnesses)
	if errors.Is(err, lake.ErrNoProof) { // nobody published that; the file is another one, or cut
		return nil, usagef("--proof %s: %w", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &r, nil
}

// olderCheckpoint reads the auditor's own checkpoint: it must be one, and with
// keys be signed, before it can accuse anybody.
func olderCheckpoint(path string, keys translog.Verifiers) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(path)
	if err == nil {
		_, err = translog.ReadCheckpoint(raw)
	}
	if err == nil && !keys.IsZero() {
		_, err = keys.Open(raw)
	}
	if err != nil {
		return nil, usagef("--since %s: %w", path, err)
	}
	return raw, nil
}

// verifierKeys are the keys of --key, else the configuration's, if it is that of
// the lake. None is no error.
func (p *program) verifierKeys(ctx context.Context, file, url string, given bool) (translog.Verifiers, error) {
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return translog.Verifiers{}, usagef("--key: %w", err)
		}
		keys, err := translog.ParseVerifiers(text)
		if err != nil {
			return keys, usagef("--key %s: %w", file, err)
		}
		return keys, nil
	}
	if given { // a lake by its URL needs no configuration
		if cfg := p.configured(url); cfg != nil {
			return (&house{p: p, cfg: cfg}).auditVerifiers(ctx)
		}
		return translog.Verifiers{}, nil
	}
	if _, err := os.Stat(p.configPath()); url == "" && errors.Is(err, os.ErrNotExist) {
		return translog.Verifiers{}, nil // a proof on its own
	}
	h, err := p.open()
	if err != nil {
		return translog.Verifiers{}, err
	}
	return h.auditVerifiers(ctx)
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
