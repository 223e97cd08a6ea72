package main

// Balance chains and balances of platforms, and reading again what is missing.

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/paylake/paylake/cmd/internal/chains"
	"github.com/paylake/paylake/cmd/internal/reconcile"
	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/clickhouse"
)

// chainReport is what `reconcile` says of balances.
type chainReport struct {
	Chains   []chains.Break       `json:"chains"`            // that do not close
	Platform []clickhouse.Reading `json:"platform_balances"` // every compared reading
}

// repairReport is what `reconcile --repair` prints.
type repairReport struct {
	Period string          `json:"period,omitempty"`
	Again  []chains.Window `json:"read_again"`
	Closed []chains.Break  `json:"closed"`
	chainReport
}

// settled reports whether nothing is left that nobody has explained.
func (r chainReport) settled() bool {
	for _, b := range r.Chains {
		if !b.Explained() {
			return false
		}
	}
	for _, one := range r.Platform {
		if !one.Agrees {
			return false
		}
	}
	return true
}

// chains lists what does not close, of a period or of all time, with the windows
// that hold the missing rows.
func (h *house) chains(ctx context.Context, ch *clickhouse.Warehouse, period *reconcile.Period) (r chainReport, err error) {
	list, err := ch.Findings(ctx, clickhouse.FindingFilter{Kinds: []string{schemas.ChainBreak}})
	if err != nil {
		return r, err
	}
	r.Chains = []chains.Break{}
	for _, f := range list {
		b, err := chains.FromFinding(f)
		if err != nil {
			return r, err
		}
		r.Chains = append(r.Chains, b)
	}
	if r.Platform, err = h.platformBalances(ctx, ch, period); err != nil {
		return r, err
	}
	if period != nil {
		r.Chains = chains.Within(r.Chains, period.From, period.To, h.zoneOf)
	}
	for i := range r.Chains {
		for _, again := range h.readAgain(r.Chains[i : i+1]) {
			for _, o := range pipeline.PlanAgain(again.spec, again.spans, h.p.now()) {
				r.Chains[i].Windows = append(r.Chains[i].Windows, chains.Window{Pipeline: again.spec.Name, Window: o.Window})
			}
		}
	}
	return r, nil
}

// platformBalances are the readings of platforms, those of a period by the day
// of the later one.
func (h *house) platformBalances(ctx context.Context, ch *clickhouse.Warehouse, period *reconcile.Period) ([]clickhouse.Reading, error) {
	all, err := ch.Readings(ctx)
	if err != nil {
		return nil, err
	}
	out := []clickhouse.Reading{}
	for _, r := range all {
		y, m, d := r.At.In(h.zoneOf(r.Source)).Date()
		day := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
		if period == nil || !day.Before(period.From) && day.Before(period.To) {
			out = append(out, r)
		}
	}
	return out, nil
}

func (h *house) zoneOf(source string) *time.Location {
	if s, ok := h.cfg.SourceNamed(source); ok && s.Zone != nil {
		return s.Zone
	}
	return time.UTC
}

// again is what one stream has to read again.
type again struct {
	pipeline config.Pipeline
	spec     pipeline.Spec
	stream   string
	spans    []schemas.Window
}

// readAgain finds the pipelines whose windows hold breaks.
func (h *house) readAgain(list []chains.Break) (out []again) {
	spans := chains.Again(list)
	for _, q := range h.cfg.Pipelines {
		if q.Table != schemas.Ledger.Name {
			continue
		}
		for _, s := range h.streams(q) {
			if places := spans[[2]string{s.Source, s.Wallet}]; len(places) > 0 {
				out = append(out, again{q, h.spec(q), s.String(), places})
			}
		}
	}
	return out
}

// balances is `reconcile` without a period and without expectations.
func (p *program) balances(ctx context.Context, f reconcileFlags) (err error) {
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	ch, err := h.openRead(ctx)
	if err != nil {
		return err
	}
	r, err := h.chains(ctx, ch, nil)
	if err != nil {
		return err
	}
	if f.asJSON {
		err = p.json(r)
	} else {
		p.showChains(r, "all that is read")
	}
	return errors.Join(err, r.verdict("balances do not follow from each other"))
}

// verdict is the error of a report that is not settled; everything was said.
func (r chainReport) verdict(what string) error {
	if r.settled() {
		return nil
	}
	return &failure{code: pipeline.CodeFinding, err: errors.New(what), said: true}
}

// openRead opens lake and warehouse for looking at them.
func (h *house) openRead(ctx context.Context) (*clickhouse.Warehouse, error) {
	if err := h.readLake(ctx); err != nil {
		return nil, err
	}
	if h.lake == nil {
		return nil, usagef("there is no lake at %s yet; paylake run makes it", h.cfg.Lake)
	}
	h.store = h.newWarehouse()
	ch, err := h.store.get(ctx)
	if err != nil {
		return nil, err
	}
	return ch, h.holdsLake(ctx, ch, 0, nil)
}

// repair reads the windows of broken chains again, and nothing else.
func (p *program) repair(ctx context.Context, f reconcileFlags) (err error) {
	var period *reconcile.Period
	if f.period != "" {
		one, err := reconcile.ParsePeriod(f.period)
		if err != nil {
			return usagef("--period: %w", err)
		}
		period = &one
	}
	p.boundMemory()
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	var chosen []config.Pipeline
	for _, q := range h.cfg.Pipelines {
		if q.Table == schemas.Ledger.Name {
			chosen = append(chosen, q)
		}
	}
	jobs, _, err := h.openJobs(ctx, chosen, span{})
	if err != nil {
		return err
	}
	before, err := h.breaksAsOfNow(ctx, period)
	if err != nil {
		return err
	}
	report := repairReport{Period: f.period, Again: []chains.Window{}, Closed: []chains.Break{}, chainReport: before}
	verdict := pipeline.Verdict{}
	if len(before.Chains) > 0 {
		for _, b := range before.Chains {
			report.Again = append(report.Again, b.Windows...)
		}
		report.Again = once(report.Again)
		verdict = h.readBreaks(ctx, jobs, before.Chains)
		now, err := h.breaksAsOfNow(ctx, period)
		if err != nil {
			return err
		}
		report.Closed, _, _ = chains.Compare(before.Chains, now.Chains)
		report.chainReport = now
	}
	if f.asJSON {
		err = p.json(report)
	} else {
		p.showRepair(report)
	}
	if err == nil {
		err = p.conclude(verdict)
	}
	if err != nil {
		return err
	}
	return report.verdict("balances still do not follow from each other")
}

// breaksAsOfNow has the warehouse follow the lake before it is asked.
func (h *house) breaksAsOfNow(ctx context.Context, period *reconcile.Period) (r chainReport, err error) {
	if _, err := h.store.Follow(ctx); err != nil {
		return r, fmt.Errorf("the warehouse cannot follow the lake, so nobody can say what is broken: %w", err)
	}
	ch, err := h.store.get(ctx)
	if err != nil {
		return r, err
	}
	return h.chains(ctx, ch, period)
}

// readBreaks runs the pipelines, each over the windows of its breaks alone.
func (h *house) readBreaks(ctx context.Context, jobs []pipeline.Job, list []chains.Break) (v pipeline.Verdict) {
	places := map[string]map[string][]schemas.Window{} // by pipeline and stream
	for _, a := range h.readAgain(list) {
		if places[a.pipeline.Name] == nil {
			places[a.pipeline.Name] = map[string][]schemas.Window{}
		}
		places[a.pipeline.Name][a.stream] = a.spans
	}
	for _, job := range jobs {
		if job.Again = places[job.Spec.Name]; job.Again == nil || ctx.Err() != nil {
			continue
		}
		job.Limits.RowsInFlight = rowsReadAgain
		report, _ := pipeline.Run(ctx, job) // its error is in the report
		fmt.Fprintln(h.p.stderr, summary(report))
		v = v.And(report.Verdict())
		if err := h.store.remember(ctx, h.state, report); err != nil {
			v = v.And(pipeline.Verdict{Code: pipeline.CodeFailed, Why: []string{err.Error()}})
		}
	}
	return v
}

// once drops windows that several breaks share.
func once(list []chains.Window) []chains.Window {
	seen, out := map[chains.Window]bool{}, list[:0]
	for _, w := range list {
		if !seen[w] {
			seen[w] = true
			out = append(out, w)
		}
	}
	return out
}
