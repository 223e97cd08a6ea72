package lake

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

var everything = CompactOptions{SmallRows: 1000, Before: day0.AddDate(1, 0, 0)}

// compactable is a lake of many small objects over two months, with revisions
// and withdrawals.
// It is written once; each test has a copy of its own.
func compactable(t *testing.T) (*Lake, []map[string]modelRow) {
	t.Helper()
	if manySmall.files == nil {
		b := fileBucketOf(t)
		manySmall.states = storyLake(t, openTest(t, b, false), 5, 16)
		manySmall.files = inMemory(t, b)
	}
	return openTest(t, manySmall.files.bucket(t), false), manySmall.states
}

var manySmall struct {
	files  files
	states []map[string]modelRow
}

func holds(t *testing.T, l *Lake) Report {
	t.Helper()
	r, err := verifyBucket(t.Context(), l.bucket, l.opts.URL, VerifyOptions{})
	if err != nil {
		t.Fatalf("verify: %v\n%+v", err, r.Findings)
	}
	return r
}

func live(l *Lake) (objects int, rows int64) {
	for _, o := range l.state(tableID{"mpay", "ledger"}).objects {
		objects++
		rows += o.rows
	}
	return objects, rows
}

// The same rows in few objects; what comes later finds them there.
func TestCompact(t *testing.T) {
	l, states := compactable(t)
	before := holds(t, l)
	objects, rows := live(l)
	planned, err := l.Compact(t.Context(), CompactOptions{SmallRows: 1000, Before: day0.AddDate(0, 1, 0), DryRun: true})
	if err != nil || len(planned) != 1 || planned[0].Month != "2026-01" || planned[0].Object != "" {
		t.Fatalf("%+v %v", planned, err)
	}
	if head, _ := l.Head(t.Context()); head != int64(len(states)-1) {
		t.Fatalf("a dry run committed manifest %d", head)
	}
	done, err := l.Compact(t.Context(), everything)
	if err != nil || len(done) != 2 || done[0].Objects+done[1].Objects != objects || done[0].Rows+done[1].Rows != rows || done[0].Objects != planned[0].Objects {
		t.Fatalf("%+v %v, of %d objects", done, err, objects)
	}
	if n, r := live(l); n != 2 || r != rows {
		t.Errorf("%d objects with %d rows, want 2 with %d", n, r, rows)
	}
	after := holds(t, l)
	if after.Merged != 2 || after.Rows != before.Rows || after.Visible != before.Visible || !reflect.DeepEqual(after.Totals, before.Totals) || len(after.Foreign) != 0 {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
	if again, err := l.Compact(t.Context(), everything); err != nil || len(again) != 0 {
		t.Errorf("again: %+v %v", again, err)
	}
	// As of every manifest the difference is what it was.
	for to := range states {
		inserted, _, _, _ := modelDiff(states[0], states[to])
		d, err := l.Diff(t.Context(), 0, int64(to), 0)
		if err != nil || to > 0 && d.Tables[0].Inserted != inserted {
			t.Errorf("0 to %d: %+v %v", to, d, err)
		}
	}
	// A second reading finds every row in the merged objects, in a lake that was
	// opened before and in one that is opened now.
	for _, reader := range []*Lake{l, openTest(t, l.bucket, true)} {
		if r := recommit(t, reader, states[len(states)-1], ""); r.Inserted+r.Retracted != 0 || r.Duplicates != int64(len(states[len(states)-1])) {
			t.Errorf("read again: %+v", r)
		}
	}
	// A revision withdraws a row that lies in a merged object.
	if r := recommit(t, l, states[len(states)-1], "new"); r.Inserted != r.Retracted || r.Retracted == 0 {
		t.Errorf("revised: %+v", r)
	}
	holds(t, l)
	// What came later is merged with what was merged.
	done, err = l.Compact(t.Context(), everything)
	if err != nil || len(done) == 0 {
		t.Errorf("later: %+v %v", done, err)
	}
	if r := holds(t, l); r.Merged != 2+int64(len(done)) {
		t.Errorf("%+v", r)
	}
}

// recommit reads the rows of a state again, with another reference if one is
// given.
func recommit(t *testing.T, l *Lake, state map[string]modelRow, reference string) sinks.Receipt {
	t.Helper()
	var rows []ledgerRow
	for id, m := range state {
		var place int
		_, _ = fmt.Sscanf(id, "e%d", &place)
		rows = append(rows, ledgerRow{wallet: "wlt_1", id: id, at: day0.Add(time.Duration(place) * 36 * time.Hour), status: "posted", amount: m.amount, provider: m.provider, reference: reference})
	}
	part := partOf(t, "wlt_1", schemas.Window{From: day0, To: day0.AddDate(0, 2, 0)}, rows, 3)
	part.Final = false
	r, err := l.Commit(t.Context(), batchOf(part))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// brittle breaks at one write, before or after it happens.
type brittle struct {
	bucket
	at, n int
	after bool
}

var errBrittle = errors.New("broken on purpose")

func (b *brittle) Create(ctx context.Context, key string, data []byte) error {
	b.n++
	if b.n == b.at && !b.after {
		return errBrittle
	}
	if err := b.bucket.Create(ctx, key, data); err != nil || b.n != b.at {
		return err
	}
	return errBrittle
}

// Broken at any write, lost or done without an answer, and begun again: the end
// is the same, and at no time does the lake not verify.
func TestCompactIsSafeToBreak(t *testing.T) {
	broken := 0
	for at := 1; ; at++ {
		reached := false
		for _, after := range []bool{false, true} {
			l, states := compactable(t)
			b := &brittle{bucket: l.bucket, at: at, after: after}
			l.bucket = b
			_, err := l.Compact(t.Context(), everything)
			if reached = err != nil; !reached {
				continue
			}
			broken++
			holds(t, l)
			next := openTest(t, b.bucket, false)
			if _, err := next.Compact(t.Context(), everything); err != nil {
				t.Fatal(err)
			}
			if n, _ := live(next); n != 2 {
				t.Errorf("broken at write %d (done: %v), then again: %d objects", at, after, n)
			}
			if r := holds(t, next); r.Merged != 2 || len(r.Foreign) != 0 {
				t.Errorf("broken at write %d (done: %v): %+v", at, after, r)
			}
			if r := recommit(t, next, states[len(states)-1], ""); r.Inserted != 0 {
				t.Errorf("%+v", r)
			}
		}
		if !reached {
			break
		}
	}
	if broken != 6 { // two objects and a manifest, each twice
		t.Errorf("%d breaks", broken)
	}
}

// Two compactions and a commit at once: every object is merged once, and no row
// of the commit is lost.
func TestCompactionsRace(t *testing.T) {
	l, states := compactable(t)
	b := l.bucket
	var wg sync.WaitGroup
	results := make([][]Compaction, 3)
	for i := range results {
		wg.Go(func() {
			var err error
			if results[i], err = openTest(t, b, false).Compact(t.Context(), everything); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Go(func() { recommit(t, openTest(t, b, false), states[len(states)-1], "new") })
	wg.Wait()
	r := holds(t, l)
	merged := 0
	for _, one := range results {
		merged += len(one)
	}
	if int64(merged) != r.Merged || merged < 2 {
		t.Errorf("%d compactions are said, %d are there", merged, r.Merged)
	}
	if r := recommit(t, l, states[len(states)-1], "new"); r.Inserted != 0 {
		t.Errorf("%+v", r)
	}
}

// What may be merged: small objects of closed months, at least two.
func TestCompactChooses(t *testing.T) {
	l, _ := compactable(t)
	for _, c := range []struct {
		o    CompactOptions
		want int
	}{
		{CompactOptions{SmallRows: 1000, Before: day0.AddDate(0, 1, -1)}, 0}, {CompactOptions{SmallRows: 2, Before: everything.Before}, 2},
		{CompactOptions{SmallRows: 1000, Before: day0.AddDate(0, 2, -1)}, 1},
	} {
		c.o.DryRun = true
		if got, err := l.Compact(t.Context(), c.o); err != nil || len(got) > c.want || c.want > 0 && c.o.SmallRows > 2 && len(got) != c.want {
			t.Errorf("%+v: %+v %v", c.o, got, err)
		}
	}
	l.limits.objectRows = 10
	small, err := l.Compact(t.Context(), everything)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range small {
		if c.Rows > 10 {
			t.Errorf("an object of %d rows", c.Rows)
		}
	}
	if _, err := l.Compact(t.Context(), CompactOptions{}); err == nil {
		t.Error("without limits")
	}
	holds(t, l)
	// A damaged object is never merged.
	hurt, _ := compactable(t)
	path := hurt.state(tableID{"mpay", "ledger"}).objects[3].path
	defer damage(t, filepath.Join(hurt.root, path))()
	if _, err := hurt.Compact(t.Context(), everything); !errors.Is(err, sinks.ErrCorrupt) {
		t.Errorf("a damaged object: %v", err)
	}
}

// Merged objects that a careful forger wrote: names, digests, totals and sums
// agree with their rows, but these are not the rows of before.
func TestForgedCompaction(t *testing.T) {
	type draft struct {
		recs    []arrow.Record
		entries []entry
		came    [][]int64
		m       *Manifest
	}
	for name, forge := range map[string]func(*draft){
		"nothing":          func(*draft) {},
		"a dropped row":    func(d *draft) { d.entries = d.entries[1:] },
		"a doubled pair":   func(d *draft) { d.entries = append(d.entries[:len(d.entries):len(d.entries)], d.entries[0]) },
		"another revision": func(d *draft) { d.entries[2].revision += 7 },
		"another sign":     func(d *draft) { d.entries[2].sign = -d.entries[2].sign },
		"another snapshot": func(d *draft) { d.came[0][0]++ },
		"another row": func(d *draft) {
			d.recs[0] = ledgerRecord(ledgerRows(ledgerSpec{rows: int(d.recs[0].NumRows()), wallet: "wlt_1", seed: 9}))
		},
		"fewer objects":  func(d *draft) { d.m.Merged[0].From = d.m.Merged[0].From[1:] },
		"other sequence": func(d *draft) { d.m.Merged[0].From[0].Sequence++ },
		"unsaid object":  func(d *draft) { d.m.Merged = nil },
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := compactable(t)
			head, units, err := l.mergeable(t.Context(), everything)
			if err != nil {
				t.Fatal(err)
			}
			u := units[0]
			d := draft{m: &Manifest{Format: Format, Kind: KindCompact, Sequence: head.Sequence + 1, PrevSHA256: head.SHA256, CreatedAt: testNow(),
				Source: "mpay", Table: "ledger", SchemaVersion: u.version, Parts: []Part{}, Quarantine: []QuarantineFile{}}}
			var merge Merge
			for n, o := range u.objects {
				w, err := fetchWhole(t.Context(), l.bucket, schemas.Ledger, o.Object, o.sequence)
				if err != nil {
					t.Fatal(err)
				}
				d.recs, d.came = append(d.recs, w.rec), append(d.came, w.came)
				for _, e := range w.entries {
					e.rec = uint32(n)
					d.entries = append(d.entries, e)
				}
				merge.From = append(merge.From, MergedObject{o.Path, o.SHA256, o.sequence, o.Rows, o.HashSum})
			}
			d.m.Merged = []Merge{merge}
			forge(&d)
			for i := range d.entries { // rows that agree with themselves
				_, hashes := schemas.NewHasher(schemas.Ledger).Rows(d.recs[d.entries[i].rec], nil, nil)
				d.entries[i].hash = hashes[d.entries[i].row]
			}
			o := orderOf(layoutOf(schemas.Ledger), d.recs, d.entries)
			o.sort(d.entries)
			enc, err := encodeMerged(l.zstd, 1, o, d.recs, d.entries, func(e *entry) int64 { return d.came[e.rec][e.row] })
			if err != nil {
				t.Fatal(err)
			}
			w := &objectWriter{lay: o.lay, totals: map[[2]string]*Total{}}
			w.count(d.recs, d.entries)
			d.m.Objects, d.m.Totals = []Object{enc.meta}, sortedPairs(w.totals)
			if len(d.m.Merged) > 0 {
				d.m.Merged[0].Object = enc.meta.Path
			}
			raw, err := d.m.encode()
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(l.bucket.Create(t.Context(), enc.meta.Path, enc.data), l.bucket.Create(t.Context(), manifestKey(d.m.Sequence), raw)); err != nil {
				t.Fatal(err)
			}
			r, err := verifyBucket(t.Context(), l.bucket, l.opts.URL, VerifyOptions{})
			if (name == "nothing") != (err == nil) || err != nil && !errors.Is(err, sinks.ErrCorrupt) {
				t.Errorf("%v %+v", err, r.Findings)
			}
		})
	}
}
