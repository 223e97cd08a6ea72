package lake

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
)

// mixed makes rows of any table: few values or many, constant or not, with and
// without NULL and empty texts, some of them long.
func mixed(t *schemas.Table, rows int, rng *rand.Rand) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, t.ArrowSchema())
	defer b.Release()
	for c, f := range t.Fields {
		style, long := rng.IntN(4), fmt.Sprintf("%0*d", 1+rng.IntN(300), 7)
		for r := range rows {
			n := []int64{3, rng.Int64N(5), rng.Int64() - rng.Int64(), int64(r)}[style]
			null := f.Nullable && (style == 1 && n == 0 || style == 2 && n%2 == 0)
			switch b := b.Field(c).(type) {
			case *array.StringBuilder:
				text := fmt.Sprintf("v%d", n)
				if n%7 == 3 {
					text = ""
				} else if n%11 == 4 {
					text = long
				}
				b.Append(text)
			case *array.Int64Builder:
				b.AppendValues([]int64{n}, []bool{!null})
			case *array.Int32Builder:
				b.AppendValues([]int32{int32(n)}, []bool{!null})
			case *array.TimestampBuilder:
				b.AppendValues([]arrow.Timestamp{arrow.Timestamp(n % 1e15)}, []bool{!null})
			case *array.Date32Builder:
				b.AppendValues([]arrow.Date32{arrow.Date32(n % 10000)}, []bool{!null})
			}
		}
	}
	return b.NewRecord()
}

// What verify computes from pages is what the writer computed from records: for
// every table, with columns that came later, over several pages.
func TestScanHashesLikeTheWriter(t *testing.T) {
	z, err := newCompressor(1)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newScanner()
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	var h rowHasher
	rng := rand.New(rand.NewPCG(4, 4))
	for _, table := range schemas.All() {
		for n, rows := range []int{1, 500, pageRows + 700} {
			if n > 1 && table != schemas.Operations { // the one with columns that came later
				continue
			}
			table := table.Keep("kept_b", "kept_a")
			rec := mixed(table, rows, rng)
			keys, hashes := schemas.NewHasher(table).Rows(rec, nil, nil)
			entries := entriesOf([]arrow.Record{rec})
			for i := range entries {
				entries[i].hash = hashes[i]
			}
			enc, err := encodeObject(z, 1, orderOf(layoutOf(table), []arrow.Record{rec}, entries), []arrow.Record{rec}, entries)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.open(enc.data, Schema(table)); err != nil {
				t.Fatalf("%s: %v", table.Name, err)
			}
			h.begin(table)
			at := 0
			for {
				n, err := s.next()
				if err != nil {
					t.Fatalf("%s: %v", table.Name, err)
				}
				if n == 0 {
					break
				}
				h.step(s, n)
				for r := range n {
					if key, hash := h.row(r); key != keys[at] || hash != hashes[at] {
						t.Fatalf("%s row %d: %x %x, the writer says %x %x", table.Name, at, key, hash, keys[at], hashes[at])
					}
					at++
				}
			}
			if at != rows {
				t.Fatalf("%s: %d rows of %d", table.Name, at, rows)
			}
		}
	}
}

// With room for few keys and no columns a lake verifies alike, and what is wrong
// with it is found alike.
func TestVerifyInLittleMemory(t *testing.T) {
	b := fileBucketOf(t)
	l := openTest(t, b, false)
	history(t, l)
	verify := func(paired int, kept int64) Report {
		t.Helper()
		v := &verifier{bucket: b, url: l.URL(), tables: map[tableID]*schemas.Table{}, opts: VerifyOptions{Parallel: 2}, pairedRows: paired, keptBytes: kept}
		if err := v.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		r, _ := v.finish(nil)
		return r
	}
	roomy, tight := verify(0, 0), verify(7, 1)
	if !reflect.DeepEqual(roomy, tight) || len(roomy.Findings) > 0 || roomy.Retractions == 0 || roomy.Chains == 0 {
		t.Errorf("%+v\nin little memory: %+v", roomy, tight)
	}
	forgeRevision(t, b, l)
	roomy, tight = verify(0, 0), verify(7, 1)
	if !reflect.DeepEqual(roomy.Findings, tight.Findings) || len(roomy.Findings) == 0 {
		t.Errorf("%+v\nin little memory: %+v", roomy.Findings, tight.Findings)
	}
}

// forgeRevision commits a row a second time under a revision that nothing
// leads to.
func forgeRevision(t *testing.T, b *fileBucket, l *Lake) {
	t.Helper()
	rows := ledgerRows(ledgerSpec{rows: 40, wallet: "wlt_forged", step: time.Hour})
	rec := ledgerRecord(rows)
	recs, entries := []arrow.Record{rec}, entriesOf([]arrow.Record{rec})
	_, hashes := schemas.NewHasher(schemas.Ledger).Rows(rec, nil, nil)
	for i := range entries {
		entries[i].hash = hashes[i]
	}
	o := orderOf(layoutOf(schemas.Ledger), recs, entries)
	entries[5].revision = 2
	enc, err := encodeObject(l.zstd, 1, o, recs, entries)
	if err != nil {
		t.Fatal(err)
	}
	w := &objectWriter{lay: o.lay, totals: map[[2]string]*Total{}}
	w.count(recs, entries)
	last, err := b.Read(t.Context(), manifestKey(5), 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	m := &Manifest{Format: 1, Kind: KindData, Sequence: 6, PrevSHA256: digest(last), CreatedAt: testNow(), Source: "mpay", Table: "ledger", SchemaVersion: 1,
		Parts:   []Part{{WalletID: "wlt_forged", Inserted: 40, Rows: 40, Chain: BalanceChain{State: "none", Breaks: []Break{}}}},
		Objects: []Object{enc.meta}, Totals: sortedPairs(w.totals)}
	raw, err := m.encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Create(t.Context(), enc.meta.Path, enc.data); err != nil {
		t.Fatal(err)
	}
	if err := b.Create(t.Context(), manifestKey(6), raw); err != nil {
		t.Fatal(err)
	}
}

// What runs and deltas say of their number is compared with the page before
// anybody makes room for it.
func TestPagesOfTooManyValues(t *testing.T) {
	huge := binary.AppendUvarint(nil, 1<<31<<1) // a run of two thousand million
	for name, c := range map[string]struct {
		runs     []byte
		width, n int
		ok, one  bool
	}{
		"one run":         {[]byte{10 << 1, 3}, 2, 10, true, true},
		"two runs":        {[]byte{4 << 1, 3, 6 << 1, 1}, 2, 10, true, false},
		"packed":          {[]byte{1<<1 | 1, 0xe4, 0xe4}, 2, 8, true, false},
		"packed, padded":  {[]byte{1<<1 | 1, 0xe4, 0xe4}, 2, 3, true, false},
		"too few":         {[]byte{9 << 1, 3}, 2, 10, false, false},
		"too many":        {[]byte{11 << 1, 3}, 2, 10, false, false},
		"many more":       {append(huge, 3), 2, 10, false, false},
		"packed too many": {[]byte{2<<1 | 1, 1, 2, 3, 4}, 2, 3, false, false},
		"packed and cut":  {[]byte{1<<1 | 1, 0xe4}, 2, 8, false, false},
		"no value":        {[]byte{10 << 1}, 2, 10, false, false},
		"nothing":         {nil, 2, 10, false, false},
		"nothing of none": {nil, 2, 0, true, false},
	} {
		if one, err := walkRuns(c.runs, c.width, c.n); (err == nil) != c.ok || err == nil && one != c.one {
			t.Errorf("%s: %t %v", name, one, err)
		}
	}
	head := append(append([]byte{128, 1, 4}, binary.AppendUvarint(nil, 1<<40)...), 0)
	if n, ok := deltaCount(head); ok {
		t.Errorf("%d values are believed", n)
	}
	if n, ok := deltaCount([]byte{128, 1, 4, 10, 0}); !ok || n != 10 {
		t.Error(n, ok)
	}
}
