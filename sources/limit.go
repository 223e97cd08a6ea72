package sources

import (
	"context"
	"fmt"
	"iter"

	"golang.org/x/time/rate"
)

// Limit returns a Source that takes one token of l before each page is asked
// for. One limiter may be shared by many sources. No token is taken after a
// page whose Next is End.
func Limit(src Source, l *rate.Limiter) Source { return &limited{src: src, limiter: l} }

type limited struct {
	src     Source
	limiter *rate.Limiter
}

func (l *limited) Stream() Stream { return l.src.Stream() }

func (l *limited) Pages(ctx context.Context, w Window, from Cursor) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		if from == End {
			return
		}
		if err := l.wait(ctx); err != nil {
			yield(Page{}, err)
			return
		}
		for page, err := range l.src.Pages(ctx, w, from) {
			last := err != nil || page.Next == End
			if !yield(page, err) || err != nil {
				return
			}
			if last {
				continue
			}
			if err := l.wait(ctx); err != nil {
				yield(Page{}, err)
				return
			}
		}
	}
}

// wait turns the limiter's refusal to wait beyond a deadline into the
// context's own error, which callers know.
func (l *limited) wait(ctx context.Context) error {
	err := l.limiter.Wait(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case l.limiter.Burst() < 1:
		return fmt.Errorf("rate limit of %s: a burst of at least one is needed: %w", l.src.Stream(), err)
	default:
		return fmt.Errorf("rate limit of %s: %w", l.src.Stream(), context.DeadlineExceeded)
	}
}
