package lake

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // azblob://
	_ "gocloud.dev/blob/gcsblob"   // gs://
	_ "gocloud.dev/blob/memblob"   // mem://, for tests
	_ "gocloud.dev/blob/s3blob"    // s3://

	"github.com/paylake/paylake/sinks"
)

// bucket is what the lake asks of storage. Keys are slash-separated and never
// rewritten.
type bucket interface {
	// Read returns n bytes of a key from offset on, or all of the rest with
	// n < 0. Its error wraps errAbsent for a key that is not there.
	Read(ctx context.Context, key string, off, n int64) ([]byte, error)
	// Create stores data durably under a key that does not exist. Of any number
	// of writers exactly one gets nil, the others an error that wraps errTaken.
	Create(ctx context.Context, key string, data []byte) error
	// Replace stores data durably under a key that may exist; readers see the old
	// bytes or the new ones. Only the log's newest checkpoint is ever replaced.
	Replace(ctx context.Context, key string, data []byte) error
	// List yields every key with the prefix and its size, in no order.
	List(ctx context.Context, prefix string) iter.Seq2[listed, error]
	// Delete removes a key; only the probe's own key is ever removed.
	Delete(ctx context.Context, key string) error
}

type listed struct {
	Key  string
	Size int64
}

var (
	errAbsent = errors.New("not there")
	errTaken  = errors.New("exists already")
)

// openBucket opens a lake's storage by its URL. create makes the folder of a
// file lake; cloud buckets must exist. wait is how long a store may stand still
// within one request; 0: a minute.
func openBucket(ctx context.Context, lakeURL string, create bool, wait time.Duration) (bucket, func() error, error) {
	u, err := url.Parse(lakeURL)
	if err != nil || u.Scheme == "" {
		return nil, nil, fmt.Errorf("lake %q is not a URL; write file:///folder, s3://bucket, gs://bucket or azblob://container", lakeURL)
	}
	if u.Scheme == "file" {
		if u.Host != "" && u.Host != "localhost" || !strings.HasPrefix(u.Path, "/") {
			return nil, nil, fmt.Errorf("lake %s: a file lake needs an absolute path: file:///folder", lakeURL)
		}
		b, err := newFileBucket(filepath.FromSlash(u.Path), create)
		if err != nil {
			return nil, nil, err
		}
		return b, func() error { return nil }, nil
	}
	b, err := blob.OpenBucket(ctx, storeURL(u))
	if err != nil {
		return nil, nil, fmt.Errorf("lake %s: %w", u.Redacted(), err)
	}
	return cloudBucket{b: b, name: u.Host, azure: u.Scheme == "azblob", wait: wait}, b.Close, nil
}

// storageError is sinks.DiskError for the lake's own folder.
func storageError(op, path string, err error) error {
	return sinks.DiskError(op, path, "the lake", err)
}
