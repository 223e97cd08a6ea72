package patience_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paylake/paylake/patience"
)

// A step that moves may take for ever; one that stands still ends, with an error
// of its own; one that its caller cancels ends with the caller's.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := patience.Begin(t.Context(), time.Minute)
		slow := w.Reader(strings.NewReader(strings.Repeat("x", 100)))
		for one := make([]byte, 1); ; {
			if _, err := slow.Read(one); errors.Is(err, io.EOF) {
				break
			}
			time.Sleep(59 * time.Second)
		}
		if err := w.Context().Err(); err != nil {
			t.Errorf("a step that moved was ended: %v", err)
		}
		began := time.Now()
		<-w.Context().Done()
		if err := w.End(w.Context().Err()); !errors.Is(err, patience.ErrStalled) || errors.Is(err, context.Canceled) || time.Since(began) > time.Minute {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	w := patience.Begin(ctx, time.Hour)
	cancel()
	if err := w.End(w.Context().Err()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	w = patience.Begin(t.Context(), time.Hour)
	if err := w.End(nil); err != nil || !errors.Is(w.Context().Err(), context.Canceled) {
		t.Error(err, w.Context().Err())
	}
}

// A stream may rest between two reads for as long as its reader likes; a read
// that stands still ends.
func TestOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := patience.Open(ctx, time.Minute, func(ctx context.Context) (io.ReadCloser, error) {
			return &standing{ctx: ctx, left: 2}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		cancel() // a page has ended, the file stays open
		one := make([]byte, 1)
		for range 2 {
			time.Sleep(time.Hour)
			if _, err := r.Read(one); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		if _, err := r.Read(one); !errors.Is(err, patience.ErrStalled) || time.Since(began) > time.Minute {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if _, err := patience.Open(t.Context(), time.Minute, func(ctx context.Context) (io.ReadCloser, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}); !errors.Is(err, patience.ErrStalled) {
			t.Error(err)
		}
	})
}

// standing gives some bytes, then none until its context ends.
type standing struct {
	ctx  context.Context
	left int
}

func (s *standing) Read(p []byte) (int, error) {
	if s.left--; s.left < 0 {
		<-s.ctx.Done()
		return 0, s.ctx.Err()
	}
	return len(p), nil
}

func (s *standing) Close() error { return nil }
