package state

import (
	"context"
	"database/sql"
	"fmt"
)

// Erase destroys a subject's key, so that nothing sealed for it opens again,
// suppresses it in what is read from now on, and records the act, in one
// transaction. Erasing somebody who is not in the vault suppresses all the
// same.
func (s Subjects) Erase(ctx context.Context, id string, act Act) error {
	act.Subject = id
	err := s.db.transact(ctx, func(tx *sql.Tx) error {
		now := s.db.micros()
		for _, one := range []struct {
			query string
			args  []any
		}{
			{`INSERT INTO subjects (id, key_sealed, sealed, added_at, erased_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`, []any{id, []byte{}, []byte{}, now, now}},
			{`UPDATE subjects SET key_sealed = ?, sealed = ?, erased_at = ? WHERE id = ?`, []any{[]byte{}, []byte{}, now, id}},
			{`INSERT INTO suppressed (pseudonym, added_at) VALUES (?, ?) ON CONFLICT (pseudonym) DO NOTHING`, []any{id, now}},
		} {
			if _, err := tx.ExecContext(ctx, s.db.rebind(one.query), one.args...); err != nil {
				return err
			}
		}
		return s.db.audit(ctx, tx, act)
	})
	if err == nil {
		err = s.db.shred(ctx)
	}
	if err != nil {
		return fmt.Errorf("erase %s: %w", id, err)
	}
	return nil
}

// shred makes the database forget the bytes of a destroyed key as far as it
// can: SQLite overwrites them (secure_delete) and empties its log, PostgreSQL
// frees the old version of the row. Backups are beyond both.
func (db *DB) shred(ctx context.Context) error {
	if db.dollar {
		return db.exec(ctx, `VACUUM subjects`)
	}
	return db.exec(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
}

// Suppressed lists the erased by their first pseudonyms.
func (s Subjects) Suppressed(ctx context.Context) (map[string]bool, error) {
	found := map[string]bool{}
	err := s.each(ctx, func(rows *sql.Rows) error {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		found[id] = true
		return nil
	}, `SELECT pseudonym FROM suppressed`)
	if err != nil {
		return nil, fmt.Errorf("the erased: %w", err)
	}
	return found, nil
}
