package reconcile

import (
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/decisions"
)

// spendOf compares one expectation of spend with what wlt_1 paid.
func spendOf(t *testing.T, lake, warehouse *memory, expected string, count *int64) Report {
	t.Helper()
	r, err := Compare(t.Context(), Input{Lake: lake, Warehouse: warehouse, File: "f", Period: "2026-03", Known: known(), List: 10,
		Lines: []Line{{At: 2, Provider: "AZERSU_RES", What: Spend, AmountMinor: expected, Count: count}}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// accept says yes to every difference that can be accepted.
func accept(l *decisions.Ledger, r Report) (n int) {
	for _, d := range r.Open() {
		one := d.Decision(r.Period, "aysel", "case 7", 5)
		one.At = time.Date(2026, 4, 6, 9, 10, 0, 0, time.UTC)
		if _, fresh := l.Add(one); fresh {
			n++
		}
	}
	return n
}

// What is accepted is accepted to the minor unit and the row: the same difference
// again is, any other is open again.
func TestAcceptedAsItIs(t *testing.T) {
	one, other := paid("a", "wlt_1", "AZERSU_RES", 3740), paid("b", "wlt_1", "AZERSU_RES", 100)
	foreign := paid("c", "wlt_2", "MOB_AZERCELL", 900)
	var l decisions.Ledger
	r := spendOf(t, sideOf(one, foreign), sideOf(one, foreign), "3000", n(2))
	if r.Accept(&l); r.Agrees || len(r.Open()) != 2 || r.Open()[0].Words != "spend for AZERSU_RES: +7.40 AZN, -1 rows" {
		t.Fatalf("%+v", r.Open())
	}
	ids := map[string]bool{}
	for _, d := range r.Open() {
		ids[d.Finding] = decisions.IsFinding(d.Finding)
		if known, why := r.Has(d.Finding); !known || why != "" {
			t.Errorf("%s: %t %s", d.Finding, known, why)
		}
	}
	if len(ids) != 2 || accept(&l, r) != 2 || accept(&l, r) != 0 {
		t.Fatalf("%v", ids)
	}
	if r.Accept(&l); !r.Agrees || r.Accepted != 2 || r.Expectations[0].Accepted.By != "aysel" || r.Unexpected[0].Accepted.Reason != "case 7" || r.Expectations[0].Agrees {
		t.Errorf("%+v", r)
	}
	for name, again := range map[string]Report{
		"another amount":  spendOf(t, sideOf(one, foreign, other), sideOf(one, foreign, other), "3000", n(3)),
		"another count":   spendOf(t, sideOf(one, foreign), sideOf(one, foreign), "3000", n(3)),
		"no count":        spendOf(t, sideOf(one, foreign), sideOf(one, foreign), "3000", nil),
		"the other side":  spendOf(t, sideOf(one, foreign), sideOf(foreign), "3000", n(2)),
		"more unexpected": spendOf(t, sideOf(one, foreign, of(foreign, func(r *Row) { r.ID = "d" })), sideOf(one, foreign, of(foreign, func(r *Row) { r.ID = "d" })), "3000", n(2)),
	} {
		if again.Accept(&l); again.Agrees {
			t.Errorf("%s is accepted: %+v", name, again)
		}
	}
	same := spendOf(t, sideOf(one, foreign), sideOf(one, foreign), "3000", n(2))
	if same.Accept(&l); !same.Agrees {
		t.Error("the same difference is open again")
	}
	if sign := same.SignOff("aysel", "ok", "ab"); len(sign) != 2 || sign[0].Kind != decisions.Compare || *sign[0].Amount != 740 || sign[1].Kind != decisions.Release || sign[1].What != "1 totals compared, 2 differences accepted" {
		t.Errorf("%+v", sign)
	}
	for _, d := range r.Open() { // somebody thinks better of it
		l.Add(decisions.Decision{Kind: decisions.Confirm, Period: "2026-03", Subject: d.Finding, By: "rashad", Reason: "no"})
		break
	}
	if same.Accept(&l); same.Agrees || same.Accepted != 1 {
		t.Error("what was taken back is accepted")
	}
}

// A difference between lake and warehouse is nobody's to accept.
func TestBetweenLakeAndWarehouse(t *testing.T) {
	one := paid("a", "wlt_1", "AZERSU_RES", 3740)
	r := spendOf(t, sideOf(one), sideOf(of(one, func(r *Row) { r.Amount-- })), "3740", nil)
	if len(r.Open()) != 0 || r.Agrees {
		t.Errorf("%+v", r.Open())
	}
	for _, id := range []string{r.Expectations[0].Finding, r.Differences.Rows[0].Finding} {
		if known, why := r.Has(id); !known || !strings.Contains(why, "nobody can accept") {
			t.Errorf("%s: %t %s", id, known, why)
		}
	}
	if known, _ := r.Has("fnd_0000000000000000"); known {
		t.Error("it knows anything")
	}
	right := spendOf(t, sideOf(one), sideOf(one), "3740", nil)
	if known, why := right.Has(right.Expectations[0].Finding); !known || !strings.Contains(why, "line 2 agrees") {
		t.Errorf("%t %s", known, why)
	}
	if other := spendOf(t, sideOf(one), sideOf(one), "1", nil); other.Expectations[0].Finding != right.Expectations[0].Finding {
		t.Error("the id follows the amount")
	}
}
