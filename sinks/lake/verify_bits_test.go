package lake

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/translog"
)

// deciding are the keys of a manifest that decide who reads it, and the link to
// the one before.
var deciding = []string{"format", "kind", "sequence", "prev_sha256", "source", "table", "schema_version"}

// TestEveryBitOfManifests flips every bit of these lines of every manifest that
// the log covers: each is a finding that names this manifest first, whatever it
// then says of itself. Without PAYLAKE_TEST_MUTATIONS it is one bit of each byte.
func TestEveryBitOfManifests(t *testing.T) {
	s := newScene(t)
	o := VerifyOptions{Parallel: 1, Keys: s.signer.Verifiers()}
	for _, key := range s.true.keys("manifests/") {
		raw := s.true[key]
		for at := range raw {
			line := raw[bytes.LastIndexByte(raw[:at], '\n')+1:]
			line, _, _ = bytes.Cut(line, []byte("\n"))
			if !slices.ContainsFunc(deciding, func(name string) bool { return bytes.HasPrefix(line, []byte(` "`+name+`"`)) }) {
				continue
			}
			for bit := range 8 {
				if os.Getenv("PAYLAKE_TEST_MUTATIONS") == "" && bit != at%8 {
					continue
				}
				f := maps.Clone(s.true)
				f[key] = bytes.Clone(raw)
				f[key][at] ^= 1 << bit
				r, err := verifyBucket(t.Context(), f, "mem://", o)
				first := ""
				if len(r.Findings) > 0 {
					first = r.Findings[0].Path
				}
				if !errors.Is(err, sinks.ErrCorrupt) || !strings.HasSuffix(first, key) {
					t.Fatalf("%s byte %d bit %d (%s): first named %q: %v", key, at, bit, line, first, err)
				}
			}
		}
	}
}

// TestForeignCheckpoint: what the name checkpoint shows must be signed by a given
// key, whatever is kept beside it.
func TestForeignCheckpoint(t *testing.T) {
	s := newScene(t)
	for n := int64(1); n <= 5; n++ {
		f := maps.Clone(s.true)
		f[translog.Latest] = logged(t, s.true, n, s.stranger)[translog.Latest]
		r, err := verifyBucket(t.Context(), f, "mem://", VerifyOptions{Parallel: 1, Keys: s.signer.Verifiers()})
		if !errors.Is(err, sinks.ErrCorrupt) || !strings.HasSuffix(r.Findings[0].Path, translog.Latest) {
			t.Errorf("size %d: %v", n, err)
		}
	}
}

// TestNewerLakeIsNotAccused: a manifest that the log holds as it is, of a format
// that is not known here, is no finding.
func TestNewerLakeIsNotAccused(t *testing.T) {
	s := newScene(t)
	f := maps.Clone(s.true)
	f[manifestKey(5)] = bytes.Replace(f[manifestKey(5)], []byte(`"format": 1`), []byte(`"format": 2`), 1)
	f = logged(t, f, 5, s.signer)
	_, err := verifyBucket(t.Context(), f, "mem://", VerifyOptions{Parallel: 1, Keys: s.signer.Verifiers()})
	if !errors.Is(err, sinks.ErrNewer) || errors.Is(err, sinks.ErrCorrupt) {
		t.Fatal(err)
	}
}

// TestLostManifestTellsItsObjects: whichever manifest is lost, what it named is
// affected, and what later ones name belongs to them.
func TestLostManifestTellsItsObjects(t *testing.T) {
	s := newScene(t)
	for n := int64(1); n <= 5; n++ {
		f := maps.Clone(s.true)
		lost, err := decodeManifest(n, f[manifestKey(n)])
		if err != nil {
			t.Fatal(err)
		}
		delete(f, manifestKey(n))
		r, err := verifyBucket(t.Context(), f, "mem://", VerifyOptions{Parallel: 1, Keys: s.signer.Verifiers()})
		if !errors.Is(err, sinks.ErrCorrupt) || r.Manifests != 4 || r.Manifests-r.BehindGap != n-1 {
			t.Errorf("manifest %d: %d manifests: %v", n, r.Manifests, err)
		}
		if len(r.Affected) != len(lost.Objects) || len(r.Foreign) != len(lost.Objects) {
			t.Errorf("manifest %d named %d objects; %d affected, %d foreign", n, len(lost.Objects), len(r.Affected), len(r.Foreign))
		}
	}
}
