// Package sources says how pages come in: the contract that every upstream
// reader keeps, the errors a caller can act on, and the wrappers (Retry, Limit)
// that are Sources themselves. Implementations live in the children; this
// package never imports them.
package sources

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/paylake/paylake/schemas"
)

// Stream and Window are schemas' words; sources and sinks share them.
type (
	Stream = schemas.Stream
	Window = schemas.Window
)

// Cursor is a place inside a window, opaque to everyone but its source. The
// zero Cursor is the start.
type Cursor string

// Page is one upstream answer.
type Page struct {
	// Rows is a record in Stream().Table.ArrowSchema(), never nil, possibly
	// empty. The receiver owns it and must Release it.
	Rows arrow.Record
	// Rejects are the rows of the same answer that could not be read.
	Rejects []schemas.Reject
	// Unknown counts what is new to us: "field:<name>", "type:<value>",
	// "status:<value>", "category:<value>", "time_without_offset". May be nil.
	Unknown map[string]int64
	// Outside counts rows left out because they lie outside the window.
	Outside int
	// Next resumes after this page.
	Next Cursor
	// File says which file the page was read from, and how far; nil for
	// upstreams that are none.
	File *schemas.File
}

// Source reads one stream of one upstream API.
type Source interface {
	// Stream names what is read. It is stable: it appears in manifests,
	// leases and cursors.
	Stream() Stream
	// Pages yields the pages of w after from, in upstream order. Asking again
	// with the same w and from yields the same rows as long as the upstream
	// has not changed. The sequence ends after the first error; the last page
	// before it is whole and its Next resumes after it. Rows that carry the
	// window's time are inside w, whatever the upstream sent. A catalogue is
	// read with the zero Window. Breaking out of the loop stops every request.
	Pages(ctx context.Context, w Window, from Cursor) iter.Seq2[Page, error]
}

// Unit is one file of a Shelf, to be read by itself.
type Unit struct {
	Name   string
	Source Source
}

// Shelf is a Source whose stream lies in files. Each file is read by itself, so
// that one that cannot be read leaves the others alone.
type Shelf interface {
	Source
	// Files lists what is to be read, in the order of the names: files that are
	// not known, files whose content is not the known one, and with again all of
	// them. Known files that are gone change nothing.
	Files(ctx context.Context, known map[string]schemas.File, again bool) ([]Unit, error)
}

// What a caller can do about an error. Every error of a Source wraps one of
// them or the context's error.
var (
	ErrTransient = errors.New("try again")          // the upstream is unwell or out of reach
	ErrAuth      = errors.New("a person must act")  // login needed, key refused
	ErrShape     = errors.New("unreadable answer")  // not the protocol: body, paging or signature
	ErrConsent   = errors.New("no consent to read") // do not even ask
)

// Transient is an ErrTransient that may say when to try again.
type Transient struct {
	After time.Duration // what Retry-After asked for; 0 when it did not
	Err   error
}

func (t *Transient) Error() string { return t.Err.Error() }

// Unwrap makes errors.Is(err, ErrTransient) true and keeps the cause.
func (t *Transient) Unwrap() []error { return []error{ErrTransient, t.Err} }

// Errorf wraps one of the errors above with what happened, where, and, for a
// person, what to type next.
func Errorf(kind error, format string, args ...any) error {
	return fmt.Errorf("%w (%w)", fmt.Errorf(format, args...), kind)
}
