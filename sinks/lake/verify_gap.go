package lake

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/translog"
)

// The chain of manifests, and what is checked where one of them is missing or
// cannot be read. Its digest is known all the same: the next manifest names it,
// and so does the log. So everything else is still checked against everything
// else, and what is said to be at fault is what is.

// readChain reads the manifests in order and checks that each names the digest
// of the one before it.
func (v *verifier) readChain(ctx context.Context) error {
	listed := v.listedManifests()
	for batch := range slices.Chunk(listed, 32) {
		raws, err := fetchEach(ctx, v.bucket, batch)
		if err != nil {
			return fmt.Errorf("verify %s: %w", v.url, err)
		}
		for i, seq := range batch {
			if err := v.readManifest(ctx, seq, raws[i]); err != nil {
				return err
			}
		}
	}
	for seq := lastOf(listed) + 1; ; seq++ { // committed since the listing
		raws, err := fetchManifests(ctx, v.bucket, seq, 1)
		if err != nil {
			return fmt.Errorf("verify %s: %w", v.url, err)
		}
		if raws[0] == nil {
			break
		}
		if err := v.readManifest(ctx, seq, raws[0]); err != nil {
			return err
		}
	}
	v.report.Manifests = int64(len(v.manifests))
	return nil
}

func (v *verifier) listedManifests() []int64 {
	var listed []int64
	for key := range v.files {
		var n int64
		if _, err := fmt.Sscanf(key, "manifests/%d.json", &n); err == nil && n > 0 && isManifest(key) {
			listed = append(listed, n)
		}
	}
	slices.Sort(listed)
	return listed
}

func lastOf(listed []int64) int64 {
	if len(listed) == 0 {
		return 0
	}
	return listed[len(listed)-1]
}

// readManifest takes the next manifest that is there. nil is one that has gone
// since the listing.
func (v *verifier) readManifest(ctx context.Context, seq int64, raw []byte) error {
	before := int64(0) // the manifest that was read last
	if n := len(v.manifests); n > 0 {
		before = v.manifests[n-1].Sequence
	}
	if first := max(before, v.lastGap) + 1; first < seq {
		v.missing(first, seq-1)
	}
	if raw == nil {
		v.missing(seq, seq)
		return nil
	}
	e, err := decodeManifest(seq, raw)
	if err == nil {
		err = v.learn(e)
	}
	if errors.Is(err, sinks.ErrNewer) {
		err = v.newer(ctx, seq, err)
	}
	if errors.Is(err, sinks.ErrCorrupt) {
		v.fault(manifestKey(seq), "%v", err)
		v.markGap(seq, seq)
		return nil
	}
	if err != nil {
		return fmt.Errorf("verify %s: %w", v.url, err)
	}
	v.follows(ctx, e)
	if v.gap > 0 {
		v.report.BehindGap++
	}
	v.report.Head = e.SHA256
	v.digests[seq] = e.SHA256
	v.manifests = append(v.manifests, e)
	return nil
}

// follows checks that a manifest names the digest of the one before it; of one
// that is missing it tells the digest.
func (v *verifier) follows(ctx context.Context, e Entry) {
	prev, known := v.digests[e.Sequence-1]
	switch {
	case e.Sequence == 1 && e.PrevSHA256 != "":
		v.fault(manifestKey(1), "it follows %s, and it is the first", e.PrevSHA256)
	case e.Sequence > 1 && !known:
		v.digests[e.Sequence-1] = e.PrevSHA256
	case e.PrevSHA256 != prev:
		if entry, ok := v.logged(ctx, e.Sequence-1); ok && entry == tlog.RecordHash(logEntry(prev)) {
			v.fault(manifestKey(e.Sequence), "it follows %s, but the digest of manifest %d is %s, as the log has it", e.PrevSHA256, e.Sequence-1, prev)
		} else {
			v.fault(manifestKey(e.Sequence-1), "its digest is %s, but manifest %d follows %s", prev, e.Sequence, e.PrevSHA256)
		}
	}
}

// missing records manifests that are not there although later ones are. Whoever
// can write a file can write one with any number: a long gap is one finding.
func (v *verifier) missing(from, to int64) {
	if from == to {
		v.fault(manifestKey(from), "it is missing although later manifests are there")
	} else {
		v.fault(manifestKey(from), "it and those up to number %d are missing although later manifests are there", to)
	}
	v.markGap(from, to)
}

func (v *verifier) markGap(from, to int64) {
	if v.gap == 0 || from < v.gap {
		v.gap = from
	}
	v.lastGap = max(v.lastGap, to)
}

// behindGap reports whether manifests before this one are missing: what is said
// of it may rest on them.
func (v *verifier) behindGap(seq int64) bool { return v.gap > 0 && seq > v.gap }

// complete takes from the log the digests of manifests that are missing, cannot
// be read, or are not those that were logged, and names them. Only a log whose
// tiles add up to a checkpoint that counts is asked. Whatever it says, there is a
// finding: nothing is excused by it but what other files are accused of.
func (c *logCheck) complete(ctx context.Context, cp translog.Checkpoint) error {
	if c.gap == 0 && cp.Tree.N <= c.known {
		if root, err := c.hashes.Root(cp.Tree.N); err == nil && root == cp.Tree.Hash {
			return nil
		}
	}
	stored := translog.Stored(ctx, logStore{c.bucket}, cp.Tree)
	for from := int64(0); from < cp.Tree.N; from += 256 {
		n := min(cp.Tree.N-from, 256)
		at := make([]int64, n)
		for i := range at {
			at[i] = tlog.StoredHashIndex(0, from+int64(i))
		}
		leaves, err := stored.ReadHashes(at)
		if errors.Is(err, sinks.ErrUnavailable) {
			return err
		}
		if err != nil {
			return ctx.Err() // the log itself does not hold, which is found when it is compared
		}
		raw, err := c.bucket.Read(ctx, translog.TilePath(tlog.Tile{H: 8, L: translog.Bundles, N: from / 256, W: int(n)}), 0, -1)
		if err != nil && !errors.Is(err, errAbsent) {
			return err
		}
		entries, _ := translog.Unbundle(raw) // of none, or damaged ones, nothing is taken
		for i, leaf := range leaves {
			c.compareLeaf(from+int64(i)+1, leaf, entries, i)
		}
	}
	return c.hashAll()
}

// hashAll makes the tree of the manifests whose digests are known, from the
// first on.
func (c *logCheck) hashAll() error {
	c.hashes, c.known = &translog.Hashes{}, 0
	for {
		d, ok := c.digests[c.known+1]
		if !ok {
			return nil
		}
		if err := c.hashes.Add(c.known, logEntry(d)); err != nil {
			return err
		}
		c.known++
	}
}

// compareLeaf compares a manifest with what the log holds of it.
func (c *logCheck) compareLeaf(seq int64, leaf tlog.Hash, entries [][]byte, i int) {
	mine, known := c.digests[seq]
	here := c.isThere(seq)
	if known && tlog.RecordHash(logEntry(mine)) == leaf {
		return
	}
	switch {
	case here:
		if !c.damaged(manifestKey(seq)) {
			c.fault(manifestKey(seq), "its digest is %s, and that is not what the log holds as entry %d", mine, seq-1)
		}
	case seq > lastRead(c.manifests):
		c.missingLogged(seq)
	case known && c.isThere(seq+1): // it is missing, and the next one names another
		c.fault(manifestKey(seq+1), "it follows %s, which is not what the log holds as entry %d", mine, seq-1)
	}
	if i < len(entries) && tlog.RecordHash(entries[i]) == leaf {
		c.digests[seq] = fmt.Sprintf("%x", entries[i])
	}
}

// missingLogged records a manifest beyond the newest that is there.
func (c *logCheck) missingLogged(seq int64) {
	if !c.damaged(manifestKey(seq)) {
		c.fault(manifestKey(seq), "it was logged, and it is missing")
	}
	c.markGap(seq, seq)
}

func lastRead(list []Entry) int64 {
	if len(list) == 0 {
		return 0
	}
	return list[len(list)-1].Sequence
}

func (v *verifier) isThere(seq int64) bool {
	_, ok := slices.BinarySearchFunc(v.manifests, seq, func(e Entry, n int64) int { return int(min(max(e.Sequence-n, -1), 1)) })
	return ok
}

// unvouched names manifests behind a gap that nothing ties to the ones before it:
// the log ends before them. Without a log their own chain is all there is.
func (c *logCheck) unvouched() {
	if c.gap == 0 || c.path == "" {
		return
	}
	for _, m := range c.manifests {
		if m.Sequence > c.gap && m.Sequence-1 > c.newest.Tree.N && !c.isThere(m.Sequence-1) {
			c.fault(manifestKey(m.Sequence), "the manifest before it is missing, and the log, which has %d, does not vouch for it", c.newest.Tree.N)
		}
	}
}
