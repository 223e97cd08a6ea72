package state

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"
)

// OpenSession starts a session of a key and returns its token, which is kept
// nowhere. Sessions that are over are forgotten on the way.
func (a APIKeys) OpenSession(ctx context.Context, keyID string, until time.Time) (token string, err error) {
	token = randomText()
	hash := sha256.Sum256([]byte(token))
	err = errors.Join(
		a.db.exec(ctx, `DELETE FROM api_sessions WHERE expires_at <= ?`, a.db.micros()),
		a.db.exec(ctx, `INSERT INTO api_sessions (hash, key_id, expires_at) VALUES (?, ?, ?)`, hash[:], keyID, until.UnixMicro()))
	if err != nil {
		return "", fmt.Errorf("open a session: %w", err)
	}
	return token, nil
}

// Session returns the live key of a live session; ErrAbsent when either is over.
func (a APIKeys) Session(ctx context.Context, token string) (APIKey, error) {
	hash := sha256.Sum256([]byte(token))
	return a.live(ctx, a.db.row(ctx, `SELECT `+keyColumns+` FROM api_keys WHERE id = (SELECT key_id FROM api_sessions WHERE hash = ? AND expires_at > ?)`,
		hash[:], a.db.micros()))
}

// CloseSession ends a session; one that is over stays over.
func (a APIKeys) CloseSession(ctx context.Context, token string) error {
	hash := sha256.Sum256([]byte(token))
	if err := a.db.exec(ctx, `DELETE FROM api_sessions WHERE hash = ?`, hash[:]); err != nil {
		return fmt.Errorf("close a session: %w", err)
	}
	return nil
}
