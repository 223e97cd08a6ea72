package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// ErrAbsent is returned for what the database does not hold.
var ErrAbsent = errors.New("not there")

// Vault keeps raw texts under seal, by the ids of quarantined rows.
type Vault struct{ db *DB }

// Vault returns the vault.
func (db *DB) Vault() Vault { return Vault{db} }

// Put seals and stores raw under id, for the given subjects, which must have
// been kept before: it opens as long as none of them is erased. A text about
// somebody who is erased already is not stored. The same id again changes
// nothing: an id is a function of the bytes.
func (v Vault) Put(ctx context.Context, id string, raw []byte, subjects ...string) error {
	if err := v.put(ctx, id, raw, subjects); err != nil {
		return fmt.Errorf("vault %s: %w", id, err)
	}
	return nil
}

func (v Vault) put(ctx context.Context, id string, raw []byte, subjects []string) error {
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
	owners, err := v.owners(ctx, subjects)
	if errors.Is(err, ErrErased) {
		return nil
	}
	if err != nil {
		return err
	}
	for i, own := range owners {
		raw = own.close("vault/"+id+"/"+subjects[i], raw)
	}
	sealed, err := v.db.seal.close(ctx, "vault/"+id, raw)
	if err != nil {
		return err
	}
	return v.db.exec(ctx, `INSERT INTO vault (id, sealed, added_at, subjects) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		id, sealed, v.db.micros(), strings.Join(subjects, ","))
}

// owners opens the keys of subjects, in their order.
func (v Vault) owners(ctx context.Context, subjects []string) ([]envelope, error) {
	if len(subjects) == 0 {
		return nil, nil
	}
	vault, err := v.db.vaultKey(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := v.db.Subjects().keys(ctx, subjects)
	if err != nil {
		return nil, err
	}
	out := make([]envelope, len(subjects))
	for i, id := range subjects {
		key, there := keys[id]
		if !there {
			return nil, fmt.Errorf("person %s: %w", id, ErrAbsent)
		}
		if out[i], err = v.db.Subjects().own(vault, id, key); err != nil {
			return nil, fmt.Errorf("person %s: %w", id, err)
		}
	}
	return out, nil
}

// Get opens what was stored under id; ErrAbsent when there is nothing, ErrErased
// when a person that it is about was erased.
func (v Vault) Get(ctx context.Context, id string) ([]byte, error) {
	raw, err := v.get(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("vault %s: %w", id, err)
	}
	return raw, nil
}

func (v Vault) get(ctx context.Context, id string) ([]byte, error) {
	var sealed []byte
	var names string
	err := v.db.row(ctx, `SELECT sealed, subjects FROM vault WHERE id = ?`, id).Scan(&sealed, &names)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	subjects := strings.FieldsFunc(names, func(r rune) bool { return r == ',' })
	owners, err := v.owners(ctx, subjects)
	if err != nil {
		return nil, err
	}
	raw, err := v.db.seal.open(ctx, "vault/"+id, sealed)
	for i := len(owners) - 1; i >= 0 && err == nil; i-- {
		raw, err = owners[i].open("vault/"+id+"/"+subjects[i], raw)
	}
	return raw, err
}
