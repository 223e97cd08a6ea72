package translog_test

import (
	"bytes"
	"errors"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/paylake/paylake/sinks/translog"
)

// FuzzCheckpoint: whatever lies under a checkpoint's name is a checkpoint, or
// the error says invalid; and a verifier believes nothing that its key has not
// signed, byte for byte.
func FuzzCheckpoint(f *testing.F) {
	skey, vkey, err := translog.GenerateKey("example.org/log")
	if err != nil {
		f.Fatal(err)
	}
	signer, err := translog.ParseSigner([]byte(skey))
	if err != nil {
		f.Fatal(err)
	}
	keys, err := translog.ParseVerifiers([]byte(vkey))
	if err != nil {
		f.Fatal(err)
	}
	hash := tlog.RecordHash([]byte("entry"))
	signed, err := signer.Sign(tlog.Tree{N: 1, Hash: hash})
	if err != nil {
		f.Fatal(err)
	}
	text, _, _ := bytes.Cut(signed.Raw, []byte("\n\n"))
	for _, seed := range [][]byte{signed.Raw, signed.Raw[:len(signed.Raw)/2], append(bytes.Clone(text), "\n\n— x AAAAAA==\n"...), []byte("\n\n"), nil,
		bytes.Replace(signed.Raw, []byte("\n1\n"), []byte("\n9223372036854775808\n"), 1), bytes.Replace(signed.Raw, []byte("\n1\n"), []byte("\n01\n"), 1)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := translog.ReadCheckpoint(raw)
		if err != nil && !errors.Is(err, translog.ErrInvalid) {
			t.Fatalf("an error of no known kind: %v", err)
		}
		if err == nil && (c.Origin == "" || c.Tree.N < 0 || !bytes.Equal(c.Raw, raw)) {
			t.Fatalf("accepted: %+v", c)
		}
		believed, err := keys.Open(raw)
		if err == nil && (believed.Tree != signed.Tree || believed.Origin != signed.Origin || len(believed.Signed) == 0) {
			t.Fatalf("what was never signed is believed: %+v", believed)
		}
	})
}

// FuzzTreeFiles: proofs, bundles of entries, tiles' names and keys are read or
// refused; what was read is written as it was.
func FuzzTreeFiles(f *testing.F) {
	_, vkey, err := translog.GenerateKey("example.org/log")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]byte{[]byte("c2sp.org/tlog-proof@v1\nindex 0\n\nx\n"), translog.Bundle([][]byte{[]byte("a"), nil, []byte("bcd")}), {0, 9, 1},
		[]byte("tile/0/x001/234.p/5"), []byte("tile/entries/000"), []byte(vkey), []byte("checkpoints/12")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := translog.ParseProof(data); err == nil {
			if again, err := translog.ParseProof(p.Marshal()); err != nil || !bytes.Equal(again.Marshal(), p.Marshal()) {
				t.Fatalf("a proof, written again: %v", err)
			}
		}
		if entries, err := translog.Unbundle(data); err == nil && !bytes.Equal(translog.Bundle(entries), data) {
			t.Fatal("a bundle, written again, differs")
		}
		if tile, ok := translog.ParseTilePath(string(data)); ok && translog.TilePath(tile) != string(data) {
			t.Fatalf("%q is the tile %v, whose name is %q", data, tile, translog.TilePath(tile))
		}
		if n, ok := translog.ParseKeptPath(string(data)); ok && translog.KeptPath(n) != string(data) {
			t.Fatalf("%q is kept checkpoint %d", data, n)
		}
		if v, err := translog.ParseVerifiers(data); err == nil && v.IsZero() {
			t.Fatal("keys without a key")
		}
		_, _ = translog.ParseWitnesses(data) // it must not panic
	})
}
