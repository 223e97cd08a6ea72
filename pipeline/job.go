package pipeline

// What a run needs to know, and its defaults.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sources"
)

// Job is one pipeline with all that it touches. It may be run again and again,
// one run at a time.
type Job struct {
	Spec    Spec
	Streams []sources.Source // of one source and one table, in the configuration's order
	Sink    sinks.Sink
	// Followers catch up after each commit; share one between the jobs of a
	// process. Nil: none.
	Followers *Followers
	// Consents say which wallets may be read. Nil: every one, for tests alone.
	Consents Consents
	// Subjects keeps the persons behind pseudonyms. Nil: nobody can be revealed.
	Subjects Subjects
	// Vault takes the raw text of rejected rows. Nil drops it.
	Vault Vault
	// Checks are those that reject, of this table and source.
	Checks []schemas.Check
	// NameReject gives a rejected row an id under a key that nobody rotates. Nil:
	// ids are plain hashes, for tests alone.
	NameReject func(r *schemas.Reject, s schemas.Stream) error
	// Lease keeps a second process off the same pipeline: sinks.ErrBusy while
	// one holds it. Nil: nobody else can be there.
	Lease func(ctx context.Context, name string) (release func(), err error)
	// Turn says whether this process is the one to run the pipeline at an hour of
	// its schedule; of those that share a state database one is. Nil: always.
	Turn func(ctx context.Context, pipeline string, hour time.Time) (bool, error)
	Now  func() time.Time
	Log  *slog.Logger // nil is silent
	// Progress hears what has happened so far. Calls never overlap; it must
	// return at once. Nil: nobody listens.
	Progress func(Progress)
	// From and To, when one of them is set, replace the plan: these days are
	// read again, whatever is done. See PlanBetween.
	From, To time.Time
	// Again, unless nil, replaces the plan, too: of each stream, by its name, the
	// windows that hold these spans are read again and nothing else is. See PlanAgain.
	Again   map[string][]schemas.Window
	TempDir string // where windows beyond Limits.SpoolRows spill
	Limits  Limits
}

// Vault keeps raw texts under seal.
type Vault interface {
	// Put stores raw, a row of s, under id. The same id again changes nothing.
	Put(ctx context.Context, s schemas.Stream, id string, raw []byte) error
}

// Subjects keeps persons.
type Subjects interface {
	// Keep seals who was met since the last call, and learns who was erased
	// meanwhile. It is called before anything is read and before every commit, so
	// that who is in the lake can be revealed.
	Keep(ctx context.Context) error
}

// Progress is how far a run has come.
type Progress struct {
	Pipeline string
	Done     int   // windows committed or given up
	Total    int   // windows owed
	Rows     int64 // rows read so far
}

// Limits bound a run. Zero fields take the value in brackets.
type Limits struct {
	Parallel     int           // windows read at once [4]
	PerStream    int           // windows of one stream read at once [1]
	BatchParts   int           // windows in one commit [1,000]
	BatchRows    int64         // rows in one commit, if it has several windows [250,000]
	BatchWait    time.Duration // longest time that a finished window waits for others [2 s]
	RowsInFlight int64         // rows in memory, waiting windows included [2 × BatchRows]
	SpoolRows    int64         // rows of one window in memory; the others spill [250,000]
	Grace        time.Duration // for the last commit after a signal [30 s]
}

func (l Limits) withDefaults() Limits {
	l.Parallel = positive(l.Parallel, 4)
	l.PerStream = positive(l.PerStream, 1)
	l.BatchParts = positive(l.BatchParts, 1000)
	l.BatchRows = positive(l.BatchRows, 250_000)
	l.BatchWait = positive(l.BatchWait, 2*time.Second)
	l.RowsInFlight = positive(l.RowsInFlight, 2*l.BatchRows)
	l.SpoolRows = positive(l.SpoolRows, 250_000)
	l.Grace = positive(l.Grace, 30*time.Second)
	// Half for the batch that is being filled or encoded, half for reading on.
	l.BatchRows = min(l.BatchRows, max(l.RowsInFlight/2, 1))
	return l
}

func positive[T int | int64 | time.Duration](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}

// Validate reports what makes a job impossible to run.
func (j *Job) Validate() error {
	switch {
	case j.Sink == nil || j.Now == nil:
		return fmt.Errorf("pipeline %s: a job needs a sink and a clock", j.Spec.Name)
	case len(j.Streams) == 0:
		return fmt.Errorf("pipeline %s: its source has no stream to read; name a wallet under `wallets:`", j.Spec.Name)
	}
	first := j.Streams[0].Stream()
	names := make(map[string]bool, len(j.Streams))
	for _, src := range j.Streams {
		s := src.Stream()
		if s.Source != first.Source || s.Table.Name != first.Table.Name {
			return fmt.Errorf("pipeline %s: %s and %s differ in source or table", j.Spec.Name, first, s)
		}
		if names[s.String()] {
			return fmt.Errorf("pipeline %s: %s is named twice", j.Spec.Name, s)
		}
		names[s.String()] = true
	}
	return j.checkCalendar(first.Table)
}

func (j *Job) checkCalendar(t *schemas.Table) error {
	_, files := j.Streams[0].(sources.Shelf)
	switch {
	case files && !j.Spec.Step.IsZero():
		return fmt.Errorf("pipeline %s: files are read whole; leave `window` out", j.Spec.Name)
	case files:
	case t.Whole() && !j.Spec.Step.IsZero():
		return fmt.Errorf("pipeline %s: %s is read whole; remove `window`", j.Spec.Name, t.Name)
	case !t.Whole() && j.Spec.Step.IsZero():
		return fmt.Errorf("pipeline %s: `window` is missing; write 24h", j.Spec.Name)
	case !t.Whole() && j.Spec.Start.IsZero():
		return fmt.Errorf("pipeline %s: `start` is missing; write the first day, such as 2026-01-01", j.Spec.Name)
	}
	return nil
}

// planner is the plan of the job's streams at now.
func (j *Job) planner(now time.Time) *Planner {
	if j.From.IsZero() && j.To.IsZero() {
		return NewPlanner(j.Spec, now)
	}
	return newAsked(j.Spec, j.From, j.To, now)
}

func (j *Job) log() *slog.Logger {
	if j.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return j.Log
}

// errPanic marks what a panic became.
var errPanic = errors.New("a defect of paylake: please report it")

// guarded calls f and turns a panic into an error, so that one broken reader
// cannot take the others with it. The panic's own text may hold anything, rows
// included: only the runtime's messages are kept.
func guarded(what string, f func() error) (err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if re, ok := p.(interface {
			error
			RuntimeError()
		}); ok {
			err = fmt.Errorf("%s: %w: %w", what, errPanic, re)
			return
		}
		err = fmt.Errorf("%s: %w (%T)", what, errPanic, p)
	}()
	return f()
}
