package main

// Whether what a plan goes by was read lately enough: a bill that was paid
// yesterday is not due.

import (
	"context"
	"fmt"
	"time"

	"github.com/paylake/paylake/cmd/internal/payplan"
	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline"
)

// lastRuns is how far back a run is looked for that went well.
const lastRuns = 100

// fresh is the error of a template whose tables were not read since they had to
// be. What a query of somebody's own reads is his to judge.
func (d *payDesk) fresh(ctx context.Context, j config.PaymentJob, day time.Time) error {
	for _, need := range payplan.Needs(j.Template, day, d.h.p.now()) {
		read, names, err := d.lastRead(ctx, j.Source, need.Table)
		switch {
		case err != nil:
			return err
		case len(names) == 0 && need.Optional:
		case len(names) == 0:
			return misconfigured(fmt.Errorf("the template %s goes by the table %s, and no pipeline of %s reads it from %s", j.Template, need.Table, d.h.cfg.File, j.Source))
		case read.Before(need.Since):
			when := "were never read"
			if !read.IsZero() {
				when = "were read last at " + read.UTC().Format(time.RFC3339)
			}
			return &failure{code: pipeline.CodeFinding, err: fmt.Errorf("%s of %s %s, and a plan for %s needs them as of %s or later; nothing is drafted; type: paylake run %s",
				need.Table, j.Source, when, day.Format(time.DateOnly), need.Since.UTC().Format(time.RFC3339), names[0])}
		}
	}
	return nil
}

// lastRead is when everything that was owed of a table had been read last, and
// the pipelines that read it. A reading that changes nothing leaves no manifest,
// only its run.
func (d *payDesk) lastRead(ctx context.Context, source, table string) (at time.Time, names []string, err error) {
	for _, q := range d.h.cfg.Pipelines {
		if q.Source != source || q.Table != table {
			continue
		}
		names = append(names, q.Name)
		for _, s := range d.h.streams(q) {
			done, err := d.h.done(ctx, s)
			if err != nil {
				return at, names, err
			}
			at = maxTime(at, done.Reached)
		}
		runs, err := d.h.state.Runs().List(ctx, q.Name, lastRuns)
		if err != nil {
			return at, names, err
		}
		for _, run := range runs {
			if run.Code == pipeline.CodeDone || run.Code == pipeline.CodeFinding {
				at = maxTime(at, run.Started)
			}
		}
	}
	return at, names, nil
}
