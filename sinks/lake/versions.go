package lake

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/translog"
)

// Where a versioned bucket keeps what was deleted or overwritten: under the same
// key, as an older version. It is trusted as little as anybody: the digest says
// whether it is the file that was published.

// versions yields the bytes of a key's older versions, newest first; nothing where the
// store keeps none or these credentials may not see them.
func (c cloudBucket) versions(ctx context.Context, key string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var client *s3.Client
		if !c.b.As(&client) {
			return
		}
		in := &s3.ListObjectVersionsInput{Bucket: &c.name, Prefix: &key}
		for {
			w := c.watch(ctx, 0)
			page, err := client.ListObjectVersions(w.Context(), in)
			if err = w.End(err); refused(err) {
				return
			}
			if err != nil {
				yield(nil, cloudError("list the versions of", key, err))
				return
			}
			for _, v := range page.Versions {
				// The latest one is what was read already; without versioning it is the
				// only one, and some servers do not give it by its number.
				if v.Key == nil || *v.Key != key || v.IsLatest != nil && *v.IsLatest {
					continue
				}
				data, err := c.version(ctx, client, key, v.VersionId)
				if refused(err) {
					return
				}
				if !yield(data, cloudError("read an older version of", key, err)) || err != nil {
					return
				}
			}
			if page.IsTruncated == nil || !*page.IsTruncated {
				return
			}
			in.KeyMarker, in.VersionIdMarker = page.NextKeyMarker, page.NextVersionIdMarker
		}
	}
}

func (c cloudBucket) version(ctx context.Context, client *s3.Client, key string, id *string) ([]byte, error) {
	w := c.watch(ctx, 0)
	r, err := client.GetObject(w.Context(), &s3.GetObjectInput{Bucket: &c.name, Key: &key, VersionId: id})
	if err != nil {
		return nil, w.End(err)
	}
	defer r.Body.Close()
	data, err := io.ReadAll(w.Reader(r.Body))
	return data, w.End(err)
}

// earlier looks among the versions of a key for the bytes with a digest.
func earlier(ctx context.Context, b bucket, key, sha string) ([]byte, error) {
	keeps, ok := b.(interface {
		versions(context.Context, string) iter.Seq2[[]byte, error]
	})
	if !ok {
		return nil, nil
	}
	for data, err := range keeps.versions(ctx, key) {
		if err != nil {
			return nil, err
		}
		if digest(data) == sha {
			return data, nil
		}
	}
	return nil, nil
}

// MendManifests puts back manifests that are gone or have other bytes, as far as
// the bucket keeps older versions of them: each is known by the digest that the
// manifest after it, or the transparency log, has of it. It returns their full
// paths, and of those that stay lost too. A lake with a gap cannot be opened, so
// this comes before.
func MendManifests(ctx context.Context, lakeURL string) (back, lost []string, err error) {
	b, closeBucket, err := openBucket(ctx, lakeURL, false, 0)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, closeBucket()) }()
	return mendManifests(ctx, b, lakeURL)
}

func mendManifests(ctx context.Context, b bucket, lakeURL string) (back, lost []string, err error) {
	last, logged, err := lastNamed(ctx, b)
	if err != nil {
		return nil, nil, err
	}
	next := "" // what the manifest after this one says of it
	for n := last; n > 0; n-- {
		want := next
		if want == "" && n <= logged {
			if want, err = loggedDigest(ctx, b, n, logged); err != nil {
				return back, lost, err
			}
		}
		key := manifestKey(n)
		data, err := b.Read(ctx, key, 0, -1)
		if err != nil && !errors.Is(err, errAbsent) {
			return back, lost, err
		}
		if err != nil || want != "" && digest(data) != want {
			if data, err = earlier(ctx, b, key, want); err != nil {
				return back, lost, err
			}
			if data == nil {
				lost, next = append(lost, fullPath(lakeURL, key)), ""
				continue
			}
			if err := mend(ctx, b, key, data); err != nil {
				return back, lost, err
			}
			back = append(back, fullPath(lakeURL, key))
		}
		e, err := decodeManifest(n, data)
		if errors.Is(err, sinks.ErrNewer) {
			return back, lost, err
		}
		next = ""
		if err == nil {
			next = e.PrevSHA256
		}
	}
	slices.Reverse(back)
	slices.Reverse(lost)
	return back, lost, nil
}

// lastNamed is the newest manifest that is there or that the log has, and how
// many the log has.
func lastNamed(ctx context.Context, b bucket) (last, logged int64, err error) {
	for f, err := range b.List(ctx, "manifests/") {
		if err != nil {
			return 0, 0, err
		}
		var n int64
		if _, serr := fmt.Sscanf(f.Key, "manifests/%d.json", &n); serr == nil && isManifest(f.Key) {
			last = max(last, n)
		}
	}
	logged, err = logSize(ctx, b)
	return max(last, logged), logged, err
}

// logSize is how many manifests the log has, by the names of its checkpoints.
func logSize(ctx context.Context, b bucket) (size int64, err error) {
	for f, err := range b.List(ctx, translog.Kept) {
		if err != nil {
			return 0, err
		}
		if n, ok := translog.ParseKeptPath(f.Key); ok {
			size = max(size, n)
		}
	}
	return size, nil
}

// loggedDigest is what the log has of manifest n; empty where it cannot be read.
func loggedDigest(ctx context.Context, b bucket, n, size int64) (string, error) {
	const width = 256 // entries of a bundle, C2SP tlog-tiles
	at := (n - 1) / width
	tile := tlog.Tile{H: 8, L: translog.Bundles, N: at, W: int(min(width, size-at*width))}
	data, err := b.Read(ctx, translog.TilePath(tile), 0, -1)
	if errors.Is(err, errAbsent) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	entries, err := translog.Unbundle(data)
	if i := int((n - 1) % width); err == nil && i < len(entries) {
		return hex.EncodeToString(entries[i]), nil
	}
	return "", nil
}
