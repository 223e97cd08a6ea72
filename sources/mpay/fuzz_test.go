package mpay

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
)

// FuzzDecode has two outcomes: rows and rejects that add up, or errPage (which
// readers see as ErrShape).
func FuzzDecode(f *testing.F) {
	statement, err := os.ReadFile("testdata/seed_statement.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{string(statement), page(goodRow, row(`"amount":NaN`)), `{"rows":[` + goodRow + `],"currency":"AZN"}`,
		page(row(`"x":{"a":[1,"]"]}`), `[{}]`, "5"), `{"error":"x"}`, page(row(`"provider_code":"\ud800"`)), page("\xff", goodRow), `{"rows":[{"id":"\"}]`,
		`{"rows":[{"provider_code":"A","display_name":{"az":"a"}}]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
		defer alloc.AssertSize(t, 0)
		c := newColumns(schemas.Providers, alloc)
		for _, d := range []*decoder{ledgerDecoder(march, alloc, "x"), newDecoder(newProviderRows(schemas.Providers, c, "mpay", baku), c)} {
			a, err := d.page(bytes.Clone(body))
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
