// Package lake is the log that everything else follows: an append-only chain of
// manifests over immutable Parquet objects, in a folder or an object store.
//
// A commit puts objects whose names are hashes of their content, then publishes
// them, and which windows they complete, by creating one manifest that must not
// exist yet. README.md specifies the format.
package lake

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"github.com/paylake/paylake/fault"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// Options say where a lake is and how to work on it.
type Options struct {
	URL       string           // file:///folder, s3://…, gs://…, azblob://…, mem://
	TempDir   string           // where windows beyond the memory limit are sorted
	Now       func() time.Time // for created_at
	Create    bool             // make the folder of a file lake
	SkipProbe bool             // for readers: do not write the probe's key
	Parallel  int              // encoders; 0: one per processor
	// StoreWait is how long an object store may stand still within a request
	// before it is out of reach; 0: a minute.
	StoreWait time.Duration
	// Retention is asked of S3 with every file; nil: what the bucket does.
	Retention *Retention
	// Former says what the person behind a pseudonym was called under an older
	// version of the key, so that a change of keys revises nothing. May be nil.
	Former func(pseudonym string, version int) (former string, ok bool)
}

// Lake is an open lake. Safe for concurrent use; commits are made one at a
// time.
type Lake struct {
	bucket bucket
	close  func() error
	opts   Options
	root   string // folder of a file lake
	limits limits
	zstd   *zstd.Encoder

	committing sync.Mutex // held by Commit from beginning to end
	cache      *cache     // used under committing

	mu      sync.Mutex // guards what follows
	head    int64
	headSHA string
	tables  map[tableID]*tableState
	merges  []Entry // manifests of kind compact
}

var _ sinks.Sink = (*Lake)(nil)

// Open opens a lake, proves that its storage can publish a manifest exactly
// once (unless SkipProbe) and reads its manifests. It reads no object.
func Open(ctx context.Context, o Options) (*Lake, error) {
	b, closeBucket, err := openBucket(ctx, o.URL, o.Create, o.StoreWait)
	if err != nil {
		return nil, err
	}
	l, err := open(ctx, b, closeBucket, o)
	if err != nil {
		return nil, errors.Join(err, closeBucket())
	}
	return l, nil
}

func open(ctx context.Context, b bucket, closeBucket func() error, o Options) (*Lake, error) {
	if o.Now == nil {
		return nil, errors.New("lake: Options.Now is missing")
	}
	if o.Parallel <= 0 {
		o.Parallel = runtime.GOMAXPROCS(0)
	}
	z, err := newCompressor(o.Parallel)
	if err != nil {
		return nil, fmt.Errorf("lake: %w", err)
	}
	l := &Lake{zstd: z, bucket: b, close: closeBucket, opts: o, limits: defaultLimits,
		cache: newCache(defaultLimits.cacheBytes), tables: map[tableID]*tableState{}}
	switch f := b.(type) {
	case *fileBucket:
		l.root = f.root
	case cloudBucket:
		f.keep, f.now = o.Retention, o.Now
		l.bucket = f
	}
	if !o.SkipProbe {
		if err := probe(ctx, b, probeRounds, o.Now()); err != nil {
			return nil, fmt.Errorf("lake %s: %w", o.URL, err)
		}
	}
	fault.Point("lake.probed")
	if err := l.load(ctx); err != nil {
		return nil, fmt.Errorf("open lake %s: %w", o.URL, err)
	}
	return l, nil
}

// load reads the manifests and makes sure that they end where they seem to:
// committing into a gap would fork history.
func (l *Lake) load(ctx context.Context) error {
	head, err := l.Head(ctx)
	if err != nil {
		return err
	}
	ahead, err := fetchManifests(ctx, l.bucket, head+2, 8)
	if err != nil {
		return err
	}
	lost := gap(ahead)
	if head == 0 {
		for f, err := range l.bucket.List(ctx, "manifests/") {
			if err != nil {
				return err
			}
			if lost = lost || isManifest(f.Key); lost {
				break
			}
		}
	}
	if lost {
		if now, err := l.Head(ctx); err != nil || now > head {
			return err // somebody committed in between
		}
		return fmt.Errorf("manifest %d is missing although later ones are there: %w", head+1, sinks.ErrCorrupt)
	}
	return nil
}

// Close gives back the connection to an object store.
func (l *Lake) Close() error { return errors.Join(l.zstd.Close(), l.close()) }

// URL is the URL that the lake was opened with.
func (l *Lake) URL() string { return l.opts.URL }

// Head returns the sequence number of the newest manifest, 0 for an empty lake.
func (l *Lake) Head(ctx context.Context) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.refresh(ctx); err != nil {
		return 0, err
	}
	return l.head, nil
}

// refresh applies the manifests that came after the last known one. It must be
// called with mu held.
func (l *Lake) refresh(ctx context.Context) error {
	for e, err := range l.Manifests(ctx, l.head+1) {
		if err != nil {
			return err
		}
		if e.PrevSHA256 != l.headSHA {
			return fmt.Errorf("%s does not follow the manifest before it (prev_sha256 %.12s…, expected %.12s…): %w",
				l.full(manifestKey(e.Sequence)), e.PrevSHA256, l.headSHA, sinks.ErrCorrupt)
		}
		l.follow(e)
	}
	return nil
}

// follow takes note of the next manifest. It must be called with mu held.
func (l *Lake) follow(e Entry) {
	l.state(tableID{e.Source, e.Table}).apply(e)
	if e.Kind == KindCompact {
		l.merges = append(l.merges, e)
	}
	l.head, l.headSHA = e.Sequence, e.SHA256
}

// Merges returns the manifests of kind compact, in order: which objects to read
// instead of which.
func (l *Lake) Merges(ctx context.Context) ([]Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.refresh(ctx)
	return slices.Clip(l.merges), err
}

func (l *Lake) state(id tableID) *tableState {
	t := l.tables[id]
	if t == nil {
		t = newTableState()
		l.tables[id] = t
	}
	return t
}

// Done implements sinks.Sink. Only windows that had ended when they were read
// count as complete: of the window that contains now nothing is promised, since
// rows may still come at any place in it.
func (l *Lake) Done(ctx context.Context, s schemas.Stream) (sinks.Done, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.refresh(ctx); err != nil {
		return sinks.Done{}, err
	}
	if t, ok := l.tables[tableID{s.Source, s.Table.Name}]; ok {
		if st, ok := t.streams[s.Wallet]; ok {
			return st.done(), nil
		}
	}
	return sinks.Done{}, nil
}

// Manifests yields every manifest from a sequence number on, ascending. The
// sequence ends at the newest manifest or after the first error.
func (l *Lake) Manifests(ctx context.Context, from int64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for e, err := range readManifests(ctx, l.bucket, from) {
			if err != nil {
				err = fmt.Errorf("%s: %w", l.full("manifests"), err)
			}
			if !yield(e.Entry, err) {
				return
			}
		}
	}
}

// stored is a manifest with its exact bytes.
type stored struct {
	Entry
	raw []byte
}

// readManifests asks for one manifest after the other and needs no listing, so
// its cost does not grow with history. Once there is one it asks for more and
// more at a time, so that a long history over a slow connection is read soon.
func readManifests(ctx context.Context, b bucket, from int64) iter.Seq2[stored, error] {
	return func(yield func(stored, error) bool) {
		for n, seq := 1, max(from, 1); ; n = min(n*2, 32) {
			batch, err := fetchManifests(ctx, b, seq, n)
			if err != nil {
				yield(stored{}, err)
				return
			}
			for i, raw := range batch {
				if raw == nil {
					if missing := gap(batch[i:]); missing {
						yield(stored{}, fmt.Errorf("manifest %d is missing although a later one is there: %w", seq, sinks.ErrCorrupt))
					}
					return
				}
				e, err := decodeManifest(seq, raw)
				if !yield(stored{e, raw}, err) || err != nil {
					return
				}
				seq++
			}
		}
	}
}

// fetchManifests reads n manifests; those that do not exist are nil.
func fetchManifests(ctx context.Context, b bucket, from int64, n int) ([][]byte, error) {
	numbers := make([]int64, n)
	for i := range numbers {
		numbers[i] = from + int64(i)
	}
	return fetchEach(ctx, b, numbers)
}

func fetchEach(ctx context.Context, b bucket, numbers []int64) ([][]byte, error) {
	out := make([][]byte, len(numbers))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for i, n := range numbers {
		g.Go(func() error {
			data, err := b.Read(ctx, manifestKey(n), 0, -1)
			if errors.Is(err, errAbsent) {
				return nil
			}
			if err == nil && data == nil {
				data = []byte{}
			}
			out[i] = data
			return err
		})
	}
	return out, g.Wait()
}

func gap(batch [][]byte) bool {
	for _, raw := range batch {
		if raw != nil {
			return true
		}
	}
	return false
}

// ReadObject returns the bytes of a file that a manifest names.
func (l *Lake) ReadObject(ctx context.Context, path string) ([]byte, error) {
	data, err := l.bucket.Read(ctx, path, 0, -1)
	if errors.Is(err, errAbsent) {
		return nil, fmt.Errorf("%s is gone: %w", l.full(path), sinks.ErrCorrupt)
	}
	return data, err
}

// LocalPath returns the absolute path of a file of a file lake; false for
// object stores.
func (l *Lake) LocalPath(path string) (string, bool) {
	if l.root == "" {
		return "", false
	}
	return filepath.Join(l.root, filepath.FromSlash(path)), true
}

// full names a file of the lake for people.
func (l *Lake) full(key string) string { return fullPath(l.opts.URL, key) }
