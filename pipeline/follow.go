package pipeline

// Followers: the stores that catch up behind the commits.

import (
	"context"
	"sync"

	"github.com/paylake/paylake/sinks"
)

// Followers sends every follower after the lake, each at most once at a time.
// Nudges that arrive while one is under way become one more round. A nil
// *Followers has none. Share one between the jobs of a process.
type Followers struct{ each []*tail }

// tail is one follower and how many of its nudges are served.
type tail struct {
	follower sinks.Follower
	mu       sync.Mutex
	wanted   int
	served   int
	running  bool
	moved    chan struct{} // closed after each round
	last     FollowerReport
}

// NewFollowers prepares the given followers; none of them starts before the
// first nudge.
func NewFollowers(followers ...sinks.Follower) *Followers {
	f := &Followers{}
	for _, one := range followers {
		f.each = append(f.each, &tail{follower: one, moved: make(chan struct{}),
			last: FollowerReport{Name: one.Name()}})
	}
	return f
}

// Nudge lets every follower catch up in the background with what is committed
// now. Cancelling ctx ends the work.
func (f *Followers) Nudge(ctx context.Context) {
	if f == nil {
		return
	}
	for _, t := range f.each {
		t.nudge(ctx)
	}
}

// Wait returns when all nudges so far are served or ctx ends, and says how far
// everybody came.
func (f *Followers) Wait(ctx context.Context) []FollowerReport {
	if f == nil {
		return nil
	}
	var reports []FollowerReport
	for _, t := range f.each {
		reports = append(reports, t.wait(ctx))
	}
	return reports
}

func (t *tail) nudge(ctx context.Context) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wanted++
	if t.running {
		return
	}
	t.running = true
	go t.work(ctx)
}

// work follows until no nudge is left. A failed round serves its nudges as
// well: the next nudge, or the next run, tries again.
func (t *tail) work(ctx context.Context) {
	for {
		t.mu.Lock()
		if t.served == t.wanted {
			t.running = false
			t.mu.Unlock()
			return
		}
		round := t.wanted
		t.mu.Unlock()
		report := FollowerReport{Name: t.follower.Name()}
		report.Err = guarded("follower "+report.Name, func() (err error) {
			report.Position, err = t.follower.Follow(ctx)
			return err
		})
		t.mu.Lock()
		t.served, t.last = round, report
		close(t.moved)
		t.moved = make(chan struct{})
		t.mu.Unlock()
	}
}

func (t *tail) wait(ctx context.Context) FollowerReport {
	t.mu.Lock()
	wanted := t.wanted
	for t.served < wanted {
		moved := t.moved
		t.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return FollowerReport{Name: t.follower.Name(), Err: ctx.Err()}
		}
		t.mu.Lock()
	}
	defer t.mu.Unlock()
	return t.last
}
