package flashpay

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
)

func benchmarkBody(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"operations":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strings.Replace(fullRow, "6503010168993", fmt.Sprint(6503010168993+i), 1))
	}
	b.WriteString(`]}`)
	sig, err := Sign(b.Bytes(), []byte("s"))
	if err != nil {
		panic(err)
	}
	return withSignature(b.String(), sig)
}

// BenchmarkDecode turns one page of 1,000 rows into a record; BenchmarkAnswer
// splits and verifies it before.
func BenchmarkDecode(b *testing.B) {
	body := benchmarkBody(1000)
	rows, err := operationsGet.split(body)
	if err != nil {
		b.Fatal(err)
	}
	all := make([]int, len(rows))
	for i := range all {
		all[i] = i
	}
	d := newDecoder("psp", testProject, schemas.Operations, zone(b, "Asia/Bishkek"), people(b), memory.NewGoAllocator())
	defer d.release()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		p := d.decode(rows, all, nil)
		if p.Rows.NumRows() != 1000 {
			b.Fatal(p.Rejects[0])
		}
		p.Rows.Release()
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkAnswer(b *testing.B) {
	body := benchmarkBody(1000)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := operationsGet.open(body, []byte("s")); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "rows/s")
}
