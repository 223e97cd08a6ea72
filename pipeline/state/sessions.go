package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Sessions keeps the tokens of wallets under seal: what a wallet source needs
// to go on without a person.
type Sessions struct{ db *DB }

// Sessions returns the store of sessions.
func (db *DB) Sessions() Sessions { return Sessions{db} }

// Load returns the tokens saved last, or nil when there are none.
func (s Sessions) Load(ctx context.Context, source, wallet string) ([]byte, error) {
	var sealed []byte
	err := s.db.row(ctx, `SELECT sealed FROM sessions WHERE source = ? AND wallet = ?`, source, wallet).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	var tokens []byte
	if err == nil {
		tokens, err = s.db.seal.open(ctx, sessionAddress(source, wallet), sealed)
	}
	switch {
	case errors.Is(err, ErrSealed):
		return nil, fmt.Errorf("session of wallet %s at %s: %w, or type: paylake login --wallet %s", wallet, source, err, wallet)
	case err != nil:
		return nil, fmt.Errorf("session of wallet %s at %s: %w", wallet, source, err)
	}
	return tokens, nil
}

// Save seals and stores tokens in place of the former ones. Empty tokens
// forget the session.
func (s Sessions) Save(ctx context.Context, source, wallet string, tokens []byte) error {
	if err := s.save(ctx, source, wallet, tokens); err != nil {
		return fmt.Errorf("keep the session of wallet %s at %s: %w", wallet, source, err)
	}
	return nil
}

func (s Sessions) save(ctx context.Context, source, wallet string, tokens []byte) error {
	if len(tokens) == 0 {
		return s.db.exec(ctx, `DELETE FROM sessions WHERE source = ? AND wallet = ?`, source, wallet)
	}
	sealed, err := s.db.seal.close(ctx, sessionAddress(source, wallet), tokens)
	if err != nil {
		return err
	}
	return s.db.exec(ctx, `INSERT INTO sessions (source, wallet, sealed, changed_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (source, wallet) DO UPDATE SET sealed = excluded.sealed, changed_at = excluded.changed_at`,
		source, wallet, sealed, s.db.micros())
}

// Lock waits until nobody else, in this process or another, logs the wallet in.
func (s Sessions) Lock(ctx context.Context, source, wallet string) (unlock func(), err error) {
	return s.db.wait(ctx, sessionAddress(source, wallet))
}

func sessionAddress(source, wallet string) string {
	return fmt.Sprintf("session/%d:%s/%s", len(source), source, wallet)
}
