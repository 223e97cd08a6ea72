package lake

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/translog"
)

// LogOptions say how the transparency log of a lake is kept.
type LogOptions struct {
	Signer *translog.Signer
	// Known are keys besides the signer's own that checkpoints were signed with.
	Known translog.Verifiers
	// Memory is a file outside the lake for the last checkpoint that was signed
	// here; see translog.NewWriter.
	Memory string
}

// Log follows a lake with a transparency log in the same storage: entry n, from
// 0, is the SHA-256 of manifest n+1. A crash between a commit and its entry
// leaves the log behind; the next Follow repairs it.
type Log struct {
	lake   *Lake
	writer *translog.Writer

	mu   sync.Mutex
	tree tlog.Tree // what is published, as far as known here
}

var _ sinks.Follower = (*Log)(nil)

// Log returns the lake's transparency log.
func (l *Lake) Log(o LogOptions) *Log {
	return &Log{lake: l, writer: translog.NewWriter(logStore{l.bucket}, o.Signer, o.Known, o.Memory)}
}

// Begin signs the empty log, if nobody has begun one in this lake, and returns
// the origin of whoever was first. Only its key may go on.
func (g *Log) Begin(ctx context.Context) (origin string, err error) {
	origin, err = g.writer.Begin(ctx)
	if err != nil {
		err = fmt.Errorf("transparency log of %s: %w", g.lake.URL(), err)
	}
	return origin, err
}

// Checkpoint is what the lake shows as the newest checkpoint of its log, not
// verified; false where there is no log yet.
func (l *Lake) Checkpoint(ctx context.Context) (translog.Checkpoint, bool, error) {
	raw, err := l.bucket.Read(ctx, translog.Latest, 0, -1)
	if errors.Is(err, errAbsent) {
		return translog.Checkpoint{}, false, nil
	}
	if err != nil {
		return translog.Checkpoint{}, false, err
	}
	c, err := translog.ReadCheckpoint(raw)
	if err != nil {
		err = fmt.Errorf("%s: %w (%w)", l.full(translog.Latest), err, sinks.ErrCorrupt)
	}
	return c, true, err
}

// newestKept is the largest checkpoint that is kept, for a lake that has lost the
// name checkpoint: what was logged stays logged.
func (l *Lake) newestKept(ctx context.Context) (c translog.Checkpoint, ok bool, err error) {
	size := int64(-1)
	for f, err := range l.bucket.List(ctx, translog.Kept) {
		if err != nil {
			return c, false, err
		}
		if n, kept := translog.ParseKeptPath(f.Key); kept {
			size = max(size, n)
		}
	}
	if size < 0 {
		return c, false, nil
	}
	raw, err := l.bucket.Read(ctx, translog.KeptPath(size), 0, -1)
	if err == nil {
		c, err = translog.ReadCheckpoint(raw)
	}
	return c, err == nil, err
}

// CheckLogged makes sure that the lake has every manifest that its log has, and
// that the newest of them is the one that was logged: a commit after a lost or
// changed one would fork history. A log that cannot be read says nothing here:
// verify and its follower name what is wrong with it. The error wraps
// sinks.ErrCorrupt.
func (l *Lake) CheckLogged(ctx context.Context) error {
	c, ok, err := l.Checkpoint(ctx) // before the head: what it covers was committed by then
	if err == nil && !ok {
		c, ok, err = l.newestKept(ctx)
	}
	if err != nil {
		return ctx.Err()
	}
	if !ok || c.Tree.N == 0 {
		return nil
	}
	head, err := l.Head(ctx)
	if err != nil {
		return err
	}
	if c.Tree.N > head {
		return fmt.Errorf("%s: its log has %d manifests and the lake has %d: the newest are lost; nothing is written until they are put back "+
			"(paylake rebuild, if the bucket keeps versions, else from a copy; paylake verify lists what they named): %w", l.full(manifestKey(head+1)), c.Tree.N, head, sinks.ErrCorrupt)
	}
	raw, err := l.bucket.Read(ctx, manifestKey(c.Tree.N), 0, -1)
	if err != nil {
		return err
	}
	logged, err := translog.Stored(ctx, logStore{l.bucket}, c.Tree).ReadHashes([]int64{tlog.StoredHashIndex(0, c.Tree.N-1)})
	if err == nil && logged[0] != tlog.RecordHash(logEntry(digest(raw))) {
		return fmt.Errorf("%s is not the manifest that was logged; nothing is written until that one is put back "+
			"(paylake rebuild, if the bucket keeps versions, else from a copy): %w", l.full(manifestKey(c.Tree.N)), sinks.ErrCorrupt)
	}
	return nil
}

// Name implements sinks.Follower.
func (g *Log) Name() string { return "log" }

// logBatch is how many manifests one checkpoint covers at most: what a first
// look at a long history keeps in memory.
const logBatch = 4096

// Follow implements sinks.Follower.
func (g *Log) Follow(ctx context.Context) (sinks.Position, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	head, err := g.lake.Head(ctx)
	if err != nil {
		return sinks.Position{Applied: g.tree.N}, err
	}
	if g.tree.N < head || g.tree.N == 0 {
		err = g.catchUp(ctx, head)
	}
	if errors.Is(err, translog.ErrInvalid) {
		err = fmt.Errorf("%w (%w)", err, sinks.ErrCorrupt)
	}
	return sinks.Position{Applied: g.tree.N, Head: head}, err
}

func (g *Log) catchUp(ctx context.Context, head int64) error {
	if g.tree.N == 0 {
		tree, err := g.writer.Head(ctx)
		if err != nil {
			return fmt.Errorf("transparency log of %s: %w", g.lake.URL(), err)
		}
		if tree.N > head {
			return fmt.Errorf("transparency log of %s: %d manifests were logged, and the lake has %d: the others are lost, restore them from a copy: %w",
				g.lake.URL(), tree.N, head, sinks.ErrCorrupt)
		}
		g.tree = tree
	}
	for g.tree.N < head {
		if err := g.append(ctx); err != nil {
			return fmt.Errorf("transparency log of %s: %w", g.lake.URL(), err)
		}
	}
	return nil
}

// append logs the next manifests.
func (g *Log) append(ctx context.Context) error {
	var entries [][]byte
	var after []byte // the digest that the first of them names
	prev := ""
	for e, err := range g.lake.Manifests(ctx, g.tree.N+1) {
		if err != nil {
			return err
		}
		switch {
		case len(entries) > 0 && e.PrevSHA256 != prev:
			return fmt.Errorf("%s does not follow the manifest before it: %w", g.lake.full(manifestKey(e.Sequence)), sinks.ErrCorrupt)
		case len(entries) == 0:
			if after, err = hex.DecodeString(e.PrevSHA256); err != nil {
				return fmt.Errorf("%s: prev_sha256 is no digest: %w", g.lake.full(manifestKey(e.Sequence)), sinks.ErrCorrupt)
			}
		}
		prev = e.SHA256
		entries = append(entries, logEntry(e.SHA256))
		if len(entries) == logBatch {
			break
		}
	}
	if len(entries) == 0 {
		return fmt.Errorf("%s is gone: %w", g.lake.full(manifestKey(g.tree.N+1)), sinks.ErrCorrupt)
	}
	tree, err := g.writer.Append(ctx, g.tree, after, entries)
	if err != nil {
		return err
	}
	g.tree = tree
	return nil
}

// Resign signs the newest checkpoint with the keys that are in use now, so that
// whoever has any of them can check it before the next commit.
func (g *Log) Resign(ctx context.Context) (size int64, err error) {
	tree, err := g.writer.Resign(ctx)
	return tree.N, err
}

// logEntry is what the log holds of a manifest: its digest, 32 bytes.
func logEntry(sha256 string) []byte {
	raw, _ := hex.DecodeString(sha256) // it was made by digest
	return raw
}

// logStore is a lake's storage as the log sees it.
type logStore struct{ bucket }

// Read implements translog.Store.
func (s logStore) Read(ctx context.Context, key string) ([]byte, error) {
	data, err := s.bucket.Read(ctx, key, 0, -1)
	if errors.Is(err, errAbsent) {
		return nil, fmt.Errorf("%w: %w", err, translog.ErrAbsent)
	}
	return data, err
}

// Create implements translog.Store.
func (s logStore) Create(ctx context.Context, key string, data []byte) error {
	err := s.bucket.Create(ctx, key, data)
	if errors.Is(err, errTaken) {
		return fmt.Errorf("%w: %w", err, translog.ErrTaken)
	}
	return err
}
