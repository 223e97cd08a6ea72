package schemas_test

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"

	"github.com/paylake/paylake/schemas"
)

// row builds a record of one row; values[i] is a string, an int64 or nil.
func row(mem memory.Allocator, t *schemas.Table, values []any) arrow.Record {
	b := array.NewRecordBuilder(mem, t.ArrowSchema())
	defer b.Release()
	for i, v := range values {
		switch f := b.Field(i).(type) {
		case *array.StringBuilder:
			f.Append(v.(string))
		case *array.Int32Builder:
			f.Append(int32(v.(int64)))
		case *array.Int64Builder:
			if v == nil {
				f.AppendNull()
			} else {
				f.Append(v.(int64))
			}
		case *array.TimestampBuilder:
			if v == nil {
				f.AppendNull()
			} else {
				f.Append(arrow.Timestamp(v.(int64)))
			}
		case *array.Date32Builder:
			if v == nil {
				f.AppendNull()
			} else {
				f.Append(arrow.Date32(v.(int64)))
			}
		}
	}
	return b.NewRecord()
}

func draw(t *rapid.T, table *schemas.Table) []any {
	values := make([]any, len(table.Fields))
	for i, f := range table.Fields {
		switch {
		case f.Nullable && rapid.Bool().Draw(t, f.Name+" null"):
			values[i] = nil
		case f.Kind == schemas.String || f.Kind == schemas.Code:
			values[i] = rapid.StringMatching(`[a-z]{0,3}`).Draw(t, f.Name)
		default:
			values[i] = rapid.Int64Range(-5, 1000).Draw(t, f.Name)
		}
	}
	return values
}

func hashOf(table *schemas.Table, rec arrow.Record) (schemas.Key, uint64) {
	keys, hashes := schemas.NewHasher(table).Rows(rec, nil, nil)
	return keys[0], hashes[0]
}

// Every column takes part in the content hash, and the key alone in the key.
func TestEveryColumnIsHashed(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	for _, table := range schemas.All() {
		rapid.Check(t, func(rt *rapid.T) {
			values := draw(rt, table)
			i := rapid.IntRange(0, len(values)-1).Draw(rt, "column")
			other := append([]any(nil), values...)
			switch v := values[i].(type) {
			case string:
				other[i] = v + "x"
			case int64:
				other[i] = v + 1
			case nil:
				other[i] = int64(0)
			}
			a, b := row(mem, table, values), row(mem, table, other)
			defer a.Release()
			defer b.Release()
			ka, ha := hashOf(table, a)
			kb, hb := hashOf(table, b)
			if ha == hb {
				rt.Fatalf("%s: column %s does not change the content hash", table.Name, table.Fields[i].Name)
			}
			inKey := table.Fields[i].Name == "source"
			for _, k := range table.Key {
				inKey = inKey || table.Fields[i].Name == k
			}
			if (ka != kb) != inKey {
				rt.Fatalf("%s: column %s in key = %t, but keys differ = %t", table.Name, table.Fields[i].Name, inKey, ka != kb)
			}
		})
	}
}

// Beginning to keep a field must not revise the rows that do not have it.
func TestAKeptColumnCountsOnlyWhereItIsFilled(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	kept := schemas.Providers.Keep("promo")
	plain := []any{"mpay", "AZERSU_RES", "Azərsu", "Azersu", "Азерсу", "utilities", "", "active", int64(1)}
	a, b, c := row(mem, schemas.Providers, plain), row(mem, kept, append(plain, "")), row(mem, kept, append(plain, "spring"))
	defer a.Release()
	defer b.Release()
	defer c.Release()
	_, ha := hashOf(schemas.Providers, a)
	_, hb := hashOf(kept, b)
	_, hc := hashOf(kept, c)
	if ha != hb || hb == hc {
		t.Errorf("hashes %x (without), %x (empty), %x (filled)", ha, hb, hc)
	}
}

func TestRejectsAreIdentifiedByOriginAndBytes(t *testing.T) {
	s := schemas.Stream{Source: "mpay", Wallet: "w1", Table: schemas.Ledger}
	r := schemas.Reject{Raw: []byte(`{"id":"1"}`), Reason: schemas.ReasonAmount}
	again := schemas.Reject{Raw: []byte(`{"id":"1"}`), Reason: schemas.ReasonTime}
	if r.ID(s) != again.ID(s) {
		t.Error("the same bytes must have the same id, whatever was wrong first")
	}
	other := s
	other.Wallet = "w2"
	if r.ID(s) == r.ID(other) || len(r.ID(s)) != 32 {
		t.Error("another wallet is another row")
	}
}
