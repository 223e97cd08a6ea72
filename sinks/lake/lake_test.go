package lake

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gocloud.dev/blob/memblob"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// partOf makes a part of rows, in pages.
func partOf(t testing.TB, wallet string, w schemas.Window, rows []ledgerRow, page int) sinks.Part {
	t.Helper()
	s := sinks.NewSpool(schemas.Ledger.ArrowSchema(), t.TempDir(), 0)
	for len(rows) > 0 {
		n := min(page, len(rows))
		if err := s.Append(ledgerRecord(rows[:n])); err != nil {
			t.Fatal(err)
		}
		rows = rows[n:]
	}
	return sinks.Part{Stream: schemas.Stream{Source: "mpay", Wallet: wallet, Table: schemas.Ledger}, Window: w, Final: true, Rows: s}
}

func days(from, to int) schemas.Window {
	return schemas.Window{From: day0.AddDate(0, 0, from), To: day0.AddDate(0, 0, to)}
}

func commit(t testing.TB, l *Lake, parts ...sinks.Part) sinks.Receipt {
	t.Helper()
	r, err := l.Commit(context.Background(), sinks.Batch{Parts: parts})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// history commits a lake of several kinds of manifest: two wallets over a
// month's end, a revision, rejects, a broken chain, an empty window.
func history(t testing.TB, l *Lake) {
	t.Helper()
	a := ledgerRows(ledgerSpec{rows: 400, wallet: "wlt_a", from: day0, step: 3 * time.Hour})
	b := ledgerRows(ledgerSpec{rows: 300, wallet: "wlt_b", from: day0, step: 4 * time.Hour, seed: 2})
	commit(t, l, partOf(t, "wlt_a", days(0, 31), within(a, days(0, 31)), 50), partOf(t, "wlt_b", days(0, 31), within(b, days(0, 31)), 7))
	p := partOf(t, "wlt_a", days(31, 62), within(a, days(31, 62)), 50)
	p.Rejects = []schemas.Reject{{RowID: "x1", Reason: schemas.ReasonScale, Field: "amount", Raw: []byte("1")},
		{RowID: "x2", Reason: schemas.ReasonRange, Amount: ptr(int64(-7)), Currency: "AZN", Raw: []byte("2")}}
	p.Unknown = map[string]int64{"type:cashback": 3}
	commit(t, l, p, partOf(t, "wlt_a", days(62, 63), nil, 1))
	a[3].reference, a[300].reference = "corrected", "corrected too"
	commit(t, l, partOf(t, "wlt_a", days(0, 31), within(a, days(0, 31)), 50))
	broken := within(b, days(31, 40))
	past := partOf(t, "wlt_b", days(31, 40), slices.Delete(slices.Clone(broken), 5, 6), 50)
	past.Past = true
	commit(t, l, past)
	commit(t, l, partOf(t, "wlt_a", days(31, 62), within(a, days(31, 62)), 50))
}

func within(rows []ledgerRow, w schemas.Window) []ledgerRow {
	var out []ledgerRow
	for _, r := range rows {
		if w.Contains(r.at) {
			out = append(out, r)
		}
	}
	return out
}

func TestVerifyHoldsAndCounts(t *testing.T) {
	b := fileBucketOf(t)
	l := openTest(t, b, false)
	history(t, l)
	leftover := filepath.Join(b.root, "objects", "ledger", ".tmp-123")
	if err := os.WriteFile(leftover, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Verify(t.Context(), l.URL(), VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Manifests != 5 || r.Unlogged != 5 || r.Retractions != 2 || r.Broken != 1 || r.Quarantined != 2 || r.Rows == 0 ||
		r.Visible != r.Rows-2*r.Retractions || !slices.Equal(r.Foreign, []string{leftover}) {
		t.Fatalf("%+v", r)
	}
	d, err := openTest(t, b, false).Done(t.Context(), schemas.Stream{Source: "mpay", Wallet: "wlt_a", Table: schemas.Ledger})
	if err != nil || !reflect.DeepEqual(d.Complete, []schemas.Window{days(0, 63)}) || d.Rows != 400 {
		t.Fatalf("%+v %v", d, err)
	}
}

// TestDeterminism: neither page sizes nor the order of arrival, processors, the
// clock, the zone of the machine or sorting on disk change a byte of an object.
// PAYLAKE_TEST_RUNS=500 for the large size.
func TestDeterminism(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	defer func(here *time.Location) { time.Local = here }(time.Local)
	runs, zones := 60, []string{"UTC", "Asia/Baku", "America/St_Johns", "Pacific/Chatham"}
	if n, err := strconv.Atoi(os.Getenv("PAYLAKE_TEST_RUNS")); err == nil {
		runs = n
	}
	rows := ledgerRows(ledgerSpec{rows: 3000, from: day0.AddDate(0, 0, 20), step: 7 * time.Minute})
	more := ledgerRows(ledgerSpec{rows: 1000, wallet: "wlt_0", from: day0.AddDate(0, 0, 20), step: 11 * time.Minute, seed: 3})
	var want []Object
	var totals []Total
	for n := range runs {
		rng := rand.New(rand.NewPCG(uint64(n), 1))
		runtime.GOMAXPROCS(1 + n%4)
		zone, err := time.LoadLocation(zones[n/4%len(zones)])
		if err != nil {
			t.Fatal(err)
		}
		time.Local = zone
		l := openTest(t, cloudBucket{b: memblob.OpenBucket(nil)}, false)
		l.limits.objectRows, l.opts.Parallel = 700, 1+n%3
		l.opts.Now = func() time.Time { return testNow().Add(time.Duration(n) * time.Hour) }
		if n%5 == 4 {
			l.limits.chunkRows, l.limits.runRows = 500, 300+n
		}
		one, two := slices.Clone(rows), slices.Clone(more)
		if n%2 == 1 {
			rng.Shuffle(len(one), func(i, j int) { one[i], one[j] = one[j], one[i] })
			rng.Shuffle(len(two), func(i, j int) { two[i], two[j] = two[j], two[i] })
		}
		page := 1 + rng.IntN(900)
		commit(t, l, partOf(t, "wlt_1", days(0, 60), one, page), partOf(t, "wlt_0", days(0, 60), two, page))
		for e, err := range l.Manifests(t.Context(), 1) {
			if err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want, totals = e.Objects, e.Totals
			}
			if !reflect.DeepEqual(e.Objects, want) || !reflect.DeepEqual(e.Totals, totals) {
				t.Fatalf("case %d differs:\n%+v\n%+v", n, e.Objects, want)
			}
			if e.Parts[0].Chain.State != sinks.ChainClosed || e.Parts[1].Chain.State != sinks.ChainClosed {
				t.Fatalf("case %d: chains %+v", n, e.Parts)
			}
		}
	}
	if len(want) < 5 {
		t.Fatalf("%d objects are too few to prove anything", len(want))
	}
}

// TestSpilledSpool: rows that come from disk give what rows in memory give,
// also when they meet a lake that holds some of them in other words.
func TestSpilledSpool(t *testing.T) {
	build := func(spill bool) (Report, []Object) {
		b := fileBucketOf(t)
		l := openTest(t, b, false)
		l.limits = limits{objectRows: 400, chunkRows: 1 << 20, runRows: 150, cacheBytes: 1 << 20}
		rows := ledgerRows(ledgerSpec{rows: 1500, step: time.Hour})
		commit(t, l, partOf(t, "wlt_1", days(0, 90), rows[:900], 100))
		for i := 0; i < 900; i += 7 {
			rows[i].reference = "changed"
		}
		limit := int64(0)
		if spill {
			limit = 64
		}
		s := sinks.NewSpool(schemas.Ledger.ArrowSchema(), t.TempDir(), limit)
		for i := 0; i < len(rows); i += 50 {
			if err := s.Append(ledgerRecord(rows[i : i+50])); err != nil {
				t.Fatal(err)
			}
		}
		if s.Spilled() != spill {
			t.Fatal("the spool did not spill")
		}
		p := partOf(t, "wlt_1", days(0, 90), nil, 1)
		p.Rows = s
		commit(t, l, p)
		r, err := Verify(t.Context(), l.URL(), VerifyOptions{})
		if err != nil {
			t.Fatal(err)
		}
		r.URL, r.Head = "", ""
		var objects []Object
		for e, err := range l.Manifests(t.Context(), 1) {
			if err != nil {
				t.Fatal(err)
			}
			objects = append(objects, e.Objects...)
		}
		return r, objects
	}
	inMemory, objects := build(false)
	onDisk, spilled := build(true)
	if !reflect.DeepEqual(inMemory, onDisk) || !reflect.DeepEqual(objects, spilled) {
		t.Fatalf("memory %+v\ndisk %+v", inMemory, onDisk)
	}
	if inMemory.Retractions != 129 {
		t.Fatalf("%d retractions", inMemory.Retractions)
	}
}

func TestNothingNewCommitsNothing(t *testing.T) {
	l := openTest(t, fileBucketOf(t), false)
	history(t, l)
	head, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rows := within(ledgerRows(ledgerSpec{rows: 300, wallet: "wlt_b", from: day0, step: 4 * time.Hour, seed: 2}), days(0, 31))
	if r := commit(t, l, partOf(t, "wlt_b", days(0, 31), rows, 9), partOf(t, "wlt_b", days(5, 6), nil, 1)); r.Sequence != 0 || r.Duplicates != r.Read {
		t.Fatalf("%+v", r)
	}
	if now, _ := l.Head(t.Context()); now != head {
		t.Fatalf("head moved from %d to %d", head, now)
	}
}

func TestBoundaryBetweenWindows(t *testing.T) {
	l := openTest(t, fileBucketOf(t), false)
	rows := ledgerRows(ledgerSpec{rows: 96, step: 30 * time.Minute}) // two days
	commit(t, l, partOf(t, "wlt_1", days(0, 1), rows[:47], 100))     // the last row of the day is late
	r := commit(t, l, partOf(t, "wlt_1", days(1, 2), rows[48:], 100))
	c := r.Chains[0]
	if c.State != sinks.ChainOpen || c.Breaks[0].After != "" || c.Breaks[0].Missing != rows[47].amount || !c.Breaks[0].From.Equal(rows[46].at) {
		t.Fatalf("%+v", c)
	}
	d, err := l.Done(t.Context(), schemas.Stream{Source: "mpay", Wallet: "wlt_1", Table: schemas.Ledger})
	if err != nil || len(d.Owed) != 1 || !d.Owed[0].Overlaps(days(0, 1)) || !d.Owed[0].Overlaps(days(1, 2)) {
		t.Fatalf("%+v %v", d, err)
	}
	r = commit(t, l, partOf(t, "wlt_1", days(0, 1), rows[:48], 100), partOf(t, "wlt_1", days(1, 2), rows[48:], 100))
	if r.Inserted != 1 || r.Chains[0].State != sinks.ChainClosed || r.Chains[1].State != sinks.ChainClosed {
		t.Fatalf("%+v", r)
	}
	if _, err := Verify(t.Context(), l.URL(), VerifyOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	b := fileBucketOf(t)
	l := openTest(t, b, false)
	history(t, l)
	open := func() error {
		_, err := Open(t.Context(), Options{URL: l.URL(), Now: testNow})
		return err
	}
	if err := open(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(b.root, "probe", "*")); len(left) != 0 {
		t.Fatalf("the probe left %v", left)
	}
	last := filepath.Join(b.root, manifestKey(5))
	raw, err := os.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]error{
		strings.Replace(string(raw), `"format": 1`, `"format": 2`, 1):             sinks.ErrNewer,
		strings.Replace(string(raw), `"kind": "data"`, `"kind": "close"`, 1):      sinks.ErrNewer,
		strings.Replace(string(raw), `"prev_sha256": "`, `"prev_sha256": "00`, 1): sinks.ErrCorrupt,
		string(raw[:len(raw)/2]): sinks.ErrCorrupt,
		strings.Replace(string(raw), `"sequence": 5`, `"sequence": 5, "sequence":5`, 1): sinks.ErrCorrupt,
	} {
		if err := os.WriteFile(last, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := open(); !errors.Is(err, want) {
			t.Errorf("%.60q…: %v, want %v", text, err, want)
		}
	}
	if err := os.WriteFile(last, []byte(strings.Replace(string(raw), `{`, `{"a_later_key": [1],`, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := open(); err != nil {
		t.Errorf("an unknown key is ignored: %v", err)
	}
	if err := os.Remove(filepath.Join(b.root, manifestKey(2))); err != nil {
		t.Fatal(err)
	}
	if err := open(); !errors.Is(err, sinks.ErrCorrupt) {
		t.Errorf("a manifest is missing: %v", err)
	}
	for _, seq := range []int64{3, 1} {
		if err := os.Remove(filepath.Join(b.root, manifestKey(seq))); err != nil {
			t.Fatal(err)
		}
		if err := open(); !errors.Is(err, sinks.ErrCorrupt) {
			t.Errorf("manifest %d is missing: %v", seq, err)
		}
	}
	if _, err := Open(t.Context(), Options{URL: "file://" + b.root + "/absent", Now: testNow}); err == nil || !strings.Contains(err.Error(), "no lake") {
		t.Errorf("no folder: %v", err)
	}
}

func batchOf(parts ...sinks.Part) sinks.Batch { return sinks.Batch{Parts: parts} }
