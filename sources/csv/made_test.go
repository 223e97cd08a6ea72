package csv

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"
)

// made is a bucket of one file, f.csv, that is made while it is read and never
// lies anywhere.
type made struct {
	driver.Bucket
	size int64
	open func() io.Reader
}

func (m made) ListPaged(context.Context, *driver.ListOptions) (*driver.ListPage, error) {
	return &driver.ListPage{Objects: []*driver.ListObject{{Key: "f.csv", Size: m.size, ModTime: time.Unix(1, 0)}}}, nil
}

func (m made) NewRangeReader(ctx context.Context, _ string, _, _ int64, _ *driver.ReaderOptions) (driver.Reader, error) {
	return madeReader{ctx, m.open(), m.size}, nil
}

func (made) ErrorCode(error) gcerrors.ErrorCode { return gcerrors.Unknown }
func (made) ErrorAs(error, any) bool            { return false }
func (made) As(any) bool                        { return false }
func (made) Close() error                       { return nil }

type madeReader struct {
	ctx context.Context
	io.Reader
	size int64
}

func (r madeReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

func (madeReader) Close() error { return nil }
func (madeReader) As(any) bool  { return false }
func (r madeReader) Attributes() *driver.ReaderAttributes {
	return &driver.ReaderAttributes{Size: r.size}
}

// madeShelf is a shelf with that file.
func madeShelf(t testing.TB, size int64, open func() io.Reader) *Shelf {
	t.Helper()
	s, _ := shelfOf(t, plainBank(), nil)
	b := blob.NewBucket(made{size: size, open: open})
	t.Cleanup(func() { b.Close() })
	s.config.Bucket = b
	return s
}

// dripping gives a byte at a time, and sleeps before each.
type dripping struct {
	io.Reader
	every time.Duration
}

func (d dripping) Read(p []byte) (int, error) {
	time.Sleep(d.every)
	return d.Reader.Read(p[:min(1, len(p))])
}

var errLost = errors.New("the line went dead")

// failing ends with errLost.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errLost }

func lost(text string) io.Reader { return io.MultiReader(strings.NewReader(text), failing{}) }
