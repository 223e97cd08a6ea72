package main

// What became of scheduled exports: remembered in the state database, told to
// webhooks, and looked at by `paylake check` before the first of them is due.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/paylake/paylake/cmd/internal/deposit"
	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/sinks/webhook"
)

// exportRuns is how the history of runs names exports.
const exportRuns = "export/"

// exportAttempt is what is remembered of one attempt.
type exportAttempt struct {
	Table   string   `json:"table"` // the dataset
	Format  string   `json:"format"`
	Period  string   `json:"period"`
	Outcome string   `json:"outcome"` // written, unchanged, held, nothing, failed
	Object  string   `json:"object,omitempty"`
	Why     []string `json:"why,omitempty"`
}

// rememberExport keeps what became of an export, so that webhooks tell it.
func (h *house) rememberExport(ctx context.Context, job config.Export, began time.Time, done exported, failed error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if h.state == nil {
		if err := h.openState(ctx); err != nil {
			return err
		}
	}
	r := exportAttempt{Table: job.Dataset, Format: job.Format, Period: done.period, Outcome: done.outcome, Object: done.object}
	run := state.Run{ID: fmt.Sprintf("%s%s-%d-%d", exportRuns, job.Name, began.UnixMicro(), os.Getpid()), Pipeline: exportRuns + job.Name,
		Started: began, Finished: h.p.now(), Rows: done.rows, Snapshot: done.snapshot}
	if failed != nil {
		r.Outcome, r.Why, run.Code = "failed", []string{failed.Error()}, pipeline.CodeFailed
	}
	var err error
	if run.Report, err = json.Marshal(r); err != nil {
		return err
	}
	return h.state.Runs().Record(ctx, run)
}

// exportEvents are those of exports that wrote a file or failed.
func (h *house) exportEvents(ctx context.Context, since time.Time) (out []webhook.Event, err error) {
	runs, err := h.state.Runs().Since(ctx, exportRuns, since)
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		var text exportAttempt
		_ = json.Unmarshal(r.Report, &text) // of another version: less is told
		e := webhook.Export{RunID: r.ID, Name: strings.TrimPrefix(r.Pipeline, exportRuns), Dataset: text.Table, Format: text.Format, Period: text.Period,
			Object: text.Object, Rows: r.Rows, Snapshot: r.Snapshot, At: r.Finished, Why: strings.Join(text.Why, "; ")}
		switch {
		case r.Code != pipeline.CodeDone:
			out = append(out, e.Failed())
		case text.Outcome == "written":
			out = append(out, e.Written())
		}
	}
	return out, nil
}

// checkExports looks whether every export of the configuration could be carried
// out: its dataset in its format, and its target.
func (h *house) checkExports(ctx context.Context, c *checklist) {
	for _, job := range h.cfg.Exports {
		note, err := "", exportKnown(job)
		if err == nil {
			note, err = targetThere(ctx, job)
		}
		c.line("export "+job.Name, note, err)
	}
}

// exportKnown refuses an export of a dataset or format that there is none of.
func exportKnown(job config.Export) error {
	f := exportFlags{format: job.Format, reader: job.Reader, names: job.ColumnNames, days: span{"2000-01-01", "2000-01-02"}}
	if job.Period == "" {
		f.days = span{}
	}
	if _, err := f.dataset(job.Dataset, false); err != nil {
		return fmt.Errorf("exports.%s: %w", job.Name, err)
	}
	return nil
}

// targetThere lists what lies in a target, and writes nothing there.
func targetThere(ctx context.Context, job config.Export) (string, error) {
	u, err := url.Parse(job.Target)
	if err == nil && u.Scheme == "file" {
		if _, err := os.Stat(filepath.FromSlash(u.Path)); errors.Is(err, fs.ErrNotExist) {
			return u.Path + " is not there yet; the first export makes it", nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	place, err := deposit.Open(ctx, job.Target)
	if err != nil {
		return "", err
	}
	keys, err := place.Keys(ctx, job.Dataset+"/")
	if err := errors.Join(err, place.Close()); err != nil {
		return "", fmt.Errorf("exports.%s: its target cannot be listed: %w", job.Name, err)
	}
	return fmt.Sprintf("%s can be listed, %d objects of %s; nothing was written", u.Redacted(), len(keys), job.Dataset), nil
}
