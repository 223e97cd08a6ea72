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
	rows, steps := redriveSteps(list)
	if err := h.state.Enqueue(ctx, steps...); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%d rows are queued; paylake up tries them again, see: paylake quarantine list\n", rows)
	return err
}

// redriveSteps are the steps that try again what waits, and how many rows that is.
func redriveSteps(list []*redriven) (n int, steps []state.Step) {
	var rows []string
	for _, r := range list {
		if r.Resolved == 0 {
			rows = append(rows, r.ID)
		}
	}
	for some := range slices.Chunk(rows, rowsPerStep) {
		steps = append(steps, state.Step{Kind: redriveStep, Key: strings.Join(some, " ")})
	}
	return len(rows), steps
}

// redriveWorker tries rows again as the command does. Rows that are still bad, or
// gone, end their step: they wait in the quarantine, not on the queue.
func (p *program) redriveWorker() state.Worker {
	return state.Worker{Parallel: 1, Within: redriveWithin, Do: func(ctx context.Context, key string) (time.Duration, error) {
		ids := strings.Fields(key)
		err := p.redriveQuietly(ctx, ids)
		if errors.Is(err, errNoRow) && len(ids) > 1 { // the others are there
			err = nil
			for _, id := range ids {
				err = errors.Join(err, p.redriveQuietly(ctx, []string{id}))
			}
		}
		return 0, err
	}}
}

// redriveQuietly tries rows; an error wants them tried once more.
func (p *program) redriveQuietly(ctx context.Context, ids []string) error {
	quiet := *p
	quiet.stdout, quiet.stderr = io.Discard, io.Discard
	err := quiet.redrive(ctx, ids, quarantineFilter{}, false, true)
	var f *failure
	settled := errors.As(err, &f) && (f.code == pipeline.CodeFinding || f.code == pipeline.CodePerson)
	switch {
	case settled, errors.Is(err, errNoRow) && len(ids) == 1:
		p.log.Warn("rows of the quarantine still wait, or are gone; paylake quarantine list", "rows", len(ids), "err", err)
		return nil
	}
	return err
}
