package lake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/translog"
)

// files is a lake in memory.
type files map[string][]byte

func (f files) Read(_ context.Context, key string, off, n int64) ([]byte, error) {
	data, ok := f[key]
	if !ok {
		return nil, fmt.Errorf("%s: %w", key, errAbsent)
	}
	data = data[min(off, int64(len(data))):]
	if n >= 0 {
		data = data[:min(n, int64(len(data)))]
	}
	return data, nil
}

func (f files) Create(_ context.Context, key string, data []byte) error {
	if _, ok := f[key]; ok {
		return fmt.Errorf("%s: %w", key, errTaken)
	}
	f[key] = data
	return nil
}

func (f files) Replace(_ context.Context, key string, data []byte) error { f[key] = data; return nil }
func (f files) Delete(_ context.Context, key string) error               { delete(f, key); return nil }

func (f files) List(_ context.Context, prefix string) iter.Seq2[listed, error] {
	return func(yield func(listed, error) bool) {
		for key, data := range f {
			if strings.HasPrefix(key, prefix) && !yield(listed{key, int64(len(data))}, nil) {
				return
			}
		}
	}
}

// keys lists the files with a prefix in order.
func (f files) keys(prefix string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(f)), func(k string) bool { return !strings.HasPrefix(k, prefix) })
}

// storyOf builds a lake of five manifests in memory. alter changes the rows
// before they are committed: every digest, total and chain then agrees with the
// lie.
func storyOf(t testing.TB, alter func(rows []ledgerRow)) files {
	t.Helper()
	b := fileBucketOf(t)
	l := openTest(t, b, false)
	l.opts.Now = testNow
	rows := ledgerRows(ledgerSpec{rows: 120, wallet: "wlt_a", from: day0, step: 3 * time.Hour})
	alter(rows)
	for d := 0; d < 12; d += 3 { // 24 rows each
		p := partOf(t, "wlt_a", days(d, d+3), within(rows, days(d, d+3)), 50)
		commit(t, l, p)
	}
	rows[10].reference = "corrected"
	commit(t, l, partOf(t, "wlt_a", days(0, 3), within(rows, days(0, 3)), 50))
	return inMemory(t, b)
}

// inMemory reads a folder into memory.
func inMemory(t testing.TB, b *fileBucket) files {
	t.Helper()
	out := files{}
	for f, err := range b.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(b.path(f.Key))
		if err != nil {
			t.Fatal(err)
		}
		out[f.Key] = raw
	}
	return out
}

// bucket lays the files into a folder.
func (f files) bucket(t testing.TB) *fileBucket {
	t.Helper()
	b := fileBucketOf(t)
	for key, data := range f {
		if err := errors.Join(os.MkdirAll(filepath.Dir(b.path(key)), 0o755), os.WriteFile(b.path(key), data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// logged puts a log over the first n manifests beside them, a checkpoint each.
func logged(t testing.TB, f files, n int64, s *translog.Signer) files {
	t.Helper()
	out := maps.Clone(f)
	maps.DeleteFunc(out, func(key string, _ []byte) bool { return isLog(key) })
	w := translog.NewWriter(logStore{out}, s, translog.Verifiers{}, "")
	tree, err := w.Head(t.Context())
	var after []byte
	for seq := int64(1); seq <= n && err == nil; seq++ {
		entry := logEntry(digest(f[manifestKey(seq)]))
		tree, err = w.Append(t.Context(), tree, after, [][]byte{entry})
		after = entry
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// scene is a lake, an auditor who holds its key and the checkpoint of size 4, and
// what attackers have prepared.
type scene struct {
	t        testing.TB
	true     files
	signer   *translog.Signer // the operator's
	stranger *translog.Signer // of somebody who can write to the bucket
	since    []byte
	forged   []files // whole histories with one amount changed
}

const sinceSize = 4

func newScene(t testing.TB) *scene {
	s := &scene{t: t, signer: signerOf(t, "")}
	s.stranger = signerOf(t, s.signer.Origin())
	s.true = logged(t, storyOf(t, func([]ledgerRow) {}), 5, s.signer)
	s.since = s.true[translog.KeptPath(sinceSize)]
	for i := range 4 {
		s.forged = append(s.forged, storyOf(t, func(rows []ledgerRow) {
			rows[i*24+5].amount -= 100
			for k := i*24 + 5; k < len(rows); k++ {
				rows[k].balance = ptr(*rows[k].balance - 100)
			}
		}))
	}
	return s
}

// withLog is a forged history beside the log of the true one.
func (s *scene) withLog(f files) files {
	out := maps.Clone(f)
	for key, data := range s.true {
		if isLog(key) {
			out[key] = data
		}
	}
	return out
}

// rechain gives manifests new numbers and digests, in the order given, so that
// the chain holds.
func rechain(t testing.TB, f files, order []int64) files {
	t.Helper()
	out := maps.Clone(f)
	for _, key := range f.keys("manifests/") {
		delete(out, key)
	}
	prev := ""
	for i, seq := range order {
		e, err := decodeManifest(seq, f[manifestKey(seq)])
		if err != nil {
			t.Fatal(err)
		}
		e.Sequence, e.PrevSHA256 = int64(i+1), prev
		raw, err := e.encode()
		if err != nil {
			t.Fatal(err)
		}
		prev = digest(raw)
		out[manifestKey(e.Sequence)] = raw
	}
	return out
}

// attack is one way to tamper; it returns the lake and what it did.
type attack func(s *scene, rng *rand.Rand) (files, string)

var attacks = map[string]attack{
	"bit": func(s *scene, rng *rand.Rand) (files, string) {
		f := maps.Clone(s.true)
		key := pick(rng, f.keys(""))
		data := bytes.Clone(f[key])
		at, bit := rng.IntN(len(data)), rng.IntN(8)
		data[at] ^= 1 << bit
		f[key] = data
		return f, fmt.Sprintf("%s byte %d bit %d", key, at, bit)
	},
	"row": func(s *scene, rng *rand.Rand) (files, string) {
		i := rng.IntN(len(s.forged))
		if rng.IntN(2) == 0 {
			return s.withLog(s.forged[i]), fmt.Sprintf("forged %d under the true log", i)
		}
		return logged(s.t, s.forged[i], 5, s.stranger), fmt.Sprintf("forged %d under a stranger's log", i)
	},
	"file": func(s *scene, rng *rand.Rand) (files, string) {
		f := maps.Clone(s.true)
		needed := slices.DeleteFunc(f.keys(""), func(key string) bool {
			// older partial tiles and checkpoints may go: nothing needs them
			return isLog(key) && !strings.HasSuffix(key, ".p/5")
		})
		a, b := pick(rng, needed), pick(rng, needed)
		switch rng.IntN(4) {
		case 0:
			delete(f, a)
			return f, "deleted " + a
		case 1:
			f[a] = f[a][:rng.IntN(len(f[a]))]
			return f, "cut " + a
		case 2:
			f[a] = append(bytes.Clone(f[a]), byte(rng.IntN(256)))
			return f, "longer " + a
		}
		if bytes.Equal(f[a], f[b]) {
			delete(f, a)
			return f, "deleted " + a
		}
		f[a], f[b] = f[b], f[a]
		return f, "swapped " + a + " and " + b
	},
	"order": func(s *scene, rng *rand.Rand) (files, string) {
		order := []int64{1, 2, 3, 4, 5}
		i, j := rng.IntN(5), rng.IntN(4)
		if j >= i {
			j++
		}
		order[i], order[j] = order[j], order[i]
		return s.rebuilt(rng, rechain(s.t, s.true, order), fmt.Sprint("manifests in the order ", order))
	},
	"dropped": func(s *scene, rng *rand.Rand) (files, string) {
		i := rng.IntN(4) // the last one is a truncation
		order := slices.Delete([]int64{1, 2, 3, 4, 5}, i, i+1)
		return s.rebuilt(rng, rechain(s.t, s.true, order), fmt.Sprint("manifests ", order))
	},
	"fork": func(s *scene, rng *rand.Rand) (files, string) { // by the operator, with the true key
		i := rng.IntN(len(s.forged))
		n := int64(1 + rng.IntN(5))
		return logged(s.t, s.forged[i], n, s.signer), fmt.Sprintf("forged %d, %d manifests signed", i, n)
	},
	"truncation": func(s *scene, rng *rand.Rand) (files, string) {
		n := int64(1 + rng.IntN(sinceSize-1))
		f := logged(s.t, s.true, n, s.signer)
		if rng.IntN(2) == 0 {
			return f, fmt.Sprintf("log cut to %d", n)
		}
		for seq := n + 1; seq <= 5; seq++ {
			delete(f, manifestKey(seq))
		}
		return f, fmt.Sprintf("log and manifests cut to %d", n)
	},
	"checkpoint": func(s *scene, rng *rand.Rand) (files, string) {
		f := maps.Clone(s.true)
		n := int64(1 + rng.IntN(4))
		switch rng.IntN(4) {
		case 0: // harmless, and told
			f[translog.Latest] = f[translog.KeptPath(n)]
			return f, fmt.Sprintf("checkpoint shows %d", n)
		case 1:
			f[translog.KeptPath(5)] = f[translog.KeptPath(n)]
			return f, fmt.Sprintf("checkpoint 5 is %d", n)
		case 2:
			other := logged(s.t, s.true, 5, s.stranger)
			f[translog.Latest], f[translog.KeptPath(5)] = other[translog.Latest], other[translog.Latest]
			return f, "signed by a stranger"
		}
		text, _, _ := bytes.Cut(f[translog.Latest], []byte("\n\n"))
		_, sig, _ := bytes.Cut(f[translog.KeptPath(n)], []byte("\n\n"))
		f[translog.Latest] = append(append(bytes.Clone(text), "\n\n"...), sig...)
		return f, fmt.Sprintf("checkpoint with the signature of %d", n)
	},
}

// rebuilt leaves a changed history under the true log, under none that is
// right, or under a stranger's.
func (s *scene) rebuilt(rng *rand.Rand, f files, what string) (files, string) {
	if rng.IntN(2) == 0 {
		return f, what + " under the true log"
	}
	return logged(s.t, f, int64(len(f.keys("manifests/"))), s.stranger), what + " under a stranger's log"
}

func pick(rng *rand.Rand, list []string) string { return list[rng.IntN(len(list))] }

// seen reports whether the auditor notices.
func (s *scene) seen(f files, o VerifyOptions) (bool, error) {
	r, err := verifyBucket(s.t.Context(), f, "mem://", o)
	told := r.Log.Shown < r.Log.Size || r.Log.OtherKeys > 0
	return errors.Is(err, sinks.ErrCorrupt) && len(r.Findings) > 0 || told, err
}

// TestTamperingIsSeen lets attackers loose on a lake with a log, with an auditor
// who holds the key and an older checkpoint.
func TestTamperingIsSeen(t *testing.T) {
	n := 400
	if text := os.Getenv("PAYLAKE_TEST_MUTATIONS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	s := newScene(t)
	auditor := VerifyOptions{Parallel: 1, Keys: s.signer.Verifiers(), Since: s.since}
	if seen, err := s.seen(s.true, auditor); seen || err != nil {
		t.Fatal("the true lake is accused: ", err)
	}
	names := slices.Sorted(maps.Keys(attacks))
	var missed atomic.Int64
	var wg sync.WaitGroup
	work := make(chan int)
	for range 2 {
		wg.Go(func() {
			for i := range work {
				name := names[i%len(names)]
				f, what := attacks[name](s, rand.New(rand.NewPCG(uint64(i), 4)))
				if seen, err := s.seen(f, auditor); !seen {
					missed.Add(1)
					t.Errorf("case %d, %s: %s: not seen: %v", i, name, what, err)
				}
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	wg.Wait()
	t.Logf("%d mutations of %d kinds, %d undetected", n, len(names), missed.Load())
}

// TestTamperingNeedsTheGuards: without the key, or without the older checkpoint,
// the careful attacks are not seen: it is these guards that see them.
func TestTamperingNeedsTheGuards(t *testing.T) {
	s := newScene(t)
	keys := s.signer.Verifiers()
	for i, f := range s.forged {
		if seen, err := s.seen(logged(t, f, 5, s.stranger), VerifyOptions{Since: nil}); seen || err != nil {
			t.Errorf("forged %d under a stranger's log, without a key: %v", i, err)
		}
		if seen, err := s.seen(logged(t, f, 5, s.signer), VerifyOptions{Keys: keys}); seen || err != nil {
			t.Errorf("forged %d by the operator, without an older checkpoint: %v", i, err)
		}
		if seen, _ := s.seen(logged(t, f, 5, s.signer), VerifyOptions{Keys: keys, Since: s.since}); !seen {
			t.Errorf("forged %d by the operator is not seen", i)
		}
	}
	cut := logged(t, s.true, 2, s.signer)
	if seen, err := s.seen(cut, VerifyOptions{Keys: keys}); seen || err != nil {
		t.Errorf("a log that was cut, without an older checkpoint: %v", err)
	}
}
