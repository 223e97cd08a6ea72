package mpay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/paylake/paylake/sources"
)

// How many pages in a row may bring nothing new before the upstream is taken
// to be going round in circles.
const (
	maxStale = 8   // pages with rows that were all seen before
	maxEmpty = 100 // pages without rows
)

// reader is the Source of one stream: what a wallet has, or a catalogue.
type reader struct {
	u      *Upstream
	stream sources.Stream
	from   endpoint
}

func (r *reader) Stream() sources.Stream { return r.stream }

func (r *reader) Pages(ctx context.Context, w sources.Window, from sources.Cursor) iter.Seq2[sources.Page, error] {
	return func(yield func(sources.Page, error) bool) {
		if from == sources.End {
			return
		}
		run, err := r.open(w, from)
		if err != nil {
			yield(sources.Page{}, err)
			return
		}
		defer run.close()
		for run.next != sources.End {
			page, err := run.page(ctx)
			if err != nil {
				yield(sources.Page{}, run.where(ctx, err))
				return
			}
			if !yield(page, nil) {
				return
			}
		}
	}
}

// run is one pass over a window.
type run struct {
	r      *reader
	w      sources.Window
	next   sources.Cursor
	query  url.Values
	to     string // the last day asked for
	at     string // the upstream's cursor asked for
	dec    *decoder
	body   bytes.Buffer
	asked  map[xxh3.Uint128]bool // hashes of the upstream's cursors so far: it may send very many, and long ones
	stale  int
	empty  int
	access access
}

func (r *reader) open(w sources.Window, from sources.Cursor) (*run, error) {
	n := &run{r: r, w: w, next: from, query: url.Values{}, asked: map[xxh3.Uint128]bool{}}
	whole := r.stream.Table.Whole()
	if from != "" {
		to, at, ok := strings.Cut(string(from), "|")
		if !ok {
			return nil, n.wrap(sources.Errorf(sources.ErrShape, "the cursor is not one of this source"))
		}
		n.to, n.at = to, at
	} else if !whole {
		n.to = r.u.lastDay(w)
	}
	if r.from.shared {
		n.access = &anyWallet{u: r.u}
	} else {
		s, ok := r.u.wallets[r.stream.Wallet]
		if !ok {
			return nil, n.wrap(sources.Errorf(sources.ErrAuth, "the wallet is not configured"))
		}
		n.access = &oneWallet{s: s}
	}
	if !whole {
		n.query.Set("from", w.From.In(r.u.cfg.Zone).Format(time.DateOnly))
		n.query.Set("to", n.to)
	}
	n.dec = r.u.decoder(r.stream, w, n.to)
	return n, nil
}

func (n *run) close() { n.r.u.giveBack(n.r.stream, n.dec) }

// lastDay is the day to ask for as `to`, so that no row is missed whether the
// upstream includes that day or not: the day after the window's last one. Once
// a row has shown that the day is included, the window's last day is enough.
func (u *Upstream) lastDay(w sources.Window) string {
	last := w.To.Add(-time.Microsecond).In(u.cfg.Zone)
	if !u.inclusive.Load() {
		last = last.AddDate(0, 0, 1)
	}
	return last.Format(time.DateOnly)
}

// page asks for the next page until it is there or cannot be had.
func (n *run) page(ctx context.Context) (sources.Page, error) {
	if n.at != "" {
		n.query.Set("cursor", n.at)
	}
	n.asked[xxh3.HashString128(n.at)] = true
	what := n.r.from.what
	resp, err := n.access.ask(ctx, request{method: http.MethodGet, path: n.r.from.path, query: n.query, what: what, into: &n.body})
	if err != nil {
		return sources.Page{}, err
	}
	if resp.status != http.StatusOK {
		return sources.Page{}, n.r.u.refusal(resp, what)
	}
	a, err := n.r.from.decode(n.dec, resp.body)
	if err != nil {
		return sources.Page{}, sources.Errorf(sources.ErrShape, "the upstream's answer cannot be read: %s", strings.TrimPrefix(err.Error(), "page: "))
	}
	if a.rows == nil {
		return sources.Page{}, &sources.Transient{After: n.r.u.retryAfter(resp),
			Err: fmt.Errorf("%s: the upstream answered 200 with error %s", what, a.upstream)}
	}
	if err := n.advance(a); err != nil {
		a.rows.Release()
		return sources.Page{}, err
	}
	return sources.Page{Rows: a.rows, Rejects: a.rejects, Unknown: a.unknown, Outside: a.outside, Next: n.next}, nil
}

// advance moves to the page's cursor, unless that would go round in circles.
func (n *run) advance(a answer) error {
	if a.inclusive {
		n.r.u.inclusive.Store(true)
	}
	if a.next == "" {
		n.next = sources.End
		return nil
	}
	if n.asked[xxh3.HashString128(a.next)] {
		return sources.Errorf(sources.ErrShape, "the upstream repeated a cursor: its pages go round in circles")
	}
	switch {
	case a.fresh:
		n.stale, n.empty = 0, 0
	case a.any:
		n.stale++
	default:
		n.empty++
	}
	if n.stale >= maxStale || n.empty >= maxEmpty {
		return sources.Errorf(sources.ErrShape, "the upstream makes no progress: %d pages in a row brought no new row", n.stale+n.empty)
	}
	n.at, n.next = a.next, sources.Cursor(n.to+"|"+a.next)
	return nil
}

// where adds source, wallet and window to an error, and leaves the context's
// own error as it is.
func (n *run) where(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return err
	}
	return n.wrap(err)
}

func (n *run) wrap(err error) error {
	s := n.r.stream
	switch {
	case n.r.from.shared:
		return fmt.Errorf("mpay source %s, %s: %w", s.Source, s.Table.Name, err)
	case s.Table.Whole():
		return fmt.Errorf("mpay source %s, wallet %s, %s: %w", s.Source, s.Wallet, s.Table.Name, err)
	}
	return fmt.Errorf("mpay source %s, wallet %s, window %s: %w", s.Source, s.Wallet, n.w, err)
}

// decoder takes a decoder of the stream out of its pool and points it at w.
func (u *Upstream) decoder(s sources.Stream, w sources.Window, to string) *decoder {
	pool, _ := u.decoders.LoadOrStore(poolOf(s), &sync.Pool{})
	d, ok := pool.(*sync.Pool).Get().(*decoder)
	if !ok {
		d = u.newDecoder(s)
	}
	d.seen.reset()
	if l, ok := d.table.(windowRows); ok {
		l.window(w)
		// A row late on the day `to` is beyond every zone that an upstream with an
		// exclusive `to` could count its days in.
		if day, err := time.ParseInLocation(time.DateOnly, to, u.cfg.Zone); err == nil {
			l.proveAt(day.Add(15 * time.Hour).UnixMicro())
		}
	}
	return d
}

func (u *Upstream) giveBack(s sources.Stream, d *decoder) {
	d.body, d.out = nil, answer{}
	if pool, ok := u.decoders.Load(poolOf(s)); ok {
		pool.(*sync.Pool).Put(d)
	}
}

func (u *Upstream) newDecoder(s sources.Stream) *decoder {
	c := newColumns(s.Table, u.cfg.Allocator)
	return newDecoder(u.rowsOf(s, c), c)
}
