package mpay

import (
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

// endpoint is where a table is read.
type endpoint struct {
	path, what string
	shared     bool // belongs to no wallet: any session may read it
	single     bool // one answer that is one row
}

var endpoints = map[string]endpoint{
	schemas.Ledger.Name:          {path: "/wallet/statement", what: "reading the statement"},
	schemas.Balances.Name:        {path: "/wallet/balance", what: "reading the balance", single: true},
	schemas.FundingEvents.Name:   {path: "/wallet/funding-events", what: "reading the funding events"},
	schemas.AssuranceEvents.Name: {path: "/wallet/assurance-events", what: "reading the assurance events"},
	schemas.Templates.Name:       {path: "/wallet/templates", what: "reading the templates"},
	schemas.Providers.Name:       {path: "/catalog/providers", what: "reading the catalogue", shared: true},
	schemas.NFCWorkflows.Name:    {path: "/catalog/nfc-workflows", what: "reading the NFC workflows", shared: true},
}

func (e endpoint) decode(d *decoder, body []byte) (answer, error) {
	if e.single {
		return d.single(body)
	}
	return d.page(body)
}

// Source reads one table: of one configured wallet, or, for a catalogue that
// belongs to none, with an empty wallet. ok is false for a table that the
// façade does not serve.
func (u *Upstream) Source(table, wallet string) (src sources.Source, ok bool) {
	e, ok := endpoints[table]
	if !ok || e.shared != (wallet == "") {
		return nil, false
	}
	return u.reader(table, wallet), true
}

func (u *Upstream) reader(table, wallet string) *reader {
	t, _ := schemas.ByName(table)
	if table == schemas.Ledger.Name {
		t = u.ledger
	}
	return &reader{u: u, from: endpoints[table], stream: sources.Stream{Source: u.cfg.Name, Wallet: wallet, Table: t}}
}

// Shared reports whether a table belongs to no wallet.
func Shared(table string) bool { return endpoints[table].shared }

// Ledger reads the statement of one configured wallet.
func (u *Upstream) Ledger(wallet string) sources.Source { return u.reader(schemas.Ledger.Name, wallet) }

// Providers reads the bill catalogue.
func (u *Upstream) Providers() sources.Source { return u.reader(schemas.Providers.Name, "") }

// windowRows are rows that carry the time that a window is about.
type windowRows interface {
	window(w schemas.Window)
	// proveAt names the instant from which on a row shows that `to` is inclusive.
	proveAt(micros int64)
}

func (l *ledgerRows) proveAt(micros int64) { l.proof = max(micros, l.to) }

// needsCurrency reports whether rows of a table take the page's currency.
func needsCurrency(t rowReader) bool {
	switch t.(type) {
	case *ledgerRows, *fundingRows, *assuranceRows:
		return true
	}
	return false
}

// poolKey names the decoders of one stream, which can be used again.
type poolKey struct{ table, wallet string }

func poolOf(s sources.Stream) poolKey { return poolKey{s.Table.Name, s.Wallet} }

// rowsOf makes the table's part of a decoder.
func (u *Upstream) rowsOf(s sources.Stream, c *columns) rowReader {
	people := newPeople(u.cfg.Pseudonyms)
	switch s.Table.Name {
	case schemas.Balances.Name:
		return newBalanceRows(c, s.Source, s.Wallet, u.cfg.Zone)
	case schemas.FundingEvents.Name:
		return newFundingRows(c, s.Source, s.Wallet, u.cfg.Zone, people)
	case schemas.AssuranceEvents.Name:
		return newAssuranceRows(c, s.Source, s.Wallet, u.cfg.Zone, people)
	case schemas.Templates.Name:
		return newTemplateRows(c, s.Source, s.Wallet, u.cfg.Zone, people)
	case schemas.NFCWorkflows.Name:
		return newWorkflowRows(c, s.Source, u.cfg.Zone)
	case schemas.Providers.Name:
		return newProviderRows(s.Table, c, s.Source, u.cfg.Zone)
	}
	return newLedgerRows(s.Table, c, s.Source, s.Wallet, u.cfg.Zone, people)
}
