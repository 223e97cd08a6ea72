package csv

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"strconv"
	"sync"

	"github.com/zeebo/xxh3"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

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
	f       *file
	window  sources.Window
	most    int // records in a page
	workers int
	at      int // which of the files
	body    io.Closer
	sum     hash.Hash
	scan    *scanner
	line    *line
	terms   *terms
	own     *rowReader // of who merges
	names   columnBuffer
	counts  tally // of rows without id: equal ones; of rows with: content by key
	stated  tally // counts of the corrected file itself, which overrules the others
	odd     map[xxh3.Uint128]int
	last    uint64 // content of the last row without an id
	info    schemas.File
	cursor  sources.Cursor

	widest        bool // first and latest are what info.Span says
	first, latest int64
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
		left := false
		defer func() { // also when the one who reads panics
			if left {
				f.park(r)
			} else {
				r.close()
			}
		}()
		for r.cursor != sources.End {
			page, err := r.page(ctx)
			if err != nil {
				yield(sources.Page{}, err)
				return
			}
			if left = !yield(page, nil); left {
				return
			}
		}
	}
}

func (f *file) reading(w sources.Window) *reading {
	return &reading{f: f, window: w, most: f.shelf.most, workers: f.shelf.config.workers(), info: f.info, odd: map[xxh3.Uint128]int{}, names: columnBuffer{text: true}}
}

// resume continues where the last sequence stopped, or reads up to there again.
func (f *file) resume(ctx context.Context, w sources.Window, from sources.Cursor) (*reading, error) {
	f.mu.Lock()
	r := f.parked
	if r != nil && from != "" && r.cursor == from && r.window == w {
		f.parked = nil
		f.mu.Unlock()
		return r, nil
	}
	f.mu.Unlock()
	r = f.reading(w)
	if err := r.open(ctx); err != nil {
		r.close()
		return nil, err
	}
	for from != "" && r.cursor != from {
		if r.cursor == sources.End {
			r.close()
			return nil, sources.Errorf(sources.ErrTransient, "%s has changed while it was read", f.info.Name)
		}
		page, err := r.page(ctx)
		if err != nil {
			r.close()
			return nil, err
		}
		page.Rows.Release()
	}
	return r, nil
}

// park keeps an unfinished reading for the page after it. Nothing is open
// between two calls but the file itself, and only until the shelf is read again;
// nobody works on it.
func (f *file) park(r *reading) {
	r.line.rest()
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
	if r.line != nil {
		r.line.close()
	}
	r.counts.close()
	r.stated.close()
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
	r.begin(h, io.MultiReader(bytes.NewReader(sample[h.end:n]), stream))
	return nil
}

// begin prepares for the rows under a heading.
func (r *reading) begin(h *head, rest io.Reader) {
	s := r.f.shelf
	c := &s.config
	r.scan = newScanner(rest, h.delim)
	r.scan.lines, r.scan.offset = h.lines, h.end
	r.terms = &terms{name: r.name(), within: c.window(r.window), mem: c.Allocator}
	for _, word := range c.Mapping.Ignore {
		r.terms.ignore = append(r.terms.ignore, []byte(word))
	}
	if r.at == 1 {
		r.stated, r.counts = r.counts, tally{}
	}
	if r.at > 0 {
		r.terms.within, r.terms.stated = r.f.info.Replaces, &r.stated
	}
	r.counts.close()
	r.counts = tally{dir: c.tempDir(), most: s.remembered}
	r.own = newRowReader(c, s.table, s.schema, h)
	readers := []*rowReader{r.own} // who merges decodes
	if r.workers > 1 {
		readers = readers[:0]
		for range r.workers {
			readers = append(readers, newRowReader(c, s.table, s.schema, h))
		}
	}
	r.line = newLine(r.scan, r.terms, r.most, readers)
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
func (r *reading) page(ctx context.Context) (sources.Page, error) {
	if err := ctx.Err(); err != nil {
		return sources.Page{}, err
	}
	b := r.line.next()
	defer r.line.back(b)
	if b.err != nil {
		return sources.Page{}, r.broken(b.err)
	}
	page, err := r.merge(b)
	if err != nil {
		return page, err
	}
	if b.eof {
		if err := r.finish(ctx); err != nil {
			page.Rows.Release()
			return sources.Page{}, err
		}
	}
	if r.cursor != sources.End {
		at := b.offset
		if b.eof { // of the next file
			at = r.scan.offset
		}
		r.cursor = sources.Cursor(strconv.Itoa(r.at) + ":" + strconv.FormatInt(at, 10))
	}
	page.Next = r.cursor
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
