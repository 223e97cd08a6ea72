package main

import (
	"fmt"
	"strings"

	"github.com/paylake/paylake/cmd/internal/reconcile"
	"github.com/paylake/paylake/schemas"
)

// inUnits writes minor units as people write them.
func inUnits(minor int64, currency string) string {
	exponent, err := schemas.Exponent(currency)
	if err != nil {
		return fmt.Sprintf("%d minor units of %q", minor, currency)
	}
	return schemas.FormatMinor(minor, exponent)
}

// more writes a difference with its sign.
func more(minor int64, currency string) string {
	if minor > 0 {
		return "+" + inUnits(minor, currency)
	}
	return inUnits(minor, currency)
}

func orAll(text string) string {
	if text == "" {
		return "all"
	}
	return text
}

func (p *program) showReconciliation(r reconcile.Report, file string) {
	w := p.stdout
	fmt.Fprintf(w, "%s, business dates from %s to before %s: %s rows in the lake (manifest %d), %s in the warehouse (manifest %d)\n",
		r.Period, r.From, r.To, thousands(r.LakeRows), r.Snapshot, thousands(r.WarehouseRows), r.WarehouseSnapshot)
	p.showVerdicts(r)
	p.showUnexpected(r)
	p.showRowDiffs(r.Differences)
	p.showPublished(r)
	p.showDecided(r)
	if r.ReadFrom != "" {
		fmt.Fprintf(w, "days before %s are not read: the configuration's start\n", r.ReadFrom)
	}
	if len(r.Unread) > 0 {
		u := r.Unread[0]
		fmt.Fprintf(w, "not all of %s is read: of %d wallets something is owed, first of %s from %s on; see: paylake plan\n", r.Period, len(r.Unread), u.Wallet, instant(u.From))
	}
	if r.AmbiguousMatches > 0 {
		fmt.Fprintf(w, "%s matches of %s are ambiguous, and a person must choose: paylake match list --open --period %s\n", thousands(r.AmbiguousMatches), r.Period, r.Period)
	}
	if r.Closed != "" {
		fmt.Fprintf(w, "%s is closed (%s); what changed since: paylake restatements %s\n", r.Period, r.Closed, r.Period)
	}
	if r.Held != "" {
		fmt.Fprintf(w, "%s is held back from publication (%s)\n", r.Period, r.Held)
	}
	switch {
	case r.Agrees && r.Accepted > 0:
		fmt.Fprintf(w, "everything agrees or is accepted: %d expectations, %d differences accepted\n", len(r.Expectations), r.Accepted)
	case r.Agrees && file == "":
		fmt.Fprintln(w, "lake and warehouse agree; nothing was expected (--expect)")
	case r.Agrees:
		fmt.Fprintf(w, "everything agrees: %d expectations, lake and warehouse, to the minor unit\n", len(r.Expectations))
	default:
		fmt.Fprintf(w, "%s does not reconcile\n", r.Period)
	}
}

// showDecided lists what can be accepted, and what was.
func (p *program) showDecided(r reconcile.Report) {
	var rows [][]string
	for _, d := range r.Open() {
		state, by, reason := "open", "", ""
		if a := d.Accepted(); a != nil {
			state, by, reason = "accepted", a.By+", "+a.At, a.Reason
		}
		rows = append(rows, []string{d.Finding, d.Words, state, by, reason})
	}
	if len(rows) > 0 {
		p.grid([]string{"finding", "difference", "state", "by", "reason"}, rows)
	}
}

func (p *program) showVerdicts(r reconcile.Report) {
	if len(r.Expectations) == 0 {
		return
	}
	var rows [][]string
	for _, v := range r.Expectations {
		verdict := "agrees"
		switch {
		case v.Agrees:
		case v.Difference() != 0:
			verdict = more(v.Difference(), v.Currency)
		default:
			verdict = "count"
		}
		count := ""
		if v.ExpectedRows != nil {
			count = thousands(*v.ExpectedRows)
		}
		rows = append(rows, []string{fmt.Sprint(v.Line), string(v.What), orAll(v.Wallet), orAll(v.Provider), orAll(v.Category), v.Currency,
			inUnits(v.ExpectedMinor, v.Currency), inUnits(v.LakeMinor, v.Currency), inUnits(v.WarehouseMinor, v.Currency),
			count, thousands(v.LakeRows), thousands(v.WarehouseRows), verdict})
	}
	p.grid([]string{"line", "what", "wallet", "provider", "category", "currency", "expected", "lake", "warehouse", "rows expected", "lake", "warehouse", "verdict"}, rows)
	for _, v := range r.Expectations {
		if !v.Agrees {
			p.showParts(v)
		}
	}
}

// showParts lists the rows behind an expectation that does not agree.
func (p *program) showParts(v reconcile.Verdict) {
	if len(v.Rows) == 0 && v.Unlisted == 0 {
		fmt.Fprintf(p.stdout, "line %d: no row of the warehouse counts for it\n", v.Line)
		return
	}
	fmt.Fprintf(p.stdout, "line %d: the rows that count for it in the warehouse", v.Line)
	if len(v.Rows) == 0 {
		fmt.Fprintf(p.stdout, ": %s, none listed\n", thousands(v.Unlisted))
		return
	}
	fmt.Fprintln(p.stdout)
	var rows [][]string
	for _, one := range v.Rows {
		note := ""
		if one.Exact {
			note = "is the difference"
		}
		rows = append(rows, []string{one.Date, one.Wallet, one.ID, one.Provider, one.Type, one.Status, inUnits(one.AmountMinor, one.Currency), one.Currency, note})
	}
	p.grid([]string{"day", "wallet", "row", "provider", "type", "status", "amount", "currency", ""}, rows)
	if v.Unlisted > 0 {
		fmt.Fprintf(p.stdout, "and %s rows more; --rows %d lists them\n", thousands(v.Unlisted), v.Unlisted+int64(len(v.Rows)))
	}
}

func (p *program) showUnexpected(r reconcile.Report) {
	if len(r.Unexpected) == 0 {
		return
	}
	fmt.Fprintln(p.stdout, "money that no line is about")
	var rows [][]string
	for _, u := range r.Unexpected {
		rows = append(rows, []string{string(u.What), orAll(u.Wallet), orNone(u.Provider), orAll(u.Category), u.Currency,
			inUnits(u.LakeMinor, u.Currency), inUnits(u.WarehouseMinor, u.Currency), thousands(u.LakeRows), thousands(u.WarehouseRows)})
	}
	p.grid([]string{"what", "wallet", "provider", "category", "currency", "lake", "warehouse", "rows in the lake", "in the warehouse"}, rows)
}

// rowState is a row in one cell; a dash where there is none.
func rowState(s *reconcile.RowState) string {
	if s == nil {
		return "-"
	}
	text := strings.Join([]string{s.Date, s.Type, s.Status, s.Provider, s.Category, inUnits(s.AmountMinor, s.Currency), s.Currency}, " ")
	if s.Times > 1 {
		text += fmt.Sprintf(" (%d times)", s.Times)
	}
	return text
}

func (p *program) showRowDiffs(d reconcile.RowDiffs) {
	if d.Count() == 0 {
		return
	}
	fmt.Fprintf(p.stdout, "lake and warehouse differ: %s rows only in the lake, %s only in the warehouse, %s with other content\n",
		thousands(d.OnlyLake), thousands(d.OnlyWarehouse), thousands(d.Changed))
	var rows [][]string
	for _, one := range d.Rows {
		rows = append(rows, []string{one.Wallet, one.ID, rowState(one.Lake), rowState(one.Warehouse)})
	}
	if len(rows) > 0 {
		p.grid([]string{"wallet", "row", "lake", "warehouse"}, rows)
	}
	if d.Unlisted > 0 {
		fmt.Fprintf(p.stdout, "and %s rows more; --rows %d lists them\n", thousands(d.Unlisted), d.Count())
	}
}

func (p *program) showPublished(r reconcile.Report) {
	if len(r.Published) == 0 {
		return
	}
	fmt.Fprintln(p.stdout, "spend_by_provider is not the sum of the warehouse's own ledger")
	var rows [][]string
	for _, t := range r.Published {
		rows = append(rows, []string{string(t.What), t.Provider, t.Category, t.Currency, inUnits(t.PublishedMinor, t.Currency), inUnits(t.LedgerMinor, t.Currency),
			thousands(t.PublishedRows), thousands(t.LedgerRows)})
	}
	p.grid([]string{"what", "provider", "category", "currency", "published", "ledger", "rows published", "in the ledger"}, rows)
}
