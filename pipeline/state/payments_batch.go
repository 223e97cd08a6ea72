package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// PaymentBatch is a set of drafts that are approved together. Its id is a
// function of what is in it.
type PaymentBatch struct {
	ID, Job, Maker string
	At             time.Time
	IDs            []string // of the payments
}

// PutBatch stores a batch. The same id again changes nothing; with other
// payments or of another job it is an error.
func (p Payments) PutBatch(ctx context.Context, b PaymentBatch) error {
	ids, err := json.Marshal(b.IDs)
	if err != nil {
		return fmt.Errorf("batch %s: %w", b.ID, err)
	}
	err = p.db.exec(ctx, `INSERT INTO payment_batches (id, job, maker, at, ids) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`, b.ID, b.Job, b.Maker, microsOf(b.At), string(ids))
	if err != nil {
		return fmt.Errorf("batch %s: %w", b.ID, err)
	}
	stored, err := p.Batch(ctx, b.ID)
	if err == nil && (stored.Job != b.Job || !slices.Equal(stored.IDs, b.IDs)) {
		err = fmt.Errorf("batch %s: %w by other payments", b.ID, ErrTaken)
	}
	return err
}

// Batch reads one; ErrAbsent when there is none.
func (p Payments) Batch(ctx context.Context, id string) (PaymentBatch, error) {
	b := PaymentBatch{ID: id}
	var at int64
	var ids string
	err := p.db.row(ctx, `SELECT job, maker, at, ids FROM payment_batches WHERE id = ?`, id).Scan(&b.Job, &b.Maker, &at, &ids)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrAbsent
	}
	if err == nil {
		err = json.Unmarshal([]byte(ids), &b.IDs)
	}
	if err != nil {
		return PaymentBatch{}, fmt.Errorf("batch %s: %w", id, p.db.explain(err))
	}
	b.At = instantOf(at)
	return b, nil
}
