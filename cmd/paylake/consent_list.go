package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/pipeline/state"
)

func (p *program) revokeCommand() *cobra.Command {
	var wallet, source, reason, by string
	cmd := &cobra.Command{
		Use: "revoke {--wallet W | ID}", Short: "End a consent: nothing more is asked, what is committed is hidden", Args: cobra.MaximumNArgs(1),
		Long: `Ends the consent of a wallet at once. A run under way asks for no further page of
it and drops what it has not committed. What is committed is hidden from
analysts, exports and the API; auditors still see it.`,
		Example: `  paylake consent revoke --wallet wlt_441b --reason "asked by its owner"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if wallet == "" && len(args) == 1 {
				wallet = args[0]
			} else if len(args) == 1 || wallet == "" {
				return usagef("name one wallet or consent: paylake consent revoke --wallet W")
			}
			return p.revoke(cmd.Context(), source, wallet, cmp.Or(by, p.actor()), reason)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&wallet, "wallet", "", "wallet `ID`, or the id of a consent")
	flags.StringVar(&source, "source", "", "`SOURCE` of the wallet, where two have one of that id")
	flags.StringVar(&reason, "reason", "", "why, `TEXT` for the receipt")
	flags.StringVar(&by, "by", "", "`NAME` of who records it ($USER)")
	_ = cmd.RegisterFlagCompletionFunc("wallet", p.completeWallets)
	return cmd
}

func (p *program) revoke(ctx context.Context, source, wallet, by, reason string) (err error) {
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if err := h.openState(ctx); err != nil {
		return err
	}
	gone, err := h.state.Consents().Revoke(ctx, source, wallet, by, reason)
	if errors.Is(err, state.ErrAbsent) {
		return misconfigured(err)
	}
	if err != nil {
		return err
	}
	for _, c := range gone {
		fmt.Fprintf(p.stdout, "%s: wallet %s of %s is no longer read\n", c.ID, c.Wallet, c.Source)
	}
	return h.hideNow(ctx)
}

// shownConsent is one line of `consent list --json`.
type shownConsent struct {
	ID         string         `json:"id"`
	Source     string         `json:"source"`
	WalletID   string         `json:"wallet_id"`
	Subject    string         `json:"subject"`
	Purposes   []string       `json:"purposes"`
	From       *time.Time     `json:"from"` // null: all history
	Until      time.Time      `json:"until"`
	State      string         `json:"state"` // live, later, ended, revoked
	TextSHA256 string         `json:"text_sha256"`
	GrantedAt  time.Time      `json:"granted_at"`
	GrantedBy  string         `json:"granted_by"`
	RevokedAt  *time.Time     `json:"revoked_at"`
	Receipts   []shownReceipt `json:"receipts"`
}

type shownReceipt struct {
	Kind   string    `json:"kind"` // granted, renewed, revoked
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Until  time.Time `json:"until"`
	Detail string    `json:"detail"`
}

func consentState(c state.Consent, now time.Time) string {
	switch {
	case !c.RevokedAt.IsZero():
		return "revoked"
	case !now.Before(c.Until):
		return "ended"
	case now.Before(c.From):
		return "later"
	}
	return "live"
}

func (p *program) listConsents(ctx context.Context, asJSON bool) (err error) {
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if err := h.openState(ctx); err != nil {
		return err
	}
	all, err := h.state.Consents().List(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return p.consentsJSON(ctx, h.state.Consents(), all)
	}
	if len(all) == 0 {
		fmt.Fprintln(p.stderr, "nobody has consented yet; type: paylake consent grant --wallet W")
		return nil
	}
	var rows [][]string
	for _, c := range all {
		from := "all history"
		if !c.From.IsZero() {
			from = instant(c.From)
		}
		rows = append(rows, []string{c.ID, c.Source, c.Wallet, strings.Join(c.Purposes, ", "), from, instant(c.Until),
			consentState(c, p.now()), instant(c.GrantedAt), c.GrantedBy})
	}
	p.grid([]string{"id", "source", "wallet", "purposes", "from", "until", "state", "granted", "by"}, rows)
	return nil
}

func (p *program) consentsJSON(ctx context.Context, registry state.Consents, all []state.Consent) error {
	list, err := p.consentsShown(ctx, registry, all)
	if err != nil {
		return err
	}
	return p.json(list)
}

// consentsShown are consents with their receipts.
func (p *program) consentsShown(ctx context.Context, registry state.Consents, all []state.Consent) ([]shownConsent, error) {
	receipts, err := registry.Receipts(ctx)
	if err != nil {
		return nil, err
	}
	by := map[string][]shownReceipt{}
	for _, r := range receipts {
		by[r.ConsentID] = append(by[r.ConsentID], shownReceipt{r.Kind, r.At, r.Actor, r.Until, r.Detail})
	}
	list := []shownConsent{}
	for _, c := range all {
		list = append(list, shownConsent{c.ID, c.Source, c.Wallet, c.Subject, c.Purposes, pointer(c.From), c.Until,
			consentState(c, p.now()), c.TextSHA256, c.GrantedAt, c.GrantedBy, pointer(c.RevokedAt), by[c.ID]})
	}
	return list, nil
}

// pointer is nil for the zero time, so that JSON says null.
func pointer(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
