package schemas

import (
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// A purpose that names a column its table does not have would cover nothing and
// say nothing.
func TestPurposesNameColumnsThatExist(t *testing.T) {
	for _, p := range Purposes() {
		for name, columns := range p.Columns {
			table, ok := ByName(name)
			if !ok {
				continue // a table that this version does not read yet
			}
			for _, c := range columns {
				if !table.Has(c) {
					t.Errorf("purpose %s: table %s has no column %s", p.Name, name, c)
				}
			}
		}
	}
	if _, err := PurposeNamed("anlytics"); err == nil || !strings.Contains(err.Error(), "analytics") {
		t.Error(err)
	}
}

func TestCovered(t *testing.T) {
	if columns, ok := Covered([]string{"spend", PurposeAnalytics}, Ledger); columns != nil || !ok {
		t.Errorf("analytics covers everything: %v %v", columns, ok)
	}
	if _, ok := Covered([]string{"balance"}, Ledger); ok {
		t.Error("balance covers the ledger")
	}
	if _, ok := Covered([]string{"unknown"}, Ledger); ok {
		t.Error("an unknown purpose covers the ledger")
	}
	columns, ok := Covered([]string{"spend"}, Ledger)
	if !ok {
		t.Fatal("spend does not cover the ledger")
	}
	for name, want := range map[string]bool{"entry_id": true, "posted_at": true, "amount_minor": true, "provider_code": true,
		"counterparty": false, "counterparty_masked": false, "subscriber_ref": false, "balance_after_minor": false} {
		if columns[Ledger.Index(name)] != want {
			t.Errorf("%s: covered %t", name, !want)
		}
	}
}

func TestNarrow(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	b := array.NewRecordBuilder(alloc, Ledger.ArrowSchema())
	defer b.Release()
	for i, f := range Ledger.Fields {
		for range 3 {
			switch x := b.Field(i).(type) {
			case *array.StringBuilder:
				x.Append("text of " + f.Name)
			case *array.Int64Builder:
				x.Append(7)
			default:
				x.AppendEmptyValue()
			}
		}
	}
	columns, _ := Covered([]string{"spend"}, Ledger)
	rec := Narrow(b.NewRecord(), Ledger, columns)
	defer rec.Release()
	for i, f := range Ledger.Fields {
		text := rec.Column(i).ValueStr(1)
		blank := slices.Contains([]string{"", "0", "(null)"}, text)
		if f.Kind <= Code && blank == columns[i] || f.Name == "balance_after_minor" && !rec.Column(i).IsNull(0) {
			t.Errorf("%s: %q, covered %t", f.Name, text, columns[i])
		}
	}
}
