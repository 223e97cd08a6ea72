package api

import (
	"context"
	"sync"
	"time"

	"github.com/paylake/paylake/sinks/clickhouse"
)

// fresh reads where the warehouse stands for many at once. Everybody gets what
// was read after they asked, never what was under way already: who has just
// withdrawn a consent is not told what held before.
type fresh struct {
	mu      sync.Mutex
	running *reading // under way
	next    *reading // begins when running ends; whoever asks now waits for it
}

type reading struct {
	done     chan struct{}
	standing clickhouse.Standing
	err      error
}

// patienceOfReading bounds a reading, which belongs to nobody who asks.
const patienceOfReading = 10 * time.Second

func (f *fresh) get(ctx, open context.Context, read func(context.Context) (clickhouse.Standing, error)) (clickhouse.Standing, error) {
	f.mu.Lock()
	var mine *reading
	switch {
	case f.running == nil:
		mine = &reading{done: make(chan struct{})}
		f.running = mine
		go f.run(open, mine, read)
	case f.next == nil:
		f.next = &reading{done: make(chan struct{})}
		mine = f.next
	default:
		mine = f.next
	}
	f.mu.Unlock()
	select {
	case <-mine.done:
		return mine.standing, mine.err
	case <-ctx.Done():
		return clickhouse.Standing{}, ctx.Err()
	}
}

func (f *fresh) run(ctx context.Context, r *reading, read func(context.Context) (clickhouse.Standing, error)) {
	for r != nil {
		bounded, cancel := context.WithTimeout(ctx, patienceOfReading)
		r.standing, r.err = read(bounded)
		cancel()
		close(r.done)
		f.mu.Lock()
		r, f.next = f.next, nil
		f.running = r
		f.mu.Unlock()
	}
}
