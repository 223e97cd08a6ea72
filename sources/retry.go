package sources

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"
)

// RetryPolicy says how often and how patiently a Source is asked again. The
// zero value is sensible: 8 attempts without progress, a few minutes in total.
type RetryPolicy struct {
	Attempts int           // attempts without progress before giving up, the first one included; 8 when 0
	Base     time.Duration // wait before the second attempt, doubled each time; 500 ms when 0
	Cap      time.Duration // longest wait, also when Retry-After asks for more; 30 s when 0
	Floor    time.Duration // shortest wait, also when Retry-After asks for less; 200 ms when 0
	// Sleep waits for d or until ctx is done, whose error it then returns.
	Sleep func(ctx context.Context, d time.Duration) error
	// Jitter returns a number in [0, 1): what spreads many readers over time.
	Jitter func() float64
}

func (r RetryPolicy) withDefaults() RetryPolicy {
	if r.Attempts <= 0 {
		r.Attempts = 8
	}
	if r.Base <= 0 {
		r.Base = 500 * time.Millisecond
	}
	if r.Cap <= 0 {
		r.Cap = 30 * time.Second
	}
	if r.Floor <= 0 {
		r.Floor = 200 * time.Millisecond
	}
	if r.Sleep == nil {
		r.Sleep = Sleep
	}
	if r.Jitter == nil {
		r.Jitter = rand.Float64
	}
	return r
}

// wait is the pause after the given number of failures in a row (1, 2, …).
// What Retry-After asks for is the least that is waited, within floor and cap;
// jitter comes on top of it, and halves the doubling wait otherwise.
func (r RetryPolicy) wait(failures int, after time.Duration) time.Duration {
	d := r.Base
	for range min(failures-1, 30) {
		if d *= 2; d >= r.Cap {
			break
		}
	}
	d = min(d, r.Cap)
	d = d/2 + time.Duration(r.Jitter()*float64(d/2))
	if after > 0 {
		after = min(after, r.Cap)
		d = max(d, after+time.Duration(r.Jitter()*float64(min(after, 4*time.Second)/4)))
	}
	return max(d, r.Floor)
}

// Retry returns a Source that asks src again after ErrTransient, from the
// cursor of the last page it handed on: no page is missed, none comes twice.
// Every page resets the attempts. Other errors end the sequence at once.
func Retry(src Source, r RetryPolicy) Source {
	return &retrying{src: src, policy: r.withDefaults()}
}

type retrying struct {
	src    Source
	policy RetryPolicy
}

func (r *retrying) Stream() Stream { return r.src.Stream() }

func (r *retrying) Pages(ctx context.Context, w Window, from Cursor) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		for failures := 0; ; {
			err, stop := r.once(ctx, w, &from, &failures, yield)
			if stop || err == nil {
				return
			}
			if !errors.Is(err, ErrTransient) {
				yield(Page{}, err)
				return
			}
			if failures++; failures >= r.policy.Attempts {
				yield(Page{}, fmt.Errorf("gave up after %d attempts: %w", failures, err))
				return
			}
			if err := r.pause(ctx, failures, err); err != nil {
				yield(Page{}, err)
				return
			}
		}
	}
}

// once hands on pages until the sequence ends, the caller stops, or an error
// comes. from moves behind every page *before* it is handed on.
func (r *retrying) once(ctx context.Context, w Window, from *Cursor, failures *int,
	yield func(Page, error) bool) (err error, stop bool) {
	for page, err := range r.src.Pages(ctx, w, *from) {
		if err != nil {
			return err, false
		}
		*from, *failures = page.Next, 0
		if !yield(page, nil) {
			return nil, true
		}
	}
	return nil, false
}

func (r *retrying) pause(ctx context.Context, failures int, cause error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var t *Transient
	var after time.Duration
	if errors.As(cause, &t) {
		after = t.After
	}
	return r.policy.Sleep(ctx, r.policy.wait(failures, after))
}

// Sleep waits for d or until ctx is done, whose error it then returns.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
