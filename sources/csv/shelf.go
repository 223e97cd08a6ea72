package csv

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // file://
	"gocloud.dev/gcerrors"

	"github.com/paylake/paylake/patience"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

// Config says where files lie and how they are read.
type Config struct {
	Name       string // of the source
	URL        string // gocloud.dev/blob URL; a path after the bucket is a prefix
	Mapping    Mapping
	Zone       *time.Location
	Start      time.Time // rows before it are left out; zero: none
	Pseudonyms *schemas.Pseudonymizer
	Now        func() time.Time
	Bucket     *blob.Bucket     // instead of URL; tests have one
	Allocator  memory.Allocator // nil: Arrow's
	// Wrap, if set, wraps the source of each file: a retry.
	Wrap func(sources.Source) sources.Source
	// Workers is how many goroutines decode one file; 0: as many as the process
	// may run at once, at most four. The rows are the same with any number.
	Workers int
	// Wait is how long the store of the files may stand still; 0: a minute.
	// Of a file that is read, 64 KiB must come in that time.
	Wait time.Duration
	// TempDir says where the rows of a file beyond the first million are told
	// apart, at 16 bytes each; nil: in the system's folder.
	TempDir func() string
}

func (c *Config) tempDir() string {
	if c.TempDir == nil {
		return ""
	}
	return c.TempDir()
}

// wait is Wait, or a minute.
func (c *Config) wait() time.Duration {
	if c.Wait > 0 {
		return c.Wait
	}
	return time.Minute
}

func (c *Config) workers() int {
	if c.Workers > 0 {
		return c.Workers
	}
	return min(runtime.GOMAXPROCS(0), 4)
}

// window is what a read of w means: rows before the start are never wanted.
func (c *Config) window(w sources.Window) sources.Window {
	if w.IsZero() && !c.Start.IsZero() {
		return sources.Window{From: c.Start, To: c.Start.AddDate(1000, 0, 0)}
	}
	return w
}

// Shelf is a folder or bucket of files that fill one table.
type Shelf struct {
	config Config
	table  *schemas.Table
	schema *arrow.Schema
	digest string  // of the mapping and what else decides how rows read
	units  []*file // of the last call of Files

	most       int // records in a page; tests have small ones
	remembered int // rows in memory; 0: as many as a tally likes
}

var _ sources.Shelf = (*Shelf)(nil)

// New checks the mapping. It opens nothing.
func New(c Config) (*Shelf, error) {
	if err := c.Mapping.Validate(); err != nil {
		return nil, fmt.Errorf("source %s: %w", c.Name, err)
	}
	t, _ := schemas.ByName(c.Mapping.Table)
	if c.Allocator == nil {
		c.Allocator = memory.DefaultAllocator
	}
	h := sha256.Sum256([]byte(c.Mapping.digest() + c.Zone.String() + c.Start.UTC().String()))
	return &Shelf{config: c, table: t, schema: t.ArrowSchema(), most: pageRows, digest: hex.EncodeToString(h[:6])}, nil
}

// Stream implements sources.Source.
func (s *Shelf) Stream() sources.Stream {
	return sources.Stream{Source: s.config.Name, Table: s.table}
}

// Pages implements sources.Source: every file, one after the other.
func (s *Shelf) Pages(ctx context.Context, w sources.Window, from sources.Cursor) iter.Seq2[sources.Page, error] {
	return func(yield func(sources.Page, error) bool) {
		name, rest, _ := strings.Cut(string(from), "\x00")
		if from == sources.End {
			return
		}
		list, err := s.List(ctx)
		if err != nil {
			yield(sources.Page{}, err)
			return
		}
		for i, l := range list {
			if l.Name < name {
				continue
			}
			at := sources.Cursor("")
			if l.Name == name {
				at = sources.Cursor(rest)
			}
			f := &file{shelf: s, info: l}
			stopped := false
			for page, err := range f.Pages(ctx, w, at) {
				if err == nil && (page.Next != sources.End || i < len(list)-1) {
					page.Next = sources.Cursor(l.Name) + "\x00" + page.Next
				}
				if stopped = !yield(page, err) || err != nil; stopped {
					break
				}
			}
			f.close() // after the loop, which parks the file when it is left
			if stopped {
				return
			}
		}
	}
}

// bucket opens the place of the files.
func (s *Shelf) bucket(ctx context.Context) (*blob.Bucket, func() error, error) {
	if s.config.Bucket != nil {
		return s.config.Bucket, func() error { return nil }, nil
	}
	b, err := blob.OpenBucket(ctx, prefixed(s.config.URL))
	if err != nil {
		return nil, nil, sources.Errorf(sources.ErrShape, "source %s: %s cannot be opened: %w; check its url", s.config.Name, s.config.URL, err)
	}
	return b, b.Close, nil
}

// prefixed turns the path of a bucket URL into the prefix that gocloud knows.
func prefixed(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "file" || strings.Trim(u.Path, "/") == "" {
		return text
	}
	q := u.Query()
	q.Set("prefix", strings.Trim(u.Path, "/")+"/")
	u.Path, u.RawQuery = "", q.Encode()
	return u.String()
}

// readable reports whether a name is one of a file of rows.
func readable(name string) bool {
	base := path.Base(name)
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "~") {
		return false
	}
	return slices.Contains([]string{".csv", ".tsv", ".txt"}, strings.ToLower(path.Ext(base)))
}

// List names the files, ascending, with size and time of change.
func (s *Shelf) List(ctx context.Context) ([]schemas.File, error) {
	return s.list(ctx, readable)
}

func (s *Shelf) list(ctx context.Context, wanted func(name string) bool) ([]schemas.File, error) {
	b, done, err := s.bucket(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = done() }() // only read from
	var out []schemas.File
	for it := b.List(nil); ; {
		watch := patience.Begin(ctx, s.config.wait())
		o, err := it.Next(watch.Context())
		err = watch.End(err)
		if errors.Is(err, io.EOF) {
			break
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			return nil, sources.Errorf(sources.ErrTransient, "source %s: list %s: %w", s.config.Name, s.config.URL, err)
		}
		if !o.IsDir && wanted(o.Key) {
			out = append(out, schemas.File{Name: o.Key, Bytes: o.Size, Modified: o.ModTime.UTC()})
		}
	}
	slices.SortFunc(out, func(a, b schemas.File) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// body closes the bucket with the file.
type body struct {
	io.ReadCloser
	done func() error
}

func (b body) Close() error { return errors.Join(b.ReadCloser.Close(), b.done()) }

func (s *Shelf) open(ctx context.Context, name string) (io.ReadCloser, error) {
	b, done, err := s.bucket(ctx)
	if err != nil {
		return nil, err
	}
	// A page may end while the file stays open for the next one.
	r, err := patience.Open(ctx, s.config.wait(), func(ctx context.Context) (io.ReadCloser, error) { return b.NewReader(ctx, name, nil) })
	if err != nil {
		kind := sources.ErrTransient
		if c := gcerrors.Code(err); c == gcerrors.NotFound || c == gcerrors.PermissionDenied {
			kind = sources.ErrShape
		}
		return nil, errors.Join(sources.Errorf(kind, "read %s: %w", name, err), done())
	}
	return body{&paced{ReadCloser: r, now: s.config.Now, limit: s.config.wait()}, done}, nil
}
