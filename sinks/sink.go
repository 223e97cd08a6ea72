// Package sinks says where batches land: the contract that the lake keeps and
// that followers build on. Implementations live in the children; this package
// never imports them, and it knows nothing of sources.
package sinks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/paylake/paylake/schemas"
)

// Part is one whole window of one stream, read to its end (or, for the window
// that contains now, up to now).
type Part struct {
	Stream schemas.Stream
	Window schemas.Window // what was read; zero for a catalogue
	// Final says that the window ended before it was read: it completes
	// [From, To). False for the window that contains now.
	Final bool
	// Past says that the window lies before the look-back: a balance chain
	// that does not close is broken, not just open.
	Past      bool
	Rows      *Spool // owned by whoever holds the Part
	Rejects   []schemas.Reject
	Unknown   map[string]int64
	ConsentID string
	// File is what the rows were read from; nil for upstreams that are no files.
	// When it replaces a stretch of time, rows of the stream in it that this part
	// does not hold are withdrawn.
	File *schemas.File
	// Hint says that the rows come from a notice: they move rows of tables with
	// a Progress forward, and what is read later has the last word.
	Hint bool
	// Asked says that a person named these days: other windows that the plan owed
	// may not have been read before.
	Asked bool
	// Resolves are the ids of rejected rows that came in after all: the part's rows,
	// or rows that the sink shows already. Such a part says nothing about rows that
	// it does not hold. A sink without a quarantine ignores it.
	Resolves []string
}

// Release gives back the part's rows.
func (p *Part) Release() {
	if p.Rows != nil {
		p.Rows.Release()
		p.Rows = nil
	}
}

// Batch is the unit of delivery: parts in the order of the plan.
type Batch struct{ Parts []Part }

// ID is a function of what the batch is: its streams and windows, in order.
func (b Batch) ID() string {
	h := sha256.New()
	for _, p := range b.Parts {
		fmt.Fprintf(h, "%s %s %t\n", p.Stream, p.Window, p.Final)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Rows counts the rows read in all parts.
func (b Batch) Rows() int64 {
	var n int64
	for _, p := range b.Parts {
		n += p.Rows.Len()
	}
	return n
}

// Receipt says what a commit changed.
type Receipt struct {
	Sequence    int64 // the manifest; 0 when nothing had changed and nothing was committed
	Read        int64 // rows offered, and rows that a catalogue no longer lists
	Inserted    int64 // new rows, revisions included
	Retracted   int64 // rows withdrawn, in favour of a revision or without one
	Withdrawn   int64 // of Retracted, those without one: a corrected file states them no more
	Duplicates  int64 // rows the sink had already
	Quarantined int64 // rejects not seen before
	Bytes       int64 // stored
	Chains      []Chain
}

// ChainState is the verdict on a window's balance chain.
type ChainState string

const (
	ChainNone   ChainState = "none"   // no balances to check
	ChainClosed ChainState = "closed" // every balance follows from the one before
	ChainOpen   ChainState = "open"   // does not close yet; rows may still come
	ChainBroken ChainState = "broken" // does not close beyond the look-back: a finding
)

// Chain is the verdict on one part's balance chain.
type Chain struct {
	Stream string
	Window schemas.Window
	State  ChainState
	Breaks []Break
}

// Break is a place where a balance does not follow from the one before.
type Break struct {
	After   string    `json:"after"`         // entry before the break; empty at the window's start
	Before  string    `json:"before"`        // entry after the break
	From    time.Time `json:"from"`          // time of After, or of the last balance known before the window
	To      time.Time `json:"to"`            // time of Before
	Missing int64     `json:"missing_minor"` // what rows in between would have to add up to
}

// Done is what the sink holds of one stream, merged: its size does not grow
// with the number of runs.
type Done struct {
	Complete []schemas.Window // disjoint, ascending: completed spans
	Owed     []schemas.Window // spans of open or broken chains, to be read again
	Rows     int64            // visible rows
	LastRead time.Time        // created_at of the newest manifest with a part of the stream
	// Reached is created_at of the newest manifest with the newest window that the
	// plan had owed: all that was owed before that window had been read by then.
	// Notices and days that were asked for do not count. Zero: not known.
	Reached time.Time
	// Files are the files that the stream was read from, by name, as they were
	// committed last. Its size follows the number of files, not of runs.
	Files map[string]schemas.File
}

// Sink stores batches and knows what is complete.
type Sink interface {
	// Commit makes the batch visible in one step: after it every part is
	// there, or none. It owns the parts' rows and releases them, also when it
	// fails. The same batch twice leaves one copy: rows that the sink holds
	// already are counted as duplicates, changed ones become revisions. A part
	// of a table that retires (schemas.Table) states its stream whole: rows of the
	// stream that it lacks become revisions of status retired, unless it is a
	// file, has rejects, or is empty and belongs to no wallet. An error leaves either nothing or the whole batch visible; committing it
	// again is always safe.
	Commit(ctx context.Context, b Batch) (Receipt, error)
	// Done reports what is complete for a stream. It is derived from what was
	// committed, so data and progress cannot disagree.
	Done(ctx context.Context, s schemas.Stream) (Done, error)
}

// Standing is what a sink shows of a row's key.
type Standing int

const (
	Absent Standing = iota // nothing
	Same                   // the row as it is
	Other                  // another row
)

// Comparer is a Sink that can say what it shows before anything is committed.
type Comparer interface {
	// Compare returns the standing of every row of rows, which are of s.
	Compare(ctx context.Context, s schemas.Stream, rows arrow.Record) ([]Standing, error)
}

// Position is how far a follower has come.
type Position struct {
	Applied int64 // last manifest applied
	Head    int64 // last manifest committed
}

// Lag is the number of manifests that the follower still has to apply.
func (p Position) Lag() int64 { return p.Head - p.Applied }

// Follower is a store that catches up from the lake's manifests, in order. It
// can be deleted and rebuilt from them at any time.
type Follower interface {
	// Name is stable: it appears in status and logs.
	Name() string
	// Follow applies every manifest that it has not applied yet and returns
	// how far it came. Calling it again is always safe, also after a crash at
	// any moment; with nothing new it is cheap.
	Follow(ctx context.Context) (Position, error)
}

// Errors of sinks that a caller can act on.
var (
	// ErrNewer is returned for a lake that was written by a newer version.
	ErrNewer = errors.New("written by a newer version of paylake; install that version")
	// ErrUnavailable is returned when a store is out of reach; the lake goes on.
	ErrUnavailable = errors.New("out of reach")
	// ErrBusy is returned when another process holds what can have one holder only.
	ErrBusy = errors.New("somebody else is running")
	// ErrCorrupt is returned when stored bytes are not what was committed.
	ErrCorrupt = errors.New("stored bytes are not what was committed; run paylake verify")
)
