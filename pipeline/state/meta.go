package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Get reads a note; "" when there is none. Notes are not sealed.
func (db *DB) Get(ctx context.Context, name string) (string, error) {
	var value string
	err := db.row(ctx, `SELECT value FROM meta WHERE name = ?`, name).Scan(&value)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("note %s: %w", name, err)
	}
	return value, nil
}

// Set writes a note in place of the former one.
func (db *DB) Set(ctx context.Context, name, value string) error {
	err := db.exec(ctx, `INSERT INTO meta (name, value, changed_at) VALUES (?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at`, name, value, db.micros())
	if err != nil {
		return fmt.Errorf("note %s: %w", name, err)
	}
	return nil
}
