package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// ErrAbsent is returned for what the database does not hold.
var ErrAbsent = errors.New("not there")

// Vault keeps raw texts under seal, by the ids of quarantined rows.
type Vault struct{ db *DB }

// Vault returns the vault.
func (db *DB) Vault() Vault { return Vault{db} }

// Put seals and stores raw under id. The same id again changes nothing: an id
// is a function of the bytes.
func (v Vault) Put(ctx context.Context, id string, raw []byte) error {
	if err := v.put(ctx, id, raw); err != nil {
		return fmt.Errorf("vault %s: %w", id, err)
	}
	return nil
}

func (v Vault) put(ctx context.Context, id string, raw []byte) error {
	if v.db.seal.keeper == nil {
		return ErrNoKeeper
	}
	// Looking first spares a sealing, which may be a call to a key service, for
	// every bad row that the look-back reads again.
	var one int
	err := v.db.row(ctx, `SELECT 1 FROM vault WHERE id = ?`, id).Scan(&one)
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	sealed, err := v.db.seal.close(ctx, "vault/"+id, raw)
	if err != nil {
		return err
	}
	return v.db.exec(ctx, `INSERT INTO vault (id, sealed, added_at) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		id, sealed, v.db.micros())
}

// Get opens what was stored under id; ErrAbsent when there is nothing.
func (v Vault) Get(ctx context.Context, id string) ([]byte, error) {
	var sealed []byte
	err := v.db.row(ctx, `SELECT sealed FROM vault WHERE id = ?`, id).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrAbsent
	}
	var raw []byte
	if err == nil {
		raw, err = v.db.seal.open(ctx, "vault/"+id, sealed)
	}
	if err != nil {
		return nil, fmt.Errorf("vault %s: %w", id, err)
	}
	return raw, nil
}
