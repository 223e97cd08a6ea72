package pipeline

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// behind is a follower that applies what the store holds, slowly.
type behind struct {
	name    string
	store   *store
	takes   time.Duration
	fail    func(call int) error
	calls   atomic.Int64
	running atomic.Int64
	applied atomic.Int64
}

func (b *behind) Name() string { return b.name }

func (b *behind) Follow(ctx context.Context) (sinks.Position, error) {
	if b.running.Add(1) > 1 {
		panic("two rounds at once")
	}
	defer b.running.Add(-1)
	call := int(b.calls.Add(1))
	b.store.mu.Lock()
	head := int64(len(b.store.batches))
	b.store.mu.Unlock()
	select {
	case <-time.After(b.takes):
	case <-ctx.Done():
		return sinks.Position{}, ctx.Err()
	}
	if b.fail != nil {
		if err := b.fail(call); err != nil {
			return sinks.Position{Applied: b.applied.Load(), Head: head}, err
		}
	}
	b.applied.Store(head)
	return sinks.Position{Applied: head, Head: head}, nil
}

// slowDays is a job of ten commits, a second apart.
func slowDays(t *testing.T, s *store, f *Followers) Job {
	w := wallet(checked(t), "a")
	w.before = func(_ context.Context, w schemas.Window, hour time.Time) error {
		if hour.Equal(w.From) {
			time.Sleep(time.Second)
		}
		return nil
	}
	j := job(s, epoch.Add(10*24*time.Hour), w)
	j.Followers, j.Limits.BatchParts = f, 1
	return j
}

func TestFollowersCatchUpBehindTheCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		quick := &behind{name: "quick", store: s, takes: time.Millisecond}
		slow := &behind{name: "slow", store: s, takes: 4 * time.Second}
		began := time.Now()
		r, err := Run(t.Context(), slowDays(t, s, NewFollowers(quick, slow)))
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range []*behind{quick, slow} {
			if got := r.Followers[i]; got.Name != f.name || got.Position != (sinks.Position{Applied: 10, Head: 10}) || got.Err != nil {
				t.Errorf("%+v", got)
			}
		}
		// one round at the start and one a commit; four seconds a round gather the others
		if q, n := quick.calls.Load(), slow.calls.Load(); q != 11 || n > 5 {
			t.Errorf("%d and %d rounds", q, n)
		}
		if took := time.Since(began); took > 17*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

// A run without commits lets the followers catch up with what others committed.
func TestFollowersCatchUpWithoutCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		f := &behind{name: "warehouse", store: s, takes: time.Second}
		j := slowDays(t, s, NewFollowers(f))
		j.Spec.Start = epoch.Add(100 * 24 * time.Hour) // nothing is owed yet
		if _, err := Run(t.Context(), j); err != nil || f.calls.Load() != 1 {
			t.Error(err, f.calls.Load())
		}
	})
}

func TestFollowerThatIsDownStopsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		down := &behind{name: "warehouse", store: s, takes: time.Second}
		down.fail = func(int) error { return fmt.Errorf("dial: %w", sinks.ErrUnavailable) }
		up := &behind{name: "other", store: s, takes: time.Second}
		panics := &behind{name: "third", store: s, fail: func(int) error { panic(1) }}
		j := slowDays(t, s, NewFollowers(down, up, panics))
		r, err := Run(t.Context(), j)
		if err != nil || r.Verdict().Code != CodeFailed {
			t.Fatal(err, r.Verdict())
		}
		if why := r.Verdict().Why; len(why) != 2 || !strings.Contains(why[0], "committed up to 10; warehouse catches up with the next run") {
			t.Error(why)
		}
		if s.holds(t, epoch, epoch.Add(240*time.Hour), "a"); up.applied.Load() != 10 {
			t.Error("the other follower did not catch up")
		}
		down.fail, panics.fail = nil, nil
		if r, err = Run(t.Context(), j); err != nil || r.Verdict().Code != CodeDone || down.applied.Load() < 10 {
			t.Error(err, r.Verdict())
		}
	})
}

func TestFollowersEndWithTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		f := &behind{name: "warehouse", store: s, takes: time.Hour}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Second, cancel)
		r, err := Run(ctx, slowDays(t, s, NewFollowers(f)))
		if err == nil || r.Verdict().Code != CodeInterrupted || f.running.Load() != 0 {
			t.Error(err, r.Verdict(), f.running.Load())
		}
	})
}

// Jobs that share their followers never make one follow twice at once.
func TestFollowersAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &behind{name: "warehouse", takes: 3 * time.Second}
		s := newStore()
		f.store = s
		shared := NewFollowers(f)
		done := make(chan error)
		for range 3 {
			go func() {
				for range 20 {
					shared.Nudge(t.Context())
					time.Sleep(time.Second)
				}
				var err error
				for _, r := range shared.Wait(t.Context()) {
					err = r.Err
				}
				done <- err
			}()
		}
		for range 3 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}
