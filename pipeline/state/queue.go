package state

// The queue: work that has to be done some time after the state it belongs to
// was stored. River keeps it in the same database.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
)

// Step is one piece of work: what kind it is and which row it is about. The row
// says everything else, so a step that is done twice must find that out there.
type Step struct{ Kind, Key string }

// Worker does the steps of one kind.
type Worker struct {
	// Do does one step. again > 0 wants it once more after so long; an error
	// wants it again soon, whatever it is. A step is done at least once: a process
	// that dies on the way leaves it to others, Within and a minute later.
	Do       func(ctx context.Context, key string) (again time.Duration, err error)
	Parallel int           // steps at once in this process [4]
	Within   time.Duration // for one step; its context ends then [1 min]
}

const (
	// pollEvery is how long a step may wait at SQLite, which tells nobody that
	// there is one. PostgreSQL does.
	pollEvery     = 50 * time.Millisecond
	pollTold      = time.Second
	fetchCooldown = 20 * time.Millisecond // between two looks while there is work
	keepDone      = time.Hour             // done steps, for people who look
	stepWithin    = time.Minute
	stopWithin    = 20 * time.Second // for running steps, before their contexts end
	// tries is "for ever": losing a step would lose what it stands for.
	tries    = 30_000
	retryMax = 5 * time.Minute
)

// queued is a step as River stores it. Its kind is its queue's name.
type queued struct {
	Key string `json:"key"`
}

// Kind implements river.JobArgs.
func (queued) Kind() string { return "step" }

// Enqueue adds steps durably, all of them or none.
func (db *DB) Enqueue(ctx context.Context, steps ...Step) error {
	return db.transact(ctx, func(tx *sql.Tx) error { return db.enqueue(ctx, tx, steps...) })
}

// enqueue adds steps to a transaction: they are there when it commits, and not
// otherwise.
func (db *DB) enqueue(ctx context.Context, tx *sql.Tx, steps ...Step) error {
	if len(steps) == 0 {
		return nil
	}
	many := make([]river.InsertManyParams, len(steps))
	for i, s := range steps {
		many[i] = river.InsertManyParams{Args: queued{s.Key}, InsertOpts: &river.InsertOpts{Queue: s.Kind, MaxAttempts: tries}}
	}
	if _, err := db.queue.InsertManyFastTx(ctx, tx, many); err != nil {
		return fmt.Errorf("queue %d steps: %w", len(steps), db.explain(err))
	}
	return nil
}

// openQueue prepares adding steps to transactions.
func (db *DB) openQueue() (err error) {
	quiet := &river.Config{Logger: slog.New(slog.DiscardHandler)}
	if db.dollar {
		db.queue, err = river.NewClient(riverdatabasesql.New(db.sql), quiet)
	} else {
		db.queue, err = river.NewClient(riversqlite.New(db.sql), quiet)
	}
	return err
}

// upQueue brings River's own tables up to date.
func (db *DB) upQueue(ctx context.Context) error {
	quiet := &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)}
	var m *rivermigrate.Migrator[*sql.Tx]
	var err error
	if db.dollar {
		m, err = rivermigrate.New(riverdatabasesql.New(db.sql), quiet)
	} else {
		m, err = rivermigrate.New(riversqlite.New(db.sql), quiet)
	}
	if err == nil {
		_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	}
	if err != nil {
		return fmt.Errorf("tables of the queue: %w", err)
	}
	return nil
}

// Work does the steps of the given kinds until ctx ends, together with every
// other process that does. Steps that are under way then have a moment to end.
func (db *DB) Work(ctx context.Context, workers map[string]Worker, log *slog.Logger) error {
	if db.dollar {
		pool, err := pgxpool.NewWithConfig(ctx, db.pool)
		if err != nil {
			return fmt.Errorf("queue: %w", err)
		}
		defer pool.Close()
		return work(ctx, riverpgxv5.New(pool), queueConfig(workers, pollTold, log))
	}
	return work(ctx, riversqlite.New(db.sql), queueConfig(workers, pollEvery, log))
}

func queueConfig(workers map[string]Worker, poll time.Duration, log *slog.Logger) *river.Config {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	steps := &stepper{workers: workers}
	c := &river.Config{
		Queues: map[string]river.QueueConfig{}, Workers: river.NewWorkers(), Logger: slog.New(warnings{log.Handler()}),
		FetchCooldown: fetchCooldown, FetchPollInterval: poll, JobTimeout: -1, // a worker says it itself
		CompletedJobRetentionPeriod: keepDone, RetryPolicy: soon{}, MaxAttempts: tries,
	}
	longest := stepWithin
	for kind, w := range workers {
		longest = max(longest, w.Within)
		c.Queues[kind] = river.QueueConfig{MaxWorkers: max(w.Parallel, 1)}
		if w.Parallel == 0 {
			c.Queues[kind] = river.QueueConfig{MaxWorkers: 4}
		}
	}
	c.RescueStuckJobsAfter = longest + time.Minute
	river.AddWorker(c.Workers, steps)
	return c
}

// warnings lets River speak up when something is wrong, and not otherwise.
type warnings struct{ slog.Handler }

// Enabled implements slog.Handler.
func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }

func work[T any](ctx context.Context, driver riverdriver.Driver[T], c *river.Config) error {
	client, err := river.NewClient(driver, c)
	if err != nil {
		return fmt.Errorf("queue: %w", err)
	}
	running := context.WithoutCancel(ctx)
	if err := client.Start(running); err != nil {
		return fmt.Errorf("queue: %w", err)
	}
	<-ctx.Done()
	soft, cancel := context.WithTimeout(running, stopWithin)
	defer cancel()
	if err := client.Stop(soft); err == nil {
		return nil
	}
	hard, cancel := context.WithTimeout(running, stopWithin)
	defer cancel()
	if err := client.StopAndCancel(hard); err != nil {
		return fmt.Errorf("queue: a step does not end: %w", err)
	}
	return nil
}

// stepper is River's worker: it hands every step to the worker of its kind.
type stepper struct {
	river.WorkerDefaults[queued]
	workers map[string]Worker
}

// Work implements river.Worker.
func (s *stepper) Work(ctx context.Context, job *river.Job[queued]) error {
	w, ok := s.workers[job.Queue]
	if !ok {
		return fmt.Errorf("nobody does steps of kind %s", job.Queue)
	}
	again, err := w.Do(ctx, job.Args.Key)
	if err == nil && again > 0 {
		return river.JobSnooze(again)
	}
	return err
}

// Timeout implements river.Worker.
func (s *stepper) Timeout(job *river.Job[queued]) time.Duration {
	if w := s.workers[job.Queue]; w.Within > 0 {
		return w.Within
	}
	return stepWithin
}

// soon tries a failed step again after 1, 4, 9, … seconds, five minutes at most.
type soon struct{}

// NextRetry implements river.ClientRetryPolicy.
func (soon) NextRetry(job *rivertype.JobRow) time.Time {
	n := min(len(job.Errors)+1, 20)
	wait := min(time.Duration(n*n)*time.Second, retryMax)
	if job.AttemptedAt != nil {
		return job.AttemptedAt.Add(wait)
	}
	return job.ScheduledAt.Add(wait)
}

// Waiting counts the steps of a kind that are not done.
func (db *DB) Waiting(ctx context.Context, kind string) (n int64, err error) {
	err = db.row(ctx, `SELECT COUNT(*) FROM river_job WHERE queue = ? AND finalized_at IS NULL`, kind).Scan(&n)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("queue: %w", err)
	}
	return n, nil
}
