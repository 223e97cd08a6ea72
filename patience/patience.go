// Package patience ends what has stopped moving. A network step that may take
// long, but not stand still, is watched by the bytes that come: every one of them
// begins the wait anew. It imports nothing of this module.
package patience

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// ErrStalled is wrapped by the error of a step that was ended because nothing
// had happened for as long as it was given.
var ErrStalled = errors.New("no answer")

// Watch is one step. It must be ended.
type Watch struct {
	ctx    context.Context // ends when the step has stood still
	cancel context.CancelCauseFunc
	timer  *time.Timer
	limit  time.Duration
}

// Begin watches a step that may stand still for limit.
func Begin(ctx context.Context, limit time.Duration) *Watch {
	w := &Watch{limit: limit}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(limit, func() { w.cancel(fmt.Errorf("%w for %s", ErrStalled, limit)) })
	return w
}

// Context is what the step must be done with.
func (w *Watch) Context() context.Context { return w.ctx }

// Moved begins the wait anew.
func (w *Watch) Moved() { w.timer.Reset(w.limit) }

// End gives back the timer. It returns err, or, where the step stood still, an
// error that says so and wraps ErrStalled instead of a context's error that
// nobody cancelled.
func (w *Watch) End(err error) error {
	w.timer.Stop()
	if cause := context.Cause(w.ctx); err != nil && errors.Is(cause, ErrStalled) {
		err = cause
	}
	w.cancel(nil)
	return err
}

// Reader returns r with every byte of it counted as a move.
func (w *Watch) Reader(r io.Reader) io.Reader { return moving{r, w} }

type moving struct {
	r io.Reader
	w *Watch
}

func (m moving) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if n > 0 {
		m.w.Moved()
	}
	return n, err
}

// Open opens a stream that may stay open between two reads, but within opening
// and within each read stand still for no longer than limit. The stream keeps
// ctx's values, not its end.
func Open(ctx context.Context, limit time.Duration, open func(context.Context) (io.ReadCloser, error)) (io.ReadCloser, error) {
	s := &stream{limit: limit}
	s.ctx, s.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { s.cancel(ctx.Err()) })
	err := s.timed(func() (err error) {
		s.body, err = open(s.ctx)
		return err
	})
	stop()
	if err != nil {
		s.cancel(nil)
		return nil, err
	}
	return s, nil
}

type stream struct {
	ctx    context.Context // of the body's whole life
	cancel context.CancelCauseFunc
	limit  time.Duration
	body   io.ReadCloser
}

func (s *stream) timed(do func() error) error {
	t := time.AfterFunc(s.limit, func() { s.cancel(fmt.Errorf("%w for %s", ErrStalled, s.limit)) })
	defer t.Stop()
	err := do()
	if cause := context.Cause(s.ctx); err != nil && !errors.Is(err, io.EOF) && cause != nil {
		err = cause
	}
	return err
}

func (s *stream) Read(p []byte) (n int, err error) {
	err = s.timed(func() error {
		n, err = s.body.Read(p)
		return err
	})
	return n, err
}

func (s *stream) Close() error {
	defer s.cancel(nil)
	return s.body.Close()
}
