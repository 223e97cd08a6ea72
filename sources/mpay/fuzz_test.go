package mpay

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
)

// FuzzDecode has two outcomes: rows and rejects that add up, or errPage (which
// readers see as ErrShape).
func FuzzDecode(f *testing.F) {
	addPages(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
		defer alloc.AssertSize(t, 0)
		c := newColumns(schemas.Providers, alloc)
		decoders := []*decoder{ledgerDecoder(march, alloc, "x"), newDecoder(newProviderRows(schemas.Providers, c, "mpay", baku), c)}
		for _, table := range []*schemas.Table{schemas.Balances, schemas.FundingEvents, schemas.AssuranceEvents, schemas.Templates, schemas.NFCWorkflows} {
			decoders = append(decoders, tableDecoder(table, alloc))
		}
		for _, d := range decoders {
			decode := d.page
			if _, ok := d.table.(*balanceRows); ok {
				decode = d.single
			}
			a, err := decode(bytes.Clone(body))
			if err != nil {
				if !errors.Is(err, errPage) || a.rows != nil {
					t.Fatalf("neither rows nor errPage: %v", err)
				}
				continue
			}
			if a.rows == nil {
				continue
			}
			for _, r := range a.rejects {
				if r.Reason == "" || len(r.Raw) == 0 || !bytes.Contains(body, r.Raw) {
					t.Fatalf("reject %+v", r)
				}
			}
			for i := range int(a.rows.NumCols()) {
				if a.rows.Column(i).Len() != int(a.rows.NumRows()) {
					t.Fatalf("column %d has %d of %d rows", i, a.rows.Column(i).Len(), a.rows.NumRows())
				}
			}
			a.rows.Release()
		}
	})
}

func tableDecoder(t *schemas.Table, alloc memory.Allocator) *decoder {
	u := &Upstream{cfg: Config{Zone: baku, Pseudonyms: pseudonyms(), Allocator: alloc}}
	d := u.newDecoder(schemas.Stream{Source: "mpay", Wallet: "wlt_441b", Table: t})
	if r, ok := d.table.(windowRows); ok {
		r.window(march)
	}
	return d
}

func addPages(f *testing.F) {
	statement, err := os.ReadFile("testdata/seed_statement.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{string(statement), page(goodRow, row(`"amount":NaN`)), `{"rows":[` + goodRow + `],"currency":"AZN"}`,
		page(row(`"x":{"a":[1,"]"]}`), `[{}]`, "5"), `{"error":"x"}`, page(row(`"provider_code":"\ud800"`)), page("\xff", goodRow), `{"rows":[{"id":"\"}]`,
		`{"rows":[{"provider_code":"A","display_name":{"az":"a"}}]}`,
		`{"rows":[{"workflow_id":"w","platform":"ios","steps":[{"seq":1,"name":"a"}]}]}`, `{"currency":"AZN","as_of":"2026-03-18T11:02:11Z","available":1}`,
		`{"rows":[{"id":"f","occurred_at":"2026-03-18T11:02:11Z","method":"card","amount":1,"event":"otp_verified"}]}`,
		page(row(`"fee":1e2`), row(`"fee":01`), row(`"fee":-`), row(`"fee":1.`), row(`"fee":-0.50`), row(`"fee":+1`)),
		page(row(`"y":true,"z":false,"w":null`), row(`"y":tru`), row(`"y":nulL`), row(`"y":"a\tb"`), row("\"y\":\"a\tb\""), row("\"y\":\"\x7f\"")),
		page(row(`"y":"long enough to be read eight at a time","y":1`), row(`"q":"Ə","":""`), `{ }`, `{"id" : "x" , "amount":1 }`, `{"id":"x",}`, `{,}`),
		`{"currency":"AZN","rows":[` + goodRow + `,],"next_cursor":null}`, `{"currency":"AZN","rows" [` + goodRow + `]}`, `{"rows"::[` + goodRow + `],"currency":"AZN"}`,
		`{"currency":"AZN","rows":[` + goodRow + ` ` + goodRow + `]}`, `{"currency":"AZN","rows":[` + goodRow + `],"rows":[]}`} {
		f.Add([]byte(s))
	}
}

// FuzzShortWay holds the short way through a row to the JSON library: with it
// and without it a page is the same.
func FuzzShortWay(f *testing.F) {
	addPages(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
		defer alloc.AssertSize(t, 0)
		short, long := ledgerDecoder(march, alloc, "x"), ledgerDecoder(march, alloc, "x")
		long.long = true
		a, errA := short.page(bytes.Clone(body))
		b, errB := long.page(bytes.Clone(body))
		if (errA == nil) != (errB == nil) || errA != nil && errA.Error() != errB.Error() {
			t.Fatalf("short: %v\nlong:  %v", errA, errB)
		}
		if a.rows != nil && b.rows != nil {
			if !array.RecordEqual(a.rows, b.rows) {
				t.Errorf("short: %v\nlong:  %v", a.rows, b.rows)
			}
			a.rows.Release()
			b.rows.Release()
			a.rows, b.rows = nil, nil
		}
		if !reflect.DeepEqual(a, b) {
			t.Errorf("short: %+v\nlong:  %+v", a, b)
		}
	})
}
