package pipeline

// Schedules: when runs begin.

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/robfig/cron/v3"
)

// ParseSchedule reads a cron expression of five fields, or @hourly and its
// like, on the source's clock. CRON_TZ= in the expression wins over zone.
func ParseSchedule(expression string, zone *time.Location) (cron.Schedule, error) {
	schedule, err := cron.ParseStandard(expression)
	if err != nil {
		return nil, fmt.Errorf("schedule %q: %w; write five fields such as */5 * * * *", expression, err)
	}
	named := strings.HasPrefix(expression, "TZ=") || strings.HasPrefix(expression, "CRON_TZ=")
	if fields, ok := schedule.(*cron.SpecSchedule); ok && !named && zone != nil {
		fields.Location = zone
	}
	return schedule, nil
}

// Schedule runs the jobs at their hours until ctx ends: each once right away,
// for what is owed, and then by its Spec.Schedule. Jobs without a schedule are
// left to people. A job never overlaps itself: a firing that comes too early is
// left out. Jobs of the same source do run side by side.
//
// When ctx ends, running jobs stop as a cancelled Run does; Schedule waits for
// them, for grace at most, and returns nil, or an error when some were still
// running. report hears of every run, also of those that found the pipeline
// leased elsewhere (sinks.ErrBusy); it may be called from several goroutines.
func Schedule(ctx context.Context, jobs []Job, grace time.Duration, log *slog.Logger, report func(Report, error)) error {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	clock := cron.New(cron.WithLogger(cronLog{log}))
	var first sync.WaitGroup
	var starters []func()
	for _, job := range jobs {
		if job.Spec.Schedule == "" {
			continue
		}
		schedule, err := ParseSchedule(job.Spec.Schedule, job.Spec.Zone)
		if err != nil {
			return fmt.Errorf("pipeline %s: %w", job.Spec.Name, err)
		}
		chain, first := alone(job, log), true
		once := chain.Then(cron.FuncJob(func() {
			if !first && !ours(ctx, job, schedule) {
				return
			}
			first = false
			fire(ctx, job, report)
		}))
		clock.Schedule(schedule, once)
		starters = append(starters, once.Run)
	}
	for _, start := range starters {
		first.Go(start)
	}
	clock.Start()
	<-ctx.Done()
	return settle(clock, &first, grace)
}

// alone is the chain around every firing of one job, the first one included.
func alone(job Job, log *slog.Logger) cron.Chain {
	l := cronLog{log.With("pipeline", job.Spec.Name)}
	return cron.NewChain(cron.SkipIfStillRunning(l), cron.Recover(l))
}

func fire(ctx context.Context, job Job, report func(Report, error)) {
	if ctx.Err() != nil { // a firing that was under way when the end came
		return
	}
	r, err := Run(ctx, job)
	if report != nil {
		report(r, err)
	}
}

// ours takes the turn of a firing among the processes that share the schedule.
// A turn that cannot be asked for is ours: running twice is safe, never running
// is not. A process that dies after it took a turn leaves that hour out, and
// the next one reads what is owed.
func ours(ctx context.Context, job Job, schedule cron.Schedule) bool {
	_, fields := schedule.(*cron.SpecSchedule)
	if job.Turn == nil || !fields { // "@every 10s" has no hours that processes have in common
		return true
	}
	mine, err := job.Turn(ctx, job.Spec.Name, job.Now().Round(time.Minute)) // clocks differ by seconds
	if err != nil {
		job.log().Warn("turn not asked for", "pipeline", job.Spec.Name, "err", err)
	}
	return mine || err != nil
}

// settle waits for what is still running.
func settle(clock *cron.Cron, first *sync.WaitGroup, grace time.Duration) error {
	idle := make(chan struct{})
	go func() {
		<-clock.Stop().Done()
		first.Wait()
		close(idle)
	}()
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case <-idle:
		return nil
	case <-late.C:
		return fmt.Errorf("stop: a run did not end within %s; what it committed is whole", grace)
	}
}

// cronLog lets cron write into our log: its chatter at DEBUG, panics at ERROR.
type cronLog struct{ log *slog.Logger }

func (c cronLog) Info(msg string, _ ...any) { c.log.Debug("cron", "event", msg) }

func (c cronLog) Error(err error, msg string, _ ...any) {
	c.log.Error("cron", "event", msg, "err", err)
}
