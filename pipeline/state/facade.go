package state

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Facade is who uses the wallet façade: sessions of one wallet each, opened by
// the holder of an API key with the wallet owner's password.
type Facade struct{ db *DB }

// Facade returns the façade's sessions and challenges.
func (db *DB) Facade() Facade { return Facade{db} }

// FacadeSession is a session of one wallet.
type FacadeSession struct {
	Key                       APIKey
	Source, Wallet, Assurance string
}

// Tokens are what a client holds of a session.
type Tokens struct{ Access, Refresh string }

// Terms are how long a session's tokens hold.
type Terms struct {
	Access time.Time // the access token ends
	End    time.Time // the session ends, however often it is renewed
}

const (
	accessPrefix  = "plf_at_"
	refreshPrefix = "plf_rt_"
)

func newTokens() (t Tokens, access, refresh [32]byte) {
	t = Tokens{accessPrefix + randomText(), refreshPrefix + randomText()}
	return t, sha256.Sum256([]byte(t.Access)), sha256.Sum256([]byte(t.Refresh))
}

// Open starts a session. Sessions that are over are forgotten on the way.
func (f Facade) Open(ctx context.Context, s FacadeSession, terms Terms) (Tokens, error) {
	t, access, refresh := newTokens()
	err := errors.Join(
		f.db.exec(ctx, `DELETE FROM facade_sessions WHERE ends_at <= ?`, f.db.micros()),
		f.db.exec(ctx, `INSERT INTO facade_sessions (access, refresh, key_id, source, wallet, assurance, expires_at, ends_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			access[:], refresh[:], s.Key.ID, s.Source, s.Wallet, s.Assurance, terms.Access.UnixMicro(), terms.End.UnixMicro()))
	if err != nil {
		return Tokens{}, fmt.Errorf("open a session of wallet %s: %w", s.Wallet, err)
	}
	return t, nil
}

// Find returns the live session of an access token whose key is live, too;
// ErrAbsent when one of them is not.
func (f Facade) Find(ctx context.Context, access string) (FacadeSession, error) {
	hash := sha256.Sum256([]byte(access))
	return f.session(ctx, `access = ? AND expires_at > ? AND ends_at > ?`, hash[:], f.db.micros(), f.db.micros())
}

func (f Facade) session(ctx context.Context, where string, args ...any) (s FacadeSession, err error) {
	var key string
	err = f.db.row(ctx, `SELECT key_id, source, wallet, assurance FROM facade_sessions WHERE `+where, args...).Scan(&key, &s.Source, &s.Wallet, &s.Assurance)
	if err != nil {
		return s, fmt.Errorf("façade session: %w", f.db.explain(absent(err)))
	}
	s.Key, err = f.db.APIKeys().live(ctx, f.db.row(ctx, `SELECT `+keyColumns+` FROM api_keys WHERE id = ?`, key))
	return s, err
}

// Renew replaces both tokens of a live session. A refresh token serves once: who
// comes with one that was used already gets ErrAbsent.
func (f Facade) Renew(ctx context.Context, refresh string, until time.Time) (Tokens, FacadeSession, error) {
	old := sha256.Sum256([]byte(refresh))
	s, err := f.session(ctx, `refresh = ? AND ends_at > ?`, old[:], f.db.micros())
	if err != nil {
		return Tokens{}, s, err
	}
	t, access, next := newTokens()
	err = f.db.transact(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, f.db.rebind(`UPDATE facade_sessions SET access = ?, refresh = ?, expires_at = ? WHERE refresh = ?`),
			access[:], next[:], until.UnixMicro(), old[:])
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n != 1 {
			return errors.Join(err, ErrAbsent)
		}
		return nil
	})
	if err != nil {
		return Tokens{}, s, fmt.Errorf("renew a session of wallet %s: %w", s.Wallet, f.db.explain(err))
	}
	return t, s, nil
}

// KeepChallenge remembers whose password was sent for a challenge.
func (f Facade) KeepChallenge(ctx context.Context, id, source, wallet string, until time.Time) error {
	hash := sha256.Sum256([]byte(id))
	err := errors.Join(
		f.db.exec(ctx, `DELETE FROM facade_challenges WHERE expires_at <= ?`, f.db.micros()),
		f.db.exec(ctx, `INSERT INTO facade_challenges (hash, source, wallet, expires_at) VALUES (?, ?, ?, ?) ON CONFLICT (hash) DO NOTHING`,
			hash[:], source, wallet, until.UnixMicro()))
	if err != nil {
		return fmt.Errorf("keep a challenge of wallet %s: %w", wallet, err)
	}
	return nil
}

// Challenge says whose password was sent; ErrAbsent when nobody's was, or long ago.
func (f Facade) Challenge(ctx context.Context, id string) (source, wallet string, err error) {
	hash := sha256.Sum256([]byte(id))
	err = f.db.row(ctx, `SELECT source, wallet FROM facade_challenges WHERE hash = ? AND expires_at > ?`, hash[:], f.db.micros()).Scan(&source, &wallet)
	if err != nil {
		return "", "", fmt.Errorf("challenge: %w", f.db.explain(absent(err)))
	}
	return source, wallet, nil
}
