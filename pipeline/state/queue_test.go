package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"
)

// hands do steps and remember them.
type hands struct {
	mu   sync.Mutex
	did  map[string]int
	fail func(key string, times int) (time.Duration, error)
}

func (h *hands) do(_ context.Context, key string) (time.Duration, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.did == nil {
		h.did = map[string]int{}
	}
	h.did[key]++
	if h.fail != nil {
		return h.fail(key, h.did[key])
	}
	return 0, nil
}

func (h *hands) count() (steps, times int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range h.did {
		times += n
	}
	return len(h.did), times
}

// work lets somebody do the steps of kind "test" until stop.
func startWork(t *testing.T, db *DB, h *hands) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	log := slog.New(slog.DiscardHandler)
	go func() { ended <- db.Work(ctx, map[string]Worker{"test": {Do: h.do, Parallel: 8}}, log) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func put(t *testing.T, db *DB, steps ...Step) {
	t.Helper()
	if err := db.transact(t.Context(), func(tx *sql.Tx) error { return db.enqueue(t.Context(), tx, steps...) }); err != nil {
		t.Fatal(err)
	}
}

func idle(t *testing.T, db *DB) {
	t.Helper()
	for range 600 {
		if n, err := db.Waiting(t.Context(), "test"); err == nil && n == 0 {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("steps are still waiting")
}

// What is queued in a transaction is there with it or not at all, and two
// processes share the steps without doing one twice.
func TestQueue(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		a, b := open(t, o), open(t, o)
		broken := errors.New("the state was not stored")
		err := a.transact(t.Context(), func(tx *sql.Tx) error {
			if err := a.enqueue(t.Context(), tx, Step{"test", "of a transaction that fails"}); err != nil {
				return err
			}
			return broken
		})
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
		const steps = 120
		for i := range steps {
			put(t, a, Step{"test", fmt.Sprint(i)})
		}
		var one, two hands
		stopOne, stopTwo := startWork(t, a, &one), startWork(t, b, &two)
		defer stopTwo()
		defer stopOne()
		for i := range 40 { // while they work
			put(t, b, Step{"test", fmt.Sprint(steps + i)})
		}
		idle(t, a)
		n1, times1 := one.count()
		n2, times2 := two.count()
		if n1+n2 != steps+40 || times1+times2 != steps+40 {
			t.Errorf("%d and %d steps, done %d and %d times", n1, n2, times1, times2)
		}
		if n1 == 0 || n2 == 0 {
			t.Errorf("not shared: %d and %d steps", n1, n2)
		}
	})
}

// A step that fails, or that asks for it, is done again; a step that nobody can
// do now waits for somebody who can.
func TestQueueAgain(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db := open(t, o)
		put(t, db, Step{"test", "later"}, Step{"test", "fails"}, Step{"test", "once"}, Step{"other", "of nobody"})
		h := hands{fail: func(key string, times int) (time.Duration, error) {
			switch {
			case key == "later" && times < 3:
				return 50 * time.Millisecond, nil
			case key == "fails" && times < 2:
				return 0, errors.New("not now")
			}
			return 0, nil
		}}
		stop := startWork(t, db, &h)
		idle(t, db)
		stop()
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.did["later"] != 3 || h.did["fails"] != 2 || h.did["once"] != 1 || len(h.did) != 3 {
			t.Errorf("%v", h.did)
		}
		if n, err := db.Waiting(t.Context(), "other"); n != 1 || err != nil {
			t.Errorf("%d %v", n, err)
		}
	})
}

// A step that a process took along when it died is done by another.
func TestStepsOfTheDead(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db := open(t, o)
		put(t, db, Step{"test", "of the dead"}, Step{"test", "under way"})
		ago := "datetime('now', '-10 minutes')"
		if db.dollar {
			ago = "now() - interval '10 minutes'"
		}
		took := func(key, at string) {
			if err := db.exec(t.Context(), `UPDATE river_job SET state = 'running', attempt = 1, attempted_at = `+at+` WHERE id = (SELECT min(id) FROM river_job)`+map[bool]string{true: "", false: " + 1"}[key == "of the dead"]); err != nil {
				t.Fatal(err)
			}
		}
		took("of the dead", ago)
		took("under way", "created_at") // by somebody who lives
		var h hands
		stop := startWork(t, db, &h)
		defer stop()
		for range 300 {
			if n, _ := h.count(); n > 0 {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		stop()
		if h.did["of the dead"] != 1 || len(h.did) != 1 {
			t.Errorf("%v", h.did)
		}
	})
}
