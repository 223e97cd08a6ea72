package lake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/paylake/paylake/fault"
	"github.com/paylake/paylake/sinks"
)

// fileBucket is a folder. It does not use gocloud's fileblob, whose IfNotExist
// lets two writers win and which never calls fsync.
type fileBucket struct {
	root    string
	publish func(temp, final string) error // errTaken if final exists
	// nameless stores a file that has no name until it is whole: a crash leaves
	// nothing. errNameless where that cannot be had.
	nameless func(dir, final string, data []byte) error
}

func newFileBucket(root string, create bool) (*fileBucket, error) {
	if create {
		if err := os.MkdirAll(root, 0o755); err != nil {
			return nil, storageError("create lake", root, err)
		}
	}
	info, err := os.Stat(root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no lake at %s; run paylake run to create it, or correct the URL: %w", root, err)
	case err != nil:
		return nil, storageError("open lake", root, err)
	case !info.IsDir():
		return nil, fmt.Errorf("the lake %s is a file, not a folder", root)
	}
	return &fileBucket{root: root, publish: linkOrRename, nameless: createNameless}, nil
}

func (b *fileBucket) path(key string) string { return filepath.Join(b.root, filepath.FromSlash(key)) }

// Read implements bucket.
func (b *fileBucket) Read(_ context.Context, key string, off, n int64) ([]byte, error) {
	f, err := os.Open(b.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read %s: %w", b.path(key), errAbsent)
	}
	if err != nil {
		return nil, storageError("read", b.path(key), err)
	}
	defer f.Close()
	if n < 0 {
		info, err := f.Stat()
		if err != nil {
			return nil, storageError("read", b.path(key), err)
		}
		n = max(info.Size()-off, 0)
	}
	data := make([]byte, n)
	got, err := io.ReadFull(io.NewSectionReader(f, off, n), data)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, storageError("read", b.path(key), err)
	}
	return data[:got], nil
}

// errNameless is returned where files cannot be written without a name.
var errNameless = errors.New("no nameless files here")

// Create writes a file without a name (or a temporary one) in the same folder, makes its bytes durable,
// gives it its name in one step that fails when the name is taken, and makes
// the name durable. Leaving out either fsync could publish a manifest whose
// objects a power cut takes away.
func (b *fileBucket) Create(_ context.Context, key string, data []byte) error {
	final := b.path(key)
	if _, err := os.Lstat(final); err == nil {
		return fmt.Errorf("write %s: %w", final, errTaken)
	}
	dir := filepath.Dir(final)
	if err := b.makeDir(dir); err != nil {
		return err
	}
	err := b.nameless(dir, final, data)
	if errors.Is(err, errNameless) {
		err = b.named(dir, final, data)
	}
	if errors.Is(err, errTaken) {
		return fmt.Errorf("write %s: %w", final, errTaken)
	}
	if err != nil {
		return storageError("write", final, err)
	}
	fault.Point("file.named")
	return syncDir(dir)
}

// Replace implements bucket.
func (b *fileBucket) Replace(_ context.Context, key string, data []byte) error {
	final := b.path(key)
	dir := filepath.Dir(final)
	if err := b.makeDir(dir); err != nil {
		return err
	}
	f, release, err := sinks.TempBeside(final, 0o644)
	if err != nil {
		return storageError("write", final, err)
	}
	if err = writeDurably(f, data); err == nil {
		err = os.Rename(f.Name(), final)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	if err = errors.Join(err, release()); err != nil {
		return storageError("write", final, err)
	}
	return syncDir(dir)
}

// named goes by way of a temporary file.
func (b *fileBucket) named(dir, final string, data []byte) error {
	temp, err := writeTemp(dir, data)
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	return b.publish(temp, final)
}

func writeTemp(dir string, data []byte) (name string, err error) {
	f, err := os.CreateTemp(dir, sinks.TempPrefix+"*")
	if err != nil {
		return "", err
	}
	err = writeDurably(f, data)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

func writeDurably(f *os.File, data []byte) error {
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	fault.Point("file.written")
	return f.Sync()
}

// makeDir creates a folder and makes its name durable in its parent.
func (b *fileBucket) makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return storageError("create", dir, err)
	}
	fault.Point("file.folder")
	for d := dir; d != b.root && len(d) > len(b.root); d = filepath.Dir(d) {
		if err := syncDir(filepath.Dir(d)); err != nil {
			return err
		}
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return storageError("write", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return storageError("write", dir, err)
	}
	return nil
}

// List implements bucket. Temporary files are listed too: verify names them.
func (b *fileBucket) List(_ context.Context, prefix string) iter.Seq2[listed, error] {
	return func(yield func(listed, error) bool) {
		top := b.path(prefix[:strings.LastIndex(prefix, "/")+1])
		if _, err := os.Stat(top); errors.Is(err, fs.ErrNotExist) {
			return
		}
		err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			rel, _ := filepath.Rel(b.root, path)
			key := filepath.ToSlash(rel)
			if !strings.HasPrefix(key, prefix) {
				return nil
			}
			info, err := d.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil // a temporary file that has just gone
			}
			if err != nil {
				return err
			}
			if !yield(listed{key, info.Size()}, nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield(listed{}, storageError("list", b.root, err))
		}
	}
}

// Delete implements bucket.
func (b *fileBucket) Delete(_ context.Context, key string) error {
	if err := os.Remove(b.path(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return storageError("delete", b.path(key), err)
	}
	return nil
}
