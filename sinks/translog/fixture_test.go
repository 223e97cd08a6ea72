package translog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// memory is a store that counts and can fail before any operation.
type memory struct {
	mu     sync.Mutex
	files  map[string][]byte
	reads  []string
	writes []string
	fail   int // operations left before every one fails; negative: never
}

func newMemory() *memory { return &memory{files: map[string][]byte{}, fail: -1} }

var errDown = errors.New("store is down")

func (m *memory) step(list *[]string, key string) error {
	if m.fail == 0 {
		return errDown
	}
	m.fail--
	*list = append(*list, key)
	return nil
}

func (m *memory) Read(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(&m.reads, key); err != nil {
		return nil, err
	}
	data, ok := m.files[key]
	if !ok {
		return nil, fmt.Errorf("%s: %w", key, ErrAbsent)
	}
	return data, nil
}

func (m *memory) Create(_ context.Context, key string, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(&m.writes, key); err != nil {
		return err
	}
	if _, ok := m.files[key]; ok {
		return fmt.Errorf("%s: %w", key, ErrTaken)
	}
	m.files[key] = bytes.Clone(data)
	return nil
}

func (m *memory) Replace(_ context.Context, key string, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(&m.writes, key); err != nil {
		return err
	}
	m.files[key] = bytes.Clone(data)
	return nil
}

func (m *memory) clone() *memory {
	c := newMemory()
	c.files = maps.Clone(m.files)
	return c
}

func newSigner(t testing.TB, origin string) *Signer {
	t.Helper()
	skey, _, err := GenerateKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ParseSigner([]byte(skey))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// entriesOf are digests of numbers, as manifests' digests would be.
func entriesOf(from, to int64) [][]byte {
	var out [][]byte
	for i := from; i < to; i++ {
		h := sha256.Sum256(fmt.Append(nil, i))
		out = append(out, h[:])
	}
	return out
}

// grow lets a writer bring the log to a size.
func grow(t testing.TB, w *Writer, to int64) tlog.Tree {
	t.Helper()
	tree, err := w.Head(t.Context())
	if err == nil {
		tree, err = extend(t.Context(), w, tree, to)
	}
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func extend(ctx context.Context, w *Writer, tree tlog.Tree, to int64) (tlog.Tree, error) {
	var after []byte
	if tree.N > 0 {
		after = entriesOf(tree.N-1, tree.N)[0]
	}
	return w.Append(ctx, tree, after, entriesOf(tree.N, to))
}

func rootOf(t testing.TB, n int64) tlog.Hash {
	t.Helper()
	h := &Hashes{}
	for i, e := range entriesOf(0, n) {
		if err := h.Add(int64(i), e); err != nil {
			t.Fatal(err)
		}
	}
	root, err := h.Root(n)
	if err != nil {
		t.Fatal(err)
	}
	return root
}
