// What a reconciliation must find: the planted discrepancies with their rows,
// and the totals that somebody else would expect of the month.

package sandbox

import (
	"bytes"
	"fmt"
	"net/http"
)

// Planted are the discrepancies of a world, and where they are. Amounts are minor
// units.
type Planted struct {
	Period   string         `json:"period"`
	Missing  PlantedRow     `json:"missing"`  // no statement shows it
	Findings []PlantedFind  `json:"findings"` // exactly these in the month
	Double   PlantedDouble  `json:"double"`
	Expected []ExpectedLine `json:"expected"`
}

// PlantedRow is the payment that a wallet's statement keeps back.
type PlantedRow struct {
	WalletID     string `json:"wallet_id"`
	EntryID      string `json:"entry_id"`
	ProviderCode string `json:"provider_code"`
	AmountMinor  int64  `json:"amount_minor"` // below zero
}

// PlantedFind is a finding by its kind and rows.
type PlantedFind struct {
	Kind   string   `json:"kind"`
	Source string   `json:"source"`
	Rows   []string `json:"rows"` // the earlier one first
}

// PlantedDouble is a payment that two systems report.
type PlantedDouble struct {
	WalletID    string `json:"wallet_id"`
	EntryID     string `json:"entry_id"`
	OperationID string `json:"operation_id"`
	AmountMinor int64  `json:"amount_minor"`
}

// ExpectedLine is a total of the month, the missing payment included.
type ExpectedLine struct {
	ProviderCode string `json:"provider_code"`
	What         string `json:"what"`
	AmountMinor  int64  `json:"amount_minor"`
}

// Planted says what the last whole month hides; false for a world without flaws.
func (w *World) Planted() (Planted, bool) {
	p := w.planted
	if p == nil {
		return Planted{}, false
	}
	now := w.cal.starts[w.cal.today]
	out := Planted{Period: p.first.Format("2006-01"), Expected: w.expected()}
	rows := p.hidden.b.slots(w, p.hidden.day)
	name := func(s spot) string { return w.entryID(s.b.index, ref{int32(s.day) + 1, int32(s.i)}) }
	hidden := &rows[p.hidden.i]
	out.Missing = PlantedRow{p.hidden.b.who.id, name(p.hidden), billers[hidden.biller].code, hidden.amount}
	before, after := p.hidden, p.hidden
	before.i--
	after.i++
	out.Findings = []PlantedFind{
		{"chain_break", SourceMPAY, []string{name(before), name(after)}},
		{"scale", SourceFlashpay, []string{w.ops.show(p.scaled, now).ID}},
	}
	out.Double = PlantedDouble{p.double.b.who.id, name(p.double), w.ops.show(p.doubled, now).ID, p.amount}
	return out, true
}

// expected are spend and refunds of the month by provider as somebody knows them
// who has every payment.
func (w *World) expected() (out []ExpectedLine) {
	p, sums := w.planted, ledgerSums{}
	for _, b := range w.wallets {
		w.walletTruth(b.who.id, w.eve(), sums, newWalletSums(w))
	}
	hidden := w.entry(p.hidden.b, p.hidden.day, p.hidden.i, &p.hidden.b.slots(w, p.hidden.day)[p.hidden.i], w.cal.starts[w.cal.today])
	w.addEntry(p.hidden.b.who.id, &hidden, sums, map[string]reversedRow{})
	month := p.first.Format("2006-01")
	for _, s := range sums.lines(func(s Spend) Spend {
		return Spend{ProviderCode: s.ProviderCode, BusinessDate: s.BusinessDate[:len(month)]}
	}) {
		if s.BusinessDate != month {
			continue
		}
		if s.SpendMinor > 0 {
			out = append(out, ExpectedLine{s.ProviderCode, "spend", s.SpendMinor})
		}
		if s.RefundsMinor > 0 {
			out = append(out, ExpectedLine{s.ProviderCode, "refunds", s.RefundsMinor})
		}
	}
	return out
}

// ExpectedFile is what an accountant expects of the last whole month, for
// `paylake reconcile --expect`; empty for a world without flaws.
func (w *World) ExpectedFile() []byte {
	p, ok := w.Planted()
	if !ok {
		return nil
	}
	var b bytes.Buffer
	b.WriteString("provider_code,currency,what,amount\n")
	for _, line := range p.Expected {
		code := line.ProviderCode
		if code == "" {
			code = "-"
		}
		fmt.Fprintf(&b, "%s,AZN,%s,%s\n", code, line.What, decimal2(line.AmountMinor))
	}
	return b.Bytes()
}

// planted serves /sandbox/planted.
func (d *desk) planted(rw http.ResponseWriter, _ *http.Request) {
	p, ok := d.world.Planted()
	if !ok {
		http.Error(rw, "nothing is planted: start the sandbox with --flaws", http.StatusNotFound)
		return
	}
	writeJSON(rw, p)
}
