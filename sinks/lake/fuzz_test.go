package lake

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"gocloud.dev/blob/memblob"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// FuzzManifest: whatever lies under a manifest's name is a manifest, or the
// error says corrupt or newer. What was read is written and read again as the
// same manifest, and applying it to what is known of a lake does not fail.
func FuzzManifest(f *testing.F) {
	l := openTest(f, cloudBucket{b: memblob.OpenBucket(nil)}, false)
	for from := range 3 {
		commit(f, l, partOf(f, "wlt_1", days(from, from+1), ledgerRows(ledgerSpec{rows: 3, from: day0.AddDate(0, 0, from)}), 2))
	}
	for s, err := range readManifests(f.Context(), l.bucket, 1) {
		if err != nil {
			f.Fatal(err)
		}
		f.Add(s.raw)
	}
	for _, text := range []string{"", "{}", `{"format":2}`, `{"format":1,"sequence":1}`, `{"format":1,"format":1,"sequence":1}`,
		`{"format":1,"kind":"merge","sequence":1,"objects":[{}]}`,
		`{"format":1,"kind":"data","sequence":1,"parts":[{"window":{"from":"0001-01-01T00:00:00Z","to":"9999-12-31T23:59:59Z"},"final":true,"balance_chain":{"opening":"-9223372036854775808"}}]}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := decodeManifest(1, data)
		if err != nil {
			if !errors.Is(err, sinks.ErrCorrupt) && !errors.Is(err, sinks.ErrNewer) {
				t.Fatalf("an error of no known kind: %v", err)
			}
			return
		}
		raw, err := e.encode()
		if err != nil {
			return // a year beyond 9999, which no writer puts there
		}
		again, err := decodeManifest(1, raw)
		if err != nil {
			t.Fatalf("written again it is not readable: %v\n%s", err, raw)
		}
		if twice, err := again.encode(); err != nil || !bytes.Equal(raw, twice) {
			t.Fatalf("written twice it differs (%v):\n%s\n%s", err, raw, twice)
		}
		state := newTableState()
		state.apply(e)
		for _, s := range state.streams {
			s.done()
		}
	})
}

// FuzzQuarantine: a file is rows, or corrupt.
func FuzzQuarantine(f *testing.F) {
	z, err := newCompressor(1)
	if err != nil {
		f.Fatal(err)
	}
	rows := []QuarantineRow{{ID: "b", Source: "mpay", Table: "ledger", Reason: "amount_scale", Amount: ptr(int64(-3740)), Currency: "AZN"}, {ID: "a", RowID: "\xff"}}
	_, data, err := encodeQuarantine(z, "ledger", rows)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(z.EncodeAll([]byte("{}\n{\"id\":1}\n"), nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, text := range [][]byte{data, z.EncodeAll(data, nil)} { // as it is, and as the text inside
			rows, err := decodeQuarantine(text)
			if err != nil {
				if !errors.Is(err, sinks.ErrCorrupt) {
					t.Fatalf("an error of no known kind: %v", err)
				}
				continue
			}
			for _, r := range rows {
				addRejected(map[string]*Total{}, r)
			}
		}
	})
}

// FuzzObject: whatever lies under an object's name, with the right digest in
// its manifest, is rows or a finding. Neither verify nor a commit that looks
// rows up in it takes the process down.
func FuzzObject(f *testing.F) {
	enc := smallObject(f)
	f.Add(enc.data)
	f.Add(enc.data[:len(enc.data)/2])
	f.Add([]byte("PAR1PAR1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b := cloudBucket{b: memblob.OpenBucket(nil)}
		defer b.b.Close()
		o := enc.meta
		o.SHA256, o.Bytes = digest(data), int64(len(data))
		o.Path = objectKey("ledger", o.SHA256)
		if err := b.Create(context.Background(), o.Path, data); err != nil {
			t.Fatal(err)
		}
		v := &verifier{bucket: b, url: "mem://", manifests: []Entry{{Manifest: Manifest{Sequence: 1, Source: "mpay", Table: "ledger", SchemaVersion: schemas.Ledger.Version}}}}
		facts, err := v.examine(context.Background(), objectRef{Object: o, id: tableID{"mpay", "ledger"}}, 0)
		if err != nil {
			t.Fatalf("neither rows nor a finding: %v", err)
		}
		if facts.totals == nil && len(v.report.Findings) == 0 {
			t.Fatal("an object that cannot be read has no finding")
		}
		find := &finder{bucket: b, cache: newCache(1 << 20), lay: layoutOf(schemas.Ledger)}
		if _, err := find.columns(context.Background(), object{path: o.Path, bytes: o.Bytes}, true); err == nil && len(v.report.Findings) > 0 &&
			bytes.HasPrefix([]byte(v.report.Findings[0].Detail), []byte("it is not a readable")) {
			t.Fatalf("a commit reads what verify cannot: %v", v.report.Findings)
		}
	})
}
