package callbacks

import (
	"context"
	"errors"

	"github.com/paylake/paylake/pipeline/state"
)

// Storing in groups: a durable commit costs a flush of the disk, so what
// arrives while one is under way shares the next.

// most deliveries share one transaction.
const most = 256

// waiting is a delivery and whoever waits for it.
type waiting struct {
	delivery state.Delivery
	done     chan error // of one place: nobody has to listen
}

var errStopping = errors.New("the receiver is stopping")

// store hands a delivery over and waits until it is durable.
func (h *Handler) store(ctx context.Context, d state.Delivery) error {
	w := &waiting{d, make(chan error, 1)}
	select {
	case h.queue <- w:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run stores what is handed over until ctx ends; then it refuses what is left.
func (h *Handler) Run(ctx context.Context) {
	for {
		select {
		case first := <-h.queue:
			h.storeGroup(ctx, h.group(first))
		case <-ctx.Done():
			for {
				select {
				case w := <-h.queue:
					w.done <- errStopping
				default:
					return
				}
			}
		}
	}
}

// group takes whoever waits already.
func (h *Handler) group(first *waiting) []*waiting {
	list := []*waiting{first}
	for len(list) < most {
		select {
		case w := <-h.queue:
			list = append(list, w)
		default:
			return list
		}
	}
	return list
}

func (h *Handler) storeGroup(ctx context.Context, list []*waiting) {
	deliveries := make([]state.Delivery, len(list))
	for i, w := range list {
		deliveries[i] = w.delivery
	}
	fresh, err := h.o.Store(context.WithoutCancel(ctx), deliveries) // begun is finished
	for _, w := range list {
		w.done <- err
	}
	for _, f := range fresh {
		if f {
			h.o.Wake()
			return
		}
	}
}
