package main

// Jobs that plan payments at their hours while `up` runs. They draft; people
// approve.

import (
	"context"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline"
)

// startPlans plans what has a schedule; stop waits for a plan that is under way.
func (d *payDesk) startPlans(ctx context.Context) (stop func(), err error) {
	clock := cron.New()
	var one sync.Mutex // plans share the warehouse and this desk
	for _, job := range d.h.cfg.Payments.Jobs {
		if job.Schedule == "" {
			continue
		}
		source, _ := d.h.cfg.SourceNamed(job.Source)
		schedule, err := pipeline.ParseSchedule(job.Schedule, source.Zone)
		if err != nil {
			return nil, err
		}
		clock.Schedule(schedule, cron.FuncJob(func() {
			one.Lock()
			defer one.Unlock()
			d.planNow(ctx, job)
		}))
	}
	clock.Start()
	return func() { <-clock.Stop().Done() }, nil
}

// planNow plans a job, in one of all the processes that share its schedule. A
// turn that cannot be asked for is taken: planning twice is planning once.
func (d *payDesk) planNow(ctx context.Context, job config.PaymentJob) {
	log := d.h.p.log.With("job", job.Name)
	mine, err := d.h.state.Turn(ctx, "payments/"+job.Name, d.h.p.now().Round(time.Minute))
	if err != nil {
		log.Warn("turn not asked for", "err", err)
	}
	if ctx.Err() != nil || err == nil && !mine {
		return
	}
	plans, err := d.plans(ctx, []config.PaymentJob{job}, planFlags{by: "job-" + job.Name})
	if err != nil {
		if ctx.Err() == nil {
			log.Error("payments not planned", "err", err)
		}
		return
	}
	for _, plan := range plans {
		log.Info("payments planned", "batch", plan.Batch, "drafts", plan.Count, "findings", len(plan.Findings))
		if len(plan.Findings) > 0 { // they may name persons: paylake pay plan --dry-run shows them
			log.Warn("some payments cannot be planned as they stand; paylake pay plan --dry-run says why", "findings", len(plan.Findings))
		}
	}
}
