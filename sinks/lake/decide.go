package lake

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// anyHead commits on top of whatever is there.
const anyHead = -1

// Decide commits rows of schemas.Decisions in a manifest of a kind of its own,
// by the same steps as any other commit. plan returns them for the lake as of
// manifest head, in the form of the table's Arrow schema, and the kind; no rows
// commit nothing. Decide releases them. Whatever is committed between plan and
// commit, plan is asked again: a decision rests on exactly the manifests before
// it, so two persons cannot both decide about what only one of them saw.
func (l *Lake) Decide(ctx context.Context, plan func(ctx context.Context, head int64) (kind string, rows arrow.Record, err error)) (sinks.Receipt, error) {
	l.committing.Lock()
	defer l.committing.Unlock()
	var lost takenTwice
	for {
		receipt, err := l.decide(ctx, plan)
		if !errors.Is(err, errTaken) {
			return receipt, err
		}
		if err := errors.Join(ctx.Err(), lost.again(l)); err != nil {
			return sinks.Receipt{}, err
		}
	}
}

func (l *Lake) decide(ctx context.Context, plan func(ctx context.Context, head int64) (kind string, rows arrow.Record, err error)) (sinks.Receipt, error) {
	head, err := l.Head(ctx)
	if err != nil {
		return sinks.Receipt{}, err
	}
	kind, rows, err := plan(ctx, head)
	if err != nil || rows == nil {
		return sinks.Receipt{}, err
	}
	stream := schemas.Stream{Source: schemas.DecisionSource, Table: schemas.Decisions}
	if kind != KindDecision && kind != KindClose {
		rows.Release()
		return sinks.Receipt{}, fmt.Errorf("commit %s: %q is no kind of a decision", stream, kind)
	}
	part := sinks.Part{Stream: stream, Window: decidedIn(rows), Rows: sinks.NewSpool(rows.Schema(), l.opts.TempDir, 0)}
	defer part.Release()
	if err := part.Rows.Append(rows); err != nil {
		return sinks.Receipt{}, err
	}
	return l.attempt(ctx, sinks.Batch{Parts: []sinks.Part{part}}, kind, head)
}

// decidedIn is the span of the times of decisions. It completes nothing.
func decidedIn(rows arrow.Record) schemas.Window {
	at := rows.Column(schemas.Decisions.Index("decided_at")).(*array.Timestamp)
	first, last := at.Value(0), at.Value(0)
	for i := range at.Len() {
		first, last = min(first, at.Value(i)), max(last, at.Value(i))
	}
	return schemas.Window{From: first.ToTime(arrow.Microsecond), To: (last + 1).ToTime(arrow.Microsecond)}
}
