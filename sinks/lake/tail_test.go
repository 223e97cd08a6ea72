package lake

import (
	"errors"
	"os"
	"testing"

	"github.com/paylake/paylake/sinks"
)

// A tail sees what a lake sees, from any manifest on, and notices a broken
// chain; the metadata of tables beside the lake is no foreign file to verify.
func TestTail(t *testing.T) {
	b := fileBucketOf(t)
	l := openTest(t, b, false)
	history(t, l)
	tail, err := OpenTail(t.Context(), l.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer tail.Close()
	for from := range int64(7) {
		var want, got []string
		for e, err := range l.Manifests(t.Context(), from) {
			want = append(want, e.SHA256)
			if err != nil {
				t.Fatal(err)
			}
		}
		for e, err := range tail.Manifests(t.Context(), from) {
			got = append(got, e.SHA256)
			if err != nil {
				t.Fatal(err)
			}
		}
		if len(got) != len(want) || len(got) > 0 && got[len(got)-1] != want[len(want)-1] || from <= 1 && len(got) != 5 {
			t.Errorf("from %d: %d manifests, want %d", from, len(got), len(want))
		}
	}

	if err := b.Create(t.Context(), TablesPrefix+"ledger/metadata/00001-x.metadata.json", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if r, err := Verify(t.Context(), l.URL(), VerifyOptions{}); err != nil || len(r.Foreign) != 0 {
		t.Errorf("%v %v", r.Foreign, err)
	}

	data, err := os.ReadFile(b.path(manifestKey(2)))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(b.path(manifestKey(2))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.path(manifestKey(2)), append(data, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	var broken error
	for _, err := range tail.Manifests(t.Context(), 1) {
		broken = err
	}
	if !errors.Is(broken, sinks.ErrCorrupt) {
		t.Errorf("a changed manifest is not noticed: %v", broken)
	}
}
