// Package deposit puts finished files into a folder or bucket under names that
// are taken once: of any number of writers one creates an object, and nobody ever
// overwrites one.
package deposit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // azblob://
	_ "gocloud.dev/blob/gcsblob"   // gs://
	_ "gocloud.dev/blob/s3blob"    // s3://
	"gocloud.dev/gcerrors"

	"github.com/paylake/paylake/sinks"
)

// patience is how long one object may take on its way.
const patience = 10 * time.Minute

// Place is where files go. Keys are slash-separated.
type Place interface {
	// Create stores what r reads under a key that does not exist, durably; false:
	// the key is there already.
	Create(ctx context.Context, key string, r io.Reader) (bool, error)
	// Keys lists the keys that begin with a prefix that ends in a slash, in no
	// order.
	Keys(ctx context.Context, prefix string) ([]string, error)
	// Read returns a whole object, for small ones.
	Read(ctx context.Context, key string) ([]byte, error)
	Close() error
}

// Open opens a folder, which is created when it is absent, or a bucket by its
// gocloud.dev/blob URL.
func Open(ctx context.Context, place string) (Place, error) {
	u, err := url.Parse(place)
	if err != nil || u.Scheme == "" {
		return nil, fmt.Errorf("target %q is not a URL; write file:///folder, s3://bucket, gs://bucket or azblob://container", place)
	}
	if u.Scheme == "file" {
		root := filepath.FromSlash(u.Path)
		if err := os.MkdirAll(root, 0o755); err != nil {
			return nil, sinks.DiskError("create", root, "the target", err)
		}
		return folder(root), nil
	}
	b, err := blob.OpenBucket(ctx, pathStyled(u))
	if err != nil {
		return nil, fmt.Errorf("target %s: %w", u.Redacted(), err)
	}
	return bucket{b, u.Redacted()}, nil
}

// pathStyled is the URL of a bucket; behind an endpoint that is an address, or
// localhost, its name is part of the path, as the lake's is: it cannot stand
// before an address.
func pathStyled(u *url.URL) string {
	q := u.Query()
	if u.Scheme != "s3" || q.Has("use_path_style") || q.Has("s3ForcePathStyle") {
		return u.String()
	}
	endpoint, err := url.Parse(q.Get("endpoint"))
	if err != nil || net.ParseIP(endpoint.Hostname()) == nil && endpoint.Hostname() != "localhost" {
		return u.String()
	}
	q.Set("use_path_style", "true")
	styled := *u
	styled.RawQuery = q.Encode()
	return styled.String()
}

// folder is a directory of this machine. A file gets its name by a link, which
// fails where the name is taken; a rename would let the last of two writers win.
type folder string

func (f folder) path(key string) string { return filepath.Join(string(f), filepath.FromSlash(key)) }

func (f folder) Create(_ context.Context, key string, r io.Reader) (created bool, err error) {
	path := f.path(key)
	if _, err := os.Lstat(path); err == nil {
		return false, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return false, sinks.DiskError("create", filepath.Dir(path), "the target", err)
	}
	temp, err := os.CreateTemp(filepath.Dir(path), sinks.TempPrefix+"*")
	if err != nil {
		return false, sinks.DiskError("write", path, "the target", err)
	}
	defer os.Remove(temp.Name())
	if _, err = io.Copy(temp, r); err == nil {
		err = errors.Join(temp.Chmod(0o644), temp.Sync())
	}
	if err = errors.Join(err, temp.Close()); err != nil {
		return false, sinks.DiskError("write", path, "the target", err)
	}
	switch err := os.Link(temp.Name(), path); {
	case errors.Is(err, fs.ErrExist):
		return false, nil
	case err != nil:
		return false, sinks.DiskError("write", path, "the target", err)
	}
	return true, f.settle(filepath.Dir(path))
}

// settle makes names durable, up to the folder itself.
func (f folder) settle(dir string) error {
	for {
		d, err := os.Open(dir)
		if err != nil {
			return sinks.DiskError("write", dir, "the target", err)
		}
		if err := errors.Join(d.Sync(), d.Close()); err != nil {
			return sinks.DiskError("write", dir, "the target", err)
		}
		if len(dir) <= len(filepath.Clean(string(f))) {
			return nil
		}
		dir = filepath.Dir(dir)
	}
}

func (f folder) Keys(_ context.Context, prefix string) (keys []string, err error) {
	err = filepath.WalkDir(f.path(prefix), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), sinks.TempPrefix) {
			return err
		}
		key, err := filepath.Rel(string(f), path)
		keys = append(keys, filepath.ToSlash(key))
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return keys, nil
	}
	if err != nil {
		return nil, sinks.DiskError("list", f.path(prefix), "the target", err)
	}
	return keys, nil
}

func (f folder) Read(_ context.Context, key string) ([]byte, error) {
	data, err := os.ReadFile(f.path(key))
	if err != nil {
		return nil, sinks.DiskError("read", f.path(key), "the target", err)
	}
	return data, nil
}

func (f folder) Close() error { return nil }

// bucket keeps the promise with the store's own preconditions.
type bucket struct {
	b    *blob.Bucket
	name string
}

func (b bucket) Create(ctx context.Context, key string, r io.Reader) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := b.b.Upload(ctx, key, r, &blob.WriterOptions{IfNotExist: true, ContentType: "application/octet-stream"})
	if gcerrors.Code(err) == gcerrors.FailedPrecondition {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("write %s to %s: %w", key, b.name, err)
	}
	return true, nil
}

func (b bucket) Keys(ctx context.Context, prefix string) (keys []string, err error) {
	for list := b.b.List(&blob.ListOptions{Prefix: prefix}); ; {
		o, err := list.Next(ctx)
		if errors.Is(err, io.EOF) {
			return keys, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list %s in %s: %w", prefix, b.name, err)
		}
		keys = append(keys, o.Key)
	}
}

func (b bucket) Read(ctx context.Context, key string) ([]byte, error) {
	data, err := b.b.ReadAll(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read %s from %s: %w", key, b.name, err)
	}
	return data, nil
}

func (b bucket) Close() error { return b.b.Close() }
