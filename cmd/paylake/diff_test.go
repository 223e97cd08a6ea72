package main

import (
	"testing"

	"github.com/paylake/paylake/sinks/lake"
)

// What changed, in words and as JSON; manifests that are not there are refused.
func TestDiffCommand(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 100)
	g.paylake(t, "diff", "0", "0").want(t, 0).says(t, "nothing changed", "")
	g.paylake(t, "diff", "0", "1").want(t, 2).says(t, "", "no manifest 1")
	g.story(t)
	g.paylake(t, "diff", "1", "3").want(t, 0).says(t, "mpay ledger: 0 inserted, 0 retracted, 2 revised", "")
	var d lake.Diff
	g.paylake(t, "diff", "1", "2", "--json").want(t, 0).json(t, &d)
	if len(d.Tables) != 1 || d.Tables[0].Revised != 1 || len(d.Tables[0].Money) != 2 || d.Tables[0].Money[0].Provider != "azerishiq" || d.Tables[0].Money[0].Net.String() != "-3740" ||
		d.Tables[0].Money[1].Provider != "azersu" || d.Tables[0].Money[1].Revised.String() != "3740" || d.Tables[0].Rows[0].ID != "a" || d.Tables[0].Rows[0].After.Revision != 2 {
		t.Errorf("%+v", d)
	}
	g.paylake(t, "diff", "1", "3", "--json").want(t, 0).json(t, &d)
	if m := d.Tables[0].Money; len(m) != 2 || m[0].Provider != "=azercell" || m[0].Net.String() != "-1" || m[1].Net.String() != "0" {
		t.Errorf("%+v", d)
	}
	d = lake.Diff{}
	g.paylake(t, "diff", "3", "4", "--json").want(t, 0).json(t, &d)
	if len(d.Tables) != 1 || d.Tables[0].Table != "operations" || d.Tables[0].Inserted != 1 {
		t.Errorf("%+v", d)
	}
	if rows := d.Tables[0].Rows; len(rows) != 1 || rows[0].ID != "o1" || rows[0].Before != nil || rows[0].After == nil || rows[0].After.Amount != 5000 {
		t.Errorf("the inserted row is not listed: %+v", rows)
	}
	g.paylake(t, "diff", "3", "4").want(t, 0).says(t, "│ o1  │ new    │ revision 1: mbank 5000 KGS │", "")
	g.paylake(t, "diff", "0", "3", "--rows", "3").want(t, 0).says(t, "and 1 rows more; --rows 4 lists them", "").says(t, " a   │ new ", "")
	g.paylake(t, "diff", "2", "2").want(t, 0).says(t, "nothing changed from manifest 2 to 2", "")
	g.paylake(t, "diff", "3", "1").want(t, 2).says(t, "", "paylake diff 1 3")
	g.paylake(t, "diff", "1", "9").want(t, 2).says(t, "", "no manifest 9")
	g.paylake(t, "diff", "-1", "2").want(t, 2)
	g.paylake(t, "diff", "one", "2").want(t, 2).says(t, "", "number of a manifest")
}
