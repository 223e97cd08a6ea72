package csv

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"strconv"
	"strings"
	"sync"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

// pageRows is the number of records in one page.
const pageRows = 8192

// file is one file, or one correction with the files that share its days, as a
// source: their rows in the order of the file.
type file struct {
	shelf *Shelf
	info  schemas.File
	also  []string // files whose rows within info.Replaces count, too

	mu     sync.Mutex
	parked *reading // where the last sequence was left
}

var _ sources.Source = (*file)(nil)

func (f *file) Stream() sources.Stream { return f.shelf.Stream() }

// reading is a place in a file: everything that the next page depends on.
type reading struct {
	f      *file
	at     int // which of the files
	body   io.Closer
	sum    hash.Hash
	scan   *scanner
	rows   *rowReader
	batch  *batch
	counts tally // of rows without id: equal ones; of rows with: content by key
	stated tally // counts of the corrected file itself, which overrules the others
	odd    map[string]int
	last   uint64 // content of the last row without an id
	info   schemas.File
	cursor sources.Cursor
}

// Pages implements sources.Source. A zero window is the whole file.
func (f *file) Pages(ctx context.Context, w sources.Window, from sources.Cursor) iter.Seq2[sources.Page, error] {
	return func(yield func(sources.Page, error) bool) {
		if from == sources.End {
			return
		}
		r, err := f.resume(ctx, w, from)
		if err != nil {
			yield(sources.Page{}, err)
			return
		}
		for r.cursor != sources.End {
			page, err := r.page(ctx, w)
			if err != nil {
				r.close()
				yield(sources.Page{}, err)
				return
			}
			if !yield(page, nil) {
				f.park(r)
				return
			}
		}
		r.close()
	}
}

// resume continues where the last sequence stopped, or reads up to there again.
func (f *file) resume(ctx context.Context, w sources.Window, from sources.Cursor) (*reading, error) {
	f.mu.Lock()
	r := f.parked
	if r != nil && from != "" && r.cursor == from {
		f.parked = nil
		f.mu.Unlock()
		return r, nil
	}
	f.mu.Unlock()
	r = &reading{f: f, info: f.info, odd: map[string]int{}}
	if err := r.open(ctx); err != nil {
		r.close()
		return nil, err
	}
	for from != "" && r.cursor != from {
		if r.cursor == sources.End {
			r.close()
			return nil, sources.Errorf(sources.ErrTransient, "%s has changed while it was read", f.info.Name)
		}
		page, err := r.page(ctx, w)
		if err != nil {
			r.close()
			return nil, err
		}
		page.Rows.Release()
	}
	return r, nil
}

// park keeps an unfinished reading for the page after it. Nothing is open
// between two calls but the file itself, and only until the shelf is read again.
func (f *file) park(r *reading) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.parked != nil {
		f.parked.close()
	}
	if r.cursor == sources.End {
		r.close()
		r = nil
	}
	f.parked = r
}

func (f *file) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.parked != nil {
		f.parked.close()
		f.parked = nil
	}
}

func (r *reading) close() {
	if r.body != nil {
		r.body.Close()
		r.body = nil
	}
	if r.batch != nil {
		r.batch.b.Release()
		r.batch = nil
	}
}

// name is the file that is being read.
func (r *reading) name() string {
	if r.at == 0 {
		return r.f.info.Name
	}
	return r.f.also[r.at-1]
}

// open begins the file at r.at: heading, delimiter and encoding.
func (r *reading) open(ctx context.Context) error {
	c := &r.f.shelf.config
	body, err := r.f.shelf.open(ctx, r.name())
	if err != nil {
		return err
	}
	if r.body != nil {
		r.body.Close()
	}
	r.body, r.sum = body, sha256.New()
	stream := &hashing{r: body, sum: r.sum}
	sample := make([]byte, sniffed)
	n, err := io.ReadFull(stream, sample)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return r.broken(err)
	}
	h, err := readHead(c.Mapping, r.f.shelf.table, sample[:n])
	if err != nil {
		return fmt.Errorf("%s: %w", r.name(), err)
	}
	rest := io.MultiReader(strings.NewReader(string(sample[h.end:n])), stream)
	r.scan, r.rows = newScanner(rest, h.delim), newRowReader(c, r.f.shelf.table, h)
	r.scan.lines, r.scan.offset = h.lines, h.end
	if r.at == 1 {
		r.stated = r.counts
	}
	r.counts = tally{}
	if r.batch == nil {
		r.batch = newBatch(c.Allocator, r.f.shelf.schema)
	}
	return nil
}

type hashing struct {
	r   io.Reader
	sum hash.Hash
}

func (h *hashing) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	h.sum.Write(p[:n])
	return n, err
}

func (r *reading) broken(err error) error {
	return sources.Errorf(sources.ErrTransient, "read %s: %w", r.name(), err)
}

// page reads up to pageRows records.
func (r *reading) page(ctx context.Context, w sources.Window) (sources.Page, error) {
	page := sources.Page{}
	if err := ctx.Err(); err != nil {
		return page, err
	}
	c := &r.f.shelf.config
	within := c.window(w)
	if r.at > 0 {
		within = r.f.info.Replaces
	}
	for range pageRows {
		err := r.scan.next()
		if errors.Is(err, io.EOF) {
			if err := r.finish(ctx); err != nil {
				return page, err
			}
			break
		}
		if err != nil {
			return page, r.broken(err)
		}
		r.record(&page, within)
	}
	if r.cursor != sources.End {
		r.cursor = sources.Cursor(strconv.Itoa(r.at) + ":" + strconv.FormatInt(r.scan.offset, 10))
	}
	page.Next = r.cursor
	page.Rows = r.batch.record()
	if r.cursor != sources.End {
		r.batch.b.Reserve(pageRows)
	}
	info := r.info
	page.File = &info
	return page, nil
}

// finish ends the file at r.at: the next one follows, or the last page is due.
func (r *reading) finish(ctx context.Context) error {
	if r.at == 0 {
		version := hex.EncodeToString(r.sum.Sum(nil)) + "-" + r.f.shelf.digest
		if r.info.Version != "" && r.info.Version != version {
			return sources.Errorf(sources.ErrTransient, "%s has changed while it was read", r.name())
		}
		r.info.Version = version
	}
	if r.at == len(r.f.also) {
		r.info.Last = true
		r.cursor = sources.End
		return nil
	}
	r.at++
	return r.open(ctx)
}
