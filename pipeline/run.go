package pipeline

// One run: everything that a pipeline owes, moved into the sink.

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/paylake/paylake/fault"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

// run is the state of one Run. It ends with it.
type run struct {
	job      *Job
	limits   Limits
	log      *slog.Logger
	line     *line
	budget   *budget
	byName   map[string]*lane
	table    *schemas.Table // of the first stream, and often of all
	schema   *arrow.Schema
	progress *progress
	report   Report
}

// Run reads every window that the job's streams owe and commits them in the
// order of the plan. Safe to repeat, at any time and after any end.
//
// A stream that fails stops at its window, the earlier ones are committed, and
// the others go on: see Report.Streams and Report.Verdict. The error is what
// stopped the run as a whole, and also in Report.Err: the sink, the vault, a
// lease held elsewhere (sinks.ErrBusy), or the context. A cancelled run commits
// what is whole, within Limits.Grace, and returns the context's error.
func Run(ctx context.Context, job Job) (Report, error) {
	r := &run{job: &job, limits: job.Limits.withDefaults(), log: job.log()}
	r.report.Pipeline = job.Spec.Name
	err := job.Validate()
	if err == nil {
		err = r.timed(ctx)
	}
	r.report.Err = err
	r.report.spell()
	r.say(ctx)
	return r.report, err
}

func (r *run) timed(ctx context.Context) error {
	stream := r.job.Streams[0].Stream()
	r.report.Source, r.report.Table = stream.Source, stream.Table.Name
	r.table, r.schema = stream.Table, stream.Table.ArrowSchema()
	r.report.Started = r.job.Now()
	defer func() { r.report.Took = r.job.Now().Sub(r.report.Started) }()
	return r.locked(ctx)
}

func (r *run) locked(ctx context.Context) error {
	if r.job.Lease != nil {
		release, err := r.job.Lease(ctx, "pipeline/"+r.job.Spec.Name)
		if err != nil {
			return fmt.Errorf("run pipeline %s: %w", r.job.Spec.Name, err)
		}
		defer release()
	}
	if err := r.people(ctx); err != nil {
		return err
	}
	lanes, err := r.plan(ctx)
	if err != nil {
		return err
	}
	r.job.Followers.Nudge(ctx) // the last run may have left them behind
	err = r.move(ctx, lanes)
	for _, ln := range lanes {
		r.report.Read.add(ln.report.Read)
		r.report.Streams = append(r.report.Streams, ln.report)
	}
	r.catchUp(ctx)
	fault.Point("run.followed")
	if cause := ctx.Err(); cause != nil && err == nil {
		err = fmt.Errorf("run pipeline %s: %w", r.job.Spec.Name, cause)
	}
	return err
}

// plan asks who may be read and what is done, and prepares the lanes.
func (r *run) plan(ctx context.Context) ([]*lane, error) {
	if shelf, ok := r.job.Streams[0].(sources.Shelf); ok {
		return r.planFiles(ctx, shelf)
	}
	planner := r.job.planner(r.job.Now())
	permits, err := r.permits(ctx)
	if err != nil {
		return nil, err
	}
	lanes := make([]*lane, 0, len(r.job.Streams))
	r.byName = make(map[string]*lane, len(r.job.Streams))
	for i, src := range r.job.Streams {
		s := src.Stream()
		if r.job.skips(s) {
			continue
		}
		p, err := permits(s)
		if err != nil {
			r.report.Streams = append(r.report.Streams, StreamReport{Stream: s, Name: s.String(), Wallet: s.Wallet, Err: err})
			continue
		}
		ln, err := r.lane(ctx, i, src, r.job.plannerOf(s, planner), p)
		if err != nil {
			return nil, err
		}
		lanes = append(lanes, ln)
		r.byName[s.String()] = ln
	}
	return lanes, nil
}

// move starts the readers and collects what they read.
func (r *run) move(ctx context.Context, lanes []*lane) error {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	r.progress = newProgress(r.job, r.report.Planned)
	r.budget = newBudget(r.limits.RowsInFlight)
	r.line = newLine(lanes, r.limits.PerStream, 4*r.limits.Parallel)
	var readers sync.WaitGroup
	for range min(r.limits.Parallel, max(r.report.Planned, 1)) {
		readers.Go(func() { r.read(reading) })
	}
	unhook := context.AfterFunc(ctx, r.line.close)
	defer unhook()

	err := r.collect(ctx)

	// Nothing is left unless the collecting failed; then the readers are told
	// to stop, and what they hold is given back.
	r.line.close()
	stop()
	readers.Wait()
	for t := r.line.first(); t != nil; t = r.line.first() {
		<-t.done
		r.line.pop()
		r.discard(t)
	}
	return err
}

// catchUp waits for the followers. Their failures are in the report and do not
// stop anything: the lake is committed.
func (r *run) catchUp(ctx context.Context) {
	waiting, cancel := outlive(ctx, r.limits.Grace)
	defer cancel()
	r.report.Followers = r.job.Followers.Wait(waiting)
}

// say writes the run's one line.
func (r *run) say(ctx context.Context) {
	p := r.report
	attrs := []any{"pipeline", p.Pipeline, "source", p.Source, "table", p.Table, "window", p.Windows,
		"batch", p.Commits, "rows", p.Read.Rows, "inserted", p.Inserted, "retracted", p.Retracted,
		"duplicates", p.Duplicates, "quarantined", p.Quarantined, "bytes", p.Bytes,
		"snapshot", p.Sequence, "took", p.Took, "code", p.Verdict().Code}
	if p.Err != nil {
		attrs = append(attrs, "err", p.Err)
	}
	r.log.InfoContext(ctx, "run finished", attrs...)
}

// progress serialises what the callback hears.
type progress struct {
	mu   sync.Mutex
	tell func(Progress)
	now  Progress
}

func newProgress(j *Job, total int) *progress {
	p := &progress{tell: j.Progress, now: Progress{Pipeline: j.Spec.Name, Total: total}}
	p.update(func(*Progress) {})
	return p
}

func (p *progress) read(rows int64) { p.update(func(s *Progress) { s.Rows += rows }) }

func (p *progress) done(windows int) { p.update(func(s *Progress) { s.Done += windows }) }

func (p *progress) update(change func(*Progress)) {
	if p.tell == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.now)
	p.tell(p.now)
}
