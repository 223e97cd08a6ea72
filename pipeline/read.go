package pipeline

// Reading: one owed window from a source into a spool.

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/paylake/paylake/fault"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sources"
)

// partWeight is what a window weighs in the budget beside its rows, so that
// very many empty windows cannot pile up either: the buffers of one small record
// take as much memory as some dozens of rows.
const partWeight = 64

// read works off the line until there is nothing left.
func (r *run) read(ctx context.Context) {
	for t := r.line.hand(); t != nil; t = r.line.hand() {
		began := r.job.Now()
		t.err = guarded(t.what(), func() error { return r.window(ctx, t) })
		t.took = r.job.Now().Sub(began)
		if t.err != nil { // what was read of a window that is not whole is worth nothing
			r.discard(t)
		}
		r.line.finish(t)
	}
}

func (t *task) what() string {
	return fmt.Sprintf("%s %s", t.lane.source.Stream(), t.owed.Window)
}

// window reads one window to its end.
func (r *run) window(ctx context.Context, t *task) error {
	stream := t.lane.source.Stream()
	t.part = sinks.Part{
		Stream: stream, Window: t.owed.Window, Final: t.owed.Final, Past: t.owed.Past, Asked: t.owed.Reason == ReasonAsked,
		Rows: sinks.NewSpool(r.schemaOf(stream.Table), r.job.TempDir, r.limits.SpoolRows),
	}
	if err := r.hold(ctx, t, partWeight); err != nil {
		return err
	}
	if t.lane.permit != nil {
		t.part.ConsentID = t.lane.permit.ID
	}
	if err := r.allowed(ctx, t.lane); err != nil {
		return err
	}
	judge, err := r.judge(stream.Table)
	if err != nil {
		return err
	}
	for page, err := range t.lane.source.Pages(ctx, t.owed.Window, t.from) {
		if err != nil {
			return r.gone(ctx, t, err) // it names source, wallet and window itself
		}
		next, file := page.Next, page.File
		page, err := r.refused(judge, t.lane.permit.narrowed(page, stream.Table), stream.Table, t.lane.permit)
		if err != nil {
			page.Rows.Release()
			return fmt.Errorf("read %s: %w", t.what(), err)
		}
		if err := r.page(ctx, t, page); err != nil {
			return err
		}
		if r.enough(t, file) {
			t.rest = next
			break
		}
		if err := r.allowed(ctx, t.lane); err != nil { // before the next page is asked for
			return err
		}
	}
	if err := ctx.Err(); err != nil { // a source that ends quietly when it is cancelled
		return fmt.Errorf("read %s: %w", t.what(), err)
	}
	if t.rest == "" {
		t.tally.Windows = 1
	}
	fault.Point("run.read")
	t.part.Unknown = t.tally.Unknown
	return nil
}

// enough cuts a long file into parts that are committed one after the other,
// so that it never needs more memory than a batch. It is complete with its last
// part. A correction is one part, whatever its size: what it withdraws and what
// it enters become visible together.
func (r *run) enough(t *task, f *schemas.File) bool {
	return f != nil && !f.Last && f.Replaces.IsZero() && t.part.Rows.Len()+int64(len(t.part.Rejects)) >= r.limits.BatchRows/2
}

// schemaOf spares computing the schema for every window.
func (r *run) schemaOf(t *schemas.Table) *arrow.Schema {
	if t == r.table {
		return r.schema
	}
	return t.ArrowSchema()
}

// page takes over one page: its rows go to the spool, and reading waits while
// the budget is spent.
func (r *run) page(ctx context.Context, t *task, page sources.Page) error {
	t.tally.page(page)
	rows := page.Rows.NumRows()
	r.log.Debug("page", "source", t.part.Stream.Source, "table", t.part.Stream.Table.Name,
		"wallet", t.part.Stream.Wallet, "window", t.owed.Window.String(), "rows", rows)
	spilled := t.part.Rows.Held()
	if err := t.part.Rows.Append(page.Rows); err != nil {
		return fmt.Errorf("read %s: %w", t.what(), err)
	}
	if err := r.identify(page.Rejects, t.part.Stream); err != nil {
		return err
	}
	t.part.Rejects = append(t.part.Rejects, page.Rejects...)
	t.part.File = page.File
	r.progress.read(rows)
	if t.part.Rows.Held() < spilled+rows { // all of it lies on disk now
		r.give(t, spilled)
		return r.hold(ctx, t, int64(len(page.Rejects)))
	}
	return r.hold(ctx, t, rows+int64(len(page.Rejects)))
}

func (r *run) hold(ctx context.Context, t *task, n int64) error {
	if err := r.budget.take(ctx, t.seq, n); err != nil {
		return fmt.Errorf("read %s: %w", t.what(), err)
	}
	t.held += n
	return nil
}

func (r *run) give(t *task, n int64) {
	r.budget.give(n)
	t.held -= n
}

// discard gives back what a window holds.
func (r *run) discard(t *task) {
	t.part.Release()
	t.part.Rejects = nil
	r.give(t, t.held)
}
