package state

// Leases: what only one process may do at a time.

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// leaser hands out locks that the operating system or the database server
// takes back by itself when their holder dies.
type leaser interface {
	// try takes the lock or returns sinks.ErrBusy.
	try(ctx context.Context, name string) (release func(), err error)
	// wait takes the lock as soon as it is free, or fails with ctx.
	wait(ctx context.Context, name string) (release func(), err error)
	close() error
}

// Lease takes what only one may hold, and returns sinks.ErrBusy when somebody
// else does, in this process or another. It is free again after release, which
// may be called twice, and when the holder dies, by SIGKILL too.
//
// Beside SQLite a lease is a lock on a file, so it holds on one machine; with
// PostgreSQL it is an advisory lock of a session, so it needs a connection of
// its own and does not work through a pooler that shares sessions. A holder
// whose connection breaks is not told. Leases keep people from waiting for each
// other in vain; the lake is right without them.
func (db *DB) Lease(ctx context.Context, name string) (release func(), err error) {
	release, err = db.leases.try(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("lease %s: %w", name, err)
	}
	return db.held.add(release), nil
}

// Turn says whether the caller is the first to ask for this hour, or a later
// one, of name. Of all processes that share the database one is.
func (db *DB) Turn(ctx context.Context, name string, hour time.Time) (bool, error) {
	done, err := db.sql.ExecContext(ctx, db.rebind(`INSERT INTO meta (name, value, changed_at) VALUES (?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at
		WHERE meta.value < excluded.value`), "turn/"+name, fmt.Sprintf("%020d", hour.Unix()), db.micros())
	if err != nil {
		return false, fmt.Errorf("turn of %s: %w", name, db.explain(err))
	}
	n, err := done.RowsAffected()
	return n > 0, err
}

func (db *DB) wait(ctx context.Context, name string) (release func(), err error) {
	release, err = db.leases.wait(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("wait for %s: %w", name, err)
	}
	return db.held.add(release), nil
}

// holdings are the leases that this DB holds, so that Close can end them.
type holdings struct {
	mu   sync.Mutex
	next int
	held map[int]func()
}

func (h *holdings) add(release func()) func() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held == nil {
		h.held = map[int]func(){}
	}
	id := h.next
	h.next++
	h.held[id] = release
	return func() { h.end(id) }
}

func (h *holdings) end(id int) {
	h.mu.Lock()
	release := h.held[id]
	delete(h.held, id)
	h.mu.Unlock()
	if release != nil {
		release()
	}
}

func (h *holdings) endAll() {
	h.mu.Lock()
	held := h.held
	h.held = nil
	h.mu.Unlock()
	for _, release := range held {
		release()
	}
}
