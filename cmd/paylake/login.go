package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/config"
)

func (p *program) loginCommand() *cobra.Command {
	var wallet, source string
	cmd := &cobra.Command{
		Use: "login --wallet W", Short: "Open a wallet's session: starts the OTP chain and asks for the code",
		Example: "  paylake login --wallet wlt_441b", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.login(cmd.Context(), source, wallet) },
	}
	cmd.Flags().StringVar(&wallet, "wallet", "", "wallet `ID` of the configuration")
	cmd.Flags().StringVar(&source, "source", "", "`SOURCE` of the wallet, where two have one of that id")
	_ = cmd.RegisterFlagCompletionFunc("wallet", p.completeWallets)
	return cmd
}

func (p *program) login(ctx context.Context, source, wallet string) (err error) {
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if source, err = h.sourceOf(source, wallet); err != nil {
		return err
	}
	h.askEverybody()
	if err := h.openState(ctx); err != nil {
		return err
	}
	if err := h.openSources(ctx, []string{source}); err != nil {
		return err
	}
	if err := h.mpay[source].Login(ctx, wallet); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "wallet %s of %s is logged in\n", wallet, source)
	return nil
}

// sourceOf finds the source of a wallet.
func (h *house) sourceOf(source, wallet string) (string, error) {
	var found, known []string
	for _, s := range h.cfg.Sources {
		for _, w := range s.Wallets {
			if source != "" && s.Name != source {
				continue
			}
			known = append(known, w.ID)
			if w.ID == wallet {
				found = append(found, s.Name)
			}
		}
	}
	switch {
	case wallet == "":
		return "", usagef("login needs a wallet: paylake login --wallet W; %s", limited(known))
	case len(found) == 0:
		return "", usagef("%s has no wallet %q; %s", h.cfg.File, wallet, nearestOf(wallet, known))
	case len(found) > 1:
		return "", usagef("wallet %q is in %s; add --source", wallet, strings.Join(found, " and "))
	}
	return found[0], nil
}

func nearestOf(word string, known []string) string {
	if near := config.Nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return limited(known)
}

// limited names the first few of a list that may be very long.
func limited(known []string) string {
	if len(known) > 10 {
		known = append(append([]string{}, known[:10]...), "…")
	}
	return "there are " + strings.Join(known, ", ")
}

// askEverybody makes every wallet's password come from the person who typed
// the command.
func (h *house) askEverybody() {
	for i := range h.cfg.Sources {
		for j := range h.cfg.Sources[i].Wallets {
			h.cfg.Sources[i].Wallets[j].OTP = config.OTP{Prompt: true}
		}
	}
}

func (p *program) completeWallets(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	cfg, err := config.Load(p.configPath(), p.getenv)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var ids []string
	for _, s := range cfg.Sources {
		for _, w := range s.Wallets {
			ids = append(ids, w.ID)
		}
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}
