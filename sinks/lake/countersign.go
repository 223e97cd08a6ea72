package lake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/translog"
)

// What others say of a checkpoint lies beside it: cosignatures of witnesses and
// RFC 3161 stamps.

// Countersigned is somebody else's word on a checkpoint.
type Countersigned struct {
	By   string    `json:"by"` // a witness's name and id; a stamp's path
	Size int64     `json:"size"`
	At   time.Time `json:"at"`
}

// onCheckpoint opens a lake's storage for work on its newest kept checkpoint.
func onCheckpoint(ctx context.Context, lakeURL string, work func(b bucket, c translog.Checkpoint) error) error {
	b, closeBucket, err := openBucket(ctx, lakeURL, false, 0)
	if err != nil {
		return err
	}
	raw, err := checkpointOf(ctx, b, lakeURL, -1)
	if err == nil {
		var c translog.Checkpoint
		if c, err = translog.ReadCheckpoint(raw); err == nil {
			err = work(b, c)
		}
	}
	if errors.Is(err, translog.ErrInvalid) {
		err = fmt.Errorf("%w (%w)", err, sinks.ErrCorrupt)
	}
	return errors.Join(err, closeBucket())
}

// checkpointOf reads a kept checkpoint; size < 0: the newest.
func checkpointOf(ctx context.Context, b bucket, lakeURL string, size int64) ([]byte, error) {
	if size < 0 {
		raw, err := b.Read(ctx, translog.Latest, 0, -1)
		if errors.Is(err, errAbsent) {
			if err := lostCheckpoint(ctx, b, lakeURL); err != nil {
				return nil, err
			}
			return nil, fmt.Errorf("%s has no transparency log yet; the next paylake run begins it", lakeURL)
		}
		if err != nil {
			return nil, err
		}
		c, err := translog.ReadCheckpoint(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w (%w)", fullPath(lakeURL, translog.Latest), err, sinks.ErrCorrupt)
		}
		size = c.Tree.N
	}
	raw, err := b.Read(ctx, translog.KeptPath(size), 0, -1)
	if errors.Is(err, errAbsent) {
		return nil, fmt.Errorf("there is no checkpoint of size %d in %s", size, lakeURL)
	}
	return raw, err
}

// ReadCheckpoint returns a kept checkpoint of a lake's log with all cosignatures
// that lie beside it; size < 0: the newest.
func ReadCheckpoint(ctx context.Context, lakeURL string, size int64) (raw []byte, err error) {
	b, closeBucket, err := openBucket(ctx, lakeURL, false, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeBucket()) }()
	if raw, err = checkpointOf(ctx, b, lakeURL, size); err != nil {
		return nil, err
	}
	c, err := translog.ReadCheckpoint(raw)
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", err, sinks.ErrCorrupt)
	}
	lines, err := cosignatures(ctx, b, c.Tree.N)
	return append(raw, lines...), err
}

// cosignatures are the signature lines beside a kept checkpoint.
func cosignatures(ctx context.Context, b bucket, size int64) (lines []byte, err error) {
	for f, err := range b.List(ctx, translog.KeptPath(size)+".") {
		if err != nil {
			return nil, err
		}
		if _, _, ok := translog.ParseCosignaturePath(f.Key); !ok {
			continue
		}
		line, err := b.Read(ctx, f.Key, 0, -1)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line...)
	}
	return lines, nil
}

// AskWitness lets a witness at witnessURL cosign the newest checkpoint.
func AskWitness(ctx context.Context, lakeURL string, client *http.Client, witnessURL string, w translog.Witness) (r Countersigned, err error) {
	err = onCheckpoint(ctx, lakeURL, func(b bucket, c translog.Checkpoint) error {
		at, err := translog.Ask(ctx, client, witnessURL, w, logStore{b}, c)
		r = Countersigned{w.String(), c.Tree.N, at}
		return err
	})
	return r, err
}

// StampCheckpoint lets a time-stamping authority at url stamp the newest
// checkpoint.
func StampCheckpoint(ctx context.Context, lakeURL string, client *http.Client, url string) (r Countersigned, err error) {
	err = onCheckpoint(ctx, lakeURL, func(b bucket, c translog.Checkpoint) error {
		at, err := translog.Stamp(ctx, client, url, logStore{b}, c)
		r = Countersigned{url, c.Tree.N, at}
		return err
	})
	return r, err
}

// countersigned checks the cosignatures of the given witnesses and all stamps.
func (c *logCheck) countersigned(ctx context.Context) error {
	var keys []string
	for key := range c.files {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	newest := map[string]Countersigned{}
	for _, key := range keys {
		if size, id, ok := translog.ParseCosignaturePath(key); ok {
			if err := c.cosigned(ctx, key, size, id, newest); err != nil {
				return err
			}
		}
		if size, ok := translog.ParseStampPath(key); ok {
			if err := c.stamped(ctx, key, size); err != nil {
				return err
			}
		}
	}
	for _, w := range c.opts.Witnesses {
		if by, ok := newest[w.String()]; ok {
			c.report.Log.Cosigned = append(c.report.Log.Cosigned, by)
		} else {
			c.fault(cmp.Or(c.path, translog.Latest), "no checkpoint here is cosigned by %s", w)
		}
	}
	return nil
}

func (c *logCheck) cosigned(ctx context.Context, key string, size int64, id uint32, newest map[string]Countersigned) error {
	i := slices.IndexFunc(c.opts.Witnesses, func(w translog.Witness) bool { return w.KeyHash() == id })
	if i < 0 {
		return nil // nobody asked for this witness
	}
	checkpoint, line, err := c.beside(ctx, key, size)
	if err != nil || checkpoint == nil {
		return err
	}
	w := c.opts.Witnesses[i]
	at, err := w.Cosigned(checkpoint, string(line))
	if err != nil {
		c.fault(key, "%v", err)
		return nil
	}
	if size >= newest[w.String()].Size {
		newest[w.String()] = Countersigned{w.String(), size, at}
	}
	return nil
}

func (c *logCheck) stamped(ctx context.Context, key string, size int64) error {
	checkpoint, response, err := c.beside(ctx, key, size)
	if err != nil || checkpoint == nil {
		return err
	}
	at, err := translog.CheckStamp(response, checkpoint, c.opts.StampRoots)
	if err == nil && translog.StampPath(size, response) != key {
		err = fmt.Errorf("its bytes are not those that its name says")
	}
	if err != nil {
		c.fault(key, "%v", err)
		return nil
	}
	l := &c.report.Log
	l.Stamps++
	if l.Stamped == nil || size >= l.Stamped.Size {
		l.Stamped = &Countersigned{fullPath(c.url, key), size, at}
	}
	return nil
}

// beside reads a file and the checkpoint that it lies beside; nil when that is
// gone, which is a finding.
func (c *logCheck) beside(ctx context.Context, key string, size int64) (checkpoint, data []byte, err error) {
	checkpoint, err = c.bucket.Read(ctx, translog.KeptPath(size), 0, -1)
	if errors.Is(err, errAbsent) {
		c.fault(key, "the checkpoint that it lies beside is gone")
		return nil, nil, nil
	}
	if err == nil {
		data, err = c.bucket.Read(ctx, key, 0, -1)
	}
	return checkpoint, data, err
}
