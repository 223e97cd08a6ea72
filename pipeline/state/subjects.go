package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Subjects are the persons whose numbers the vault keeps, each sealed under a
// key of its own. They are called by their first pseudonyms.
type Subjects struct{ db *DB }

// Subjects returns the vault of persons.
func (db *DB) Subjects() Subjects { return Subjects{db} }

// Keep seals the numbers of subjects that are not there yet. Somebody who was
// erased stays erased.
func (s Subjects) Keep(ctx context.Context, numbers map[string]string) error {
	if len(numbers) == 0 {
		return nil
	}
	if err := s.keep(ctx, numbers); err != nil {
		return fmt.Errorf("keep %d persons in the vault: %w", len(numbers), err)
	}
	return nil
}

func (s Subjects) keep(ctx context.Context, numbers map[string]string) error {
	vault, err := s.db.vaultKey(ctx)
	if err != nil {
		return err
	}
	ids := slices.Sorted(maps.Keys(numbers))
	there, err := s.keys(ctx, ids)
	if err != nil {
		return err
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { _, ok := there[id]; return ok })
	if len(ids) == 0 {
		return nil
	}
	return s.db.transact(ctx, func(tx *sql.Tx) error {
		insert, err := tx.PrepareContext(ctx, s.db.rebind(`INSERT INTO subjects (id, key_sealed, sealed, added_at, erased_at) VALUES (?, ?, ?, ?, 0) ON CONFLICT (id) DO NOTHING`))
		if err != nil {
			return err
		}
		defer func() { _ = insert.Close() }()
		for _, id := range ids {
			key := newKey()
			own, err := newEnvelope(key)
			if err != nil {
				return err
			}
			if _, err := insert.ExecContext(ctx, id, vault.close("subject key/"+id, key), own.close("number/"+id, []byte(numbers[id])), s.db.micros()); err != nil {
				return err
			}
		}
		return nil
	})
}

// Known picks the ids that are subjects, erased ones included.
func (s Subjects) Known(ctx context.Context, ids []string) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	there, err := s.keys(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("look for %d persons in the vault: %w", len(ids), err)
	}
	return slices.Sorted(maps.Keys(there)), nil
}

// keys reads the sealed keys of subjects; an empty one was destroyed.
func (s Subjects) keys(ctx context.Context, ids []string) (map[string][]byte, error) {
	found := map[string][]byte{}
	for some := range slices.Chunk(ids, 500) {
		marks := strings.TrimSuffix(strings.Repeat("?, ", len(some)), ", ")
		args := make([]any, len(some))
		for i, id := range some {
			args[i] = id
		}
		err := s.each(ctx, func(rows *sql.Rows) error {
			var id string
			var key []byte
			if err := rows.Scan(&id, &key); err != nil {
				return err
			}
			found[id] = key
			return nil
		}, `SELECT id, key_sealed FROM subjects WHERE id IN (`+marks+`)`, args...)
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (s Subjects) each(ctx context.Context, do func(*sql.Rows) error, query string, args ...any) (err error) {
	rows, err := s.db.sql.QueryContext(ctx, s.db.rebind(query), args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := do(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// own opens a subject's key.
func (s Subjects) own(vault envelope, id string, sealed []byte) (envelope, error) {
	if len(sealed) == 0 {
		return envelope{}, ErrErased
	}
	key, err := vault.open("subject key/"+id, sealed)
	if err != nil {
		return envelope{}, err
	}
	return newEnvelope(key)
}

// Number opens the number of a subject: ErrAbsent, ErrErased.
func (s Subjects) Number(ctx context.Context, id string) (string, error) {
	var key, sealed []byte
	err := s.db.row(ctx, `SELECT key_sealed, sealed FROM subjects WHERE id = ?`, id).Scan(&key, &sealed)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrAbsent
	}
	var number string
	if err == nil {
		var vault envelope
		if vault, err = s.db.vaultKey(ctx); err == nil {
			number, err = s.number(vault, id, key, sealed)
		}
	}
	if err != nil {
		return "", fmt.Errorf("person %s: %w", id, err)
	}
	return number, nil
}

func (s Subjects) number(vault envelope, id string, key, sealed []byte) (string, error) {
	own, err := s.own(vault, id, key)
	if err != nil {
		return "", err
	}
	raw, err := own.open("number/"+id, sealed)
	return string(raw), err
}

// Each opens the numbers of all subjects that came after one place and were not
// erased, and returns the place to go on from.
func (s Subjects) Each(ctx context.Context, after int64, do func(id, number string) error) (last int64, err error) {
	vault, err := s.db.vaultKey(ctx)
	if err != nil {
		return after, err
	}
	last = after
	err = s.each(ctx, func(rows *sql.Rows) error {
		var id string
		var key, sealed []byte
		if err := rows.Scan(&last, &id, &key, &sealed); err != nil {
			return err
		}
		number, err := s.number(vault, id, key, sealed)
		if err != nil {
			return fmt.Errorf("person %s: %w", id, err)
		}
		return do(id, number)
	}, `SELECT seq, id, key_sealed, sealed FROM subjects WHERE erased_at = 0 AND seq > ? ORDER BY seq`, after)
	return last, err
}
