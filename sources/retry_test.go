package sources_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"golang.org/x/time/rate"
	"pgregory.net/rapid"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

// script is a source of pages 1..n; before a page is yielded, the errors
// planned for it come first, one per asking.
type script struct {
	pages  int
	errs   map[int][]error
	asked  []sources.Cursor
	served []time.Time
}

func (s *script) Stream() sources.Stream {
	return sources.Stream{Source: "script", Table: schemas.Providers}
}

func (s *script) Pages(ctx context.Context, _ sources.Window, from sources.Cursor) iter.Seq2[sources.Page, error] {
	return func(yield func(sources.Page, error) bool) {
		s.asked = append(s.asked, from)
		i := 0
		_, _ = fmt.Sscanf(string(from), "after %d", &i)
		for i++; i <= s.pages; i++ {
			if ctx.Err() != nil {
				yield(sources.Page{}, ctx.Err())
				return
			}
			s.served = append(s.served, time.Now())
			if left := s.errs[i]; len(left) > 0 {
				s.errs[i] = left[1:]
				yield(sources.Page{}, left[0])
				return
			}
			next := sources.Cursor(fmt.Sprint("after ", i))
			if i == s.pages {
				next = sources.End
			}
			if !yield(sources.Page{Rows: empty(), Next: next, Outside: i}, nil) {
				return
			}
		}
	}
}

func empty() arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schemas.Providers.ArrowSchema())
	defer b.Release()
	return b.NewRecord()
}

// read returns the pages that came, as numbers, and the error.
func read(ctx context.Context, src sources.Source) (got []int, err error) {
	for p, err := range src.Pages(ctx, sources.Window{}, "") {
		if err != nil {
			return got, err
		}
		got = append(got, p.Outside)
		p.Rows.Release()
	}
	return got, nil
}

var errDown = &sources.Transient{Err: errors.New("down")}

func after(d time.Duration) error { return &sources.Transient{After: d, Err: errors.New("slow down")} }

func repeat(err error, n int) []error {
	out := make([]error, n)
	for i := range out {
		out[i] = err
	}
	return out
}

func TestRetryResumesBehindTheLastPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{pages: 4, errs: map[int][]error{1: {errDown}, 3: {errDown, errDown}}}
		got, err := read(t.Context(), sources.Retry(s, sources.RetryPolicy{}))
		if err != nil || fmt.Sprint(got) != "[1 2 3 4]" {
			t.Fatalf("%v %v", got, err)
		}
		if fmt.Sprintf("%q", s.asked) != `["" "" "after 2" "after 2"]` {
			t.Errorf("asked %q", s.asked)
		}
	})
}

func TestRetryNeverDoublesAndNeverMisses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &script{pages: rapid.IntRange(1, 8).Draw(t, "pages"), errs: map[int][]error{}}
		for range rapid.IntRange(0, 10).Draw(t, "errors") {
			i := rapid.IntRange(1, s.pages).Draw(t, "before page")
			if len(s.errs[i]) < 7 {
				s.errs[i] = append(s.errs[i], errDown)
			}
		}
		got, err := read(context.Background(), sources.Retry(s, sources.RetryPolicy{Sleep: func(context.Context, time.Duration) error { return nil }}))
		if err != nil || len(got) != s.pages {
			t.Fatalf("%v %v", got, err)
		}
		for i, n := range got {
			if n != i+1 {
				t.Fatalf("pages %v", got)
			}
		}
	})
}

func TestRetryGivesUpWithinMinutes(t *testing.T) {
	for _, err := range []error{errDown, after(time.Hour)} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{pages: 1, errs: map[int][]error{1: repeat(err, 100)}}
			start := time.Now()
			_, got := read(t.Context(), sources.Retry(s, sources.RetryPolicy{}))
			if !errors.Is(got, sources.ErrTransient) || !strings.Contains(got.Error(), "gave up after 8 attempts") || len(s.asked) != 8 {
				t.Errorf("%d attempts: %v", len(s.asked), got)
			}
			if took := time.Since(start); took < 10*time.Second || took > 5*time.Minute {
				t.Errorf("%v: took %v", err, took)
			}
		})
	}
}

func TestProgressResetsTheAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{pages: 5, errs: map[int][]error{}}
		for i := 1; i <= 5; i++ {
			s.errs[i] = repeat(errDown, 2)
		}
		got, err := read(t.Context(), sources.Retry(s, sources.RetryPolicy{Attempts: 3}))
		if err != nil || len(got) != 5 {
			t.Errorf("%v %v", got, err)
		}
	})
}

func TestRetryAfterHasFloorAndCap(t *testing.T) {
	for _, c := range []struct{ ask, least, most time.Duration }{
		{0, 200 * time.Millisecond, time.Second},
		{time.Nanosecond, 200 * time.Millisecond, time.Second},
		{7 * time.Second, 7 * time.Second, 9 * time.Second},
		{time.Hour, 30 * time.Second, 32 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{pages: 1, errs: map[int][]error{1: {after(c.ask)}}}
			start := time.Now()
			if _, err := read(t.Context(), sources.Retry(s, sources.RetryPolicy{Base: time.Nanosecond})); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took < c.least || took > c.most {
				t.Errorf("Retry-After %v: waited %v", c.ask, took)
			}
		})
	}
}

func TestJitterSpreads(t *testing.T) {
	var waits [2][]time.Duration
	for i, j := range []float64{0, 0.999} {
		s := &script{pages: 1, errs: map[int][]error{1: {errDown, errDown, errDown, after(4 * time.Second)}}}
		_, _ = read(t.Context(), sources.Retry(s, sources.RetryPolicy{Base: time.Second, Jitter: func() float64 { return j },
			Sleep: func(_ context.Context, d time.Duration) error { waits[i] = append(waits[i], d); return nil }}))
	}
	for k := range waits[0] {
		if waits[1][k] <= waits[0][k] {
			t.Errorf("wait %d: %v without, %v with jitter", k, waits[0][k], waits[1][k])
		}
	}
	if len(waits[0]) != 4 || waits[0][2] != 2*waits[0][1] || waits[0][3] < 4*time.Second {
		t.Errorf("waits %v", waits[0])
	}
}

func TestOnlyTransientIsTriedAgain(t *testing.T) {
	for _, kind := range []error{sources.ErrAuth, sources.ErrShape, sources.ErrConsent, context.Canceled} {
		s := &script{pages: 2, errs: map[int][]error{2: {sources.Errorf(kind, "no")}}}
		got, err := read(t.Context(), sources.Retry(s, sources.RetryPolicy{}))
		if len(got) != 1 || !errors.Is(err, kind) || len(s.asked) != 1 {
			t.Errorf("%v: %v %v, asked %d times", kind, got, err, len(s.asked))
		}
	}
}

func TestCancelEndsAWaitAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &script{pages: 1, errs: map[int][]error{1: repeat(after(20*time.Second), 9)}}
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		_, err := read(ctx, sources.Retry(s, sources.RetryPolicy{}))
		if !errors.Is(err, context.Canceled) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestBreakingOutStops(t *testing.T) {
	s := &script{pages: 5}
	for p, err := range sources.Limit(sources.Retry(s, sources.RetryPolicy{}), rate.NewLimiter(rate.Inf, 1)).Pages(t.Context(), sources.Window{}, "") {
		if err != nil {
			t.Fatal(err)
		}
		p.Rows.Release()
		break
	}
	if len(s.served) != 1 {
		t.Errorf("%d pages were asked for", len(s.served))
	}
}

func TestLimitSpacesPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{pages: 4}
		l := rate.NewLimiter(rate.Every(time.Second), 1)
		start := time.Now()
		got, err := read(t.Context(), sources.Limit(s, l))
		if err != nil || len(got) != 4 {
			t.Fatal(got, err)
		}
		for i, at := range s.served {
			if at.Sub(start) < time.Duration(i)*time.Second {
				t.Errorf("page %d after %v", i+1, at.Sub(start))
			}
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("a token was spent after the last page: %v", took)
		}
		for _, err := range sources.Limit(s, l).Pages(t.Context(), sources.Window{}, sources.End) {
			t.Errorf("a page after the end (%v)", err)
		}
	})
}

func TestLimitHonoursTheContext(t *testing.T) {
	l := rate.NewLimiter(rate.Every(time.Hour), 1)
	l.Allow()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := read(ctx, sources.Limit(&script{pages: 1}, l)); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := read(ctx, sources.Limit(&script{pages: 1}, l)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
