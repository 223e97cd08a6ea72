package translog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"
)

// tileReader reads tiles of a store, each once.
type tileReader struct {
	ctx   context.Context
	store Store
	got   map[tlog.Tile][]byte
}

func newTileReader(ctx context.Context, store Store) *tileReader {
	return &tileReader{ctx, store, map[tlog.Tile][]byte{}}
}

// Height implements tlog.TileReader.
func (r *tileReader) Height() int { return height }

// ReadTiles implements tlog.TileReader.
func (r *tileReader) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(list))
	g, ctx := errgroup.WithContext(r.ctx)
	g.SetLimit(16)
	for i, t := range list {
		if out[i] = r.got[t]; out[i] != nil {
			continue
		}
		g.Go(func() (err error) {
			out[i], err = r.store.Read(ctx, TilePath(t))
			if errors.Is(err, ErrAbsent) || err == nil && len(out[i]) != t.W*tlog.HashSize {
				return fmt.Errorf("%s is missing or not whole: %w", TilePath(t), ErrInvalid)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i, t := range list {
		r.got[t] = out[i]
	}
	return out, nil
}

// SaveTiles implements tlog.TileReader.
func (r *tileReader) SaveTiles([]tlog.Tile, [][]byte) {}

// treeReader reads hashes of a tree that is stored, each proved to belong to
// the tree's root.
type treeReader struct{ tlog.HashReader }

func newTreeReader(ctx context.Context, store Store, tree tlog.Tree) treeReader {
	if tree.N == 0 {
		return treeReader{tlog.HashReaderFunc(func([]int64) ([]tlog.Hash, error) { return nil, errors.New("an empty tree has no hashes") })}
	}
	return treeReader{tlog.TileHashReader(tree, newTileReader(ctx, store))}
}

// ReadHashes implements tlog.HashReader.
func (r treeReader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes, err := r.HashReader.ReadHashes(indexes)
	if err != nil && !errors.Is(err, ErrInvalid) && err.Error() == "downloaded inconsistent tile" {
		err = fmt.Errorf("the stored tiles do not add up to the checkpoint's root: %w", ErrInvalid)
	}
	return hashes, err
}

// Stored reads hashes of a stored tree; each is proved to belong to its root.
func Stored(ctx context.Context, store Store, tree tlog.Tree) tlog.HashReader {
	return newTreeReader(ctx, store, tree)
}

// Hashes is a tree in memory: every hash that a log of its entries stores.
type Hashes struct{ stored []tlog.Hash }

// ReadHashes implements tlog.HashReader.
func (h *Hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		if x < 0 || x >= int64(len(h.stored)) {
			return nil, fmt.Errorf("hash %d is beyond the tree", x)
		}
		out[i] = h.stored[x]
	}
	return out, nil
}

// Add appends an entry as number n, from 0.
func (h *Hashes) Add(n int64, entry []byte) error {
	more, err := tlog.StoredHashes(n, entry, h)
	h.stored = append(h.stored, more...)
	return err
}

// Root is the root of the first n entries.
func (h *Hashes) Root(n int64) (tlog.Hash, error) {
	if n == 0 {
		return emptyRoot, nil
	}
	return tlog.TreeHash(n, h)
}

// Tile is the bytes of a tile of the tree.
func (h *Hashes) Tile(t tlog.Tile) ([]byte, error) { return tlog.ReadTileData(t, h) }

// Bundle encodes entries as the file of an entry bundle.
func Bundle(entries [][]byte) []byte {
	var out []byte
	for _, e := range entries {
		out = binary.BigEndian.AppendUint16(out, uint16(len(e)))
		out = append(out, e...)
	}
	return out
}

// Unbundle is the reverse of Bundle.
func Unbundle(data []byte) ([][]byte, error) {
	var out [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("the entry bundle is not whole: %w", ErrInvalid)
		}
		n := int(binary.BigEndian.Uint16(data))
		out, data = append(out, data[2:2+n]), data[2+n:]
	}
	return out, nil
}
