package state

// Envelopes: the keeper seals one key of the vault; that key seals a key for
// every subject; a subject's key seals what is kept of the subject. So a person
// is erased by destroying a few bytes, and a key service is asked once.

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
)

// ErrErased is returned for what was sealed for somebody who was erased.
var ErrErased = errors.New("this person was erased")

const envelopeKey = 32

// envelope seals under one key. Safe for concurrent use.
type envelope struct{ aead cipher.AEAD }

func newEnvelope(key []byte) (envelope, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return envelope{}, err
	}
	aead, err := cipher.NewGCM(block)
	return envelope{aead}, err
}

// close seals raw for an address: moved to another row it does not open.
func (e envelope) close(address string, raw []byte) []byte {
	nonce := make([]byte, e.aead.NonceSize(), e.aead.NonceSize()+len(raw)+e.aead.Overhead())
	fill(nonce)
	return e.aead.Seal(nonce, nonce, raw, []byte(address))
}

func (e envelope) open(address string, sealed []byte) ([]byte, error) {
	n := e.aead.NonceSize()
	if len(sealed) < n {
		return nil, ErrSealed
	}
	raw, err := e.aead.Open(nil, sealed[:n], sealed[n:], []byte(address))
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrSealed, err)
	}
	return raw, nil
}

// fill never fails: crypto/rand ends the program rather than give weak bytes.
func fill(b []byte) { _, _ = rand.Read(b) }

func newKey() []byte {
	key := make([]byte, envelopeKey)
	fill(key)
	return key
}

// vaultKey opens the vault's own key, and makes it the first time.
func (db *DB) vaultKey(ctx context.Context) (envelope, error) {
	db.vaultMu.Lock()
	defer db.vaultMu.Unlock()
	if db.vault != nil {
		return *db.vault, nil
	}
	if db.seal.keeper == nil {
		return envelope{}, ErrNoKeeper
	}
	const read = `SELECT key_sealed FROM vault_keys WHERE version = 1`
	var sealed []byte
	err := db.row(ctx, read).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		if err = db.makeVaultKey(ctx); err == nil {
			err = db.row(ctx, read).Scan(&sealed) // ours, or that of whoever was faster
		}
	}
	if err != nil {
		return envelope{}, fmt.Errorf("key of the vault: %w", err)
	}
	key, err := db.seal.open(ctx, "vault key/1", sealed)
	if err != nil {
		return envelope{}, fmt.Errorf("key of the vault: %w", err)
	}
	e, err := newEnvelope(key)
	if err == nil {
		db.vault = &e
	}
	return e, err
}

func (db *DB) makeVaultKey(ctx context.Context) error {
	sealed, err := db.seal.close(ctx, "vault key/1", newKey())
	if err != nil {
		return err
	}
	return db.exec(ctx, `INSERT INTO vault_keys (version, key_sealed, added_at) VALUES (1, ?, ?) ON CONFLICT (version) DO NOTHING`, sealed, db.micros())
}
