package main

// What the platform's list says of payments that are initiated from here, noted
// as it is read: the lake's row of an operation does not say whether a callback
// brought it or the list.

import (
	"context"
	"iter"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/sinks/gate"
	"github.com/paylake/paylake/sources"
)

// noting is a source of operations that notes sales of ours. It notes a page
// before it hands it on: a window is complete in the lake only when its listings
// are noted, and the check looks at nothing that is not complete.
type noting struct {
	sources.Source
	note func(context.Context, []state.Listing) error
}

// Pages implements sources.Source.
func (n noting) Pages(ctx context.Context, w sources.Window, from sources.Cursor) iter.Seq2[sources.Page, error] {
	return func(yield func(sources.Page, error) bool) {
		for page, err := range n.Source.Pages(ctx, w, from) {
			if err == nil {
				if err = n.note(ctx, listings(n.Stream().Source, page.Rows)); err != nil {
					page.Rows.Release()
					page = sources.Page{}
				}
			}
			if !yield(page, err) || err != nil {
				return
			}
		}
	}
}

// listings are the sales of ours in a record of operations.
func listings(source string, rec arrow.Record) (list []state.Listing) {
	text := func(name string) *array.String { return column(rec, name).(*array.String) }
	payment, kind, operation := text("payment_id"), text("type"), text("operation_id")
	status, currency := text("status"), text("currency")
	minor := column(rec, "amount_minor").(*array.Int64)
	created, completed := column(rec, "created_at").(*array.Timestamp), column(rec, "completed_at").(*array.Timestamp)
	for i := range int(rec.NumRows()) {
		if !gate.Ours(payment.Value(i)) || kind.Value(i) != "sale" {
			continue
		}
		at := created.Value(i)
		if completed.IsValid(i) {
			at = completed.Value(i)
		}
		list = append(list, state.Listing{Source: source, OperationID: strings.Clone(operation.Value(i)), PaymentID: strings.Clone(payment.Value(i)),
			Status: strings.Clone(status.Value(i)), Currency: strings.Clone(currency.Value(i)), Minor: minor.Value(i), At: time.UnixMicro(int64(at)).UTC()})
	}
	return list
}

func column(rec arrow.Record, name string) arrow.Array {
	return rec.Column(rec.Schema().FieldIndices(name)[0])
}
