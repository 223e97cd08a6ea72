package lake

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/translog"
)

func signerOf(t testing.TB, origin string) *translog.Signer {
	t.Helper()
	skey, _, err := translog.GenerateKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := translog.ParseSigner([]byte(skey))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func followLog(t testing.TB, l *Lake, s *translog.Signer) sinks.Position {
	t.Helper()
	p, err := l.Log(LogOptions{Signer: s}).Follow(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestLogFollows: every manifest is logged, in one go or one by one; what the
// log has not reached is counted; a second look writes nothing.
func TestLogFollows(t *testing.T) {
	b := fileBucketOf(t)
	l := openTest(t, b, false)
	signer := signerOf(t, "")
	if p := followLog(t, l, signer); p != (sinks.Position{}) {
		t.Fatal(p)
	}
	history(t, l)
	r, err := Verify(t.Context(), l.URL(), VerifyOptions{Keys: signer.Verifiers()})
	if err != nil || r.Unlogged != 5 || r.Log.Size != 0 {
		t.Fatalf("%+v: %v", r.Log, err)
	}
	memory := filepath.Join(t.TempDir(), "memory")
	log := l.Log(LogOptions{Signer: signer, Memory: memory})
	if p, err := log.Follow(t.Context()); err != nil || p != (sinks.Position{Applied: 5, Head: 5}) {
		t.Fatal(p, err)
	}
	before := listing(t, b)
	if p := followLog(t, l, signer); p.Lag() != 0 || listing(t, b) != before {
		t.Fatal("a second look wrote something")
	}
	extra := ledgerRows(ledgerSpec{rows: 5, wallet: "wlt_z", from: day0})
	commit(t, l, partOf(t, "wlt_z", days(0, 1), extra, 5))
	r, err = Verify(t.Context(), l.URL(), VerifyOptions{Keys: signer.Verifiers()})
	if err != nil || r.Unlogged != 1 || r.Log.Size != 5 {
		t.Fatalf("%+v: %v", r.Log, err)
	}
	if p, err := log.Follow(t.Context()); err != nil || p.Applied != 6 {
		t.Fatal(p, err)
	}
	r, err = Verify(t.Context(), l.URL(), VerifyOptions{Keys: signer.Verifiers()})
	if err != nil || r.Unlogged != 0 || r.Log.Size != 6 || r.Log.Checkpoints != 2 || r.Log.Tiles != 4 ||
		len(r.Log.SignedBy) != 1 || r.Log.Shown != 6 || r.Log.Origin != signer.Origin() || !r.Log.Checked {
		t.Fatalf("%+v: %v", r.Log, err)
	}
	r, err = Verify(t.Context(), l.URL(), VerifyOptions{})
	if err != nil || r.Unlogged != 0 || r.Log.Checked || len(r.Log.SignedBy) != 0 {
		t.Fatalf("without a key: %+v: %v", r.Log, err)
	}
}

// TestLogRefuses: a lake that lost or changed manifests is not signed on.
func TestLogRefuses(t *testing.T) {
	signer := signerOf(t, "")
	begin := func(t *testing.T) (*fileBucket, *Lake) {
		b := fileBucketOf(t)
		l := openTest(t, b, false)
		history(t, l)
		followLog(t, l, signer)
		return b, l
	}
	t.Run("lost", func(t *testing.T) {
		b, _ := begin(t)
		if err := os.Remove(filepath.Join(b.root, manifestKey(5))); err != nil {
			t.Fatal(err)
		}
		_, err := openTest(t, b, false).Log(LogOptions{Signer: signer}).Follow(t.Context())
		if !errors.Is(err, sinks.ErrCorrupt) || !strings.Contains(err.Error(), "5 manifests were logged, and the lake has 4") {
			t.Fatal(err)
		}
	})
	t.Run("replaced", func(t *testing.T) {
		b, _ := begin(t)
		if err := os.Remove(filepath.Join(b.root, manifestKey(5))); err != nil {
			t.Fatal(err)
		}
		l := openTest(t, b, false)
		for range 2 { // two other manifests instead
			rows := ledgerRows(ledgerSpec{rows: 5, wallet: "wlt_z", from: day0.AddDate(0, 0, int(l.head))})
			commit(t, l, partOf(t, "wlt_z", days(int(l.head), int(l.head)+1), rows, 5))
		}
		_, err := l.Log(LogOptions{Signer: signer}).Follow(t.Context())
		if !errors.Is(err, sinks.ErrCorrupt) {
			t.Fatal(err)
		}
	})
	t.Run("another key", func(t *testing.T) {
		_, l := begin(t)
		_, err := l.Log(LogOptions{Signer: signerOf(t, "")}).Follow(t.Context())
		if !errors.Is(err, sinks.ErrCorrupt) || !strings.Contains(err.Error(), signer.Origin()) {
			t.Fatal(err)
		}
	})
}

// TestProveAndCheck: a proof holds on its own, for the right key only, and not
// with another manifest or object in it.
func TestProveAndCheck(t *testing.T) {
	b := fileBucketOf(t)
	l := openTest(t, b, false)
	history(t, l)
	signer := signerOf(t, "")
	if _, err := Prove(t.Context(), l.URL(), 2, ""); !errors.Is(err, ErrUnlogged) {
		t.Fatal(err)
	}
	followLog(t, l, signer)
	proof, err := Prove(t.Context(), l.URL(), 2, "")
	if err != nil {
		t.Fatal(err)
	}
	r, err := CheckProof(proof, signer.Verifiers(), nil)
	if err != nil || r.Sequence != 2 || len(r.Files) < 2 || len(r.SignedBy) != 1 || !r.Checked {
		t.Fatalf("%+v: %v", r, err)
	}
	object := r.Files[0].Path
	one, err := Prove(t.Context(), l.URL(), 2, object)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := CheckProof(one, signer.Verifiers(), nil); err != nil || len(r.Files) != 1 || r.Files[0].Path != object {
		t.Fatalf("%+v: %v", r, err)
	}
	if r, err := CheckProof(proof, translog.Verifiers{}, nil); err != nil || r.Checked {
		t.Fatalf("without a key: %+v: %v", r, err)
	}
	if _, err := CheckProof(proof, signerOf(t, signer.Origin()).Verifiers(), nil); !errors.Is(err, translog.ErrUnknownKey) || !errors.Is(err, sinks.ErrCorrupt) {
		t.Fatal(err)
	}
	if _, err := Prove(t.Context(), l.URL(), 2, "objects/ledger/other.parquet"); err == nil {
		t.Fatal("an object that is not there is proved")
	}
	if _, err := Prove(t.Context(), l.URL(), 9, ""); err == nil {
		t.Fatal("a manifest that is not there is proved")
	}
	for at := 0; at < len(proof); at += 7 { // no byte may be changed
		bad := slices.Clone(proof)
		bad[at] ^= 1
		if _, err := CheckProof(bad, signer.Verifiers(), nil); err == nil {
			t.Fatalf("byte %d (%q) may be changed", at, proof[at])
		}
	}
}
