package lake

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/klauspost/compress/zstd"
	"gocloud.dev/blob/memblob"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// allocated is how many bytes this process has asked for so far.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

func smallObject(t testing.TB) encoded {
	t.Helper()
	rec := ledgerRecord(ledgerRows(ledgerSpec{rows: 12, step: time.Hour}))
	entries := entriesOf([]arrow.Record{rec})
	_, hashes := schemas.NewHasher(schemas.Ledger).Rows(rec, nil, nil)
	for i := range entries {
		entries[i].hash = hashes[i]
	}
	z, err := newCompressor(1)
	if err != nil {
		t.Fatal(err)
	}
	enc, err := encodeObject(z, 1, orderOf(layoutOf(schemas.Ledger), []arrow.Record{rec}, entries), []arrow.Record{rec}, entries)
	if err != nil {
		t.Fatal(err)
	}
	return enc
}

// examined verifies data under the name of its digest.
func examined(t testing.TB, meta Object, data []byte) (facts objectFacts, findings []Finding) {
	t.Helper()
	b := cloudBucket{b: memblob.OpenBucket(nil)}
	defer b.b.Close()
	meta.SHA256, meta.Bytes = digest(data), int64(len(data))
	meta.Path = objectKey("ledger", meta.SHA256)
	if err := b.Create(context.Background(), meta.Path, data); err != nil {
		t.Fatal(err)
	}
	v := &verifier{bucket: b, url: "mem://", manifests: []Entry{{Manifest: Manifest{Sequence: 1, Source: "mpay", Table: "ledger", SchemaVersion: schemas.Ledger.Version}}}}
	facts, err := v.examine(context.Background(), objectRef{Object: meta, id: tableID{"mpay", "ledger"}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return facts, v.report.Findings
}

// Objects whose description was changed by a hostile writer, digest and all:
// a finding, in a few megabytes, whatever sizes they state.
func TestHostileObjects(t *testing.T) {
	enc := smallObject(t)
	footer := int(enc.data[len(enc.data)-8]) | int(enc.data[len(enc.data)-7])<<8
	rng := rand.New(rand.NewPCG(1, 2))
	found := 0
	for n := range 4000 {
		data := append([]byte(nil), enc.data...)
		for range 1 + rng.IntN(3) {
			at := len(data) - 9 - rng.IntN(footer)
			if n%4 == 3 { // the pages
				at = 4 + rng.IntN(len(data)-footer-12)
			}
			switch rng.IntN(3) {
			case 0:
				data[at] ^= 1 << rng.IntN(8)
			case 1:
				data[at] = byte(rng.IntN(256))
			default:
				for k := at; k < min(at+5, len(data)-8); k++ {
					data[k] = 0xff
				}
			}
		}
		before := allocated()
		facts, findings := examined(t, enc.meta, data)
		if took := allocated() - before; took > 64<<20 {
			t.Fatalf("case %d: %d MiB were asked for: %v", n, took>>20, findings)
		}
		if facts.totals == nil && len(findings) == 0 {
			t.Fatalf("case %d: neither rows nor a finding", n)
		}
		found += len(findings)
	}
	if found < 2000 {
		t.Errorf("%d findings: the changes do not bite", found)
	}
}

// A page that states ten bytes and inflates to gigabytes.
func TestInflatingPage(t *testing.T) {
	z, err := zstd.NewWriter(nil, zstd.WithZeroFrames(true))
	if err != nil {
		t.Fatal(err)
	}
	frame := z.EncodeAll(make([]byte, 10<<20), nil)
	for name, c := range map[string]struct {
		data []byte
		size int64
		want bool
	}{
		"as it says":     {frame, 10 << 20, true},
		"another size":   {frame, 10, false},
		"two frames":     {append(append([]byte(nil), frame...), frame...), 10 << 20, false},
		"cut":            {frame[:len(frame)-1], 10 << 20, false},
		"nothing":        {nil, 0, false},
		"nothing in it":  {z.EncodeAll(nil, nil), 0, true},
		"a few bytes":    {z.EncodeAll([]byte("abc"), nil), 3, true},
		"not compressed": {[]byte("abcdefghijklmnopqrstuvw"), 10, false},
	} {
		if got := oneFrame(c.data, c.size); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	if err := checkFooter(zeros{}, 1<<40); !errors.Is(err, sinks.ErrCorrupt) {
		t.Error(err)
	}
}

type zeros struct{}

func (zeros) ReadAt(p []byte, _ int64) (int, error) { clear(p); return len(p), nil }
