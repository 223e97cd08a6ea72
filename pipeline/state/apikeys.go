package state

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// APIKey is a key of the HTTP API, without its secret.
type APIKey struct {
	ID       string // a function of the secret: the beginning of its SHA-256
	Name     string
	Scopes   []string
	Wallets  [][2]string // source and wallet; empty: every wallet
	Expires  time.Time   // zero: never
	Created  time.Time
	By       string
	LastUsed time.Time
	Revoked  time.Time
	Revoker  string
}

// Ended reports whether the key opens nothing any more.
func (k APIKey) Ended(now time.Time) bool {
	return !k.Revoked.IsZero() || !k.Expires.IsZero() && !now.Before(k.Expires)
}

const (
	keyPrefix = "plk_"
	// usedEvery is how exactly the last use of a key is known: writing it down
	// at every request would make a write of every read.
	usedEvery = time.Minute
)

// APIKeys are the keys of the HTTP API.
type APIKeys struct{ db *DB }

// APIKeys returns the keys.
func (db *DB) APIKeys() APIKeys { return APIKeys{db} }

// Add makes a key and returns its secret, which is kept nowhere. ErrTaken when
// there is one of the name, be it revoked: the history names keys.
func (a APIKeys) Add(ctx context.Context, k APIKey) (made APIKey, secret string, err error) {
	secret = keyPrefix + randomText()
	hash := sha256.Sum256([]byte(secret))
	k.ID, k.Created = "key_"+hex.EncodeToString(hash[:8]), a.db.now()
	wallets, err := json.Marshal(k.Wallets)
	if err != nil {
		return APIKey{}, "", err
	}
	err = a.db.transact(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, a.db.rebind(`INSERT INTO api_keys (id, name, hash, scopes, wallets, expires_at, created_at, created_by)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`),
			k.ID, k.Name, hash[:], strings.Join(k.Scopes, ","), string(wallets), microsOf(k.Expires), k.Created.UnixMicro(), k.By)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ErrTaken)
		}
		return a.db.audit(ctx, tx, Act{Actor: k.By, Action: "api key added", Subject: k.ID, Reason: k.Name + ": " + strings.Join(k.Scopes, ", ")})
	})
	if err != nil {
		return APIKey{}, "", fmt.Errorf("API key %s: %w", k.Name, a.db.explain(err))
	}
	return k, secret, nil
}

// randomText is 256 random bits.
func randomText() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // does not fail
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Revoke ends a key, by name or id, and the sessions it has opened. Revoking it
// again changes nothing. ErrAbsent when there is none.
func (a APIKeys) Revoke(ctx context.Context, nameOrID, by string) (k APIKey, err error) {
	err = a.db.transact(ctx, func(tx *sql.Tx) error {
		if k, err = scanKey(tx.QueryRowContext(ctx, a.db.rebind(`SELECT `+keyColumns+` FROM api_keys WHERE id = ? OR name = ?`), nameOrID, nameOrID).Scan); err != nil {
			return absent(err)
		}
		if !k.Revoked.IsZero() {
			return nil
		}
		k.Revoked, k.Revoker = a.db.now(), by
		if _, err := tx.ExecContext(ctx, a.db.rebind(`UPDATE api_keys SET revoked_at = ?, revoked_by = ? WHERE id = ?`), k.Revoked.UnixMicro(), by, k.ID); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, a.db.rebind(`DELETE FROM api_sessions WHERE key_id = ?`), k.ID); err != nil {
			return err
		}
		return a.db.audit(ctx, tx, Act{Actor: by, Action: "api key revoked", Subject: k.ID, Reason: k.Name})
	})
	if err != nil {
		return APIKey{}, fmt.Errorf("API key %s: %w", nameOrID, a.db.explain(err))
	}
	return k, nil
}

func absent(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrAbsent
	}
	return err
}

const keyColumns = `id, name, scopes, wallets, expires_at, created_at, created_by, last_used_at, revoked_at, revoked_by`

func scanKey(scan func(...any) error) (k APIKey, err error) {
	var scopes, wallets string
	var expires, created, used, revoked int64
	if err := scan(&k.ID, &k.Name, &scopes, &wallets, &expires, &created, &k.By, &used, &revoked, &k.Revoker); err != nil {
		return k, err
	}
	k.Scopes = strings.Split(scopes, ",")
	k.Expires, k.Created, k.LastUsed, k.Revoked = instantOf(expires), instantOf(created), instantOf(used), instantOf(revoked)
	return k, json.Unmarshal([]byte(wallets), &k.Wallets)
}

// List lists every key, the oldest first.
func (a APIKeys) List(ctx context.Context) (list []APIKey, err error) {
	rows, err := a.db.sql.QueryContext(ctx, `SELECT `+keyColumns+` FROM api_keys ORDER BY created_at, id`)
	if err != nil {
		return nil, fmt.Errorf("API keys: %w", a.db.explain(err))
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		k, err := scanKey(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("API keys: %w", err)
		}
		list = append(list, k)
	}
	return list, rows.Err()
}

// Find returns the live key of a secret and remembers that it was used;
// ErrAbsent for one that is unknown, revoked or over.
func (a APIKeys) Find(ctx context.Context, secret string) (APIKey, error) {
	hash := sha256.Sum256([]byte(secret))
	return a.live(ctx, a.db.row(ctx, `SELECT `+keyColumns+` FROM api_keys WHERE hash = ?`, hash[:]))
}

func (a APIKeys) live(ctx context.Context, row *sql.Row) (APIKey, error) {
	k, err := scanKey(row.Scan)
	if err == nil && k.Ended(a.db.now()) {
		err = ErrAbsent
	}
	if err != nil {
		return APIKey{}, fmt.Errorf("API key: %w", a.db.explain(absent(err)))
	}
	if now := a.db.now(); now.Sub(k.LastUsed) >= usedEvery {
		k.LastUsed = now
		if err := a.db.exec(ctx, `UPDATE api_keys SET last_used_at = ? WHERE id = ?`, now.UnixMicro(), k.ID); err != nil {
			return APIKey{}, fmt.Errorf("API key %s: %w", k.Name, err)
		}
	}
	return k, nil
}
