package main

// What the configuration's pipelines mean: which are chosen, their calendar, and
// what they read. Nothing here opens anything.

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources/mpay"
)

// chosen returns the named pipelines in the order of the file; all without
// names.
func (h *house) chosen(names []string) ([]config.Pipeline, error) {
	known := h.cfg.PipelineNames()
	for _, n := range names {
		if !slices.Contains(known, n) {
			return nil, usagef("%s has no pipeline %q; %s", h.cfg.File, n, suggestion(n, known))
		}
	}
	if len(known) == 0 {
		return nil, usagef("%s has no pipelines; add some, such as pipelines: {ledger: {source: …, table: ledger, start: 2026-01-01}}", h.cfg.File)
	}
	var out []config.Pipeline
	for _, q := range h.cfg.Pipelines {
		if len(names) == 0 || slices.Contains(names, q.Name) {
			out = append(out, q)
		}
	}
	return out, nil
}

func suggestion(word string, known []string) string {
	if near := config.Nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return "there are " + strings.Join(known, ", ")
}

// spec is a pipeline as the planner sees it.
func (h *house) spec(q config.Pipeline) pipeline.Spec {
	s, _ := h.cfg.SourceNamed(q.Source)
	if s.Type == config.CSV {
		return pipeline.Spec{Name: q.Name, Schedule: q.Schedule, Zone: s.Zone}
	}
	spec := pipeline.Spec{Name: q.Name, Schedule: q.Schedule, Lookback: q.Lookback, Lag: q.Lag, Zone: s.Zone, Step: stepOf(q.Window)}
	if !q.Start.IsZero() {
		spec.Start = dayIn(q.Start, s.Zone)
	}
	return spec
}

// dayIn is the first instant of a day in a zone: noon always exists, midnight
// does not.
func dayIn(d config.Date, zone *time.Location) time.Time {
	return pipeline.StartOfDay(d.In(zone).Add(12*time.Hour), zone)
}

// stepOf makes whole days follow the calendar.
func stepOf(d time.Duration) pipeline.Step {
	const day = 24 * time.Hour
	if d > 0 && d%day == 0 {
		return pipeline.Step{Days: int(d / day)}
	}
	return pipeline.Step{Every: d}
}

// streams names what a pipeline reads; it needs the configuration alone.
func (h *house) streams(q config.Pipeline) []schemas.Stream {
	table, _ := schemas.ByName(q.Table)
	table = table.Keep(q.Keep...)
	s, _ := h.cfg.SourceNamed(q.Source)
	if s.Type != config.MPAY || mpay.Shared(table.Name) {
		return []schemas.Stream{{Source: s.Name, Table: table}}
	}
	var out []schemas.Stream
	for _, w := range s.Wallets {
		out = append(out, schemas.Stream{Source: s.Name, Wallet: w.ID, Table: table})
	}
	return out
}

// rejecting are the pipeline's checks that send rows to quarantine.
func rejecting(q config.Pipeline) (out []schemas.Check) {
	for _, c := range q.Checks {
		if c.Severity == schemas.SeverityReject {
			out = append(out, c)
		}
	}
	return out
}

// rejectingBySource are all of them, by source and table.
func (h *house) rejectingBySource() map[[2]string][]schemas.Check {
	out := map[[2]string][]schemas.Check{}
	for _, q := range h.cfg.Pipelines {
		out[[2]string{q.Source, q.Table}] = rejecting(q)
	}
	return out
}
