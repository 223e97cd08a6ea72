package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// ErrOtherKey is returned when a key is not the one that was in use before.
var ErrOtherKey = errors.New("it is not the key that pseudonyms were made with")

// PseudonymKey is one version of the key that pseudonyms are made with. The
// first version is the configuration's and has no bytes here, only a proof.
type PseudonymKey struct {
	Version int
	Key     []byte
	Proof   string // what the key says to a fixed text
}

// PseudonymKeys lists the versions, ascending; none before the first rotation.
func (db *DB) PseudonymKeys(ctx context.Context) (list []PseudonymKey, err error) {
	type row struct {
		PseudonymKey
		sealed []byte
	}
	var rows []row
	err = Subjects{db}.each(ctx, func(r *sql.Rows) error {
		var one row
		err := r.Scan(&one.Version, &one.sealed, &one.Proof)
		rows = append(rows, one)
		return err
	}, `SELECT version, key_sealed, proof FROM pseudonym_keys ORDER BY version`)
	for _, one := range rows {
		if len(one.sealed) > 0 && err == nil {
			one.Key, err = db.seal.open(ctx, fmt.Sprint("pseudonym key/", one.Version), one.sealed)
		}
		list = append(list, one.PseudonymKey)
	}
	if err != nil {
		return nil, fmt.Errorf("pseudonym keys: %w", err)
	}
	return list, nil
}

// RotatePseudonymKey makes a new version of the key. first proves the
// configuration's key, which is version 1; proof computes the proof of another.
func (db *DB) RotatePseudonymKey(ctx context.Context, first string, proof func(key []byte) string, act Act) (version int, err error) {
	key := newKey()
	err = db.transact(ctx, func(tx *sql.Tx) error {
		insert := func(version int, sealed []byte, proof string) error {
			_, err := tx.ExecContext(ctx, db.rebind(`INSERT INTO pseudonym_keys (version, key_sealed, proof, added_at) VALUES (?, ?, ?, ?)`), version, sealed, proof, db.micros())
			return err
		}
		if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM pseudonym_keys`).Scan(&version); err != nil {
			return err
		}
		if version == 0 {
			version = 1
			if err := insert(1, []byte{}, first); err != nil {
				return err
			}
		}
		version++
		sealed, err := db.seal.close(ctx, fmt.Sprint("pseudonym key/", version), key)
		if err != nil {
			return err
		}
		act.Subject = fmt.Sprint("version ", version)
		return errors.Join(insert(version, sealed, proof(key)), db.audit(ctx, tx, act))
	})
	if err != nil {
		return 0, fmt.Errorf("rotate the pseudonym key: %w", err)
	}
	return version, nil
}
