package main

// Quarantined rows on the queue: `up` tries them again, and another process
// does when it dies.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/pipeline/state"
)

const (
	// redriveStep is the kind of the steps that try rows again. Their keys are ids
	// of rows with spaces between them.
	redriveStep = "redrive"
	// redriveWithin is short, and so are steps: whoever takes over the steps of a
	// process that died, of whatever kind, waits for the longest of them.
	redriveWithin = driveWithin
	rowsPerStep   = 20
)

// queueRedrive stores which rows are to be tried again.
func (p *program) queueRedrive(ctx context.Context, ids []string, filter quarantineFilter) (err error) {
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	list, err := h.redrivable(ctx, ids, filter)
	if err != nil {
		return err
	}
	if err := h.openState(ctx); err != nil {
		return err
	}
	var rows []string
	for _, r := range list {
		if r.Resolved == 0 {
			rows = append(rows, r.ID)
		}
	}
	var steps []state.Step
	for some := range slices.Chunk(rows, rowsPerStep) {
		steps = append(steps, state.Step{Kind: redriveStep, Key: strings.Join(some, " ")})
	}
	if err := h.state.Enqueue(ctx, steps...); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%d rows are queued; paylake up tries them again, see: paylake quarantine list\n", len(rows))
	return err
}

// redriveWorker tries rows again as the command does. Rows that are still bad
// end their step: they wait in the quarantine, not on the queue.
func (p *program) redriveWorker() state.Worker {
	return state.Worker{Parallel: 1, Within: redriveWithin, Do: func(ctx context.Context, key string) (time.Duration, error) {
		quiet := *p
		quiet.stdout, quiet.stderr = io.Discard, io.Discard
		err := quiet.redrive(ctx, strings.Fields(key), quarantineFilter{}, false, true)
		var f *failure
		if errors.As(err, &f) && slices.Contains([]int{codeUsage, pipeline.CodeFinding, pipeline.CodePerson}, f.code) {
			p.log.Warn("rows of the quarantine still wait; paylake quarantine list", "rows", len(strings.Fields(key)), "code", f.code, "err", err)
			return 0, nil
		}
		return 0, err
	}}
}
