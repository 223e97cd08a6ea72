package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/clickhouse"
	"github.com/paylake/paylake/sources"
)

// Whether the warehouse holds what the lake has. One that was lost is made again
// empty when somebody asks it, and would answer 0 to every question.

// lakePatience is how long a question waits for a lake that only says how far
// the answer reaches.
const lakePatience = 10 * time.Second

// readLakeSoon is readLake for who can do without.
func (h *house) readLakeSoon(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lakePatience)
	defer cancel()
	return h.readLake(ctx)
}

// answersWithout reports whether the warehouse may be asked although its lake
// could not be read: out of reach, yes; found not to hold, no.
func answersWithout(ctx context.Context, err error) bool {
	return ctx.Err() == nil && !errors.Is(err, sinks.ErrCorrupt) && !errors.Is(err, sinks.ErrNewer)
}

// holdsLake refuses a snapshot that there is not, and a warehouse that is empty
// beside a lake that is not; of one that is behind it is said on stderr. unread is
// why the lake could not be read, nil if it was.
func (h *house) holdsLake(ctx context.Context, ch *clickhouse.Warehouse, snapshot int64, unread error) error {
	head, err := h.lakeHead(ctx)
	if err != nil {
		return err
	}
	if unread == nil && snapshot > head {
		return usagef("the lake has no manifest %d; see: paylake snapshots", snapshot)
	}
	shown, err := ch.Newest(ctx, 0)
	if err != nil {
		return err
	}
	at := shown.Sequence
	if at == 0 && head > 0 && unread == nil {
		if at, err = h.firstLoaded(ctx, ch); err != nil {
			return err
		}
	}
	if at > head && unread == nil { // somebody may have committed since, and it is loaded already
		if head, err = h.lakeHead(ctx); err != nil {
			return err
		}
	}
	switch {
	case unread != nil && at == 0:
		return fmt.Errorf("the warehouse is empty, and whether it should be cannot be told, because the lake cannot be read: %w", unread)
	case unread != nil:
		fmt.Fprintf(h.p.stderr, "the lake cannot be read; the answer is of the warehouse alone, up to manifest %d: %v\n", at, unread)
	case at == 0 && head > 0:
		return fmt.Errorf("the warehouse is empty and the lake has %d snapshots; run paylake rebuild, unless one that runs is loading it", head)
	case at < head:
		fmt.Fprintf(h.p.stderr, "the warehouse is behind the lake: it shows manifests up to %d of %d; paylake run loads the rest\n", at, head)
	case at > head:
		fmt.Fprintf(h.p.stderr, "the warehouse shows manifests up to %d and the lake has %d: see paylake verify\n", at, head)
	}
	return nil
}

// firstLoaded waits for the first manifest in a warehouse that is empty, while
// another process holds it: that one may have just begun to load it.
func (h *house) firstLoaded(ctx context.Context, ch *clickhouse.Warehouse) (at int64, err error) {
	if h.store == nil || h.store.server == nil || h.store.server.Holder {
		return 0, nil
	}
	for began := time.Now(); at == 0 && err == nil && time.Since(began) < lakePatience; {
		if err = sources.Sleep(ctx, 100*time.Millisecond); err == nil {
			var shown clickhouse.Snapshot
			shown, err = ch.Newest(ctx, 0)
			at = shown.Sequence
		}
	}
	return at, err
}

// lakeHead is the lake's newest manifest; 0 where there is no lake.
func (h *house) lakeHead(ctx context.Context) (int64, error) {
	if h.lake == nil {
		return 0, nil
	}
	return h.lake.Head(ctx)
}
