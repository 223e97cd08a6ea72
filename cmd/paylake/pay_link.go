package main

// A signed link to the platform's Payment Page: the payer pays by himself.

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/gate"
)

// linkAct is what is recorded when a link is made.
const linkAct = "payment link"

// linkFlags are those of `pay link`.
type linkFlags struct {
	source, key, method, amount, currency, customer, description string
	asJSON                                                       bool
}

func (p *program) payLinkCommand() *cobra.Command {
	var f linkFlags
	cmd := &cobra.Command{
		Use: "link --key KEY --amount A --customer C", Short: "Make a signed link to the Payment Page, with the method chosen", Args: cobra.NoArgs,
		Long: `Prints a link with which a payer opens the platform's Payment Page at a chosen method
and pays there. Its payment_id is a function of tenant and key: the same key is the
same payment, which the platform takes once. The same link may be made again; one
that says something else under the same key is refused, and so is a key that
paylake pay has planned. No money moves by making a link.`,
		Example: "  paylake pay link --key invoice-4711 --amount 1250.00 --customer c-17\n  paylake pay link --source psp --key invoice-4711 --amount 1250.00 --currency KGS --customer c-17 --json",
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.payLink(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.source, "source", "", "`SOURCE` of type flashpay (the only one with page_url)")
	flags.StringVar(&f.key, "key", "", "what is paid, `KEY` unique in the tenant")
	flags.StringVar(&f.method, "method", "mbank", "payment `METHOD`")
	flags.StringVar(&f.amount, "amount", "", "`AMOUNT` such as 1250.00")
	flags.StringVar(&f.currency, "currency", "KGS", "ISO 4217 `CODE`")
	flags.StringVar(&f.customer, "customer", "", "the payer's `ID` in the project")
	flags.StringVar(&f.description, "description", "", "`TEXT` for the payer")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

func (p *program) payLink(ctx context.Context, f linkFlags) (err error) {
	if f.key == "" || f.amount == "" || f.customer == "" {
		return usagef("a link needs --key, --amount and --customer")
	}
	exponent, err := schemas.Exponent(f.currency)
	if err != nil {
		return usagef("--currency: %w", err)
	}
	minor, err := schemas.ParseMinor([]byte(f.amount), exponent)
	if err != nil {
		return usagef("--amount: %q is not an amount of %s: %w", f.amount, f.currency, err)
	}
	d, err := p.openPayments(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close(ctx)) }()
	source, err := d.pageSource(f.source)
	if err != nil {
		return err
	}
	id := gate.PaymentID(d.h.cfg.Payments.Tenant, f.key)
	if it, err := d.register.Load(ctx, id); err == nil {
		return usagef("%s is planned as %s already and is %s; choose another key", f.key, id, it.Status)
	} else if !errors.Is(err, gate.ErrAbsent) {
		return err
	}
	s, signer, err := d.signer(source)
	if err != nil {
		return err
	}
	l := gate.Link{Source: source, ProjectID: s.ProjectID, PaymentID: id, Method: f.method, AmountMinor: minor, Currency: f.currency, CustomerID: f.customer, Description: f.description}
	url, err := l.URL(s.PageURL, signer)
	if err != nil {
		return usagef("%w", err)
	}
	if err := d.putLink(ctx, l, f.key); err != nil {
		return err
	}
	if f.asJSON {
		return p.json(map[string]any{"payment_id": id, "key": f.key, "amount_minor": minor, "currency": f.currency, "url": url})
	}
	fmt.Fprintln(p.stdout, url)
	return nil
}

// putLink records a link before anybody sees it. Another one under its key is
// another payment, for which the platform would still take but one.
func (d *payDesk) putLink(ctx context.Context, l gate.Link, key string) error {
	err := d.payments.PutLink(ctx, state.PaymentLink{ID: l.PaymentID, Fingerprint: l.Fingerprint(d.key)},
		state.Act{Actor: d.h.p.actor(), Action: linkAct, Subject: l.PaymentID, Reason: fmt.Sprintf("%s of %s", gate.FormatAmount(l.AmountMinor, l.Currency), key)})
	if errors.Is(err, state.ErrTaken) {
		return usagef("--key: %s is the payment %s already, with another amount, currency, customer, description, method or source; say the same again or choose another key", key, l.PaymentID)
	}
	return err
}

// pageSource is the source whose Payment Page is meant.
func (d *payDesk) pageSource(name string) (string, error) {
	var with []string
	for _, s := range d.h.cfg.Sources {
		if s.Type == config.Flashpay && s.PageURL != "" && (name == "" || s.Name == name) {
			with = append(with, s.Name)
		}
	}
	switch {
	case len(with) == 1:
		return with[0], nil
	case len(with) > 1:
		return "", usagef("several sources have a page_url: %v; add --source", with)
	case name != "":
		return "", misconfigured(fmt.Errorf("%s has no source %q of type flashpay with a page_url", d.h.cfg.File, name))
	}
	return "", misconfigured(fmt.Errorf("no source of %s has a page_url; it is the address of the platform's Payment Page", d.h.cfg.File))
}
