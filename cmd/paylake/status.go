package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/clickhouse"
	"github.com/paylake/paylake/sinks/lake"
)

// statusReport is what `status --json` prints.
type statusReport struct {
	Lake      string           `json:"lake"`
	Head      int64            `json:"head"` // newest manifest
	Pipelines []pipelineStatus `json:"pipelines"`
	Followers []followerStatus `json:"followers"`
	Webhooks  webhookStatus    `json:"webhooks"`
	Alarms    []alarmStatus    `json:"alarms"` // visible rows for which a check does not hold

	Findings  []clickhouse.FindingCount `json:"findings"` // by kind and state; null: not counted
	Retention []retentionStatus         `json:"retention"`
	Inbox     inboxStatus               `json:"inbox"`
}

// inboxStatus is what upstreams delivered and is not in the lake yet.
type inboxStatus struct {
	Waiting int64      `json:"waiting"`
	Oldest  *time.Time `json:"oldest"` // null: nothing waits
}

type pipelineStatus struct {
	Pipeline        string           `json:"pipeline"`
	Source          string           `json:"source"`
	Table           string           `json:"table"`
	Schedule        string           `json:"schedule"`
	NextAt          *time.Time       `json:"next_at"`          // of the schedule, where paylake up runs; null: none
	CompleteThrough *time.Time       `json:"complete_through"` // of the stream that is furthest behind; null before the first window
	Owed            int              `json:"windows_owed"`
	Rows            int64            `json:"rows"` // visible
	OpenChains      int              `json:"open_chains"`
	Quarantine      quarantineStatus `json:"quarantine"`
	LastRun         *lastRun         `json:"last_run"`
	Consent         *consentStatus   `json:"consent"` // null: no wallets
}

type quarantineStatus struct {
	Rows     int64             `json:"rows"` // that wait
	Totals   []quarantineTotal `json:"totals"`
	Resolved int64             `json:"resolved"` // rows that came in after all, or that the upstream has sent again
}

type quarantineTotal struct {
	Currency    string      `json:"currency"` // empty: the amount could not be read
	Rows        int64       `json:"rows"`
	AmountMinor lake.Amount `json:"amount_minor"` // credits less debits
}

type lastRun struct {
	Started  time.Time `json:"started_at"`
	Finished time.Time `json:"finished_at"`
	Code     int       `json:"code"`
	Rows     int64     `json:"rows_read"`
}

type followerStatus struct {
	Name    string `json:"name"`
	Applied int64  `json:"applied"`
	Lag     int64  `json:"lag"`           // manifests behind the head
	Doubles int64  `json:"visible_twice"` // keys; anything but 0 is an alarm
	Unknown int64  `json:"unknown_provider_codes"`
	Error   string `json:"error,omitempty"`
}

func (p *program) statusCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "status", Short: "How far every pipeline is, what is open, what is quarantined", Args: cobra.NoArgs,
		Example: "  paylake status\n  paylake status --json",
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.status(cmd.Context(), asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *program) status(ctx context.Context, asJSON bool) (err error) {
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if err := h.openState(ctx); err != nil {
		return err
	}
	if err := h.readLake(ctx); err != nil {
		return err
	}
	if h.lake != nil {
		h.store = h.newWarehouse()
	}
	report, err := h.status(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return p.json(report)
	}
	p.showStatus(report)
	return nil
}

// status says how everything stands: state, lake and warehouse are open, as far
// as they are there.
func (h *house) status(ctx context.Context) (r statusReport, err error) {
	r = statusReport{Lake: h.cfg.Lake, Pipelines: []pipelineStatus{}, Followers: []followerStatus{}, Alarms: []alarmStatus{}}
	bad, err := h.quarantined(ctx)
	if err != nil {
		return r, err
	}
	settled := map[[2]string]int64{}
	if len(bad) > 0 {
		settled = h.settle(ctx, bad)
	}
	for _, q := range h.cfg.Pipelines {
		one, err := h.pipelineStatus(ctx, q)
		if err != nil {
			return r, err
		}
		one.Quarantine = bad[[2]string{q.Source, q.Table}].list()
		one.Quarantine.Resolved = settled[[2]string{q.Source, q.Table}]
		r.Pipelines = append(r.Pipelines, one)
	}
	if r.Retention, err = h.retention(ctx); err != nil {
		return r, err
	}
	counts, err := h.state.Inbox().Counts(ctx)
	if err != nil {
		return r, err
	}
	if r.Inbox.Waiting = counts.Waiting; counts.Waiting > 0 {
		r.Inbox.Oldest = &counts.Oldest
	}
	if r.Webhooks, err = h.webhookStatus(ctx); err != nil {
		return r, err
	}
	if h.lake == nil {
		return r, nil
	}
	if r.Head, err = h.lake.Head(ctx); err != nil {
		return r, err
	}
	r.Followers = append(r.Followers, h.followerStatus(ctx, r.Head), h.logStatus(ctx, r.Head))
	r.Alarms = h.alarms(ctx)
	r.Findings = h.findings(ctx, r.Followers[0].Applied)
	return r, nil
}

func (h *house) pipelineStatus(ctx context.Context, q config.Pipeline) (pipelineStatus, error) {
	one := pipelineStatus{Pipeline: q.Name, Source: q.Source, Table: q.Table, Schedule: q.Schedule, NextAt: h.nextAt(q)}
	planner := pipeline.NewPlanner(h.spec(q), h.p.now())
	var behind time.Time
	streams := h.streams(q)
	for i, s := range streams {
		done, err := h.done(ctx, s)
		if err != nil {
			return one, err
		}
		one.Rows += done.Rows
		one.OpenChains += len(done.Owed)
		one.Owed += planner.Count(done)
		through := completeThrough(h.spec(q), done)
		if i == 0 || through.Before(behind) {
			behind = through
		}
	}
	if !behind.IsZero() {
		one.CompleteThrough = &behind
	}
	var err error
	if one.Consent, err = h.permits.status(ctx, streams); err != nil {
		return one, err
	}
	run, err := h.state.Runs().Last(ctx, q.Name)
	switch {
	case errors.Is(err, state.ErrAbsent):
		return one, nil
	case err != nil:
		return one, err
	}
	one.LastRun = &lastRun{run.Started, run.Finished, run.Code, run.Rows}
	return one, nil
}

// completeThrough is the end of the unbroken stretch of completed windows from
// start, or the row before the first break of its balance chain; for a
// catalogue, when it was last read. Zero: nothing yet. The view completeness
// says the same.
func completeThrough(spec pipeline.Spec, done sinks.Done) time.Time {
	if spec.Step.IsZero() {
		return done.LastRead
	}
	var reached time.Time
	for _, w := range done.Complete {
		if w.To.Before(spec.Start) || !w.To.After(spec.Start) {
			continue
		}
		if from := maxTime(reached, spec.Start); w.From.After(from) {
			break
		}
		reached = maxTime(reached, w.To)
	}
	if len(done.Owed) > 0 && done.Owed[0].From.Before(reached) {
		return done.Owed[0].From
	}
	return reached
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sums are quarantined rows by currency.
type sums map[string]quarantineTotal

func (s sums) list() quarantineStatus {
	q := quarantineStatus{Totals: []quarantineTotal{}}
	for _, currency := range slices.Sorted(maps.Keys(s)) {
		q.Rows += s[currency].Rows
		q.Totals = append(q.Totals, s[currency])
	}
	return q
}

// quarantined adds up the quarantine of every source and table.
func (h *house) quarantined(ctx context.Context) (map[[2]string]sums, error) {
	out := map[[2]string]sums{}
	err := h.eachManifest(ctx, 1, func(e lake.Entry) error {
		key := [2]string{e.Source, e.Table}
		for _, part := range e.Parts {
			for _, t := range part.Quarantined.Totals {
				if out[key] == nil {
					out[key] = sums{}
				}
				sum := out[key][t.Currency]
				out[key][t.Currency] = quarantineTotal{t.Currency, sum.Rows + t.Count,
					sum.AmountMinor.Plus(t.Credit).Minus(t.Debit)}
			}
		}
		return nil
	})
	return out, err
}

// followerStatus asks the warehouse how far it is. A warehouse that is out of
// reach is told, not waited for.
func (h *house) followerStatus(ctx context.Context, head int64) followerStatus {
	f := followerStatus{Name: h.store.Name()}
	ch, err := h.store.get(ctx)
	if err == nil {
		var s clickhouse.Status
		s, err = ch.Status(ctx)
		f.Applied, f.Doubles, f.Unknown = s.Applied, s.Doubles, s.Unknown
	}
	if err != nil {
		f.Error = err.Error()
	}
	f.Lag = head - f.Applied
	return f
}

// logStatus says how many manifests the transparency log covers.
func (h *house) logStatus(ctx context.Context, head int64) followerStatus {
	f := followerStatus{Name: "log"}
	c, _, err := h.lake.Checkpoint(ctx)
	if err != nil {
		f.Error = err.Error()
	}
	f.Applied, f.Lag = c.Tree.N, head-c.Tree.N
	return f
}

func (p *program) showStatus(r statusReport) {
	var rows [][]string
	for _, s := range r.Pipelines {
		through, last := "-", "never"
		if s.CompleteThrough != nil {
			through = instant(*s.CompleteThrough)
		}
		if s.LastRun != nil {
			last = fmt.Sprintf("%s, code %d", instant(s.LastRun.Started), s.LastRun.Code)
		}
		rows = append(rows, []string{s.Pipeline, through, last, thousands(s.Rows), thousands(int64(s.Owed)),
			thousands(int64(s.OpenChains)), s.Quarantine.text(), s.Consent.text()})
	}
	p.grid([]string{"pipeline", "complete through", "last run", "rows", "windows owed", "open chains", "quarantine", "consents"}, rows)
	fmt.Fprintf(p.stdout, "lake %s at manifest %d\n", r.Lake, r.Head)
	p.showQuarantined(r.Pipelines)
	p.showAlarms(r.Alarms)
	if r.Findings != nil {
		fmt.Fprintln(p.stdout, countedFindings(r.Findings)+"; see: paylake reconcile --findings")
	}
	p.showRetention(r.Retention)
	if r.Inbox.Oldest != nil {
		fmt.Fprintf(p.stdout, "inbox: %d deliveries wait since %s for `paylake up`\n", r.Inbox.Waiting, instant(*r.Inbox.Oldest))
	}
	p.showWebhooks(r.Webhooks)
	for _, f := range r.Followers {
		if f.Error != "" {
			fmt.Fprintf(p.stdout, "%s: %s\n", f.Name, f.Error)
			continue
		}
		fmt.Fprintf(p.stdout, "%s at manifest %d, %d behind\n", f.Name, f.Applied, f.Lag)
		if f.Unknown > 0 {
			fmt.Fprintf(p.stderr, "paylake: %d provider codes are in no catalogue and no alias; type: paylake query \"SELECT * FROM unknown_providers\"\n", f.Unknown)
		}
		if f.Doubles > 0 {
			fmt.Fprintf(p.stderr, "paylake: %d keys are visible twice in %s; type: paylake rebuild\n", f.Doubles, f.Name)
		}
	}
}

// showQuarantined is the line of money that no total holds.
func (p *program) showQuarantined(list []pipelineStatus) {
	all, resolved := sums{}, int64(0)
	for _, s := range list {
		resolved += s.Quarantine.Resolved
		for _, t := range s.Quarantine.Totals {
			sum := all[t.Currency]
			all[t.Currency] = quarantineTotal{t.Currency, sum.Rows + t.Rows, sum.AmountMinor.Plus(t.AmountMinor)}
		}
	}
	text := "quarantined: " + all.list().text()
	if t := all[""]; t.Rows > 0 {
		text += fmt.Sprintf(", %s without a readable amount", thousands(t.Rows))
	}
	if resolved > 0 {
		text += fmt.Sprintf("; %s more came in after all", thousands(resolved))
	}
	fmt.Fprintln(p.stdout, text)
}

func (q quarantineStatus) text() string {
	text := thousands(q.Rows)
	for _, t := range q.Totals {
		if t.Currency != "" {
			text += ", " + bigDecimal(t.AmountMinor.Big(), t.Currency)
		}
	}
	return text
}
