package lake

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
)

// mergedTwice is a lake whose small objects were merged, and then some of the
// merged ones with what came later: withdrawals of a manifest have objects of
// their own.
func mergedTwice(t *testing.T) (*fileBucket, map[string][]byte, *kinship) {
	t.Helper()
	l, states := compactable(t)
	b := l.bucket.(*fileBucket)
	compact := func() {
		if done, err := l.Compact(t.Context(), everything); err != nil || len(done) == 0 {
			t.Fatal(done, err)
		}
	}
	compact()
	recommit(t, l, states[len(states)-1], "later")
	compact()
	holds(t, l)
	bytesOf := map[string][]byte{}
	paths, _ := objectsOf(t, l)
	for _, path := range paths {
		data, err := os.ReadFile(b.path(path))
		if err != nil {
			t.Fatal(err)
		}
		bytesOf[path] = data
	}
	kin, err := l.kinship(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return b, bytesOf, kin
}

// mendAll looks for what is lost and mends it.
func mendAll(t *testing.T, b bucket) (back []Mended, left []Damage) {
	t.Helper()
	l := openTest(t, b, false)
	damaged, err := l.Damaged(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if back, left, err = l.Mend(t.Context(), damaged); err != nil {
		t.Fatal(err)
	}
	return back, left
}

func asBefore(t *testing.T, b *fileBucket, want map[string][]byte) {
	t.Helper()
	for path, data := range want {
		if now, err := os.ReadFile(b.path(path)); err != nil || !bytes.Equal(now, data) {
			t.Errorf("%s is not what it was: %v", path, err)
		}
	}
}

// Every object of a compacted lake, old or merged, lost or damaged alone, comes
// back to the bit from its relatives.
func TestMendFromRelatives(t *testing.T) {
	b, all, kin := mergedTwice(t)
	n, from := 0, map[string]int{}
	for path, data := range all {
		if kin.into[path] == "" && len(kin.parts[path]) == 0 {
			continue // stands alone
		}
		n++
		hurt(t, b, path, data, n%2 == 0)
		back, left := mendAll(t, b)
		if len(back) == 0 || len(left) != 0 {
			t.Fatalf("%s (merged from %d): %v left", path, len(kin.parts[path]), left)
		}
		from[back[0].From]++
		asBefore(t, b, all)
		if t.Failed() {
			t.FailNow()
		}
	}
	if from[fromParts] < 3 || from[fromMerged] < 10 {
		t.Errorf("too little was tried: %v", from)
	}
	if r := holds(t, openTest(t, b, false)); r.Merged < 3 {
		t.Errorf("%+v", r)
	}
}

// All old objects lost at once come back from the newest merged ones, those that
// were merged themselves included; and the newest from the rest.
func TestMendGenerations(t *testing.T) {
	b, all, kin := mergedTwice(t)
	lost := 0
	for path := range all {
		if kin.into[path] != "" {
			lose(t, b, path)
			lost++
		}
	}
	back, left := mendAll(t, b)
	if len(left) != 0 || len(back) < lost {
		t.Errorf("%d of %d came back; left: %v", len(back), lost, left)
	}
	asBefore(t, b, all)
	lost = 0
	for path := range all {
		if len(kin.parts[path]) > 0 {
			lose(t, b, path)
			lost++
		}
	}
	if back, left = mendAll(t, b); len(left) != 0 || len(back) != lost || lost < 3 {
		t.Errorf("%d of %d came back; left: %v", len(back), lost, left)
	}
	asBefore(t, b, all)
	holds(t, openTest(t, b, false))
}

// A merged object and one of its old ones: the lake has these rows nowhere, so
// both stay lost and nothing is made up. With the old one from the source, the
// merged one comes back, too.
func TestMendNeedsTheRows(t *testing.T) {
	b := fileBucketOf(t)
	l := openTest(t, b, false)
	now := eventful(t, l)
	l.limits.objectRows = defaultLimits.objectRows
	done, err := l.Compact(t.Context(), everything)
	if err != nil || len(done) == 0 {
		t.Fatal(done, err)
	}
	kin, err := l.kinship(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	merged := done[0].Object
	parts := kin.parts[merged]
	old := parts[len(parts)/2].Path
	before := listing(t, b)
	lose(t, b, merged)
	// What comes of the wrong relatives has another digest, and is not written.
	wrong := &kinship{kin.meta, map[string][]MergedObject{merged: parts[1:]}, kin.into}
	damaged, err := l.Damaged(t.Context(), nil)
	if err != nil || len(damaged) != 1 {
		t.Fatal(damaged, err)
	}
	if from, err := l.mendOne(t.Context(), wrong, damaged[0]); from != "" || err != nil {
		t.Errorf("it came back from %q, %v", from, err)
	}
	lose(t, b, old)
	back, left := mendAll(t, b)
	if len(back) != 0 || len(left) != 2 {
		t.Fatalf("%v came back from nothing; left: %v", back, left)
	}
	l = openTest(t, b, false)
	again, unrestored := reread(t, l, left, now)
	if len(again) != 1 || again[0].Path != b.path(old) || len(unrestored) != 1 {
		t.Fatalf("%v; %v", again, unrestored)
	}
	if back, left = mendAll(t, b); len(back) != 1 || len(left) != 0 || back[0].From != fromParts {
		t.Fatalf("%v; %v", back, left)
	}
	if after := listing(t, b); len(strings.Split(after, "\n")) != len(strings.Split(before, "\n")) {
		t.Error("other files than before")
	}
	holds(t, openTest(t, b, false))
	// Relatives that are damaged give nothing.
	for _, p := range parts {
		if !slices.Contains([]string{old}, p.Path) {
			lose(t, b, p.Path)
		}
	}
	data, err := os.ReadFile(b.path(merged))
	if err != nil {
		t.Fatal(err)
	}
	hurt(t, b, merged, data, false)
	if back, left = mendAll(t, b); len(back) != 0 || len(left) != len(parts) {
		t.Errorf("%v; %d left", back, len(left))
	}
}

func lose(t *testing.T, b *fileBucket, path string) {
	t.Helper()
	if err := os.Remove(b.path(path)); err != nil {
		t.Fatal(err)
	}
}
