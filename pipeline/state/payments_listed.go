package state

// What the platform's own list says of payments, kept apart from what callbacks
// say of them.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Listing is a sale as a platform's list shows it.
type Listing struct {
	Source, OperationID, PaymentID string
	Status, Currency               string
	Minor                          int64     // minor units of Currency
	At                             time.Time // when it was completed, or created
}

// Listed notes what a list shows; an operation that it shows again is as it is
// now. Once more is safe.
func (p Payments) Listed(ctx context.Context, list []Listing) error {
	if len(list) == 0 {
		return nil
	}
	err := p.db.transact(ctx, func(tx *sql.Tx) error {
		for _, l := range list {
			if l.Source == "" || l.OperationID == "" || l.PaymentID == "" {
				return errors.New("a listing needs a source, an operation and a payment")
			}
			if _, err := tx.ExecContext(ctx, p.db.rebind(`INSERT INTO payment_listings (source, operation_id, payment_id, status, currency, minor, at) VALUES (`+marks(7)+`)
				ON CONFLICT (source, operation_id) DO UPDATE SET payment_id = excluded.payment_id, status = excluded.status, currency = excluded.currency, minor = excluded.minor, at = excluded.at`),
				l.Source, l.OperationID, l.PaymentID, l.Status, l.Currency, l.Minor, microsOf(l.At)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("note what the platform lists of payments: %w", p.db.explain(err))
	}
	return nil
}

// Listings are all sales that lists have shown, by source and operation.
func (p Payments) Listings(ctx context.Context) (list []Listing, err error) {
	err = p.each(ctx, p.db.sql, func(rows *sql.Rows) error {
		var l Listing
		var at int64
		err := rows.Scan(&l.Source, &l.OperationID, &l.PaymentID, &l.Status, &l.Currency, &l.Minor, &at)
		l.At = instantOf(at)
		list = append(list, l)
		return err
	}, `SELECT source, operation_id, payment_id, status, currency, minor, at FROM payment_listings ORDER BY source, operation_id`)
	if err != nil {
		return nil, fmt.Errorf("what the platform lists of payments: %w", p.db.explain(err))
	}
	return list, nil
}
