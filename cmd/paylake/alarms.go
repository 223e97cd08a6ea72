package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/sinks/clickhouse"
)

// alarmStatus is one line of the alarms in `status --json`.
type alarmStatus struct {
	Check  string `json:"check"`
	Source string `json:"source"`
	Table  string `json:"table"`
	Rows   int64  `json:"rows"`
}

// toldUpTo is the note of the newest manifest whose alarms a run has told: each
// alarm makes one run end with 3, also when the warehouse was behind meanwhile.
const toldUpTo = "alarms/told"

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
	list, upTo, err := h.alarmsSince(ctx, open)
	if err != nil {
		return pipeline.Verdict{Code: pipeline.CodeFailed, Why: []string{fmt.Sprintf("the checks could not be asked: %v", err)}}
	}
	v := pipeline.Verdict{}
	for _, a := range list {
		v = v.And(pipeline.Verdict{Code: pipeline.CodeFinding, Why: []string{tell(a)}})
	}
	if err := h.state.Set(ctx, toldUpTo, strconv.FormatInt(upTo, 10)); err != nil {
		return v.And(pipeline.Verdict{Code: pipeline.CodeFailed, Why: []string{err.Error()}})
	}
	return v
}

func (h *house) alarmsSince(ctx context.Context, open *clickhouse.Warehouse) ([]clickhouse.AlarmCount, int64, error) {
	note, err := h.state.Get(ctx, toldUpTo)
	if err != nil {
		return nil, 0, err
	}
	after, _ := strconv.ParseInt(note, 10, 64) // without a note everything is new
	return open.Alarms(ctx, after)
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
