package pipeline

// The budget of rows in memory.

import (
	"context"
	"sync"
)

// budget bounds the rows in flight: read, waiting for their turn, or being
// committed. The window whose turn is next is never refused: everybody else
// waits for it to be committed before rows come free, so refusing it would
// stop the run for good.
type budget struct {
	mu    sync.Mutex
	limit int64
	used  int64
	peak  int64
	head  int64         // number of the window whose turn is next
	moved chan struct{} // closed when something changed
}

func newBudget(limit int64) *budget {
	return &budget{limit: limit, moved: make(chan struct{})}
}

// take waits until n more rows fit, or until window seq is next.
func (b *budget) take(ctx context.Context, seq, n int64) error {
	for {
		b.mu.Lock()
		if b.used+n <= b.limit || seq <= b.head {
			b.used += n
			b.peak = max(b.peak, b.used)
			b.mu.Unlock()
			return nil
		}
		moved := b.moved
		b.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// give returns n rows.
func (b *budget) give(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	b.wake()
}

// next names the window whose turn it is.
func (b *budget) next(seq int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.head = seq
	b.wake()
}

func (b *budget) wake() {
	close(b.moved)
	b.moved = make(chan struct{})
}
