package translog

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// TestStepsDoNotMatter: however a log grew, its tree is that of its entries, and
// every file that the newest checkpoint needs is there.
func TestStepsDoNotMatter(t *testing.T) {
	for _, steps := range [][]int64{{1}, {1, 2, 3}, {255, 256, 257}, {256}, {100, 300, 700}, {512, 513}, {65_536, 65_537}, {70_000}} {
		m := newMemory()
		w := NewWriter(m, newSigner(t, ""), Verifiers{}, "")
		var tree tlog.Tree
		for _, n := range steps {
			tree = grow(t, w, n)
		}
		last := steps[len(steps)-1]
		if tree.N != last || tree.Hash != rootOf(t, last) {
			t.Errorf("%v: size %d, root %s", steps, tree.N, tree.Hash)
		}
		for _, tile := range TilesOf(0, last) {
			if _, ok := m.files[TilePath(tile)]; !ok {
				t.Errorf("%v: %s is missing", steps, TilePath(tile))
			}
		}
		for _, n := range steps {
			if _, ok := m.files[KeptPath(n)]; !ok {
				t.Errorf("%v: checkpoint %d is not kept", steps, n)
			}
		}
	}
}

// TestPaths: names as C2SP's tlog-tiles writes them.
func TestPaths(t *testing.T) {
	for want, tile := range map[string]tlog.Tile{
		"tile/0/000":                  {H: 8, L: 0, N: 0, W: 256},
		"tile/1/x001/x234/067":        {H: 8, L: 1, N: 1_234_067, W: 256},
		"tile/0/273.p/112":            {H: 8, L: 0, N: 273, W: 112},
		"tile/entries/x001/000.p/255": {H: 8, L: Bundles, N: 1000, W: 255},
		"tile/entries/000":            {H: 8, L: Bundles, N: 0, W: 256},
	} {
		if got := TilePath(tile); got != want {
			t.Errorf("%+v is %s, want %s", tile, got, want)
		}
		if got, ok := ParseTilePath(want); !ok || got != tile {
			t.Errorf("%s is %+v, %t", want, got, ok)
		}
	}
	for _, bad := range []string{"tile/0/0", "tile/0/001.p/256", "tile/0/001.p/0", "tile/00/001", "tile/8/0/001", "tile/data/001", "tile/-1/001",
		"tile/0/x000/001", "tile/entries/1", "checkpoint", "tile/", "tile/0/001.p/01"} {
		if tile, ok := ParseTilePath(bad); ok {
			t.Errorf("%s is read as %+v", bad, tile)
		}
	}
	if n, ok := ParseKeptPath("checkpoints/12"); !ok || n != 12 {
		t.Error(n, ok)
	}
	for _, bad := range []string{"checkpoints/012", "checkpoints/-1", "checkpoints/12.x", "checkpoint"} {
		if _, ok := ParseKeptPath(bad); ok {
			t.Error(bad)
		}
	}
}

// TestAppendReadsTheEdge: an append to a million entries costs as many
// operations as one to a few hundred.
func TestAppendReadsTheEdge(t *testing.T) {
	m := newMemory()
	w := NewWriter(m, newSigner(t, ""), Verifiers{}, "")
	cost := func(size int64) (reads, writes int) {
		tree := grow(t, w, size)
		m.reads, m.writes = nil, nil
		if _, err := extend(t.Context(), w, tree, size+1); err != nil {
			t.Fatal(err)
		}
		return len(m.reads), len(m.writes)
	}
	r0, w0 := cost(10)
	r1, w1 := cost(1_000_010)
	t.Logf("10 entries: %d reads, %d writes; 1,000,010 entries: %d reads, %d writes", r0, w0, r1, w1)
	if r1 > r0+2 || w1 > w0 || r0+w0 > 8 { // a tile for each of the two levels more
		t.Errorf("10 entries: %d reads, %d writes; 1,000,010 entries: %d reads, %d writes", r0, w0, r1, w1)
	}
}

// TestEveryInterruption stops a writer before every one of its operations; the
// next one finishes the job, and what was published before stays valid.
func TestEveryInterruption(t *testing.T) {
	signer := newSigner(t, "")
	begun := newMemory()
	grow(t, NewWriter(begun, signer, Verifiers{}, ""), 250)
	for _, remember := range []bool{false, true} {
		for stop := 0; ; stop++ {
			m := begun.clone()
			mem := ""
			if remember {
				mem = filepath.Join(t.TempDir(), "memory")
			}
			w := NewWriter(m, signer, Verifiers{}, mem)
			m.fail = stop
			tree, err := w.Head(t.Context())
			if err == nil {
				_, err = extend(t.Context(), w, tree, 260)
			}
			if err == nil {
				if stop < 8 {
					t.Fatalf("only %d operations", stop)
				}
				break
			}
			if !errors.Is(err, errDown) {
				t.Fatal(err)
			}
			m.fail = -1
			if _, err := signer.Verifiers().Open(m.files[Latest]); err != nil {
				t.Fatalf("stopped at %d: %v", stop, err)
			}
			again := grow(t, NewWriter(m, signer, Verifiers{}, mem), 261)
			if again.Hash != rootOf(t, 261) {
				t.Fatalf("stopped at %d: another root", stop)
			}
		}
	}
}

// TestTwoWriters race through the same entries in different steps: one history.
func TestTwoWriters(t *testing.T) {
	signer := newSigner(t, "")
	m := newMemory()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			w := NewWriter(m, signer, Verifiers{}, "")
			for n := int64(i + 1); n < 400; n += int64(5 + 2*i) {
				tree, err := w.Head(t.Context())
				if err == nil && tree.N < n {
					_, err = extend(t.Context(), w, tree, n)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for key, raw := range m.files {
		if n, ok := ParseKeptPath(key); ok {
			c, err := signer.Verifiers().Open(raw)
			if err != nil || c.Tree.N != n || c.Tree.Hash != rootOf(t, n) {
				t.Errorf("%s: %v", key, err)
			}
		}
	}
}

// TestNothingIsSignedTwice: whoever rewrites the store cannot have the new
// history signed by the writer that remembers the old one, and a store that was
// rolled back is repaired or refused.
func TestNothingIsSignedTwice(t *testing.T) {
	signer := newSigner(t, "")
	mem := filepath.Join(t.TempDir(), "memory")
	m := newMemory()
	grow(t, NewWriter(m, signer, Verifiers{}, mem), 300)
	older := m.clone()
	grow(t, NewWriter(m, signer, Verifiers{}, mem), 310)

	t.Run("another history", func(t *testing.T) {
		forged := newMemory()
		w := NewWriter(forged, signer, Verifiers{}, mem)
		if tree, err := w.Head(t.Context()); !errors.Is(err, ErrInvalid) && tree.N != 310 {
			t.Fatalf("size %d: %v", tree.N, err)
		}
		// Without memory it would have been signed: the test bites.
		if _, err := NewWriter(forged, signer, Verifiers{}, "").Append(t.Context(), tlog.Tree{Hash: emptyRoot}, nil, entriesOf(5, 320)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Head(t.Context()); !errors.Is(err, ErrInvalid) {
			t.Fatal(err)
		}
	})
	t.Run("rolled back checkpoint", func(t *testing.T) {
		m := m.clone()
		m.files[Latest] = older.files[Latest]
		if tree := grow(t, NewWriter(m, signer, Verifiers{}, mem), 311); tree.Hash != rootOf(t, 311) {
			t.Fatal("another root")
		}
	})
	t.Run("rolled back store", func(t *testing.T) {
		if _, err := NewWriter(older, signer, Verifiers{}, mem).Head(t.Context()); err == nil {
			// The tree is only believed once its tiles are read.
			_, err = extend(t.Context(), NewWriter(older, signer, Verifiers{}, mem), tlog.Tree{N: 310, Hash: rootOf(t, 310)}, 311)
			if !errors.Is(err, ErrInvalid) {
				t.Fatal(err)
			}
		}
	})
	t.Run("another entry before", func(t *testing.T) {
		w := NewWriter(m.clone(), signer, Verifiers{}, "")
		tree, err := w.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Append(t.Context(), tree, []byte("other"), entriesOf(310, 311)); !errors.Is(err, ErrInvalid) {
			t.Fatal(err)
		}
	})
	t.Run("another key", func(t *testing.T) {
		if _, err := NewWriter(m, newSigner(t, signer.Origin()), Verifiers{}, "").Head(t.Context()); !errors.Is(err, ErrUnknownKey) {
			t.Fatal(err)
		}
	})
}

// TestDamagedTiles: an edge that is damaged is noticed before anything is
// signed.
func TestDamagedTiles(t *testing.T) {
	signer := newSigner(t, "")
	begun := newMemory()
	grow(t, NewWriter(begun, signer, Verifiers{}, ""), 700)
	for _, key := range []string{"tile/0/002.p/188", "tile/1/000.p/2", "tile/entries/002.p/188", Latest} {
		for _, damage := range []func([]byte) []byte{
			func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
			func(b []byte) []byte { return b[:len(b)-1] },
			func([]byte) []byte { return nil },
		} {
			m := begun.clone()
			m.files[key] = damage(bytes.Clone(m.files[key]))
			before := maps.Clone(m.files)
			w := NewWriter(m, signer, Verifiers{}, "")
			tree, err := w.Head(t.Context())
			if err == nil {
				_, err = extend(t.Context(), w, tree, 710)
			}
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("%s: %v", key, err)
			}
			if _, ok := m.files[KeptPath(710)]; ok || !bytes.Equal(before[Latest], m.files[Latest]) {
				t.Errorf("%s: something was signed", key)
			}
		}
	}
}

func TestProofs(t *testing.T) {
	signer := newSigner(t, "")
	m := newMemory()
	grow(t, NewWriter(m, signer, Verifiers{}, ""), 700)
	c, err := signer.Verifiers().Open(m.files[Latest])
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int64{0, 1, 255, 256, 511, 699} {
		p, err := Prove(t.Context(), m, c, i)
		if err != nil {
			t.Fatal(err)
		}
		p.Extra = []byte("what it is about")
		raw := p.Marshal()
		back, err := ParseProof(raw)
		if err != nil || !bytes.Equal(back.Marshal(), raw) || back.Check(c, entriesOf(i, i+1)[0]) != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
		if back.Check(c, entriesOf(i+1, i+2)[0]) == nil {
			t.Errorf("entry %d: another entry is accepted", i)
		}
		for at := range raw { // every byte matters, but those of the extra data
			bad := bytes.Clone(raw)
			bad[at] ^= 1
			q, err := ParseProof(bad)
			if err == nil {
				var seen Checkpoint
				if seen, err = signer.Verifiers().Open(q.Checkpoint); err == nil {
					err = q.Check(seen, entriesOf(i, i+1)[0])
				}
			}
			inExtra := at > len(proofHeader) && at <= len(proofHeader)+len("extra ")+24
			if err == nil && !inExtra {
				t.Fatalf("entry %d: byte %d (%q) may be changed", i, at, raw[at])
			}
		}
	}
}

func TestKeys(t *testing.T) {
	a := newSigner(t, "bank.example/log")
	b := newSigner(t, "bank.example/log")
	both, err := ParseSigner([]byte("# new, old\n" + b.Secrets()[0] + "\n\n" + a.Secrets()[0] + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := both.Sign(tlog.Tree{N: 1, Hash: rootOf(t, 1)})
	if err != nil || len(c.Signed) != 2 {
		t.Fatal(c.Signed, err)
	}
	for _, keys := range []Verifiers{a.Verifiers(), b.Verifiers(), a.Verifiers().And(b.Verifiers())} {
		if _, err := keys.Open(c.Raw); err != nil {
			t.Error(err)
		}
		back, err := ParseVerifiers([]byte("# comment\r\n" + strings.Join(keys.Lines(), "\r\n")))
		if err != nil || !slices.Equal(back.Lines(), keys.Lines()) {
			t.Error(err)
		}
	}
	if _, err := newSigner(t, "bank.example/log").Verifiers().Open(c.Raw); !errors.Is(err, ErrUnknownKey) {
		t.Error(err)
	}
	if text := fmt.Sprintf("%v %+v %#v", both, both, both); strings.Contains(text, "PRIVATE") {
		t.Error("a private key is printed")
	}
	secret := bytes.Repeat([]byte("s"), 32)
	one, err1 := ParseSigner(secret)
	two, err2 := ParseSigner(secret)
	if errors.Join(err1, err2) != nil || one.Verifiers().Lines()[0] != two.Verifiers().Lines()[0] {
		t.Error("a secret gives no stable key", err1, err2)
	}
	for what, bad := range map[string]string{
		"short": "abc", "two logs": a.Secrets()[0] + "\n" + newSigner(t, "other").Secrets()[0], "damaged": a.Secrets()[0][:60],
		"verifier": "PRIVATE+KEY+" + a.Verifiers().Lines()[0],
	} {
		if _, err := ParseSigner([]byte(bad)); err == nil || strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, bad := range map[string]string{"private": a.Secrets()[0], "empty": "# nothing\n", "damaged": a.Verifiers().Lines()[0] + "x", "text": "hello"} {
		if _, err := ParseVerifiers([]byte(bad)); err == nil {
			t.Errorf("%s is a verifier key", what)
		}
	}
}

func TestMemoryIsPrivate(t *testing.T) {
	mem := filepath.Join(t.TempDir(), "memory")
	grow(t, NewWriter(newMemory(), newSigner(t, ""), Verifiers{}, mem), 3)
	if info, err := os.Stat(mem); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
}
