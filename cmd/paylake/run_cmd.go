package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/sinks"
)

// span is --from and --to: days of the source's zone.
type span struct{ from, to string }

func (s *span) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.from, "from", "", "first `DAY` to read again, whatever is done (YYYY-MM-DD, the source's zone)")
	cmd.Flags().StringVar(&s.to, "to", "", "first `DAY` after")
}

// in reads the days in a zone; zero times when they are not given.
func (s *span) in(zone *time.Location) (from, to time.Time, err error) {
	day := func(flag, text string) time.Time {
		if text == "" || err != nil {
			return time.Time{}
		}
		d, derr := config.ParseDate(text)
		if derr != nil {
			err = usagef("--%s: %q %v", flag, text, derr)
			return time.Time{}
		}
		return dayIn(d, zone)
	}
	from, to = day("from", s.from), day("to", s.to)
	if err == nil && !from.IsZero() && !to.IsZero() && !from.Before(to) {
		err = usagef("--to is the first day after: it must be later than --from")
	}
	return from, to, err
}

func (p *program) runCommand() *cobra.Command {
	var days span
	var exports bool
	cmd := &cobra.Command{
		Use: "run [PIPELINE…]", Short: "Read what is owed, commit it to the lake, load the warehouse",
		Long: `Reads every window since start that is not complete, the look-back again, and
the window that contains now, whatever the schedule says. Safe to repeat and to
interrupt: what is committed is whole. With --from or --to these days are read
again, and objects of theirs that the lake has lost are put back. With --exports
the exports of the configuration follow.`,
		Example: "  paylake run\n  paylake run ledger operations\n  paylake run ledger --from 2026-03-01 --to 2026-04-01",
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.runPipelines(cmd.Context(), args, days, exports)
		},
	}
	days.flags(cmd)
	cmd.Flags().BoolVar(&exports, "exports", false, "then carry out the exports of the configuration, whatever their schedules say")
	cmd.ValidArgsFunction = p.completePipelines
	return cmd
}

func (p *program) runPipelines(ctx context.Context, names []string, days span, exports bool) (err error) {
	p.boundMemory()
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	chosen, err := h.chosen(names)
	if err != nil {
		return err
	}
	jobs, followers, err := h.openJobs(ctx, chosen, days)
	if err != nil {
		return err
	}
	verdict := pipeline.Verdict{}
	for _, job := range jobs {
		verdict = verdict.And(h.runOne(ctx, job))
		if ctx.Err() != nil {
			break
		}
	}
	verdict = verdict.And(h.newMatches(ctx, followers, p.stdout)).And(h.newAlarms(ctx))
	if exports && ctx.Err() == nil {
		verdict = verdict.And(p.exportAll(ctx, h.cfg.Exports, func(config.Export) time.Time { return p.now() }))
	}
	return p.conclude(verdict)
}

// openJobs takes every step up to the jobs. The warehouse is opened in the
// background, with the first look of its follower: reading need not wait.
func (h *house) openJobs(ctx context.Context, chosen []config.Pipeline, days span) ([]pipeline.Job, *pipeline.Followers, error) {
	for _, q := range chosen { // before anything is opened
		s, _ := h.cfg.SourceNamed(q.Source)
		if _, _, err := days.in(s.Zone); err != nil {
			return nil, nil, err
		}
	}
	if h.state == nil {
		if err := h.openState(ctx); err != nil {
			return nil, nil, err
		}
	}
	if err := h.openSources(ctx, sourcesOf(chosen)); err != nil {
		return nil, nil, err
	}
	if err := h.openLake(ctx); err != nil {
		return nil, nil, err
	}
	head, err := h.lake.Head(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := h.openLog(ctx); err != nil {
		return nil, nil, err
	}
	h.store = h.newWarehouse()
	followers := pipeline.NewFollowers(h.followers()...)
	var jobs []pipeline.Job
	for _, q := range chosen {
		job := h.job(q, followers)
		if job.From, job.To, _ = days.in(job.Spec.Zone); !job.From.IsZero() && head > 0 {
			job.Limits.RowsInFlight = rowsReadAgain
		}
		jobs = append(jobs, job)
	}
	return jobs, followers, nil
}

// followers are the stores behind the lake.
func (h *house) followers() []sinks.Follower {
	all := []sinks.Follower{h.store, h.webhookFollower()}
	if h.log != nil {
		all = append(all, h.log)
	}
	return all
}

// rowsReadAgain is rowsInFlight for days that a person asks for: what the lake
// holds of them is compared row by row, and takes the memory of the difference.
const rowsReadAgain = 280_000

// runOne runs a pipeline, shows its progress and prints its line.
func (h *house) runOne(ctx context.Context, job pipeline.Job) pipeline.Verdict {
	before, whole := h.readLostAgain(ctx, job)
	if !whole {
		return before
	}
	show := h.p.newProgress(job.Spec.Name)
	job.Progress = show.update
	report, _ := pipeline.Run(ctx, job) // its error is in the report
	show.end()
	verdict := before.And(report.Verdict())
	fmt.Fprintln(h.p.stdout, summary(report))
	if err := h.store.remember(ctx, h.state, report); err != nil {
		verdict = verdict.And(pipeline.Verdict{Code: pipeline.CodeFailed, Why: []string{err.Error()}})
	}
	return verdict
}

// conclude prints why a run did not simply end well and returns its exit code.
func (p *program) conclude(v pipeline.Verdict) error {
	for _, why := range dedupe(v.Why) {
		fmt.Fprintln(p.stderr, "paylake:", why)
	}
	if v.Code == pipeline.CodeDone {
		return nil
	}
	return &failure{code: v.Code, err: errors.New("run"), said: true}
}

func dedupe(list []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

// completePipelines completes names of pipelines from the configuration.
func (p *program) completePipelines(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	cfg, err := config.Load(p.configPath(), p.getenv)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return without(cfg.PipelineNames(), args), cobra.ShellCompDirectiveNoFileComp
}

func without(all, some []string) []string {
	var out []string
	for _, s := range all {
		if !slices.Contains(some, s) {
			out = append(out, s)
		}
	}
	return out
}
