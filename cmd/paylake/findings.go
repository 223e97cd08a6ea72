package main

// What the warehouse has found in its rows.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paylake/paylake/cmd/internal/reconcile"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/clickhouse"
)

// findingStates are what may be decided about a finding.
var findingStates = []string{"open", "explained", "confirmed"}

// agedFinding is a finding with its age, which only a command can know.
type agedFinding struct {
	clickhouse.Finding
	AgeSeconds int64 `json:"age_seconds"`
}

func (f reconcileFlags) filter() (clickhouse.FindingFilter, error) {
	out := clickhouse.FindingFilter{State: f.state}
	if f.state != "" && !slices.Contains(findingStates, f.state) {
		return out, usagef("--state is %s, not %q", strings.Join(findingStates, ", "), f.state)
	}
	if f.kind != "" {
		var known []string
		for _, k := range schemas.FindingKinds() {
			known = append(known, k.Name)
		}
		if !slices.Contains(known, f.kind) {
			return out, usagef("--kind: there is no kind of finding %q; %s", f.kind, suggestion(f.kind, known))
		}
		out.Kinds = []string{f.kind}
	}
	if f.period != "" {
		period, err := reconcile.ParsePeriod(f.period)
		if err != nil {
			return out, usagef("--period: %w", err)
		}
		out.From, out.To = period.From.Format(time.DateOnly), period.To.Format(time.DateOnly)
	}
	return out, nil
}

// listFindings is `reconcile --findings`.
func (p *program) listFindings(ctx context.Context, f reconcileFlags) (err error) {
	filter, err := f.filter()
	if err != nil {
		return err
	}
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	ch, err := h.openRead(ctx)
	if err != nil {
		return err
	}
	list, err := ch.Findings(ctx, filter)
	if err != nil {
		return err
	}
	aged, open := make([]agedFinding, len(list)), 0
	for i, one := range list {
		aged[i] = agedFinding{one, int64(p.now().Sub(one.OpenedAt).Seconds())}
		if one.State == "open" {
			open++
		}
	}
	if f.asJSON {
		err = p.json(map[string]any{"findings": aged})
	} else {
		p.showFindings(aged, f.rows)
	}
	if err == nil && open > 0 {
		err = &failure{code: pipeline.CodeFinding, err: fmt.Errorf("%d findings are open", open), said: true}
	}
	return err
}

func (p *program) showFindings(list []agedFinding, most int) {
	if len(list) == 0 {
		fmt.Fprintln(p.stdout, "no findings")
		return
	}
	var rows [][]string
	for _, f := range list[:min(most, len(list))] {
		ids := f.Rows
		if len(ids) > 3 {
			ids = append(slices.Clone(ids[:3]), fmt.Sprintf("and %d more", len(f.Rows)-3))
		}
		age := (time.Duration(f.AgeSeconds) * time.Second).Truncate(time.Hour)
		rows = append(rows, []string{f.ID, f.Kind, f.Severity, f.Date, fmt.Sprintf("%d d %d h", int(age.Hours())/24, int(age.Hours())%24), f.Source, f.Wallet + f.Account,
			strings.Join(ids, ", "), f.Provider, wholeUnits(f.AmountMinor, f.Currency), f.State})
	}
	p.grid([]string{"finding", "kind", "severity", "day", "age", "source", "wallet or account", "rows", "provider", "amount", "state"}, rows)
	if len(list) > most {
		fmt.Fprintf(p.stdout, "and %s more; --rows %d lists them, --json with the evidence\n", thousands(int64(len(list)-most)), len(list))
	}
	fmt.Fprintln(p.stdout, countedFindings(counted(list)))
}

func counted(list []agedFinding) (out []clickhouse.FindingCount) {
	for _, f := range list {
		i := slices.IndexFunc(out, func(c clickhouse.FindingCount) bool { return c.Kind == f.Kind && c.State == f.State })
		if i < 0 {
			i, out = len(out), append(out, clickhouse.FindingCount{Kind: f.Kind, State: f.State})
		}
		out[i].Findings++
	}
	return out
}

// countedFindings is the line about them.
func countedFindings(list []clickhouse.FindingCount) string {
	open, rest := int64(0), int64(0)
	var words []string
	for _, c := range list {
		if c.State != "open" {
			rest += c.Findings
			continue
		}
		open += c.Findings
		words = append(words, fmt.Sprintf("%s × %s", c.Kind, thousands(c.Findings)))
	}
	text := "findings: none open"
	if open > 0 {
		text = fmt.Sprintf("findings: %s open: %s", thousands(open), strings.Join(words, ", "))
	}
	if rest > 0 {
		text += fmt.Sprintf("; %s explained or confirmed", thousands(rest))
	}
	return text
}

// countedNote is what was counted last, in the state database: counting goes
// through all rows, and the answer is another one only with another manifest or
// other thresholds.
const countedNote = "findings/counted"

type countedAt struct {
	Snapshot   int64                     `json:"snapshot"`
	Thresholds schemas.Findings          `json:"thresholds"`
	Counts     []clickhouse.FindingCount `json:"counts"`
}

// findings counts them for `status`; nil when the warehouse is out of reach,
// which status says elsewhere.
func (h *house) findings(ctx context.Context, applied int64) []clickhouse.FindingCount {
	want := countedAt{Snapshot: applied, Thresholds: h.cfg.Findings}
	text, err := h.state.Get(ctx, countedNote)
	var known countedAt
	if err == nil && json.Unmarshal([]byte(text), &known) == nil && sameCount(known, want) {
		return known.Counts
	}
	ch, err := h.store.get(ctx)
	if err != nil || applied == 0 {
		return nil
	}
	if want.Counts, err = ch.CountFindings(ctx); err != nil {
		h.p.log.Warn("findings not counted", "err", err)
		return nil
	}
	if line, err := json.Marshal(want); err == nil {
		err = h.state.Set(ctx, countedNote, string(line))
		if err != nil {
			h.p.log.Warn("findings not noted", "err", err)
		}
	}
	return want.Counts
}

// checkFindings warns of findings that are open, as they were counted last: a
// check goes through no rows.
func (h *house) checkFindings(ctx context.Context, c *checklist) {
	text, err := h.state.Get(ctx, countedNote)
	var known countedAt
	if err != nil || text == "" || json.Unmarshal([]byte(text), &known) != nil {
		return
	}
	if slices.ContainsFunc(known.Counts, func(one clickhouse.FindingCount) bool { return one.State == "open" }) {
		c.warn("findings", fmt.Sprintf("%s, as of manifest %d; type: paylake reconcile --findings", countedFindings(known.Counts), known.Snapshot))
	}
}

func sameCount(a, b countedAt) bool {
	x, err1 := json.Marshal(a.Thresholds)
	y, err2 := json.Marshal(b.Thresholds)
	return err1 == nil && err2 == nil && string(x) == string(y) && a.Snapshot == b.Snapshot
}
