package reconcile

import (
	"fmt"
	"slices"

	"github.com/paylake/paylake/cmd/internal/decisions"
	"github.com/paylake/paylake/schemas"
)

// Accepted says who accepted a difference, and why; nil: nobody.
type Accepted struct {
	Decision string `json:"decision_id"`
	By       string `json:"by"`
	Reason   string `json:"reason"`
	At       string `json:"at"` // an instant in UTC
}

// Difference is one that somebody can accept: with what was expected, never
// between lake and warehouse, which paylake itself mends.
type Difference struct {
	Finding                            string
	Words                              string
	Wallet, Provider, Category         string // as the file names them: empty stands for all
	What                               What
	Currency                           string
	ExpectedMinor, LakeMinor, OffMinor int64  // off: what there is beyond what is expected
	OffRows                            *int64 // the same of the number of rows; nil: any number was expected
	accepted                           **Accepted
}

// name gives every difference of a period its id: a function of what it is
// about, never of how large it is.
func (r *Report) name(period string) {
	id := func(kind string, parts ...string) string {
		return decisions.FindingID("reconcile "+kind, append([]string{period}, parts...)...)
	}
	for i := range r.Expectations {
		v := &r.Expectations[i]
		v.Finding = id("total", string(v.What), v.Wallet, v.Provider, v.Category, v.Currency)
	}
	for i := range r.Unexpected {
		u := &r.Unexpected[i]
		u.Finding = id("unexpected", string(u.What), u.Wallet, u.Provider, u.Category, u.Currency)
	}
	for i := range r.Differences.Rows {
		d := &r.Differences.Rows[i]
		d.Finding = id("row", d.Source, d.Wallet, d.ID)
	}
	for i := range r.Published {
		t := &r.Published[i]
		t.Finding = id("published", string(t.What), t.Provider, t.Category, t.Currency)
	}
}

// Open are the differences that somebody can accept, accepted ones included.
func (r *Report) Open() (list []Difference) {
	for i := range r.Expectations {
		v := &r.Expectations[i]
		if v.Agrees || !v.same() {
			continue
		}
		d := Difference{Finding: v.Finding, Wallet: v.Wallet, Provider: v.Provider, Category: v.Category, What: v.What, Currency: v.Currency,
			ExpectedMinor: v.ExpectedMinor, LakeMinor: v.LakeMinor, OffMinor: v.Difference(), OffRows: v.offRows(), accepted: &v.Accepted}
		list = append(list, d.worded())
	}
	for i := range r.Unexpected {
		u := &r.Unexpected[i]
		if !u.same() {
			continue
		}
		provider := u.Provider
		if provider == "" {
			provider = None
		}
		d := Difference{Finding: u.Finding, Wallet: u.Wallet, Provider: provider, Category: u.Category, What: u.What, Currency: u.Currency,
			LakeMinor: u.LakeMinor, OffMinor: u.LakeMinor, OffRows: &u.LakeRows, accepted: &u.Accepted}
		list = append(list, d.worded())
	}
	return list
}

// same reports whether lake and warehouse have the same.
func (a *Amounts) same() bool {
	return a.LakeMinor == a.WarehouseMinor && a.LakeRows == a.WarehouseRows
}

func (v *Verdict) offRows() *int64 {
	if v.ExpectedRows == nil {
		return nil
	}
	off := v.LakeRows - *v.ExpectedRows
	return &off
}

// worded says in words what the difference is.
func (d Difference) worded() Difference {
	text := Expectation{Line: Line{Wallet: d.Wallet, Provider: d.Provider, Category: d.Category, What: d.What}}.String()
	exponent, err := schemas.Exponent(d.Currency)
	amount := fmt.Sprint(d.OffMinor)
	if err == nil {
		amount = schemas.FormatMinor(d.OffMinor, exponent)
	}
	if d.OffMinor > 0 {
		amount = "+" + amount
	}
	d.Words = fmt.Sprintf("%s: %s %s", text, amount, d.Currency)
	if d.OffRows != nil && *d.OffRows != 0 {
		d.Words += fmt.Sprintf(", %+d rows", *d.OffRows)
	}
	return d
}

// Accept notes what was accepted as it is now, and says anew whether everything
// agrees. Another amount or number of rows than the accepted one is open again.
func (r *Report) Accept(so *decisions.Ledger) {
	open := len(r.Published) + int(r.Differences.Count())
	acceptable := r.Open()
	r.Accepted = 0
	for _, d := range acceptable {
		*d.accepted = nil
		if by, ok := so.About(d.Finding); ok && d.is(by) {
			*d.accepted = &Accepted{by.ID, by.By, by.Reason, by.At.Format("2006-01-02T15:04:05.999999Z07:00")}
			r.Accepted++
		} else {
			open++
		}
	}
	for i := range r.Expectations {
		if v := &r.Expectations[i]; !v.Agrees && !v.same() {
			open++
		}
	}
	for i := range r.Unexpected {
		if !r.Unexpected[i].same() {
			open++
		}
	}
	r.Agrees = open == 0
}

// is reports whether a decision accepts the difference as it is.
func (d *Difference) is(by decisions.Decision) bool {
	if by.Kind != decisions.Accept || by.Amount == nil || *by.Amount != d.OffMinor || by.Currency != d.Currency {
		return false
	}
	if by.Rows == nil || d.OffRows == nil {
		return by.Rows == nil && d.OffRows == nil
	}
	return *by.Rows == *d.OffRows
}

// Accepted says who accepted the difference as it is; nil: nobody.
func (d *Difference) Accepted() *Accepted { return *d.accepted }

// Decision is the acceptance of a difference, as of a manifest.
func (d *Difference) Decision(period, by, reason string, asOf int64) decisions.Decision {
	out := decisions.Decision{Kind: decisions.Accept, Period: period, Subject: d.Finding, By: by, Reason: reason, What: d.Words,
		Wallet: d.Wallet, Provider: d.Provider, Category: d.Category, Measure: string(d.What), Currency: d.Currency, AsOf: asOf}
	out.Amount, out.Rows, out.Expected, out.Lake, out.Warehouse = &d.OffMinor, d.OffRows, &d.ExpectedMinor, &d.LakeMinor, &d.LakeMinor
	return out
}

// SignOff is what a period that agrees is signed off with: what was compared, one
// decision for each expectation, and the release of the period. evidence is the
// SHA-256 of the expectations.
func (r *Report) SignOff(by, reason, evidence string) (list []decisions.Decision) {
	for i := range r.Expectations {
		v := &r.Expectations[i]
		off := v.Difference()
		d := decisions.Decision{Kind: decisions.Compare, Period: r.Period, Subject: v.Finding, By: by, Reason: reason,
			Wallet: v.Wallet, Provider: v.Provider, Category: v.Category, Measure: string(v.What), Currency: v.Currency,
			Amount: &off, Rows: v.offRows(), Expected: &v.ExpectedMinor, Lake: &v.LakeMinor, Warehouse: &v.WarehouseMinor, AsOf: r.Snapshot, Evidence: evidence}
		list = append(list, d)
	}
	return append(list, decisions.Decision{Kind: decisions.Release, Period: r.Period, By: by, Reason: reason, AsOf: r.Snapshot, Evidence: evidence,
		What: fmt.Sprintf("%d totals compared, %d differences accepted", len(r.Expectations), r.Accepted)})
}

// Has reports whether the report knows a finding at all, and if it is one that
// nobody can accept, why.
func (r *Report) Has(finding string) (known bool, why string) {
	const between = "lake and warehouse differ there, which nobody can accept: paylake run mends the warehouse from the lake, paylake rebuild makes it again"
	for i := range r.Expectations {
		if v := &r.Expectations[i]; v.Finding == finding {
			switch {
			case v.Agrees:
				return true, fmt.Sprintf("line %d agrees to the minor unit, so there is nothing to accept", v.Line)
			case !v.same():
				return true, between
			}
			return true, ""
		}
	}
	if i := slices.IndexFunc(r.Unexpected, func(u Unexpected) bool { return u.Finding == finding }); i >= 0 {
		if !r.Unexpected[i].same() {
			return true, between
		}
		return true, ""
	}
	inRows := slices.ContainsFunc(r.Differences.Rows, func(d RowDiff) bool { return d.Finding == finding })
	inViews := slices.ContainsFunc(r.Published, func(t Total) bool { return t.Finding == finding })
	if inRows || inViews {
		return true, between
	}
	return false, ""
}
