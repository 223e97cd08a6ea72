package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/sources/flashpay"
)

func (p *program) callbackCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "callback", Short: "Look at callbacks that upstreams send", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.callbackVerifyCommand())
	return cmd
}

func (p *program) callbackVerifyCommand() *cobra.Command {
	var source string
	cmd := &cobra.Command{
		Use: "verify --source NAME FILE", Short: "Check grammar and signature of one stored body",
		Args: cobra.ExactArgs(1),
		Long: `Checks whether the body in FILE (- for standard input) is in the strict grammar of
signed bodies and carries a signature of one of the source's live secrets, and
says in which sort order. Nothing else is judged: neither project nor types, age
or state. Exit code 0: it holds; 6: it does not; 2: it cannot be read.`,
		Example: "  paylake callback verify --source psp body.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.verifyCallback(cmd.Context(), source, args[0])
		},
	}
	cmd.Flags().StringVar(&source, "source", "", "source of the configuration whose secrets are tried")
	return cmd
}

func (p *program) verifyCallback(ctx context.Context, source, file string) error {
	h, err := p.open()
	if err != nil {
		return err
	}
	s, ok := h.cfg.SourceNamed(source)
	switch {
	case source == "":
		return usagef("whose secrets? name the source with --source NAME")
	case !ok:
		return usagef("%s has no source %q", h.cfg.File, source)
	case s.Type != config.Flashpay:
		return usagef("source %s is of type %s; the signatures of flashpay sources lie in the body, and those alone can be checked without the request's headers", source, s.Type)
	case len(s.Secret) == 0:
		return usagef("source %s has no secret to verify with; set sources.%s.secret in %s", source, source, h.cfg.File)
	}
	secrets, err := config.Values(ctx, s.Secret)
	if err != nil {
		return misconfigured(err)
	}
	body, err := p.bodyOf(file)
	if err != nil {
		return usagef("%s", err)
	}
	variant, err := flashpay.VariantNone, error(nil)
	if len(body) > flashpay.MaxCallback {
		err = fmt.Errorf("more than %d bytes: %w", flashpay.MaxCallback, flashpay.ErrGrammar)
	} else {
		variant, err = flashpay.Verify(body, secrets)
	}
	if err != nil {
		return &failure{code: codeVerify, err: fmt.Errorf("%s: %w", file, err)}
	}
	_, err = fmt.Fprintf(p.stdout, "%s: the signature holds (%s order)\n", file, variant)
	return err
}

// bodyOf reads a file up to the size that a callback may have, and a byte more.
func (p *program) bodyOf(file string) (body []byte, err error) {
	var in io.Reader = p.stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	return io.ReadAll(io.LimitReader(in, flashpay.MaxCallback+1))
}
