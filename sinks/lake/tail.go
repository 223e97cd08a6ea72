package lake

import (
	"context"
	"fmt"
	"iter"

	"github.com/paylake/paylake/sinks"
)

// Tail reads the manifests of a lake for a follower that needs nothing else: it
// keeps no state of the rows, so opening one costs the same however long history
// is. Safe for concurrent use.
type Tail struct {
	bucket bucket
	close  func() error
	url    string
}

// OpenTail opens a lake for reading its manifests. It reads nothing yet and
// writes nothing, ever.
func OpenTail(ctx context.Context, lakeURL string) (*Tail, error) {
	b, closeBucket, err := openBucket(ctx, lakeURL, false, 0)
	if err != nil {
		return nil, err
	}
	return &Tail{bucket: b, close: closeBucket, url: lakeURL}, nil
}

// Close gives back the connection to an object store.
func (t *Tail) Close() error { return t.close() }

// FullPath names a file of the lake for people.
func (t *Tail) FullPath(key string) string { return fullPath(t.url, key) }

// Manifests yields every manifest from a sequence number on, ascending, and
// checks that each follows the one yielded before it. The sequence ends at the
// newest manifest or after the first error, which wraps sinks.ErrCorrupt where
// the chain is broken.
func (t *Tail) Manifests(ctx context.Context, from int64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		prev := ""
		for s, err := range readManifests(ctx, t.bucket, from) {
			e := s.Entry
			switch {
			case err != nil:
				err = fmt.Errorf("%s: %w", t.FullPath("manifests"), err)
			case prev != "" && e.PrevSHA256 != prev, e.Sequence == 1 && e.PrevSHA256 != "":
				err = fmt.Errorf("%s does not follow the manifest before it: %w", t.FullPath(manifestKey(e.Sequence)), sinks.ErrCorrupt)
			}
			prev = e.SHA256
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}
