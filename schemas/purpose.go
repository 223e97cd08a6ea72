package schemas

import (
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Purpose is what a wallet's owner can consent to. Which fields it covers is
// data: everything else of the wallet is not stored.
type Purpose struct {
	Name string
	Doc  string
	// Columns lists what is covered beside the columns that say which row it is
	// (see identifying), by table. A table that is not listed is not read at
	// all. Nil covers every column of every table.
	Columns map[string][]string
}

// PurposeAnalytics covers every column of the public views.
const PurposeAnalytics = "analytics"

var moneyOfLine = []string{"type", "amount_minor", "currency", "fee_minor", "provider_code", "category", "status", "reversal_of", "reversal_code"}

// Purposes lists the purposes that can be consented to, the widest first.
func Purposes() []Purpose {
	return []Purpose{
		{Name: PurposeAnalytics, Doc: "every column of the public views"},
		{Name: "accounting", Doc: "amounts, balances, fees and references of ledger, funding and balances; nobody's number", Columns: map[string][]string{
			"ledger":         append(slices.Clone(moneyOfLine), "balance_after_minor", "service_code", "channel", "external_reference", "vat_receipt"),
			"funding_events": {"method", "terminal_network", "amount_minor", "currency", "fee_minor", "status", "ledger_id"},
			"balances":       {"as_of", "currency", "available_minor", "reserved_minor"},
			"settlements":    {"event", "amount_minor", "currency", "provider_code", "external_reference"},
		}},
		{Name: "spend", Doc: "what was spent with which provider; no balance, no reference, nobody's number", Columns: map[string][]string{
			"ledger": moneyOfLine,
		}},
		{Name: "balance", Doc: "balances only", Columns: map[string][]string{
			"balances": {"as_of", "currency", "available_minor", "reserved_minor"},
		}},
	}
}

// PurposeNamed finds a purpose.
func PurposeNamed(name string) (Purpose, error) {
	var known []string
	for _, p := range Purposes() {
		if p.Name == name {
			return p, nil
		}
		known = append(known, p.Name)
	}
	return Purpose{}, fmt.Errorf("%q is not a purpose; there are %s", name, strings.Join(known, ", "))
}

// Covered says which columns of t the purposes cover together: one flag per
// field, nil when all of them are. ok is false when t is not covered at all; an
// unknown purpose covers nothing.
func Covered(purposes []string, t *Table) (columns []bool, ok bool) {
	columns = make([]bool, len(t.Fields))
	for _, name := range purposes {
		p, err := PurposeNamed(name)
		if err != nil {
			continue
		}
		if p.Columns == nil {
			return nil, true
		}
		names, listed := p.Columns[t.Name]
		ok = ok || listed
		for i, f := range t.Fields {
			columns[i] = columns[i] || listed && slices.Contains(names, f.Name)
		}
	}
	for i, f := range t.Fields {
		columns[i] = columns[i] || identifying(t, f.Name)
	}
	return columns, ok
}

// identifying columns say which row it is, of whom and when; no row can be
// stored without them.
func identifying(t *Table, name string) bool {
	switch name {
	case "source", "wallet_id", "business_date", "posted_offset_s", "occurred_offset_s", "as_of_offset_s", t.Time:
		return true
	}
	return slices.Contains(t.Key, name)
}

// Narrow returns a record of t without what is not covered: text becomes empty,
// numbers zero, and what may be NULL becomes NULL. It takes over rec; nil
// columns leave it as it is.
func Narrow(rec arrow.Record, t *Table, columns []bool) arrow.Record {
	if columns == nil {
		return rec
	}
	defer rec.Release()
	arrays := make([]arrow.Array, len(t.Fields))
	for i, f := range t.Fields {
		if columns[i] {
			arrays[i] = rec.Column(i)
			continue
		}
		arrays[i] = blank(f, int(rec.NumRows()))
		defer arrays[i].Release()
	}
	return array.NewRecord(rec.Schema(), arrays, rec.NumRows())
}

func blank(f Field, rows int) arrow.Array {
	b := array.NewBuilder(memory.DefaultAllocator, f.Kind.Arrow())
	defer b.Release()
	if f.Nullable {
		b.AppendNulls(rows)
	} else {
		b.AppendEmptyValues(rows)
	}
	return b.NewArray()
}
