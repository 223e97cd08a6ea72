package lake

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/sinks"
)

// objectsOf lists the objects of a lake with their manifests.
func objectsOf(t *testing.T, l *Lake) (paths []string, entries []Entry) {
	t.Helper()
	for e, err := range l.Manifests(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range e.Objects {
			paths = append(paths, o.Path)
		}
		entries = append(entries, e)
	}
	return paths, entries
}

// A history with everything: three months, several wallets, a month cut into
// several objects, rows that came late, revisions, a revision back to what was,
// two steps within one read. now is what the source says at the end.
func eventful(t *testing.T, l *Lake) (now map[string][]ledgerRow) {
	t.Helper()
	l.limits.objectRows = 120
	now = map[string][]ledgerRow{}
	put := func(wallet string, from, to int, rows []ledgerRow) {
		commit(t, l, partOf(t, wallet, days(from, to), within(rows, days(from, to)), 17))
	}
	for n, w := range []string{"wlt_1", "wlt_2", "wlt_3"} {
		rows := ledgerRows(ledgerSpec{rows: 400, wallet: w, step: 5 * time.Hour, seed: uint64(n)})
		late := slices.DeleteFunc(slices.Clone(rows), func(r ledgerRow) bool { return strings.HasSuffix(r.id, "7") })
		for d := 0; d < 90; d += 30 {
			put(w, d, d+30, late)
		}
		put(w, 20, 50, rows) // what came late
		changed := slices.Clone(rows)
		for i := range changed {
			if i%9 == 0 {
				changed[i].reference = "CHANGED"
			}
		}
		put(w, 0, 60, changed)
		for i := range changed {
			if i%27 == 0 {
				changed[i].reference = rows[i].reference // back to what it was
			}
		}
		put(w, 0, 40, changed)
		put(w, 0, 90, changed)
		now[w] = changed
	}
	return now
}

// Each object of an eventful history, lost or damaged alone, comes back to the
// bit from what the source says now and the rest of the lake.
func TestReread(t *testing.T) {
	b := fileBucketOf(t)
	l := openTest(t, b, false)
	now := eventful(t, l)
	paths, _ := objectsOf(t, l)
	if len(paths) < 20 {
		t.Fatalf("%d objects prove little", len(paths))
	}
	for n, path := range paths {
		original, err := os.ReadFile(b.path(path))
		if err != nil {
			t.Fatal(err)
		}
		hurt(t, b, path, original, n%3 == 0)
		l := openTest(t, b, false)
		lost, err := l.Damaged(t.Context(), nil)
		if err != nil || len(lost) != 1 || lost[0].Path != b.path(path) || lost[0].Gone != (n%3 == 0) {
			t.Fatalf("%v, %+v", err, lost)
		}
		back, left := reread(t, l, lost, now)
		if len(back) != 1 || len(left) != 0 {
			t.Errorf("object %d: %v; %v", n, lost[0], left)
		}
		if after, err := os.ReadFile(b.path(path)); err != nil || !bytes.Equal(after, original) {
			t.Fatalf("object %d is not what it was (%v)", n, err)
		}
	}
	r, err := Verify(t.Context(), l.URL(), VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Foreign) != len(paths)-(len(paths)+2)/3 { // the damaged bytes are kept aside
		t.Errorf("%d files aside, %d objects were damaged", len(r.Foreign), len(paths)-(len(paths)+2)/3)
	}
}

func hurt(t *testing.T, b *fileBucket, path string, original []byte, lose bool) {
	t.Helper()
	if err := os.Remove(b.path(path)); err != nil || lose {
		return
	}
	bad := slices.Clone(original)
	bad[len(bad)/2] ^= 4
	if err := os.WriteFile(b.path(path), bad, 0o644); err != nil {
		t.Fatal(err)
	}
}

func reread(t *testing.T, l *Lake, lost []Damage, now map[string][]ledgerRow) ([]Damage, []Unrestored) {
	t.Helper()
	l.limits.objectRows = 120
	r := l.Reread(lost)
	for wallet, rows := range now {
		for d := 0; d < 90; d += 30 {
			if _, err := r.Commit(t.Context(), sinks.Batch{Parts: []sinks.Part{partOf(t, wallet, days(d, d+30), within(rows, days(d, d+30)), 40)}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	back, left, err := r.Restore(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return back, left
}

// All objects of a manifest, and of a month of one manifest in several pieces,
// lost at once.
func TestRereadManifest(t *testing.T) {
	b := fileBucketOf(t)
	l := openTest(t, b, false)
	now := eventful(t, l)
	_, entries := objectsOf(t, l)
	most := slices.MaxFunc(entries, func(a, b Entry) int { return len(a.Objects) - len(b.Objects) })
	if len(most.Objects) < 3 {
		t.Fatalf("no manifest has several objects: %d", len(most.Objects))
	}
	before := listing(t, b)
	for _, o := range most.Objects {
		if err := os.Remove(b.path(o.Path)); err != nil {
			t.Fatal(err)
		}
	}
	l = openTest(t, b, false)
	lost, err := l.Damaged(t.Context(), func(d Damage) bool { return d.Manifest == most.Sequence })
	if err != nil || len(lost) != len(most.Objects) {
		t.Fatal(err, len(lost))
	}
	if _, left := reread(t, l, lost, now); len(left) > 0 {
		t.Error(left)
	}
	if _, err := Verify(t.Context(), l.URL(), VerifyOptions{}); err != nil {
		t.Error(err)
	}
	if len(strings.Split(listing(t, b), "\n")) != len(strings.Split(before, "\n")) {
		t.Error("other files than before")
	}
}

// New rows that the source has learnt of since do not stand in the way; rows
// that it has changed or forgotten do: then nothing is written, and it is said.
func TestRereadOfAChangedSource(t *testing.T) {
	for name, c := range map[string]struct {
		change func(rows []ledgerRow) []ledgerRow
		why    string
	}{
		"two new rows": {func(rows []ledgerRow) []ledgerRow {
			extra := ledgerRows(ledgerSpec{rows: 2, wallet: "wlt_1", from: day0.Add(90 * time.Minute), step: time.Hour, seed: 9})
			extra[0].id, extra[1].id = "new1", "new2"
			return append(rows, extra...)
		}, ""},
		"a changed row": {func(rows []ledgerRow) []ledgerRow { rows[3].amount++; return rows }, "not the ones that were committed"},
		"a row less":    {func(rows []ledgerRow) []ledgerRow { return rows[1:] }, "only 39 of its 40 rows"},
		"nothing":       {func([]ledgerRow) []ledgerRow { return nil }, "none of its 40 rows"},
	} {
		t.Run(name, func(t *testing.T) {
			b := fileBucketOf(t)
			l := openTest(t, b, false)
			rows := ledgerRows(ledgerSpec{rows: 40, step: time.Hour})
			commit(t, l, partOf(t, "wlt_1", days(0, 31), rows, 10))
			paths, _ := objectsOf(t, l)
			if err := os.Remove(b.path(paths[0])); err != nil {
				t.Fatal(err)
			}
			lost, err := l.Damaged(t.Context(), nil)
			if err != nil || len(lost) != 1 {
				t.Fatal(err, lost)
			}
			_, left := reread(t, l, lost, map[string][]ledgerRow{"wlt_1": c.change(slices.Clone(rows))})
			if c.why == "" && len(left) == 0 {
				return
			}
			if len(left) != 1 || !strings.Contains(left[0].Why, c.why) || c.why == "" {
				t.Errorf("left: %v, want %q", left, c.why)
			}
			if _, err := os.Stat(b.path(paths[0])); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("something was written: %v", err)
			}
		})
	}
}

// What verify says of a loss: source, table, wallets, windows, rows and money.
func TestAffected(t *testing.T) {
	b := fileBucketOf(t)
	l := openTest(t, b, false)
	one := ledgerRows(ledgerSpec{rows: 30, step: time.Hour})
	commit(t, l, partOf(t, "wlt_1", days(0, 2), one, 10))
	commit(t, l, partOf(t, "wlt_2", days(0, 2), ledgerRows(ledgerSpec{rows: 20, wallet: "wlt_2", step: time.Hour}), 10),
		partOf(t, "wlt_3", days(40, 41), ledgerRows(ledgerSpec{rows: 5, wallet: "wlt_3", from: day0.AddDate(0, 0, 40), step: time.Hour}), 10))
	commit(t, l, partOf(t, "wlt_1", days(2, 4), ledgerRows(ledgerSpec{rows: 9, from: day0.AddDate(0, 0, 2), step: time.Hour, seed: 5}), 10))
	_, entries := objectsOf(t, l)
	sum := int64(0)
	for _, r := range one {
		sum += r.amount
	}
	first := entries[0].Objects[0].Path
	if err := os.Remove(b.path(first)); err != nil {
		t.Fatal(err)
	}
	r, err := Verify(t.Context(), l.URL(), VerifyOptions{})
	if !errors.Is(err, sinks.ErrCorrupt) || len(r.Affected) != 1 {
		t.Fatal(err, r.Affected)
	}
	d := r.Affected[0]
	if d.Path != b.path(first) || !d.Gone || d.Source != "mpay" || d.Table != "ledger" || d.Rows != 30 || d.Manifest != 1 ||
		fmt.Sprint(d.Windows) != fmt.Sprint([]WindowRef{{"wlt_1", days(0, 2)}}) || d.Sums[0].Amount.String() != fmt.Sprint(sum) {
		t.Errorf("%+v", d)
	}
	// A manifest lost in the middle: the objects that only it can have named.
	if err := os.Remove(b.path(manifestKey(2))); err != nil {
		t.Fatal(err)
	}
	r, _ = Verify(t.Context(), l.URL(), VerifyOptions{})
	var rows []string
	for _, d := range r.Affected {
		rows = append(rows, fmt.Sprintf("%d %d %s", d.Manifest, d.Rows, d.Windows[0].WalletID))
	}
	if fmt.Sprint(rows) != "[1 30 wlt_1 2 20 wlt_2 2 5 wlt_3]" {
		t.Errorf("%v", rows)
	}
}

// What a crash left under an object's name, and what has rotted since, is not
// published by a commit that finds the name taken.
func TestCommitOverRottenLeftover(t *testing.T) {
	b := fileBucketOf(t)
	l := openTest(t, b, false)
	rows := ledgerRows(ledgerSpec{rows: 30, step: time.Hour})
	commit(t, l, partOf(t, "wlt_1", days(0, 2), rows, 10))
	paths, _ := objectsOf(t, l)
	original, err := os.ReadFile(b.path(paths[0]))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(b.path(manifestKey(1))); err != nil {
		t.Fatal(err)
	}
	hurt(t, b, paths[0], original, false)
	l = openTest(t, b, false)
	commit(t, l, partOf(t, "wlt_1", days(0, 2), rows, 10))
	if _, err := Verify(t.Context(), l.URL(), VerifyOptions{}); err != nil {
		t.Error(err)
	}
}

// A damaged object never makes a commit take its rows for new ones: it fails,
// or it knows them all.
func TestCommitAgainstRottenObject(t *testing.T) {
	b := fileBucketOf(t)
	l := openTest(t, b, false)
	rows := ledgerRows(ledgerSpec{rows: 60, step: time.Hour})
	commit(t, l, partOf(t, "wlt_1", days(0, 3), rows, 10))
	paths, _ := objectsOf(t, l)
	original, err := os.ReadFile(b.path(paths[0]))
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for at := 4; at < len(original); at += 71 {
		bad := slices.Clone(original)
		bad[at] ^= 1 << (at % 8)
		if err := os.WriteFile(b.path(paths[0]), bad, 0o644); err != nil {
			t.Fatal(err)
		}
		l := openTest(t, b, false)
		receipt, err := commitOrPanic(t, l, partOf(t, "wlt_1", days(0, 3), rows, 10))
		if err != nil {
			failed++
		} else if receipt.Duplicates != 60 || receipt.Sequence != 0 {
			t.Fatalf("byte %d of %d: %+v", at, len(original), receipt)
		}
	}
	if failed == 0 {
		t.Error("no damage was seen")
	}
}

// commitOrPanic turns a panic into an error, as a run does.
func commitOrPanic(t *testing.T, l *Lake, p sinks.Part) (receipt sinks.Receipt, err error) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return l.Commit(t.Context(), sinks.Batch{Parts: []sinks.Part{p}})
}
