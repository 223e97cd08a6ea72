package flashpay

import (
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"operations":[` + fullRow + `,` + goodRow + `],"signature":"x"}`))
	f.Add([]byte(`{"operations":[` + strings.Replace(fullRow, `{`, `{"code":1,`, 1) + `]}`))
	f.Add([]byte(`{"operations":[null,1,"x",[],{}]}`))
	f.Add([]byte(`{"name":"x","code":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
		defer mem.AssertSize(t, 0)
		rows, err := operationsGet.split(body)
		if err != nil {
			if !errors.Is(err, sources.ErrShape) && !errors.Is(err, errBody) {
				t.Fatalf("an error of no known kind: %v", err)
			}
			return
		}
		if _, err := operationsGet.open(body, []byte("s")); err != nil && !errors.Is(err, sources.ErrShape) {
			t.Fatalf("an error of no known kind: %v", err)
		}
		p, err := decodeBody(t, mem, string(body), testProject, "note")
		if err != nil {
			t.Fatal(err)
		}
		defer p.Rows.Release()
		if int(p.Rows.NumRows())+len(p.Rejects) != len(rows) {
			t.Fatalf("%d rows and %d rejects of %d", p.Rows.NumRows(), len(p.Rejects), len(rows))
		}
		if !p.Rows.Schema().Equal(schemas.Operations.Keep("note").ArrowSchema()) {
			t.Fatal("another schema")
		}
	})
}
