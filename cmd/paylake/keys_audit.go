package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/lake"
	"github.com/paylake/paylake/sinks/translog"
)

func (p *program) keysGenerateCommand() *cobra.Command {
	var origin, out string
	cmd := &cobra.Command{
		Use: "generate NAME", Short: "Make a key for keys.audit", Args: cobra.ExactArgs(1), ValidArgs: []string{"audit"},
		Long: `Makes an Ed25519 key that signs the lake's transparency log, for keys.audit, and
prints its verifier key on stderr, for auditors. --origin is the log's name; it
never changes, so give the present one when adding a key by hand.`,
		Example: "  paylake keys generate audit -o audit.key\n  paylake keys generate audit --origin bank.example/payments",
		RunE: func(_ *cobra.Command, args []string) error {
			if args[0] != "audit" {
				return usagef("%q is no key that can be generated here; there is audit", args[0])
			}
			skey, vkey, err := translog.GenerateKey(origin)
			if err != nil {
				return usagef("--origin: %w", err)
			}
			if out == "" {
				fmt.Fprintln(p.stdout, skey)
			} else if err := writeNew(out, skey+"\n"); err != nil {
				return fmt.Errorf("write the key: %w", err)
			}
			fmt.Fprintln(p.stderr, "verifier key:", vkey)
			return nil
		},
	}
	cmd.Flags().StringVar(&origin, "origin", "", "`NAME` of the log (a function of the key)")
	cmd.Flags().StringVarP(&out, "output", "o", "", "write the key to `FILE` (0600), which must not exist")
	return cmd
}

func (p *program) keysShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Print the verifier keys that auditors need", Args: cobra.ExactArgs(1), ValidArgs: []string{"audit"},
		Long: `Prints every verifier key of the lake's transparency log, one per line, in the
form of paylake verify --key FILE. The keys are public.`,
		Example: "  paylake keys show audit >audit.pub",
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] != "audit" {
				return usagef("%q is no key that can be shown; there is audit", args[0])
			}
			h, err := p.open()
			if err != nil {
				return err
			}
			keys, err := h.auditVerifiers(cmd.Context())
			if err != nil {
				return err
			}
			if keys.IsZero() {
				return misconfigured(errors.New("there is no audit key yet; paylake run makes one, or: paylake keys generate audit"))
			}
			fmt.Fprintln(p.stdout, strings.Join(keys.Lines(), "\n"))
			return nil
		},
	}
}

// rotateAudit puts a new signing key before the old ones, or with finish leaves
// only the newest.
func (p *program) rotateAudit(ctx context.Context, by string, finish bool) (err error) {
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	path, err := h.auditKeyPath()
	if err != nil {
		return err
	}
	signer, err := h.auditSigner(ctx)
	if err != nil {
		return err
	}
	if signer == nil {
		return misconfigured(fmt.Errorf("there is no audit key yet at %s; paylake run makes one", path))
	}
	lines, err := nextAuditKeys(signer, finish)
	if err != nil {
		return err
	}
	next, err := translog.ParseSigner([]byte(lines))
	if err != nil {
		return err
	}
	if err := h.openState(ctx); err != nil {
		return err
	}
	act := state.Act{Actor: by, Action: "rotate", Subject: next.Origin(), Reason: "keys rotate audit"}
	if err := h.state.Audit(ctx, act); err != nil {
		return err
	}
	known, err := h.auditVerifiers(ctx)
	if err != nil {
		return err
	}
	// Auditors' keys first: no checkpoint is ever signed by a key that is not there.
	if err := h.publishVerifiers(next.Verifiers().And(known)); err != nil {
		return err
	}
	if err := sinks.ReplaceFile(path, []byte(lines), 0o600); err != nil {
		return fmt.Errorf("write the key: %w", err)
	}
	size, err := h.resign(ctx, next, known)
	if err != nil {
		return fmt.Errorf("the keys are changed, but the newest checkpoint is not signed with them yet (the next run does it): %w", err)
	}
	p.showRotated(next, size, finish)
	return nil
}

func nextAuditKeys(signer *translog.Signer, finish bool) (string, error) {
	old := signer.Secrets()
	if finish {
		if len(old) == 1 {
			return "", usagef("there is one audit key: no rotation is under way; begin one with: paylake keys rotate audit")
		}
		return old[0] + "\n", nil
	}
	skey, _, err := translog.GenerateKey(signer.Origin())
	if err != nil {
		return "", err
	}
	return skey + "\n" + strings.Join(old, "\n") + "\n", nil
}

func (p *program) showRotated(s *translog.Signer, size int64, finish bool) {
	fmt.Fprintln(p.stdout, strings.Join(s.Verifiers().Lines(), "\n"))
	if finish {
		fmt.Fprintf(p.stderr, "from now on checkpoints of %s are signed by the newest key alone; former ones stay valid under the keys they were signed with\n", s.Origin())
		return
	}
	fmt.Fprintf(p.stderr, "checkpoints of %s are signed by %d keys now, the newest one of size %d included. Give auditors the new verifier keys, "+
		"start a running paylake up again, and when everybody has them: paylake keys rotate audit --finish\n", s.Origin(), len(s.Secrets()), size)
}

// auditKeyPath is the file that holds the signing keys.
func (h *house) auditKeyPath() (string, error) {
	if h.cfg.Keys.Audit.IsZero() {
		return h.auditFile(auditKeyFile), nil
	}
	path, ok := h.cfg.Keys.Audit.File()
	if !ok {
		return "", misconfigured(fmt.Errorf("keys.audit is %s, which this command cannot write: put a new key before the old one there, each on a line of its own "+
			"(paylake keys generate audit --origin NAME, with the log's present name), and later remove the old line", h.cfg.Keys.Audit.Reference()))
	}
	return path, nil
}

// resign shows the newest checkpoint under the keys that are in use now.
func (h *house) resign(ctx context.Context, signer *translog.Signer, known translog.Verifiers) (int64, error) {
	if err := h.readLake(ctx); err != nil || h.lake == nil {
		return 0, err
	}
	return h.auditLog(signer, known).Resign(ctx)
}

func (h *house) auditLog(signer *translog.Signer, known translog.Verifiers) *lake.Log {
	return h.lake.Log(lake.LogOptions{Signer: signer, Known: known, Memory: h.auditFile(auditMemoryFile)})
}
