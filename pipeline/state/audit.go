package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Act is what somebody did with a person's data or a payment. Acts are only ever
// added.
type Act struct {
	At      time.Time
	Actor   string
	Action  string // reveal, erase, rotate, payment approved, …
	Subject string // a pseudonym or the id of a payment; never a number
	Reason  string
}

// Audit records an act, at the database's clock.
func (db *DB) Audit(ctx context.Context, a Act) error {
	return db.transact(ctx, func(tx *sql.Tx) error { return db.audit(ctx, tx, a) })
}

func (db *DB) audit(ctx context.Context, tx *sql.Tx, a Act) error {
	_, err := tx.ExecContext(ctx, db.rebind(`INSERT INTO audit (at, actor, action, subject, reason) VALUES (?, ?, ?, ?, ?)`),
		db.micros(), a.Actor, a.Action, a.Subject, a.Reason)
	if err != nil {
		return fmt.Errorf("record %s of %s: %w", a.Action, a.Subject, err)
	}
	return nil
}

// Acts lists what was recorded, the oldest first.
func (db *DB) Acts(ctx context.Context) (list []Act, err error) {
	rows, err := db.sql.QueryContext(ctx, `SELECT at, actor, action, subject, reason FROM audit ORDER BY seq`)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var a Act
		var at int64
		if err := rows.Scan(&at, &a.Actor, &a.Action, &a.Subject, &a.Reason); err != nil {
			return nil, fmt.Errorf("audit: %w", err)
		}
		a.At = instantOf(at)
		list = append(list, a)
	}
	return list, rows.Err()
}
