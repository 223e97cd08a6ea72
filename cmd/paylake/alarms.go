package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/clickhouse"
)

// alarmStatus is one line of the alarms in `status --json`. A check of a whole
// table counts one row per day or stall.
type alarmStatus struct {
	Check  string `json:"check"`
	Source string `json:"source"`
	Table  string `json:"table"`
	Rows   int64  `json:"rows"`
}

// toldUpTo is the note of the newest manifest whose alarms a run has told: each
// alarm makes one run end with 3, also when the warehouse was behind meanwhile.
// toldTables are the ids of those that no manifest brings: freshness, volume.
const (
	toldUpTo   = "alarms/told"
	toldTables = "alarms/told-tables"
)

// newAlarms judges what has become visible since the last run that could look.
// A warehouse that is out of reach is no verdict: its follower has failed the
// run already, and the next one looks again.
func (h *house) newAlarms(ctx context.Context) pipeline.Verdict {
	h.store.mu.Lock()
	open := h.store.open
	h.store.mu.Unlock()
	if open == nil || ctx.Err() != nil {
		return pipeline.Verdict{}
	}
	h.store.telling.Lock() // pipelines end side by side, and one of them tells it
	defer h.store.telling.Unlock()
	list, upTo, err := h.alarmsSince(ctx, open)
	if err != nil {
		return unasked(err)
	}
	v := pipeline.Verdict{}
	for _, a := range list {
		if !ofChains(a.Check) { // of which the run itself has spoken
			v = v.And(pipeline.Verdict{Code: pipeline.CodeFinding, Why: []string{tell(a)}})
		}
	}
	tables, err := h.tableAlarms(ctx, open)
	if err != nil {
		return v.And(unasked(err))
	}
	if err := h.state.Set(ctx, toldUpTo, strconv.FormatInt(upTo, 10)); err != nil {
		return v.And(pipeline.Verdict{Code: pipeline.CodeFailed, Why: []string{err.Error()}})
	}
	return v.And(tables)
}

func unasked(err error) pipeline.Verdict {
	return pipeline.Verdict{Code: pipeline.CodeFailed, Why: []string{fmt.Sprintf("the checks could not be asked: %v", err)}}
}

func ofChains(name string) bool {
	return slices.ContainsFunc(schemas.Checks(), func(c schemas.Check) bool {
		_, chain := c.Rule.(schemas.Chain)
		return chain && c.Name == name
	})
}

func (h *house) alarmsSince(ctx context.Context, open *clickhouse.Warehouse) ([]clickhouse.AlarmCount, int64, error) {
	note, err := h.state.Get(ctx, toldUpTo)
	if err != nil {
		return nil, 0, err
	}
	after, _ := strconv.ParseInt(note, 10, 64) // without a note everything is new
	return open.Alarms(ctx, after)
}

// tableAlarms tells those that the last run has not told yet.
func (h *house) tableAlarms(ctx context.Context, open *clickhouse.Warehouse) (v pipeline.Verdict, err error) {
	list, err := open.TableAlarms(ctx)
	if err != nil {
		return v, err
	}
	note, err := h.state.Get(ctx, toldTables)
	if err != nil {
		return v, err
	}
	var told []string
	_ = json.Unmarshal([]byte(note), &told) // without a note everything is new
	stand := []string{}
	for _, a := range list {
		stand = append(stand, a.ID)
		if !slices.Contains(told, a.ID) {
			v = v.And(pipeline.Verdict{Code: pipeline.CodeFinding, Why: []string{fmt.Sprintf(
				"check %s does not hold for %s/%s on %s: %s: %s instead of %s; see: paylake query \"SELECT * FROM alarms\"", a.Check, a.Source, a.Table, a.Day, a.Detail, a.Observed, a.Expected)}})
		}
	}
	if slices.Equal(stand, told) {
		return v, nil
	}
	text, err := json.Marshal(stand)
	if err != nil {
		return v, err
	}
	return v, h.state.Set(ctx, toldTables, string(text))
}

func tell(a clickhouse.AlarmCount) string {
	return fmt.Sprintf("check %s does not hold for %d new rows of %s/%s, such as %s: %s; the rows are kept; see: paylake query \"SELECT * FROM alarms\"",
		a.Check, a.Rows, a.Source, a.Table, a.Example, a.Detail)
}

// alarms counts all that stand; none when the warehouse is out of reach, which
// status says elsewhere.
func (h *house) alarms(ctx context.Context) []alarmStatus {
	out := []alarmStatus{}
	open, err := h.store.get(ctx)
	if err != nil {
		return out
	}
	list, _, err := open.Alarms(ctx, 0)
	if err != nil {
		h.p.log.Warn("alarms not counted", "err", err)
	}
	for _, a := range list {
		out = append(out, alarmStatus{a.Check, a.Source, a.Table, a.Rows})
	}
	tables, err := open.TableAlarms(ctx)
	if err != nil {
		h.p.log.Warn("alarms not counted", "err", err)
	}
	for _, a := range tables {
		last := len(out) - 1
		if last >= 0 && out[last].Check == a.Check && out[last].Source == a.Source && out[last].Table == a.Table {
			out[last].Rows++
			continue
		}
		out = append(out, alarmStatus{a.Check, a.Source, a.Table, 1})
	}
	return out
}

// showAlarms is the line of `status`.
func (p *program) showAlarms(list []alarmStatus) {
	if len(list) == 0 {
		fmt.Fprintln(p.stdout, "alarms: none")
		return
	}
	words := make([]string, len(list))
	var rows int64
	for i, a := range list {
		rows += a.Rows
		words[i] = fmt.Sprintf("%s × %s in %s/%s", a.Check, thousands(a.Rows), a.Source, a.Table)
	}
	fmt.Fprintf(p.stdout, "alarms: %s rows: %s; see: paylake query \"SELECT * FROM alarms\"\n", thousands(rows), strings.Join(words, ", "))
}
