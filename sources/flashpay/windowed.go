package flashpay

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

// windowed is the Source of a list that is asked for by intervals. The platform
// filters by the time of last update, which rows do not carry: the window bounds
// the request, and a row's own times may lie anywhere before its end.
// Overlapping reads and keys do the rest.
type windowed struct {
	u       *Upstream
	of      *endpoint
	table   *schemas.Table
	decoder func() rowDecoder
}

// rowDecoder turns the chosen rows of an answer into a Page without Next. Rows
// that cannot be read are Rejects; there is no other error.
type rowDecoder interface {
	decode(rows [][]byte, chosen []int, doubtful map[int]bool) sources.Page
	release()
}

// Operations is the project's list of operations.
func (u *Upstream) Operations() sources.Source {
	c, table := u.cfg, schemas.Operations.Keep(u.cfg.Keep["operations"]...)
	return &windowed{u, operationsGet, table, func() rowDecoder {
		return newDecoder(c.Name, c.ProjectID, table, c.Zone, c.Pseudonyms, u.mem)
	}}
}

func (s *windowed) Stream() sources.Stream {
	return sources.Stream{Source: s.u.cfg.Name, Table: s.table}
}

// Pages yields pages that hold rows not yet handed over. A window longer than
// 31 days is asked for in spans of 31 days: the platform throttles longer ones.
func (s *windowed) Pages(ctx context.Context, w sources.Window, from sources.Cursor) iter.Seq2[sources.Page, error] {
	return func(yield func(sources.Page, error) bool) {
		if from == sources.End {
			return
		}
		if !w.From.Before(w.To) {
			yield(sources.Page{}, fmt.Errorf("flashpay %s: %s have no window %s", s.u.cfg.Name, s.table.Name, w))
			return
		}
		r := &reader{u: s.u, of: s.of, dec: s.decoder()}
		defer r.dec.release()
		for _, span := range spans(w) {
			wk := r.start(span, from)
			if wk == nil {
				continue // read before the cursor was taken
			}
			if !r.read(ctx, span, wk, yield) {
				return
			}
		}
	}
}

// spans cuts a window into intervals that the platform answers at once.
func spans(w schemas.Window) []schemas.Window {
	var out []schemas.Window
	for from := w.From; from.Before(w.To); from = from.Add(maxSpan) {
		to := from.Add(maxSpan)
		if to.After(w.To) {
			to = w.To
		}
		out = append(out, schemas.Window{From: from, To: to})
	}
	return out
}

type reader struct {
	u   *Upstream
	of  *endpoint
	dec rowDecoder
}

// start returns the walk of a span: a new one, the one that the cursor goes on
// with, or nil for a span that lies before it.
func (r *reader) start(span schemas.Window, from sources.Cursor) *walk {
	at, wk, ok := resumeWalk(from, r.u.cfg.PageSize)
	switch {
	case !ok || at < span.From.Unix():
		return newWalk(r.u.cfg.PageSize)
	case at == span.From.Unix():
		return wk
	}
	return nil
}

// read walks one span and reports whether to go on with the next.
func (r *reader) read(ctx context.Context, span schemas.Window, wk *walk, yield func(sources.Page, error) bool) bool {
	asked := r.u.interval(span)
	for !wk.done {
		a, err := r.u.ask(ctx, r.of, asked, wk.offset, wk.limit)
		if err != nil {
			yield(sources.Page{}, err)
			return false
		}
		fresh, err := wk.take(a.marks)
		if errors.Is(err, errStuck) {
			err = sources.Errorf(sources.ErrShape, "flashpay %s: %s from %s to %s: %w", r.u.cfg.Name, r.of.path, asked.From, asked.To, err)
			yield(sources.Page{}, err)
			return false
		}
		if len(fresh) == 0 {
			continue
		}
		page := r.dec.decode(a.rows, fresh, a.doubtful)
		page.Next = wk.cursor(span.From.Unix())
		if !yield(page, nil) {
			return false
		}
	}
	return true
}
