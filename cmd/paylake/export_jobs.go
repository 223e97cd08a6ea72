package main

// Exports of the configuration: carried out by `up` at their hours, by `run
// --exports`, and by `export scheduled`.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/spf13/cobra"

	"github.com/paylake/paylake/cmd/internal/account"
	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/sinks/clickhouse"
)

func (p *program) scheduledCommand() *cobra.Command {
	var on string
	cmd := &cobra.Command{
		Use: "scheduled [NAME…]", Short: "Carry out the exports of the configuration now",
		Long: `Writes what exports: in the configuration says to its targets, for the period that
each one's rule gives for today, or for --on DAY. What is there already with the
same content is not written again, and a period that is held back is left out.`,
		Example: "  paylake export scheduled\n  paylake export scheduled month_statement --on 2026-04-01",
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.exportsNow(cmd.Context(), args, on)
		},
	}
	cmd.Flags().StringVar(&on, "on", "", "as on this `DAY` (YYYY-MM-DD, the export's zone) instead of today")
	return cmd
}

func (p *program) exportsNow(ctx context.Context, names []string, on string) error {
	cfg, err := config.Load(p.configPath(), p.getenv)
	if err != nil {
		return err
	}
	chosen := cfg.Exports
	if len(names) > 0 {
		chosen = nil
		var known []string
		for _, e := range cfg.Exports {
			known = append(known, e.Name)
		}
		for _, name := range names {
			at := indexOf(known, name)
			if at < 0 {
				return usagef("there is no export %q in %s; %s", name, cfg.File, suggestion(name, known))
			}
			chosen = append(chosen, cfg.Exports[at])
		}
	}
	if len(chosen) == 0 {
		return usagef("%s has no exports; see exports: in paylake.example.yaml", cfg.File)
	}
	at := func(config.Export) time.Time { return p.now() }
	if on != "" {
		day, err := config.ParseDate(on)
		if err != nil {
			return usagef("--on: %q %v", on, err)
		}
		at = func(e config.Export) time.Time { return dayIn(day, e.Zone).Add(12 * time.Hour) }
	}
	return p.conclude(p.exportAll(ctx, chosen, at))
}

func indexOf(list []string, one string) int {
	for i, s := range list {
		if s == one {
			return i
		}
	}
	return -1
}

// exportAll carries out exports one after the other; one that fails does not
// keep the others.
func (p *program) exportAll(ctx context.Context, jobs []config.Export, at func(config.Export) time.Time) pipeline.Verdict {
	v := pipeline.Verdict{}
	for _, job := range jobs {
		done, err := p.exportJob(ctx, job, at(job))
		if err != nil {
			code := pipeline.CodeFailed
			if ctx.Err() != nil {
				code = pipeline.CodeInterrupted
			}
			v = v.And(pipeline.Verdict{Code: code, Why: []string{fmt.Sprintf("export %s: %v", job.Name, err)}})
			continue
		}
		fmt.Fprintf(p.stdout, "%s: %s\n", job.Name, done)
	}
	return v
}

// exported is what became of one export.
type exported struct {
	period, object string
	outcome        string // written, unchanged, held, nothing
	snapshot, rows int64
}

func (e exported) String() string {
	switch e.outcome {
	case "held":
		return e.period + " is held back and not exported"
	case "nothing":
		return "nothing is loaded yet"
	case "unchanged":
		return fmt.Sprintf("%s is there as of manifest %d: %s", e.period, e.snapshot, e.object)
	}
	return fmt.Sprintf("%s as of manifest %d, %s rows: %s", e.period, e.snapshot, thousands(e.rows), e.object)
}

// exportJob carries out one export, with everything opened for it alone, as a
// command of its own would. A history of it is kept in pipeline_runs.
func (p *program) exportJob(ctx context.Context, job config.Export, at time.Time) (done exported, err error) {
	from, to, period := job.Days(at)
	f := exportFlags{format: job.Format, reader: job.Reader, names: job.ColumnNames}
	if !from.IsZero() {
		f.days = span{from.Format(time.DateOnly), to.Format(time.DateOnly)}
	}
	d, err := f.dataset(job.Dataset, false)
	if err != nil {
		return done, fmt.Errorf("exports.%s: %w", job.Name, err)
	}
	began := p.now()
	h, err := p.open()
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	defer func() {
		if ctx.Err() == nil { // one that was interrupted is carried out again
			err = errors.Join(err, h.rememberExport(ctx, job, began, done, err))
		}
	}()
	f.view = d.view
	s, err := h.openShop(ctx, f)
	if err != nil {
		return exported{period: period}, err
	}
	done, err = h.exportPeriod(ctx, s, d, f, job, period)
	r := clickhouse.Run{Pipeline: "export/" + job.Name, Table: d.view, StartedAt: began, FinishedAt: p.now(), Outcome: done.outcome, Rows: s.rows, Snapshot: s.snapshot}
	if err != nil {
		r.Outcome, r.Error = "failed", err.Error()
	}
	return done, errors.Join(err, s.warehouse.RecordRun(context.WithoutCancel(ctx), r))
}

func (h *house) exportPeriod(ctx context.Context, s *shop, d dataset, f exportFlags, job config.Export, period string) (done exported, err error) {
	done = exported{period: period, snapshot: s.snapshot}
	if s.snapshot == 0 {
		done.outcome = "nothing"
		return done, nil
	}
	if held, err := h.heldBetween(ctx, s.from, s.to); err != nil {
		return done, err
	} else if len(held) > 0 && (s.from != "" || clickhouse.OfPeriods(d.view)) {
		done.outcome = "held"
		return done, nil
	}
	if s.names, err = account.ParseNames(f.names); err != nil {
		return done, err
	}
	if s.centres, err = h.costCentres(d, f); err != nil {
		return done, err
	}
	e, err := h.described(ctx, s, d, f)
	if err != nil {
		return done, err
	}
	folder := filepath.Join(h.cfg.DataDir, "exports")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return done, fmt.Errorf("make a folder for exports that are being written: %w", err)
	}
	f.file = filepath.Join(folder, strings.Join([]string{job.Name, period}, "-")+extensionOf(f.format))
	defer os.Remove(f.file)
	sum := &sumWriter{}
	if err := h.p.toFile(ctx, s, d, f, e, sum); err != nil {
		return done, err
	}
	if err := h.complete(ctx, &e, s, d, f, sum); err != nil {
		return done, err
	}
	if e.ContentSHA256, err = contentDigest(f.file, int64(s.head)); err != nil {
		return done, err
	}
	done.rows = s.rows
	return h.deposit(ctx, job.Target, period, f.file, e, done)
}

func extensionOf(format string) string {
	if format == camtFormat {
		return ".xml"
	}
	return "." + format
}

// startExports carries out the exports that have a schedule at their hours; stop
// waits for one that is under way.
func (h *house) startExports(ctx context.Context) (stop func(), err error) {
	clock := cron.New()
	var one sync.Mutex
	for _, job := range h.cfg.Exports {
		if err := exportKnown(job); err != nil {
			return nil, err
		}
		if job.Schedule == "" {
			continue
		}
		schedule, err := pipeline.ParseSchedule(job.Schedule, job.Zone)
		if err != nil {
			return nil, err
		}
		clock.Schedule(schedule, cron.FuncJob(func() {
			one.Lock()
			defer one.Unlock()
			h.exportAtHour(ctx, job)
		}))
	}
	clock.Start()
	return func() { <-clock.Stop().Done() }, nil
}

// exportAtHour carries out an export in one of all the processes that share its
// schedule. A turn that cannot be asked for is taken: twice writes nothing twice.
func (h *house) exportAtHour(ctx context.Context, job config.Export) {
	log := h.p.log.With("job", job.Name)
	now := h.p.now()
	mine, err := h.state.Turn(ctx, "exports/"+job.Name, now.Round(time.Minute))
	if err != nil {
		log.Warn("turn not asked for", "err", err)
	}
	if ctx.Err() != nil || err == nil && !mine {
		return
	}
	done, err := h.p.exportJob(ctx, job, now)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		log.Error("export failed", "err", err)
	case done.outcome == "held":
		log.Warn("export held back", "window", done.period, "snapshot", done.snapshot)
	default:
		log.Info("export "+done.outcome, "window", done.period, "object", done.object, "snapshot", done.snapshot, "rows", done.rows)
	}
}
