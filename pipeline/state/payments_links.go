package state

// Links to a payment page that were made for payments.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// PaymentLink is a link with which a payer pays by himself. It is a note of the
// database and holds no personal data.
type PaymentLink struct {
	ID          string // of the payment
	Fingerprint string // keyed, of all that the link says
}

func linkNote(id string) string { return "payment link/" + id }

// PutLink records that a link was made: the first one for a payment is the only
// one. The same again is recorded as an act and changes nothing else; another one,
// and one for a payment of the register, is an error that wraps ErrTaken, and then
// nothing was recorded. Of several processes at once one is the first.
func (p Payments) PutLink(ctx context.Context, l PaymentLink, act Act) error {
	return p.inTurn(ctx, func(ctx context.Context, tx *sql.Tx, _ bool) error {
		var planned int64
		if err := tx.QueryRowContext(ctx, p.db.rebind(`SELECT COUNT(*) FROM payments WHERE id = ?`), l.ID).Scan(&planned); err != nil {
			return err
		}
		if planned > 0 {
			return asItIs{fmt.Errorf("payment %s: %w by one that is planned", l.ID, ErrTaken)}
		}
		var first string
		err := tx.QueryRowContext(ctx, p.db.rebind(`SELECT value FROM meta WHERE name = ?`), linkNote(l.ID)).Scan(&first)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			_, err = tx.ExecContext(ctx, p.db.rebind(`INSERT INTO meta (name, value, changed_at) VALUES (?, ?, ?)`), linkNote(l.ID), l.Fingerprint, p.db.micros())
		case err == nil && first != l.Fingerprint:
			return asItIs{fmt.Errorf("payment %s: %w by another link", l.ID, ErrTaken)}
		}
		if err != nil {
			return err
		}
		return p.db.audit(ctx, tx, act)
	})
}
