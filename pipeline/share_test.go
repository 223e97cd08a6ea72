package pipeline

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/pipeline/state/postgrestest"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// Two processes on one state database share the pipelines' work: at every hour
// each pipeline is run by one of them, and never by both at the same time.
func TestProcessesShareTheWork(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		shareTheWork(t, "sqlite://"+filepath.Join(t.TempDir(), "state.db"))
	})
	t.Run("postgres", func(t *testing.T) {
		server, stop, err := postgrestest.Start()
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		shareTheWork(t, postgrestest.NewDatabase(t, server))
	})
}

func shareTheWork(t *testing.T, url string) {
	const pipelines, hours = 5, 6
	var processes []*state.DB
	for range 2 {
		db, err := state.Open(t.Context(), state.Options{URL: url, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		processes = append(processes, db)
	}
	store := newStore()
	var runs [2]atomic.Int64
	for hour := range hours {
		var inside [pipelines]atomic.Int64
		var reads [pipelines]atomic.Int64
		var all sync.WaitGroup
		for p := range pipelines {
			for who, db := range processes {
				if hour%3 != 0 && hour%3 != who+1 {
					continue // down at this hour: the other one does it all
				}
				// The second process's clock is three seconds ahead.
				j := shared(fmt.Sprintf("p%d", p), db, store, epoch.Add(time.Duration(hour)*time.Hour+time.Duration(3*who)*time.Second), func() func() {
					if inside[p].Add(1) > 1 {
						t.Errorf("hour %d: p%d is read by both", hour, p)
					}
					reads[p].Add(1)
					return func() { inside[p].Add(-1) }
				})
				all.Go(func() {
					schedule, err := ParseSchedule(j.Spec.Schedule, nil)
					if err != nil {
						t.Error(err)
						return
					}
					if ours(t.Context(), j, schedule) {
						runs[who].Add(1)
						fire(t.Context(), j, func(_ Report, err error) {
							if err != nil {
								t.Errorf("hour %d, %s: %v", hour, j.Spec.Name, err)
							}
						})
					}
				})
			}
		}
		all.Wait()
		for p := range reads {
			if n := reads[p].Load(); n != 1 {
				t.Errorf("hour %d: p%d was read %d times", hour, p, n)
			}
		}
	}
	if n, m := runs[0].Load(), runs[1].Load(); n+m != pipelines*hours || n == 0 || m == 0 {
		t.Errorf("%d runs here, %d there", n, m)
	}
	// Runs that nobody scheduled are kept apart by the lease.
	release, err := processes[0].Lease(t.Context(), "pipeline/p0")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	j := shared("p0", processes[1], store, epoch, func() func() { t.Error("read while another process holds it"); return func() {} })
	if _, err := Run(t.Context(), j); !errors.Is(err, sinks.ErrBusy) {
		t.Errorf("got %v", err)
	}
}

// shared is a job of a process whose one window is read in a single page.
func shared(name string, db *state.DB, store sinks.Sink, now time.Time, enter func() (leave func())) Job {
	w := wallet(memory.DefaultAllocator, name)
	w.perPage = 1000
	w.before = func(context.Context, schemas.Window, time.Time) error {
		leave := enter()
		defer leave()
		time.Sleep(5 * time.Millisecond)
		return nil
	}
	j := job(store, epoch, w)
	j.Spec.Name, j.Spec.Schedule, j.Spec.Lookback = name, "0 * * * *", 0
	j.Spec.Start, j.Spec.Step = epoch.Add(-time.Hour), Step{Days: 1000}
	j.Now, j.Lease, j.Turn = at(now), db.Lease, db.Turn
	return j
}

// The start of a process reads what is owed whoever had the last turn, and a
// turn that nobody can give is taken.
func TestTurnsOfASchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 59*time.Minute)
		defer cancel()
		var asked []time.Time
		d := &diary{}
		j := scheduled("*/10 * * * *", time.Second, time.UTC)
		j.Turn = func(_ context.Context, _ string, hour time.Time) (bool, error) {
			asked = append(asked, hour)
			switch len(asked) {
			case 1:
				return true, nil
			case 2:
				return false, errors.New("out of reach")
			}
			return false, nil
		}
		if err := Schedule(ctx, []Job{j}, time.Minute, nil, d.report); err != nil {
			t.Fatal(err)
		}
		if len(asked) != 5 || len(d.began) != 3 || !asked[0].Equal(d.began[1].Truncate(10*time.Minute)) {
			t.Errorf("asked %v, began %v", asked, d.began)
		}
	})
}
