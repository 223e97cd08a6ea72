package clickhouse

import (
	"context"
	"fmt"
	"time"
)

// Delivery is one event on its way to one endpoint, for the view
// webhook_deliveries.
type Delivery struct {
	Endpoint, EventID, EventType, Status, Error string
	EventAt, FirstAt, LastAt, DeliveredAt       time.Time // zero: not yet
	Tries, Snapshot                             int64
	Code                                        int
	ChangedAt                                   time.Time // the newest row of a delivery counts
}

// RecordDeliveries adds how deliveries stand. The same rows again change
// nothing that readers see.
func (w *Warehouse) RecordDeliveries(ctx context.Context, list []Delivery) error {
	if len(list) == 0 {
		return nil
	}
	rows := make([][]any, len(list))
	for i, d := range list {
		rows[i] = []any{d.Endpoint, d.EventID, d.EventType, d.EventAt.UTC(), d.Status, d.Tries, int32(d.Code), d.Error,
			orNull(d.FirstAt), orNull(d.LastAt), orNull(d.DeliveredAt), d.Snapshot, d.ChangedAt.UTC()}
	}
	return w.surviving(ctx, func() error {
		if err := w.ensure(ctx); err != nil {
			return err
		}
		return w.insert(ctx, "webhook_deliveries_rows", rows)
	})
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// DeliveriesUpTo is the newest change of a delivery that the warehouse knows;
// zero when it knows none.
func (w *Warehouse) DeliveriesUpTo(ctx context.Context) (at time.Time, err error) {
	err = w.surviving(ctx, func() error {
		if err := w.ensure(ctx); err != nil {
			return err
		}
		return w.one(ctx, "read how far deliveries are known", fmt.Sprintf("SELECT max(changed_at) FROM %s.webhook_deliveries_rows", w.db), &at)
	})
	if at.Unix() <= 0 {
		return time.Time{}, err
	}
	return at, err
}
