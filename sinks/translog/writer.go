package translog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/paylake/paylake/fault"
	"github.com/paylake/paylake/sinks"
)

// maxEntry is the longest entry that a bundle can hold.
const maxEntry = 1<<16 - 1

// Writer appends to a log. Any number of writers may work on one store: who
// comes second finds the same bytes there, or an error that wraps ErrInvalid.
type Writer struct {
	store  Store
	signer *Signer
	known  Verifiers
	memory string
}

// NewWriter prepares a writer. known are keys, besides the signer's own, that
// checkpoints in the store may be signed with. memory is a file, outside the
// store, for the last checkpoint signed here; with it a writer never signs a
// history that contradicts the one it signed before, whatever became of the
// store. Empty: no memory.
func NewWriter(store Store, signer *Signer, known Verifiers, memory string) *Writer {
	return &Writer{store, signer, signer.Verifiers().And(known), memory}
}

// Head is the tree to append to: the newest checkpoint of the store, or the one
// that is remembered, whichever is larger; the smaller one must be part of it.
func (w *Writer) Head(ctx context.Context) (tlog.Tree, error) {
	stored, err := w.read(ctx, Latest)
	if err != nil {
		return tlog.Tree{}, err
	}
	mine, err := w.remembered()
	if err != nil {
		return tlog.Tree{}, err
	}
	small, large := stored, mine
	if mine.N < stored.N {
		small, large = mine, stored
	}
	if err := w.consistent(ctx, small, large); err != nil {
		return tlog.Tree{}, fmt.Errorf("what this machine signed last (%s, size %d) and what is stored (%s, size %d) are two histories; nothing is signed until that is explained, see docs/audit.md: %w",
			w.memory, mine.N, Latest, stored.N, err)
	}
	if mine.N > stored.N { // a crash, or another writer, left the store behind
		return mine, w.publish(ctx, mine)
	}
	return large, nil
}

// Begin signs the empty log, if nobody has begun one here, and returns the
// origin of whoever was first: from then on the log has its name. With another
// origin than the signer's own the log is somebody else's.
func (w *Writer) Begin(ctx context.Context) (origin string, err error) {
	c, err := w.signer.Sign(tlog.Tree{Hash: emptyRoot})
	if err != nil {
		return "", err
	}
	err = w.store.Create(ctx, KeptPath(0), c.Raw)
	if errors.Is(err, ErrTaken) {
		raw, err := w.store.Read(ctx, KeptPath(0))
		if err != nil {
			return "", err
		}
		if c, err = ReadCheckpoint(raw); err != nil {
			return "", fmt.Errorf("%s: %w", KeptPath(0), err)
		}
		if c.Origin != w.signer.Origin() {
			return c.Origin, nil
		}
	} else if err != nil {
		return "", err
	}
	return c.Origin, w.show(ctx, c)
}

func (w *Writer) read(ctx context.Context, key string) (tlog.Tree, error) {
	raw, err := w.store.Read(ctx, key)
	if errors.Is(err, ErrAbsent) {
		return tlog.Tree{Hash: emptyRoot}, nil
	}
	if err != nil {
		return tlog.Tree{}, err
	}
	return w.open(key, raw)
}

func (w *Writer) open(key string, raw []byte) (tlog.Tree, error) {
	c, err := w.known.Open(raw)
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("%s: %w", key, err)
	}
	if c.Origin != w.signer.Origin() {
		return tlog.Tree{}, fmt.Errorf("%s is of the log %s, this key is of %s: %w", key, c.Origin, w.signer.Origin(), ErrInvalid)
	}
	return c.Tree, nil
}

func (w *Writer) remembered() (tlog.Tree, error) {
	if w.memory == "" {
		return tlog.Tree{Hash: emptyRoot}, nil
	}
	raw, err := os.ReadFile(w.memory)
	if errors.Is(err, fs.ErrNotExist) {
		return tlog.Tree{Hash: emptyRoot}, nil
	}
	if err != nil {
		return tlog.Tree{}, sinks.DiskError("read", w.memory, "data_dir", err)
	}
	return w.open(w.memory, raw)
}

// consistent proves that a tree is the beginning of another one that is stored.
func (w *Writer) consistent(ctx context.Context, small, large tlog.Tree) error {
	if small.N == 0 {
		return nil
	}
	if small.N == large.N {
		if small.Hash != large.Hash {
			return fmt.Errorf("two trees of size %d: %w", small.N, ErrInvalid)
		}
		return nil
	}
	proof, err := tlog.ProveTree(large.N, small.N, newTreeReader(ctx, w.store, large))
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, large.N, large.Hash, small.N, small.Hash); err != nil {
		return fmt.Errorf("size %d is not the beginning of size %d: %w", small.N, large.N, ErrInvalid)
	}
	return nil
}

// Append adds entries to a tree that Head or Append returned and publishes a
// checkpoint. after is the entry that must be the tree's last, nil for an empty
// one. The cost follows the number of entries, not the size of the log: only the
// right edge is read.
func (w *Writer) Append(ctx context.Context, base tlog.Tree, after []byte, entries [][]byte) (tlog.Tree, error) {
	if len(entries) == 0 {
		return base, nil
	}
	e := &edge{base: newTreeReader(ctx, w.store, base), size: base.N, fresh: map[int64]tlog.Hash{}}
	if base.N > 0 {
		last, err := e.ReadHashes([]int64{tlog.StoredHashIndex(0, base.N-1)})
		if err != nil {
			return base, err
		}
		if last[0] != tlog.RecordHash(after) {
			return base, fmt.Errorf("entry %d of the log is not what entry %d follows: %w", base.N-1, base.N, ErrInvalid)
		}
	}
	for _, entry := range entries {
		if err := e.add(entry); err != nil {
			return base, err
		}
	}
	root, err := tlog.TreeHash(e.size, e)
	if err != nil {
		return base, err
	}
	tree := tlog.Tree{N: e.size, Hash: root}
	// Tiles before the checkpoint: whoever sees a checkpoint finds its tiles.
	if err := w.storeTiles(ctx, e, base.N); err != nil {
		return base, err
	}
	if err := w.storeBundles(ctx, e, base.N, entries); err != nil {
		return base, err
	}
	fault.Point("log.stored")
	if err := w.remember(tree); err != nil {
		return base, err
	}
	fault.Point("log.remembered")
	return tree, w.publish(ctx, tree)
}

func (w *Writer) storeTiles(ctx context.Context, e *edge, from int64) error {
	for _, t := range tlog.NewTiles(height, from, e.size) {
		data, err := tlog.ReadTileData(t, e)
		if err != nil {
			return err
		}
		if err := w.create(ctx, TilePath(t), data); err != nil {
			return err
		}
	}
	return nil
}

// storeBundles writes the entry bundles. The one that is begun already is read,
// and every entry in it compared with the tree.
func (w *Writer) storeBundles(ctx context.Context, e *edge, from int64, entries [][]byte) error {
	if part := from % width; part != 0 {
		path := TilePath(tlog.Tile{H: height, L: Bundles, N: from / width, W: int(part)})
		data, err := w.store.Read(ctx, path)
		if err != nil && !errors.Is(err, ErrAbsent) {
			return err
		}
		begun, berr := Unbundle(data)
		if err != nil || berr != nil || int64(len(begun)) != part {
			return fmt.Errorf("%s is missing or not whole: %w", path, ErrInvalid)
		}
		from -= part
		at := make([]int64, len(begun))
		for i := range begun {
			at[i] = tlog.StoredHashIndex(0, from+int64(i))
		}
		hashes, err := e.ReadHashes(at) // at once: each reading proves the tiles again
		if err != nil {
			return err
		}
		for i, entry := range begun {
			if hashes[i] != tlog.RecordHash(entry) {
				return fmt.Errorf("%s: entry %d is not what the tree holds: %w", path, from+int64(i), ErrInvalid)
			}
		}
		entries = append(begun, entries...)
	}
	for n := from / width; len(entries) > 0; n++ {
		k := min(len(entries), width)
		path := TilePath(tlog.Tile{H: height, L: Bundles, N: n, W: k})
		if err := w.create(ctx, path, Bundle(entries[:k])); err != nil {
			return err
		}
		entries = entries[k:]
	}
	return nil
}

// create stores bytes that are a function of the entries: somebody else's must
// be the same.
func (w *Writer) create(ctx context.Context, key string, data []byte) error {
	err := w.store.Create(ctx, key, data)
	if !errors.Is(err, ErrTaken) {
		return err
	}
	there, err := w.store.Read(ctx, key)
	if err != nil {
		return err
	}
	if !bytes.Equal(there, data) {
		return fmt.Errorf("%s holds other bytes than the entries give: %w", key, ErrInvalid)
	}
	return nil
}

// publish keeps the checkpoint under its size, which decides between writers,
// and then shows it as the newest, unless a newer one is shown already.
func (w *Writer) publish(ctx context.Context, tree tlog.Tree) error {
	c, err := w.signer.Sign(tree)
	if err != nil {
		return err
	}
	key := KeptPath(tree.N)
	err = w.store.Create(ctx, key, c.Raw)
	if errors.Is(err, ErrTaken) {
		there, err := w.read(ctx, key)
		if err != nil {
			return err
		}
		if there != tree {
			return fmt.Errorf("%s is another history than the one here: %w", key, ErrInvalid)
		}
	} else if err != nil {
		return err
	}
	fault.Point("log.kept")
	return w.show(ctx, c)
}

func (w *Writer) show(ctx context.Context, c Checkpoint) error {
	shown, err := w.read(ctx, Latest)
	if err != nil {
		return err
	}
	if shown.N > c.Tree.N {
		return nil
	}
	return w.store.Replace(ctx, Latest, c.Raw)
}

// Resign signs the newest checkpoint again, after keys were changed.
func (w *Writer) Resign(ctx context.Context) (tlog.Tree, error) {
	tree, err := w.Head(ctx)
	if err != nil || tree.N == 0 {
		return tree, err
	}
	c, err := w.signer.Sign(tree)
	if err != nil {
		return tree, err
	}
	return tree, w.show(ctx, c)
}

// remember makes the tree durable here before anybody can see it signed.
func (w *Writer) remember(tree tlog.Tree) error {
	if w.memory == "" {
		return nil
	}
	c, err := w.signer.Sign(tree)
	if err != nil {
		return err
	}
	if err := sinks.ReplaceFile(w.memory, c.Raw, 0o600); err != nil {
		return sinks.DiskError("write", w.memory, "data_dir", err)
	}
	return nil
}

// edge is a stored tree with new entries on top.
type edge struct {
	base  tlog.HashReader
	size  int64
	fresh map[int64]tlog.Hash // by storage index
}

func (e *edge) add(entry []byte) error {
	if len(entry) > maxEntry {
		return fmt.Errorf("an entry of %d bytes is too long for the log", len(entry))
	}
	hashes, err := tlog.StoredHashes(e.size, entry, e)
	if err != nil {
		return err
	}
	at := tlog.StoredHashIndex(0, e.size)
	for i, h := range hashes {
		e.fresh[at+int64(i)] = h
	}
	e.size++
	return nil
}

// ReadHashes implements tlog.HashReader.
func (e *edge) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	var old []int64
	var at []int
	for i, x := range indexes {
		if h, ok := e.fresh[x]; ok {
			out[i] = h
		} else {
			old, at = append(old, x), append(at, i)
		}
	}
	if len(old) == 0 {
		return out, nil
	}
	hashes, err := e.base.ReadHashes(old)
	if err != nil {
		return nil, err
	}
	for i, h := range hashes {
		out[at[i]] = h
	}
	return out, nil
}
