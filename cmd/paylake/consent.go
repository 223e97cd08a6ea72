package main

// Consents on the command line: granting, revoking, listing.

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/schemas"
)

// maxConsent is how long a consent may last at most.
const maxConsent = 90 * 24 * time.Hour

type grantFlags struct {
	wallets      []string
	source       string
	all          bool
	purposes     []string
	from, until  string
	by, textFile string
}

func (p *program) consentCommand() *cobra.Command {
	group := &cobra.Command{
		Use: "consent", Short: "Who allows which wallet to be read, for what, until when",
		Long: `Nothing is asked of a wallet without a live consent of its owner. A consent lasts
90 days at most; granting it again with the same terms renews it. A login proves
that a wallet is its owner's; it is no consent.`,
		Example: "  paylake consent grant --wallet wlt_441b\n  paylake consent list", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.listConsents(cmd.Context(), false) },
	}
	group.AddCommand(p.grantCommand(), p.revokeCommand())
	var asJSON bool
	list := &cobra.Command{
		Use: "list", Short: "List consents, ended and revoked ones included", Args: cobra.NoArgs,
		Example: "  paylake consent list --json",
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.listConsents(cmd.Context(), asJSON) },
	}
	list.Flags().BoolVar(&asJSON, "json", false, "print JSON, receipts included")
	group.AddCommand(list)
	return group
}

func (p *program) grantCommand() *cobra.Command {
	var f grantFlags
	var purposes strings.Builder
	for _, q := range schemas.Purposes() {
		fmt.Fprintf(&purposes, "\n  %-12s %s", q.Name, q.Doc)
	}
	cmd := &cobra.Command{
		Use: "grant --wallet W", Short: "Record that the owner of a wallet consents, or renew it", Args: cobra.NoArgs,
		Long: `Records that the owner of a wallet allows it to be read: by default for analytics,
all history, until 90 days from now, which is the longest that is possible. The
same terms again renew a consent; other terms beside a live one are refused.
Days are those of the source's zone. Purposes:` + purposes.String(),
		Example: `  paylake consent grant --wallet wlt_441b
  paylake consent grant --wallet wlt_441b --purpose spend --from 2026-01-01 --until 2026-03-01 --by "Branch 7" --text agreed.txt`,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.grant(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.wallets, "wallet", nil, "wallet `ID` of the configuration; may be repeated")
	flags.BoolVar(&f.all, "all", false, "every wallet of the configuration")
	flags.StringVar(&f.source, "source", "", "`SOURCE` of the wallets")
	flags.StringArrayVar(&f.purposes, "purpose", nil, "what it is for: `PURPOSE`; may be repeated (analytics)")
	flags.StringVar(&f.from, "from", "", "first `DAY` of the data (all history)")
	flags.StringVar(&f.until, "until", "", "first `DAY` on which it is over (90 days from now)")
	flags.StringVar(&f.by, "by", "", "`NAME` of who records it ($USER)")
	flags.StringVar(&f.textFile, "text", "", "`FILE` with the text that was agreed to; its SHA-256 is kept")
	_ = cmd.RegisterFlagCompletionFunc("wallet", p.completeWallets)
	return cmd
}

func (p *program) grant(ctx context.Context, f grantFlags) (err error) {
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	grants, err := h.grants(ctx, f)
	if err != nil {
		return err
	}
	if err := h.openState(ctx); err != nil {
		return err
	}
	hidden, err := h.state.Consents().Withdrawn(ctx)
	if err != nil {
		return err
	}
	made, err := h.state.Consents().Grant(ctx, grants)
	if errors.Is(err, state.ErrOverlap) {
		return misconfigured(err)
	}
	if err != nil {
		return err
	}
	if len(made) == 1 || !f.all {
		for _, c := range made {
			fmt.Fprintf(p.stdout, "%s: wallet %s of %s may be read for %s until %s\n", c.ID, c.Wallet, c.Source,
				strings.Join(c.Purposes, ", "), instant(c.Until))
		}
	} else {
		fmt.Fprintf(p.stdout, "%d wallets may be read for %s\n", len(made), strings.Join(made[0].Purposes, ", "))
	}
	if len(hidden) == 0 {
		return nil
	}
	return h.hideNow(ctx) // some of them may be shown again
}

// grants are the consents that the flags ask for; nothing is opened.
func (h *house) grants(ctx context.Context, f grantFlags) ([]state.Consent, error) {
	purposes, err := purposesOf(f.purposes)
	if err != nil {
		return nil, err
	}
	text, err := textHash(f.textFile)
	if err != nil {
		return nil, err
	}
	wallets, err := h.grantees(f)
	if err != nil {
		return nil, err
	}
	if err := h.openPseudonyms(ctx); err != nil {
		return nil, err
	}
	by := cmp.Or(f.by, h.p.actor())
	out := make([]state.Consent, 0, len(wallets))
	for _, w := range wallets {
		from, until, err := h.p.termOf(f, w.source.Zone)
		if err != nil {
			return nil, err
		}
		out = append(out, state.Consent{Source: w.source.Name, Wallet: w.ID, Subject: h.pseudo.Subject(w.MSISDN), Purposes: purposes,
			From: from, Until: until, TextSHA256: text, GrantedBy: by})
	}
	return out, nil
}

// actor names who typed the command, as far as the system knows.
func (p *program) actor() string { return cmp.Or(p.getenv("USER"), "unknown") }

func purposesOf(names []string) ([]string, error) {
	if len(names) == 0 {
		names = []string{schemas.PurposeAnalytics}
	}
	for _, n := range names {
		if _, err := schemas.PurposeNamed(n); err != nil {
			return nil, usagef("--purpose: %w", err)
		}
	}
	names = slices.Sorted(slices.Values(names))
	return slices.Compact(names), nil
}

func textHash(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", usagef("--text: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// grantee is a configured wallet with its source.
type grantee struct {
	config.Wallet
	source config.Source
}

func (h *house) grantees(f grantFlags) ([]grantee, error) {
	if f.all == (len(f.wallets) > 0) {
		return nil, usagef("name the wallets: paylake consent grant --wallet W, or --all for every wallet of %s", h.cfg.File)
	}
	wanted := map[[2]string]bool{}
	for _, id := range f.wallets {
		source, err := h.sourceOf(f.source, id)
		if err != nil {
			return nil, err
		}
		wanted[[2]string{source, id}] = true
	}
	var out []grantee
	for _, s := range h.cfg.Sources {
		for _, w := range s.Wallets {
			if f.all && (f.source == "" || f.source == s.Name) || wanted[[2]string{s.Name, w.ID}] {
				out = append(out, grantee{w, s})
			}
		}
	}
	if len(out) == 0 {
		return nil, usagef("%s has no wallet to grant a consent for", h.cfg.File)
	}
	return out, nil
}

// termOf reads --from and --until.
func (p *program) termOf(f grantFlags, zone *time.Location) (from, until time.Time, err error) {
	now := p.now()
	until = now.Add(maxConsent)
	for _, one := range []struct {
		flag, text string
		into       *time.Time
	}{{"from", f.from, &from}, {"until", f.until, &until}} {
		if one.text == "" {
			continue
		}
		d, err := config.ParseDate(one.text)
		if err != nil {
			return from, until, usagef("--%s: %q %v", one.flag, one.text, err)
		}
		*one.into = dayIn(d, zone)
	}
	switch {
	case !until.After(now):
		err = usagef("--until %s is over already; give a later day", f.until)
	case until.After(now.Add(maxConsent)):
		err = usagef("--until %s is more than 90 days ahead; a consent lasts 90 days at most and can be renewed", f.until)
	case !from.Before(until):
		err = usagef("--from %s is not before the end of the consent", f.from)
	}
	return from.UTC(), until.UTC().Truncate(time.Microsecond), err
}
