package pipeline

// Committing: finished windows, in the order of the plan, become batches.

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/paylake/paylake/fault"
	"github.com/paylake/paylake/sinks"
)

// batch is what waits for the next commit.
type batch struct {
	tasks []*task
	rows  int64
	due   <-chan time.Time // set with the first task
}

// collect takes the windows out of the line in the order of the plan and
// commits them. It returns the error that stopped it: the sink's or the
// vault's. A cancelled context ends the reading; what is whole is still
// committed.
func (r *run) collect(ctx context.Context) error {
	b := &batch{}
	for t := r.line.first(); t != nil; t = r.line.first() {
		r.budget.next(t.seq)
		if err := r.await(ctx, t, b); err != nil {
			return err
		}
		r.line.pop()
		if !r.accept(t) {
			r.progress.done(1)
			continue
		}
		if len(b.tasks) > 0 && b.rows+t.part.Rows.Len() > r.limits.BatchRows {
			if err := r.commit(ctx, b); err != nil {
				r.discard(t)
				return err
			}
		}
		r.append(b, t)
		if len(b.tasks) >= r.limits.BatchParts || b.rows >= r.limits.BatchRows {
			if err := r.commit(ctx, b); err != nil {
				return err
			}
		}
	}
	return r.commit(ctx, b)
}

func (r *run) append(b *batch, t *task) {
	if len(b.tasks) == 0 {
		b.due = time.After(r.limits.BatchWait)
	}
	b.tasks = append(b.tasks, t)
	b.rows += t.part.Rows.Len()
}

// await waits until t was read, and commits what waits too long meanwhile.
func (r *run) await(ctx context.Context, t *task, b *batch) error {
	for {
		select {
		case <-t.done:
			return nil
		default:
		}
		select {
		case <-t.done:
			return nil
		case <-b.due:
			if err := r.commit(ctx, b); err != nil {
				return err
			}
		}
	}
}

// accept books a window that has been read, and reports whether it may be
// committed. After the first failure of a stream nothing later of it is: its
// windows arrive in order or not at all.
func (r *run) accept(t *task) bool {
	s := &t.lane.report
	switch {
	case t.void:
		return false
	case s.Err != nil:
		r.discard(t)
		return false
	case t.err != nil:
		s.Err, s.At = t.err, t.owed.Window
		if !errors.Is(t.err, context.Canceled) {
			r.log.Warn("stream stopped", "source", t.lane.source.Stream().Source,
				"table", t.lane.source.Stream().Table.Name, "wallet", s.Wallet,
				"window", t.owed.Window.String(), "err", t.err)
		}
		return false
	}
	s.Read.add(t.tally)
	s.Took += t.took
	return true
}

// commit seals the rejects' raw texts, then hands the batch to the sink: a row
// that is counted as quarantined can always be shown again.
func (r *run) commit(ctx context.Context, b *batch) error {
	if len(b.tasks) == 0 {
		return nil
	}
	tasks := b.tasks
	*b = batch{}
	whole, cancel := outlive(ctx, r.limits.Grace)
	defer cancel()
	tasks, err := r.withdraw(whole, tasks)
	if len(tasks) == 0 {
		return nil
	}
	if err != nil {
		for _, t := range tasks {
			r.discard(t)
		}
		return err
	}
	if err := r.seal(whole, tasks); err != nil {
		for _, t := range tasks {
			r.discard(t)
		}
		return err
	}
	fault.Point("run.sealed")
	began := r.job.Now()
	var parts sinks.Batch
	for _, t := range tasks {
		parts.Parts = append(parts.Parts, t.part)
		t.part.Rows = nil // the sink's from here on
	}
	id, rows := parts.ID(), parts.Rows()
	receipt, err := r.offer(whole, parts)
	for _, t := range tasks {
		r.give(t, t.held)
	}
	if err != nil {
		return fmt.Errorf("commit %d windows of pipeline %s: %w", len(tasks), r.job.Spec.Name, err)
	}
	fault.Point("run.committed")
	r.book(ctx, receipt, ended(tasks))
	r.log.Debug("committed", "source", r.report.Source, "table", r.report.Table, "window", len(tasks),
		"batch", id, "rows", rows, "bytes", receipt.Bytes, "took", r.job.Now().Sub(began))
	r.progress.done(ended(tasks))
	return nil
}

// ended counts the windows that end with these tasks: a long file has several.
func ended(tasks []*task) int {
	n := 0
	for _, t := range tasks {
		if t.rest == "" {
			n++
		}
	}
	return n
}

func (r *run) offer(ctx context.Context, b sinks.Batch) (receipt sinks.Receipt, err error) {
	err = guarded("the sink", func() error {
		receipt, err = r.job.Sink.Commit(ctx, b)
		return err
	})
	return receipt, err
}

func (r *run) seal(ctx context.Context, tasks []*task) error {
	if err := r.people(ctx); err != nil || r.job.Vault == nil {
		return err
	}
	for _, t := range tasks {
		narrow := t.lane.permit.covered() != nil
		for _, reject := range t.part.Rejects {
			if narrow && !reject.Columns {
				continue // a raw text holds every field, and its owner did not allow every field
			}
			id := reject.ID(t.part.Stream)
			if err := r.job.Vault.Put(ctx, t.part.Stream, id, reject.Raw); err != nil {
				return fmt.Errorf("seal the raw text of rejected row %s of %s: %w", id, t.what(), err)
			}
		}
	}
	return nil
}

// book adds a receipt to the report and sends the followers after it.
func (r *run) book(ctx context.Context, receipt sinks.Receipt, windows int) {
	p := &r.report
	p.Windows += windows
	p.Inserted += receipt.Inserted
	p.Retracted += receipt.Retracted
	p.Withdrawn += receipt.Withdrawn
	p.Duplicates += receipt.Duplicates
	p.Quarantined += receipt.Quarantined
	p.Bytes += receipt.Bytes
	for _, c := range receipt.Chains {
		if ln := r.byName[c.Stream]; ln != nil && (c.State == sinks.ChainOpen || c.State == sinks.ChainBroken) {
			ln.report.Chains = append(ln.report.Chains, c)
		}
	}
	if receipt.Sequence == 0 {
		return
	}
	p.Commits++
	p.Sequence = receipt.Sequence
	r.job.Followers.Nudge(ctx)
}

// outlive gives a commit that a signal interrupts some time to end whole.
func outlive(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(grace):
			cancel()
		case <-longer.Done():
		}
	})
	return longer, func() { stop(); cancel() }
}
