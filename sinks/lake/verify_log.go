package lake

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"github.com/paylake/paylake/sinks/translog"
)

// What verify does with the transparency log: it computes the tree again from
// the manifests' digests and compares every checkpoint, tile and entry bundle
// with it. So inclusion of every manifest, and consistency of any two
// checkpoints, hold for all of them at once.

// LogReport says what of the log was checked.
type LogReport struct {
	Origin         string          `json:"origin"`
	Size           int64           `json:"size"` // manifests covered by the newest checkpoint
	Root           string          `json:"root"` // base64, as in the checkpoint
	Checked        bool            `json:"signatures_checked"`
	SignedBy       []string        `json:"signed_by"`    // name+id of the given keys that signed the newest checkpoint
	Checkpoints    int64           `json:"checkpoints"`  // kept, whose trees are those of the manifests
	OtherKeys      int64           `json:"under_others"` // of them, signed by none of the given keys
	Tiles          int64           `json:"tiles"`        // tiles and entry bundles compared
	Shown          int64           `json:"shown"`        // size of the name `checkpoint`; less than size after a crash, or if somebody put it back
	Since          *int64          `json:"since"`        // size of the older checkpoint given
	Cosigned       []Countersigned `json:"cosigned"`     // of each given witness, the newest
	Stamped        *Countersigned  `json:"stamped"`      // the newest stamp; null: none
	Stamps         int64           `json:"stamps"`
	StampsBelieved bool            `json:"stamps_believed"` // their authorities were given
}

// logCheck is the state of the check.
type logCheck struct {
	*verifier
	hashes *translog.Hashes
	known  int64  // manifests whose digests are known, from the first on
	shown  []byte // the name `checkpoint`, read before the manifests
	newest translog.Checkpoint
	path   string // of newest
}

// readShown reads the newest checkpoint's name. Before the manifests: whatever
// it covers was committed by then.
func (v *verifier) readShown(ctx context.Context) error {
	raw, err := v.bucket.Read(ctx, translog.Latest, 0, -1)
	if err != nil && !errors.Is(err, errAbsent) {
		return fmt.Errorf("verify %s: %w", v.url, err)
	}
	v.shown = raw
	return nil
}

func (v *verifier) checkLog(ctx context.Context) error {
	c := &logCheck{verifier: v, shown: v.shown}
	if err := c.hashAll(); err != nil {
		return err
	}
	v.report.Log = LogReport{Checked: !v.opts.Keys.IsZero(), SignedBy: []string{}, Cosigned: []Countersigned{}, StampsBelieved: v.opts.StampRoots != nil}
	if err := c.checkpoints(ctx); err != nil {
		return err
	}
	for _, m := range v.manifests {
		if m.Sequence > v.report.Log.Size {
			v.report.Unlogged++
		}
	}
	c.unvouched()
	if err := c.since(); err != nil {
		return err
	}
	if err := c.countersigned(ctx); err != nil {
		return err
	}
	return c.tiles(ctx)
}

// open reads a checkpoint, and with keys checks its signatures. known is false
// for one that other keys signed.
func (v *verifier) open(raw []byte) (c translog.Checkpoint, known bool, err error) {
	if v.opts.Keys.IsZero() {
		c, err = translog.ReadCheckpoint(raw)
		return c, true, err
	}
	c, err = v.opts.Keys.Open(raw)
	if errors.Is(err, translog.ErrUnknownKey) {
		return c, false, nil
	}
	return c, true, err
}

// checkpoints compares every checkpoint with the manifests. The largest must be
// signed by a given key: it vouches for all before it.
func (c *logCheck) checkpoints(ctx context.Context) error {
	var sizes []int64
	for key := range c.files {
		if n, ok := translog.ParseKeptPath(key); ok {
			sizes = append(sizes, n)
		}
	}
	slices.Sort(sizes)
	raws, err := c.readAll(ctx, sizes)
	if err != nil {
		return err
	}
	if ref, ok := c.reference(append(raws, c.shown)); ok {
		if err := c.complete(ctx, ref); err != nil {
			return err
		}
	}
	c.lostName(sizes)
	unknown := map[int64]string{}
	take := func(path string, raw []byte, size int64) {
		cp, known, err := c.open(raw)
		switch {
		case err != nil:
			c.fault(path, "%v", err)
		case size >= 0 && cp.Tree.N != size:
			c.fault(path, "it is the checkpoint of size %d", cp.Tree.N)
		case !c.holds(ctx, path, cp):
		case !known && size < 0: // what the log shows as its newest is somebody else's
			c.fault(path, "it is signed by none of the given keys (%s); after a rotation, ask for the newest verifier keys", joined(c.opts.Keys.Lines()))
		case !known:
			c.report.Log.OtherKeys++
			unknown[cp.Tree.N] = path
		case cp.Tree.N >= c.newest.Tree.N || c.path == "":
			c.newest, c.path = cp, path
		}
		if size >= 0 {
			c.report.Log.Checkpoints++
		} else {
			c.report.Log.Shown = cp.Tree.N
		}
	}
	for i, n := range sizes {
		take(translog.KeptPath(n), raws[i], n)
	}
	if c.shown != nil {
		take(translog.Latest, c.shown, -1)
	}
	for n, path := range unknown {
		if n > c.newest.Tree.N || c.path == "" {
			c.fault(path, "its size is %d and it is signed by none of the given keys (%s); after a rotation, ask for the newest verifier keys",
				n, joined(c.opts.Keys.Lines()))
		}
	}
	l := &c.report.Log
	l.Origin, l.Size, l.SignedBy = c.newest.Origin, c.newest.Tree.N, append(l.SignedBy, c.newest.Signed...)
	if c.path != "" {
		l.Root = c.newest.Tree.Hash.String()
	}
	return nil
}

// lostName misses the name that whoever reads a log begins with. The checkpoint of
// the empty log is kept before it is shown, all others after.
func (c *logCheck) lostName(sizes []int64) {
	if n := len(sizes); c.shown == nil && n > 0 && sizes[n-1] > 0 {
		c.fault(translog.Latest, "it is missing, although the log's checkpoints up to size %d are kept; who reads the log begins with it; the next paylake run writes it again", sizes[n-1])
	}
}

// reference is the largest checkpoint that can be opened: with keys, under one of
// them.
func (c *logCheck) reference(raws [][]byte) (ref translog.Checkpoint, ok bool) {
	for _, raw := range raws {
		cp, known, err := c.open(raw)
		if err == nil && known && (!ok || cp.Tree.N >= ref.Tree.N) {
			ref, ok = cp, true
		}
	}
	return ref, ok
}

func joined(lines []string) string {
	var b bytes.Buffer
	for i, l := range lines {
		if i > 0 {
			b.WriteString(", ")
		}
		name, _, _ := bytes.Cut([]byte(l), []byte("+"))
		b.Write(name)
		b.WriteString("+")
		b.WriteString(l[len(name)+1 : min(len(l), len(name)+9)])
	}
	return b.String()
}

// holds compares a checkpoint's tree with the manifests and names what is at
// fault.
func (c *logCheck) holds(ctx context.Context, path string, cp translog.Checkpoint) bool {
	if c.path != "" && cp.Origin != c.newest.Origin {
		c.fault(path, "it is of the log %s, the others are of %s", cp.Origin, c.newest.Origin)
		return false
	}
	if n := c.known; cp.Tree.N > n {
		c.fault(path, "it covers %d manifests, and there are %d", cp.Tree.N, n)
		c.fault(manifestKey(n+1), "it was logged, and it is missing or cannot be followed to")
		c.markGap(n+1, n+1)
		return false
	}
	root, err := c.hashes.Root(cp.Tree.N)
	if err == nil && root == cp.Tree.Hash {
		return true
	}
	c.fault(path, "its root is %s, the manifests give %s", cp.Tree.Hash, root)
	c.blame(ctx, cp)
	return false
}

// blame names the first manifest that is not the one that was logged, if the
// tiles say so and add up to the checkpoint.
func (c *logCheck) blame(ctx context.Context, cp translog.Checkpoint) {
	stored := translog.Stored(ctx, logStore{c.bucket}, cp.Tree)
	for from := int64(0); from < cp.Tree.N; from += 256 {
		var at []int64
		for n := from; n < min(from+256, cp.Tree.N); n++ {
			at = append(at, tlog.StoredHashIndex(0, n))
		}
		logged, err := stored.ReadHashes(at)
		if err != nil {
			return
		}
		here, _ := c.hashes.ReadHashes(at)
		for i := range at {
			if logged[i] != here[i] {
				n := from + int64(i)
				c.fault(manifestKey(n+1), "its digest is %s, and that is not what the log holds as entry %d", c.digests[n+1], n)
				return
			}
		}
	}
}

// since compares the checkpoint that an auditor kept.
func (c *logCheck) since() error {
	if c.opts.Since == nil {
		return nil
	}
	cp, known, err := c.open(c.opts.Since)
	if err != nil || !known {
		return fmt.Errorf("the older checkpoint: %w", cmp.Or(err, translog.ErrUnknownKey))
	}
	c.report.Log.Since = &cp.Tree.N
	at := cmp.Or(c.path, translog.Latest)
	if c.path != "" && cp.Origin != c.newest.Origin {
		c.fault(at, "it is of the log %s, the older checkpoint is of %s", c.newest.Origin, cp.Origin)
		return nil
	}
	if cp.Tree.N > c.newest.Tree.N {
		c.fault(at, "the log has shrunk: the older checkpoint covers %d manifests, the newest one here %d", cp.Tree.N, c.newest.Tree.N)
	}
	n := c.known
	if cp.Tree.N > n {
		c.fault(manifestKey(n+1), "the older checkpoint covers %d manifests, and there are %d", cp.Tree.N, n)
		return nil
	}
	if root, err := c.hashes.Root(cp.Tree.N); err != nil || root != cp.Tree.Hash {
		c.fault(at, "the first %d manifests are not those of the older checkpoint: its root was %s, theirs is %s", cp.Tree.N, cp.Tree.Hash, root)
	}
	return nil
}

// tiles compares every tile and entry bundle with the manifests, and misses
// those that the newest checkpoint needs.
func (c *logCheck) tiles(ctx context.Context) error {
	all := map[tlog.Tile]bool{}
	for _, t := range translog.TilesOf(0, c.newest.Tree.N) {
		all[t] = true // a tile may have been written since the listing
	}
	for key := range c.files {
		if t, ok := translog.ParseTilePath(key); ok {
			all[t] = true
		}
	}
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(c.opts.Parallel, 16))
	for t := range all {
		g.Go(func() error {
			same, err := c.tile(ctx, t)
			if same {
				mu.Lock()
				c.report.Log.Tiles++
				mu.Unlock()
			}
			return err
		})
	}
	return g.Wait()
}

func (c *logCheck) tile(ctx context.Context, t tlog.Tile) (bool, error) {
	path := translog.TilePath(t)
	if n := c.known; t.N > n || n>>min(8*max(t.L, 0), 63) < t.N<<8+int64(t.W) {
		c.fault(path, "it covers more than the %d manifests that are there", n)
		return false, nil
	}
	got, err := c.bucket.Read(ctx, path, 0, -1)
	if errors.Is(err, errAbsent) {
		c.fault(path, "the checkpoint of size %d needs it, and it is missing", c.newest.Tree.N)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	want, err := c.tileBytes(t)
	if err == nil && !bytes.Equal(got, want) {
		c.fault(path, "its %d bytes are not what the manifests give", len(got))
	}
	return err == nil, err
}

func (c *logCheck) tileBytes(t tlog.Tile) ([]byte, error) {
	if t.L != translog.Bundles {
		return c.hashes.Tile(t)
	}
	var entries [][]byte
	for n := t.N << 8; n < t.N<<8+int64(t.W); n++ {
		raw, err := hex.DecodeString(c.digests[n+1])
		if err != nil {
			return nil, err
		}
		entries = append(entries, raw)
	}
	return translog.Bundle(entries), nil
}

// readAll reads kept checkpoints.
func (c *logCheck) readAll(ctx context.Context, sizes []int64) ([][]byte, error) {
	out := make([][]byte, len(sizes))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for i, n := range sizes {
		g.Go(func() (err error) {
			out[i], err = c.bucket.Read(ctx, translog.KeptPath(n), 0, -1)
			return err
		})
	}
	return out, g.Wait()
}
