package lake

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// TestTampering changes one bit of one file at a time, all over each file. The
// newest manifest is left out: only the transparency log covers what the next
// manifest's digest does not cover yet.
func TestTampering(t *testing.T) {
	b := fileBucketOf(t)
	l := openTest(t, b, false)
	history(t, l)
	rng := rand.New(rand.NewPCG(1, 2))
	mutations := 0
	for f, err := range b.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if f.Key == manifestKey(5) {
			continue
		}
		path := filepath.Join(b.root, f.Key)
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		const regions = 24
		for i := range regions {
			at := min(i*len(raw)/regions+rng.IntN(len(raw)/regions+1), len(raw)-1)
			bad := append([]byte(nil), raw...)
			bad[at] ^= 1 << rng.IntN(8)
			expectFault(t, l.URL(), path, bad)
			mutations++
		}
		expectFault(t, l.URL(), path, raw[:len(raw)-1])
		expectFault(t, l.URL(), path, nil)
		if err := os.WriteFile(path, raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if mutations < 200 {
		t.Fatalf("only %d mutations", mutations)
	}
	if _, err := Verify(t.Context(), l.URL(), VerifyOptions{}); err != nil {
		t.Fatal(err)
	}
}

// expectFault writes (or with nil removes) a file and wants Verify to name it.
func expectFault(t *testing.T, url, path string, data []byte) {
	t.Helper()
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if data != nil {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Verify(t.Context(), url, VerifyOptions{})
	if !errors.Is(err, sinks.ErrCorrupt) {
		t.Fatalf("%s: undetected: %v", path, err)
	}
	for _, f := range r.Findings {
		if f.Path == path {
			return
		}
	}
	t.Fatalf("%s is not named: %v", path, err)
}

// TestForgery rewrites a manifest and all that follows, digests included: only
// the rows contradict it.
func TestForgery(t *testing.T) {
	for name, forge := range map[string]func(m *Manifest){
		"total":       func(m *Manifest) { m.Totals[0].Debit = m.Totals[0].Debit.Add(1) },
		"count":       func(m *Manifest) { m.Totals[0].Count++ },
		"inserted":    func(m *Manifest) { m.Parts[0].Inserted++; m.Parts[0].Rows++ },
		"rows":        func(m *Manifest) { m.Parts[0].Rows++ },
		"quarantined": func(m *Manifest) { m.Parts[0].Quarantined.Rows++ },
		"resolves":    func(m *Manifest) { m.Parts[0].Resolves = []string{"never rejected"} },
		"chain":       func(m *Manifest) { m.Parts[0].Chain.Closing = ptr(int64(1)) },
		"state":       func(m *Manifest) { m.Parts[0].Chain.State = sinks.ChainOpen },
		"object gone": func(m *Manifest) { m.Objects = m.Objects[1:] },
		"max_time":    func(m *Manifest) { m.Objects[0].MaxTime = m.Objects[0].MaxTime.AddDate(0, 0, 1) },
		"hash_sum":    func(m *Manifest) { m.Objects[0].HashSum++ },
		"sums":        func(m *Manifest) { m.Objects[0].Sums[0].Amount = m.Objects[0].Sums[0].Amount.Add(1) },
		"month":       func(m *Manifest) { m.Objects[0].Month = "2025-01" },
	} {
		t.Run(name, func(t *testing.T) {
			b := fileBucketOf(t)
			l := openTest(t, b, false)
			history(t, l)
			prev := ""
			for seq := int64(1); seq <= 5; seq++ {
				raw, err := b.Read(t.Context(), manifestKey(seq), 0, -1)
				if err != nil {
					t.Fatal(err)
				}
				e, err := decodeManifest(seq, raw)
				if err != nil {
					t.Fatal(err)
				}
				e.PrevSHA256 = prev
				if seq == 2 {
					forge(&e.Manifest)
				}
				if raw, err = e.encode(); err != nil {
					t.Fatal(err)
				}
				prev = digest(raw)
				if err := os.WriteFile(filepath.Join(b.root, manifestKey(seq)), raw, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := Verify(t.Context(), l.URL(), VerifyOptions{}); !errors.Is(err, sinks.ErrCorrupt) {
				t.Fatalf("undetected: %v", err)
			}
		})
	}
}

// TestVerifyWritesNothing: a lake that nobody may write to verifies.
func TestVerifyWritesNothing(t *testing.T) {
	b := fileBucketOf(t)
	l := openTest(t, b, false)
	history(t, l)
	before := listing(t, b)
	if _, err := Verify(t.Context(), l.URL(), VerifyOptions{}); err != nil {
		t.Fatal(err)
	}
	if after := listing(t, b); after != before {
		t.Fatalf("the lake changed:\n%s\n%s", before, after)
	}
}

func listing(t *testing.T, b *fileBucket) string {
	t.Helper()
	var s strings.Builder
	err := filepath.Walk(b.root, func(path string, info os.FileInfo, err error) error {
		s.WriteString(path + " " + info.ModTime().String() + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s.String()
}

// TestForgedObject stores objects that a careful forger wrote: name, digest,
// totals and counts all agree with their rows, but the rows break a promise.
func TestForgedObject(t *testing.T) {
	for name, forge := range map[string]func(e []entry){
		"nothing":    func([]entry) {},
		"row_hash":   func(e []entry) { e[5].hash++ },
		"two hashes": func(e []entry) { e[5].hash++; e[6].hash-- },
		"order":      func(e []entry) { e[5], e[6] = e[6], e[5] },
		"revision":   func(e []entry) { e[5].revision = 2 },
		"sign":       func(e []entry) { e[5].sign = -1 },
		"same again": func(e []entry) { e[6] = e[5] },
	} {
		rec := ledgerRecord(ledgerRows(ledgerSpec{rows: 40, step: time.Hour}))
		recs, entries := []arrow.Record{rec}, entriesOf([]arrow.Record{rec})
		_, hashes := schemas.NewHasher(schemas.Ledger).Rows(rec, nil, nil)
		for i := range entries {
			entries[i].hash = hashes[i]
		}
		l := openTest(t, fileBucketOf(t), false)
		o := orderOf(layoutOf(schemas.Ledger), recs, entries)
		forge(entries)
		enc, err := encodeObject(l.zstd, 1, o, recs, entries)
		if err != nil {
			t.Fatal(err)
		}
		w := &objectWriter{lay: o.lay, totals: map[[2]string]*Total{}}
		w.count(recs, entries)
		p := Part{WalletID: "wlt_1", Window: days(0, 31), Chain: BalanceChain{State: sinks.ChainNone, Breaks: []Break{}}}
		for _, e := range entries {
			if p.Inserted++; e.sign < 0 {
				p.Inserted--
				p.Retracted++
			}
		}
		p.Rows = p.Inserted
		m := &Manifest{Format: 1, Kind: KindData, Sequence: 1, CreatedAt: testNow(), Source: "mpay", Table: "ledger", SchemaVersion: 1,
			Parts: []Part{p}, Objects: []Object{enc.meta}, Totals: sortedPairs(w.totals)}
		raw, err := m.encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(l.bucket.Create(t.Context(), enc.meta.Path, enc.data), l.bucket.Create(t.Context(), manifestKey(1), raw)); err != nil {
			t.Fatal(err)
		}
		r, err := Verify(t.Context(), l.URL(), VerifyOptions{})
		object := filepath.Join(l.root, enc.meta.Path)
		named := slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Path == object })
		if named != (name != "nothing") || !errors.Is(err, sinks.ErrCorrupt) { // the chain verdict is left false on purpose
			t.Errorf("%s: object named %t: %v", name, named, err)
		}
	}
}
