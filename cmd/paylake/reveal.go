package main

// What is done with one person: revealed or erased, both recorded.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/schemas"
)

func (p *program) revealCommand() *cobra.Command {
	var reason, by string
	cmd := &cobra.Command{
		Use: "reveal PSEUDONYM --reason TEXT", Short: "Show the telephone number behind a pseudonym; recorded", Args: cobra.ExactArgs(1),
		Long: `Opens the vault for one person and prints the number. Who did it, when and why is
recorded in the state database before anything is shown, and stays there.`,
		Example: `  paylake reveal p1_0f3a… --reason "court order 7/2026" --by "A. Auditor"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(reason) == "" {
				return usagef("reveal needs --reason TEXT: it is recorded with your name")
			}
			return p.reveal(cmd.Context(), args[0], state.Act{Actor: cmp.Or(by, p.actor()), Action: "reveal", Reason: reason})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, `TEXT` for the record")
	cmd.Flags().StringVar(&by, "by", "", "`NAME` of who asks ($USER)")
	return cmd
}

func (p *program) reveal(ctx context.Context, pseudonym string, act state.Act) (err error) {
	if _, ok := schemas.IsPseudonym(pseudonym); !ok {
		return usagef("%q is not a pseudonym: p, the key's version, _ and 32 hexadecimal digits, as in the column counterparty", pseudonym)
	}
	h, err := p.openPersons(ctx)
	if h != nil {
		defer func() { err = errors.Join(err, h.close()) }()
	}
	if err != nil {
		return err
	}
	act.Subject = pseudonym
	if err := h.state.Audit(ctx, act); err != nil {
		return err
	}
	subject, number, err := h.whoIs(ctx, pseudonym)
	switch {
	case errors.Is(err, state.ErrErased):
		return fmt.Errorf("%s cannot be revealed: %w", pseudonym, err)
	case errors.Is(err, state.ErrAbsent):
		return fmt.Errorf("%s is not in the vault of this state database; read again what it comes from, such as: paylake run --from DAY: %w", pseudonym, err)
	case err != nil:
		return err
	}
	fmt.Fprintln(p.stdout, number)
	if subject != pseudonym {
		fmt.Fprintf(p.stderr, "also called %s\n", subject)
	}
	return nil
}

// openPersons opens what is needed to deal with one person.
func (p *program) openPersons(ctx context.Context) (*house, error) {
	h, err := p.open()
	if err != nil {
		return nil, err
	}
	if err := h.openState(ctx); err != nil {
		return h, err
	}
	return h, h.openPseudonyms(ctx)
}

// whoIs finds the number behind a pseudonym. One under the first key names its
// subject; for a later key everybody in the vault is tried, since only the
// numbers themselves, which are sealed, say which pseudonyms are one person.
func (h *house) whoIs(ctx context.Context, pseudonym string) (subject, number string, err error) {
	if version, _ := schemas.IsPseudonym(pseudonym); version == 1 {
		number, err = h.state.Subjects().Number(ctx, pseudonym)
		return pseudonym, number, err
	}
	_, err = h.state.Subjects().Each(ctx, 0, func(id, n string) error {
		for _, name := range h.pseudo.Names(n) {
			if name == pseudonym {
				subject, number = id, n
			}
		}
		return nil
	})
	if err == nil && subject == "" {
		err = fmt.Errorf("%w, or erased", state.ErrAbsent)
	}
	return subject, number, err
}

func (p *program) eraseCommand() *cobra.Command {
	var msisdn, reason, by string
	cmd := &cobra.Command{
		Use: "erase --msisdn NUMBER --reason TEXT", Short: "Forget a person for good: destroy the key, suppress new rows", Args: cobra.NoArgs,
		Long: `Destroys the key that seals a person's number and the raw texts that hold it, so
that nobody can reveal the person again, and keeps the number out of what is read
from now on: new rows carry "erased". Snapshots and their proofs stay as they are.
There is no way back.`,
		Example: `  paylake erase --msisdn "+994501234567" --reason "request 12/2026"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if strings.TrimSpace(reason) == "" || msisdn == "" {
				return usagef("erase needs --msisdn NUMBER and --reason TEXT: the reason is recorded with your name")
			}
			return p.erase(cmd.Context(), msisdn, state.Act{Actor: cmp.Or(by, p.actor()), Action: "erase", Reason: reason})
		},
	}
	cmd.Flags().StringVar(&msisdn, "msisdn", "", "the person's telephone `NUMBER`, best in international form")
	cmd.Flags().StringVar(&reason, "reason", "", "why, `TEXT` for the record; not the number itself")
	cmd.Flags().StringVar(&by, "by", "", "`NAME` of who asks ($USER)")
	return cmd
}

func (p *program) erase(ctx context.Context, msisdn string, act state.Act) (err error) {
	number, valid := schemas.E164(msisdn, "AZ")
	if len(strings.TrimPrefix(number, "+")) < 7 {
		return usagef("--msisdn is not a telephone number; write it in international form, such as \"+994501234567\"")
	}
	if len(schemas.Numbers([]byte(act.Reason), "AZ")) > 0 {
		return usagef("--reason holds what may be a telephone number; the record must not: name a request or a case instead")
	}
	h, err := p.openPersons(ctx)
	if h != nil {
		defer func() { err = errors.Join(err, h.close()) }()
	}
	if err != nil {
		return err
	}
	desk, err := h.payDesk(ctx)
	if err != nil {
		return err
	}
	paid, err := desk.paymentsOf(ctx, number)
	if err != nil {
		return err
	}
	subject := h.pseudo.Subject(number)
	if err := h.state.Subjects().Erase(ctx, subject, act); err != nil {
		return err
	}
	if err := desk.erase(ctx, paid, act.Actor); err != nil {
		return fmt.Errorf("%s is erased, and payments still hold the number; type the same again: %w", subject, err)
	}
	fmt.Fprintf(p.stdout, "%s is erased: nobody can reveal it, and new rows carry %q\n", subject, schemas.Erased)
	if !valid {
		fmt.Fprintln(p.stderr, "the number is not a valid one of its country; it was taken as it is written")
	}
	for _, s := range h.cfg.Sources {
		for _, w := range s.Wallets {
			if w.MSISDN == number {
				fmt.Fprintf(p.stderr, "it is the number of wallet %s of %s, which is still read; type: paylake consent revoke --wallet %s, and take it out of %s\n", w.ID, s.Name, w.ID, h.cfg.File)
			}
		}
	}
	return nil
}
