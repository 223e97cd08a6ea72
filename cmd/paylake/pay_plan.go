package main

// Planning payments: what the warehouse says is due becomes drafts.

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/cmd/internal/payplan"
	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/clickhouse"
	"github.com/paylake/paylake/sinks/gate"
)

// planFlags are those of `pay plan`.
type planFlags struct {
	by     string
	asOf   string
	dryRun bool
	asJSON bool
}

func (p *program) payPlanCommand() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use: "plan [JOB…]", Short: "Draft the payments that jobs find due in the warehouse; sends nothing",
		Long: `Runs the query of each job, as a user who can only read, and drafts what it finds
due. Planning again is safe: a payment's id is a function of its key, so the same
plan is the same drafts. A draft or an approved payment that the plan wants
differently is edited, and an approval of it is void; one that the plan wants no
more is withdrawn, unless it was planned for a later day or --as-of is still to
come; what was sent never changes. A template drafts nothing when what it goes by
was not read lately.

A row that cannot be paid as it stands is a finding and is not drafted: a missing
number, an amount with too many digits, a key that stands twice, an amount that
the method does not take. Exit code 3: there are findings.`,
		Example: `  paylake pay plan --by farid
  paylake pay plan bills --dry-run --as-of 2026-12-01
  paylake pay approve b_51d2c07be83af694 --by aysel --key aysel.key`,
		RunE: func(cmd *cobra.Command, args []string) error { return p.payPlan(cmd.Context(), args, f) },
	}
	cmd.Flags().StringVar(&f.by, "by", p.actor(), "`NAME` of the maker, who cannot approve what is planned ($USER)")
	cmd.Flags().StringVar(&f.asOf, "as-of", "", "plan for this `DATE`, YYYY-MM-DD (today, in the source's zone)")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "show what would be drafted, and store nothing")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

// machines act on payments and are nobody who could plan one.
var machines = []string{"sender", "poll", "callback"}

func (f planFlags) check() error {
	if !endpointName.MatchString(f.by) || slices.Contains(machines, f.by) {
		return usagef("%q cannot be the name of a maker; say who plans: --by NAME, lower-case letters, digits, _ and -, at most 63", f.by)
	}
	if f.asOf == "" {
		return nil
	}
	if _, err := config.ParseDate(f.asOf); err != nil {
		return usagef("--as-of: %q %w", f.asOf, err)
	}
	return nil
}

func (p *program) payPlan(ctx context.Context, names []string, f planFlags) (err error) {
	if err := f.check(); err != nil {
		return err
	}
	d, err := p.openPayments(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close(ctx)) }()
	jobs, err := d.jobs(names)
	if err != nil {
		return err
	}
	plans, err := d.plans(ctx, jobs, f)
	for _, plan := range plans {
		err = errors.Join(err, p.sayAbove(plan.above, nil))
	}
	if f.asJSON {
		err = errors.Join(err, p.json(map[string]any{"plans": plans}))
	} else {
		for _, plan := range plans {
			p.showPlan(plan)
		}
	}
	if err != nil {
		return err
	}
	return concludePlans(plans)
}

// jobs are the chosen ones. What their methods cannot do is a mistake of the
// configuration.
func (d *payDesk) jobs(names []string) (jobs []config.PaymentJob, err error) {
	all := d.h.cfg.Payments.Jobs
	if len(all) == 0 {
		return nil, misconfigured(fmt.Errorf("%s has no jobs that plan payments; add one, such as payments: {jobs: {bills: {source: …, template: due_bills}}}", d.h.cfg.File))
	}
	var known []string
	for _, j := range all {
		known = append(known, j.Name)
		if len(names) == 0 || slices.Contains(names, j.Name) {
			jobs = append(jobs, j)
		}
	}
	for _, n := range names {
		if !slices.Contains(known, n) {
			return nil, usagef("%s has no payment job %q; %s", d.h.cfg.File, n, suggestion(n, known))
		}
	}
	for _, j := range jobs {
		if wrong := gate.CheckOperation(j.Method, j.Operation); wrong != nil {
			err = errors.Join(err, fmt.Errorf("%s: payments.jobs.%s: %w", d.h.cfg.File, j.Name, wrong))
		}
	}
	return jobs, misconfigured(err)
}

// plans plans one job after the other; one that fails does not stop the rest.
func (d *payDesk) plans(ctx context.Context, jobs []config.PaymentJob, f planFlags) ([]payPlan, error) {
	payers, err := d.payers()
	if err != nil {
		return nil, err
	}
	ch, err := d.currentWarehouse(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.h.persons.Keep(ctx); err != nil { // knows who was erased
		return nil, err
	}
	plans, errs := []payPlan{}, []error{}
	for _, j := range jobs {
		plan, err := d.plan(ctx, ch, j, payers, f)
		if err != nil {
			errs = append(errs, fmt.Errorf("payments.jobs.%s: %w", j.Name, err))
			continue
		}
		plans = append(plans, plan)
	}
	return plans, errors.Join(errs...)
}

// payers reads the file of payers, where there is one.
func (d *payDesk) payers() (payplan.Payers, error) {
	path := d.h.cfg.Payments.Payers
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, misconfigured(fmt.Errorf("payments.payers: %w; it is a CSV file with the header customer_id,account,ip", err))
	}
	payers, err := payplan.ReadPayers(path, text, d.h.pseudo.Names)
	return payers, misconfigured(err)
}

// currentWarehouse is the warehouse with everything that the lake has: what was
// paid an hour ago is not due.
func (d *payDesk) currentWarehouse(ctx context.Context) (*clickhouse.Warehouse, error) {
	if err := d.openLake(ctx); err != nil {
		return nil, err
	}
	head, err := d.h.lake.Head(ctx)
	if err != nil {
		return nil, err
	}
	if head == 0 {
		return nil, fmt.Errorf("there is nothing in the lake yet, so nothing can be planned; type: paylake run")
	}
	d.followers.Nudge(ctx)
	for _, r := range d.followers.Wait(ctx) {
		if r.Name == d.h.store.Name() && r.Err != nil {
			return nil, r.Err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return d.h.store.get(ctx)
}

// plan plans one job.
func (d *payDesk) plan(ctx context.Context, ch *clickhouse.Warehouse, j config.PaymentJob, payers payplan.Payers, f planFlags) (payPlan, error) {
	source, _ := d.h.cfg.SourceNamed(j.Source)
	job := payplan.Job{Tenant: d.h.cfg.Payments.Tenant, Name: j.Name, Source: j.Source, ProjectID: source.ProjectID, Method: j.Method, Operation: j.Operation}
	out := payPlan{Job: j.Name, Source: j.Source, AsOf: f.asOf, By: f.by, DryRun: f.dryRun, Payments: []plannedPayment{}, Findings: []payplan.Finding{}}
	today := d.h.p.now().In(source.Zone).Format(time.DateOnly)
	if out.AsOf == "" {
		out.AsOf = today
	}
	day, err := time.ParseInLocation(time.DateOnly, out.AsOf, source.Zone)
	if err != nil {
		return out, err
	}
	if err := d.fresh(ctx, j, day); err != nil {
		return out, err
	}
	rows, findings, err := askPlan(ctx, ch, j, job.Parameters(out.AsOf))
	if err != nil {
		return out, err
	}
	orders, more := payplan.Orders(job, rows, payers, func(account string) bool { return d.h.pseudo.Of("+"+account) == schemas.Erased })
	out.Findings = slices.Concat(out.Findings, findings, more)
	list, err := d.draft(ctx, gate.Planning{Tenant: job.Tenant, Job: job.Name, By: f.by, Day: out.AsOf, Ahead: out.AsOf > today, Orders: orders, Fingerprint: d.fingerprint}, f.dryRun)
	if err != nil {
		return out, err
	}
	return out, d.conclude(ctx, &out, list)
}

// askPlan runs the query of a job. What is wrong with it is wrong in the
// configuration.
func askPlan(ctx context.Context, ch *clickhouse.Warehouse, j config.PaymentJob, parameters map[string]string) ([]payplan.Row, []payplan.Finding, error) {
	sql := j.SQL
	if j.Template != "" {
		sql = payplan.Templates()[j.Template]
	}
	got, err := ch.Select(ctx, sql, clickhouse.Selection{Parameters: parameters, Rows: payplan.MaxRows})
	if errors.Is(err, clickhouse.ErrQuery) {
		return nil, nil, misconfigured(err)
	}
	if err != nil {
		return nil, nil, err
	}
	a := payplan.Answer{Rows: got.Rows}
	for _, c := range got.Columns {
		a.Names, a.Types = append(a.Names, c.Name), append(a.Types, c.Type)
	}
	rows, findings, err := payplan.Read(a)
	return rows, findings, misconfigured(err)
}

// draft has the register follow the plan. Who a payer is goes into the vault
// before his pseudonym goes anywhere.
func (d *payDesk) draft(ctx context.Context, plan gate.Planning, dry bool) (list []gate.Planned, err error) {
	if !dry {
		if err := d.h.persons.Keep(ctx); err != nil {
			return nil, err
		}
	}
	ids := map[string]bool{}
	for _, o := range plan.Orders {
		ids[o.PaymentID()] = true
	}
	open, err := d.payments.List(ctx, state.PaymentFilter{Statuses: []string{string(gate.Draft), string(gate.Approved)}, Job: plan.Job})
	if err != nil {
		return nil, err
	}
	for _, r := range open {
		ids[r.ID] = true
	}
	now := d.h.p.now()
	err = d.register.Decide(ctx, gate.Ask{IDs: slices.Sorted(maps.Keys(ids))}, func(v gate.View) (changes []gate.Change, err error) {
		list, changes, err = plan.Against(v, now)
		if dry {
			return nil, err
		}
		d.told = d.told || len(changes) > 0
		return changes, err
	})
	return list, err
}

// conclude names the batch of the drafts and keeps it for whoever approves.
func (d *payDesk) conclude(ctx context.Context, out *payPlan, list []gate.Planned) error {
	for _, one := range list {
		shown := plannedPayment{payIntentOf(one.Intent, d.h.p.now()), one.What}
		out.Payments = append(out.Payments, shown)
		if one.What == gate.Conflict {
			out.Findings = append(out.Findings, payplan.Finding{Key: one.Intent.Order.Key, Text: one.Why})
		}
	}
	drafts := gate.Drafts(list)
	batch, err := gate.BatchOf(drafts)
	if err != nil || len(drafts) == 0 {
		return err
	}
	out.Batch, out.Count, out.Totals, out.total = batch.ID, batch.Count, batch.Totals, batch.TotalsText()
	if out.above, err = d.above(ctx, drafts); err != nil {
		return err
	}
	if out.DryRun {
		return nil
	}
	ids := make([]string, len(drafts))
	for i, it := range drafts {
		ids[i] = it.PaymentID
	}
	return d.payments.PutBatch(ctx, state.PaymentBatch{ID: batch.ID, Job: out.Job, Maker: out.By, At: d.h.p.now(), IDs: ids})
}

// concludePlans is the exit code of planning.
func concludePlans(plans []payPlan) error {
	n := 0
	for _, plan := range plans {
		n += len(plan.Findings)
	}
	if n == 0 {
		return nil
	}
	return &failure{code: pipeline.CodeFinding, err: fmt.Errorf("%d findings", n), said: true}
}
