package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/paylake/paylake/cmd/internal/account"
	"github.com/paylake/paylake/cmd/internal/camt"
	"github.com/paylake/paylake/cmd/internal/export"
	"github.com/paylake/paylake/sinks/clickhouse"
)

// camtFormat is the statement as an ISO 20022 message, camt.053.001.08.
const camtFormat = "camt.053"

// saysItself reports that a file carries what it is, and has no proof beside it.
func (d dataset) saysItself(format string) bool { return d.name == "nfc_workflows" && format == "json" }

// exportCamt writes the statements of all accounts of a period.
func exportCamt(ctx context.Context, s *shop, out io.Writer) error {
	which := account.Selection{From: s.from, To: s.to, Centres: s.centres}
	d := camt.Document{SHA256: s.sha256, Created: s.created, From: s.from, To: s.to}
	if err := s.ask(ctx, account.Accounts(which), &d.Accounts); err != nil {
		return err
	}
	w, err := camt.New(out, d)
	if errors.Is(err, camt.ErrBalance) {
		return fmt.Errorf("%w; export the statement as csv instead", err)
	}
	if err != nil {
		return err
	}
	s.head = w.Head()
	columns, sql := account.Lines(which)
	s.totals = export.NewTotals(columns)
	err = s.warehouse.Records(ctx, sql, clickhouse.Query{Snapshot: s.snapshot, User: s.reader}, func(rec arrow.Record) error {
		s.rows += rec.NumRows()
		return errors.Join(s.totals.Add(rec), w.Write(rec))
	})
	if err != nil {
		return err
	}
	s.breaks = breaksOf(d.Accounts)
	return w.Close()
}

// breaksOf names the accounts whose lines do not lead from one balance to the
// other.
func breaksOf(list []account.Account) (out []string) {
	for _, a := range list {
		if missing := a.Breaks(); missing != nil && missing.Sign() != 0 {
			out = append(out, fmt.Sprintf("%s (%s minor units of %s)", a.Wallet, missing, a.Currency))
		}
	}
	return out
}
