package pipeline

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// diary notes when runs began and ended.
type diary struct {
	mu    sync.Mutex
	began []time.Time
	errs  []error
}

func (d *diary) report(r Report, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.began, d.errs = append(d.began, r.Started), append(d.errs, err)
}

// scheduled is a job whose every run reads one page, for as long as takes.
func scheduled(expression string, takes time.Duration, zone *time.Location) Job {
	w := wallet(memory.DefaultAllocator, "a")
	w.perPage = 1000
	w.before = func(ctx context.Context, _ schemas.Window, _ time.Time) error {
		select {
		case <-time.After(takes):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	j := job(newStore(), epoch, w)
	j.Now, j.Limits.BatchWait = time.Now, 0
	j.Spec.Start, j.Spec.Zone, j.Spec.Lookback = time.Now(), zone, 0
	j.Spec.Step = Step{Days: 1000}
	j.Spec.Start = time.Now().Add(-time.Hour)
	j.Spec.Schedule = expression
	return j
}

func TestScheduleRunsAtOnceAndThenByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it is midnight UTC, 1 January 2000
		ctx, cancel := context.WithTimeout(t.Context(), 49*time.Hour)
		defer cancel()
		d := &diary{}
		baku := zone(t, "Asia/Baku") // +4 in January
		if err := Schedule(ctx, []Job{scheduled("30 3 * * *", time.Minute, baku)}, time.Minute, nil, d.report); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, b := range d.began {
			got = append(got, b.UTC().Format("02T15:04"))
		}
		if s := strings.Join(got, " "); s != "01T00:00 01T23:30 02T23:30" {
			t.Error(s)
		}
	})
}

func TestScheduleNeverOverlapsItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 59*time.Minute)
		defer cancel()
		slow, quick := &diary{}, &diary{}
		split := func(r Report, err error) {
			if r.Pipeline == "slow" {
				slow.report(r, err)
				return
			}
			quick.report(r, err)
		}
		a, b := scheduled("*/5 * * * *", 12*time.Minute, time.UTC), scheduled("*/5 * * * *", time.Second, time.UTC)
		a.Spec.Name, b.Spec.Name = "slow", "quick"
		if err := Schedule(ctx, []Job{a, b}, time.Minute, nil, split); err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(slow.began); i++ {
			if gap := slow.began[i].Sub(slow.began[i-1]); gap < 12*time.Minute {
				t.Errorf("the next run began after %s", gap)
			}
		}
		// the first right away, then the five minutes after each end: 15, 30, 45
		if len(slow.began) != 4 || len(quick.began) != 12 {
			t.Errorf("%d and %d runs", len(slow.began), len(quick.began))
		}
	})
}

func TestScheduleStopsGracefully(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Minute+10*time.Second)
		defer cancel()
		d := &diary{}
		j := scheduled("*/7 * * * *", 30*time.Second, time.UTC)
		if err := Schedule(ctx, []Job{j}, time.Minute, nil, d.report); err != nil {
			t.Fatal(err)
		}
		if len(d.errs) != 2 || d.errs[0] != nil || !errors.Is(d.errs[1], context.DeadlineExceeded) {
			t.Error(d.errs)
		}
		late, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		stubborn := scheduled("* * * * *", 0, time.UTC)
		stubborn.Streams[0].(*hours).before = func(context.Context, schemas.Window, time.Time) error {
			time.Sleep(time.Hour)
			return nil
		}
		began := time.Now()
		if err := Schedule(late, []Job{stubborn}, time.Minute, nil, nil); err == nil || time.Since(began) != 70*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		time.Sleep(2 * time.Hour) // let it end
	})
}

func TestScheduleSurvivesBusyAndPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Second)
		defer cancel()
		d, calls := &diary{}, 0
		j := scheduled("* * * * *", 0, time.UTC)
		j.Lease = func(context.Context, string) (func(), error) {
			if calls++; calls == 2 {
				panic("the second run")
			}
			return nil, sinks.ErrBusy
		}
		if err := Schedule(ctx, []Job{j}, time.Minute, nil, d.report); err != nil {
			t.Fatal(err)
		}
		if calls != 3 || len(d.errs) != 2 || !errors.Is(d.errs[1], sinks.ErrBusy) {
			t.Errorf("%d calls, %v", calls, d.errs)
		}
	})
}

func TestScheduleLeavesUnscheduledJobsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		d := &diary{}
		if err := Schedule(ctx, []Job{scheduled("", 0, time.UTC)}, time.Minute, nil, d.report); err != nil || len(d.errs) != 0 {
			t.Error(err, d.errs)
		}
	})
	for _, expression := range []string{"* * * *", "61 * * * *", "soon", "* * * * * *"} {
		err := Schedule(t.Context(), []Job{scheduled(expression, 0, time.UTC)}, 0, nil, nil)
		if err == nil || !strings.Contains(err.Error(), "ledger") || !strings.Contains(err.Error(), "*/5") {
			t.Errorf("%q: %v", expression, err)
		}
	}
	if s, err := ParseSchedule("CRON_TZ=UTC 0 3 * * *", zone(t, "Asia/Baku")); err != nil || s.Next(epoch).Hour() != 3 {
		t.Error(err)
	}
}
