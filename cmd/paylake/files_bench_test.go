package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/lake"
	"github.com/paylake/paylake/sources"
	"github.com/paylake/paylake/sources/csv"
)

// bankStatement writes a statement of n rows, about 150 bytes each.
func bankStatement(tb testing.TB, path string, n int) {
	tb.Helper()
	var b strings.Builder
	b.WriteString("Əməliyyat nömrəsi;Hesab;Əməliyyat tarixi;Valyuta tarixi;Əməliyyat növü;Satıcı;Kart;Məxaric;Mədaxil;Valyuta;Qalıq;Təyinat\n")
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		at := start.Add(time.Duration(i) * 2 * time.Second)
		fmt.Fprintf(&b, "BB2603%010d;AZ77AIIB40050019440000123456;%s;%s;Kart ödənişi;MERCHANT %d;416973******%d;%d,%02d;;AZN;%d,%02d;Ödəniş qəbz %08d\n",
			i, at.Format("02.01.2006 15:04:05"), at.Format("02.01.2006"), i%40, 1000+i%50, i%900, i%100, 1000000+i%777, i%100, i)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkFilesIntoTheLake: a bank statement from the folder into committed
// Parquet, as `paylake run` does it.
func BenchmarkFilesIntoTheLake(b *testing.B) {
	const rows = 1_000_000
	in := b.TempDir()
	bankStatement(b, filepath.Join(in, "big.csv"), rows)
	m, err := csv.MappingOf("birbank", nil)
	if err != nil {
		b.Fatal(err)
	}
	people, err := schemas.NewPseudonymizer(1, []byte(strings.Repeat("k", 32)))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		shelf, err := csv.New(csv.Config{Name: "bank", URL: "file://" + in, Mapping: m, Zone: time.UTC, Pseudonyms: people, Now: time.Now})
		if err != nil {
			b.Fatal(err)
		}
		l, err := lake.Open(b.Context(), lake.Options{URL: "file://" + b.TempDir(), TempDir: b.TempDir(), Now: time.Now, Create: true, SkipProbe: true})
		if err != nil {
			b.Fatal(err)
		}
		r, err := pipeline.Run(b.Context(), pipeline.Job{Spec: pipeline.Spec{Name: "bank"}, Streams: []sources.Source{shelf}, Sink: l, Now: time.Now,
			TempDir: b.TempDir(), Limits: pipeline.Limits{RowsInFlight: rowsInFlight}})
		if err != nil || r.Inserted != rows {
			b.Fatal(r.Inserted, err, r.Verdict())
		}
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds(), "rows/s")
}
