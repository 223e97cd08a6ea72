package state

// The registry of consents: who allowed which wallet to be read, for what, and
// until when.

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ErrOverlap is returned for a consent that would stand beside a live one of
// other terms: which of them holds would be a guess.
var ErrOverlap = errors.New("it overlaps with a live consent")

// Consent is one permission to read one wallet.
type Consent struct {
	ID         string // a function of wallet and time of the grant
	Source     string
	Wallet     string
	Subject    string    // pseudonym of the owner's number, under the first key
	Purposes   []string  // ascending
	From       time.Time // first instant of the data; zero: all history
	Until      time.Time // the consent ends here, and the data with it
	TextSHA256 string    // of the text that was agreed to, hexadecimal; may be empty
	GrantedAt  time.Time
	GrantedBy  string
	RevokedAt  time.Time // zero: never
}

// Live reports whether the consent allows anything at an instant.
func (c Consent) Live(at time.Time) bool {
	return c.RevokedAt.IsZero() && at.Before(c.Until) && !at.Before(c.From)
}

// Consents is the registry.
type Consents struct{ db *DB }

// Consents returns the registry.
func (db *DB) Consents() Consents { return Consents{db} }

const consentColumns = `id, source, wallet, subject, purposes, from_at, until_at, text_sha256, granted_at, granted_by, revoked_at`

// List returns every consent, by source, wallet and time of the grant.
func (c Consents) List(ctx context.Context) ([]Consent, error) {
	return c.read(ctx, `SELECT `+consentColumns+` FROM consents ORDER BY source, wallet, granted_at, id`)
}

// Standing returns the consents of a source that were not revoked and have not
// ended, in one query however many wallets there are. Of a wallet there is one.
func (c Consents) Standing(ctx context.Context, source string) ([]Consent, error) {
	return c.read(ctx, `SELECT `+consentColumns+` FROM consents WHERE source = ? AND revoked_at = 0 AND until_at > ?`,
		source, c.db.micros())
}

// Changes counts what was ever granted, renewed or revoked. As long as it
// stands still, only time ends a consent.
func (c Consents) Changes(ctx context.Context) (int64, error) {
	var n int64
	if err := c.db.row(ctx, `SELECT changes FROM consent_clock`).Scan(&n); err != nil {
		return 0, fmt.Errorf("consents: %w", err)
	}
	return n, nil
}

// Withdrawn lists the wallets whose newest consent was revoked: what is
// committed of them is hidden until somebody consents again.
func (c Consents) Withdrawn(ctx context.Context) ([]Consent, error) {
	return c.read(ctx, `SELECT `+consentColumns+` FROM consents AS c WHERE revoked_at <> 0 AND NOT EXISTS (
		SELECT 1 FROM consents AS n WHERE n.source = c.source AND n.wallet = c.wallet AND (n.granted_at > c.granted_at OR n.granted_at = c.granted_at AND n.revoked_at = 0))
		ORDER BY source, wallet`)
}

// Ending lists the consents that are not revoked and end before an instant, but
// have not ended yet.
func (c Consents) Ending(ctx context.Context, before time.Time) ([]Consent, error) {
	return c.read(ctx, `SELECT `+consentColumns+` FROM consents WHERE revoked_at = 0 AND until_at > ? AND until_at <= ? ORDER BY until_at, id`, c.db.micros(), before.UnixMicro())
}

func (c Consents) read(ctx context.Context, query string, args ...any) ([]Consent, error) {
	rows, err := c.db.sql.QueryContext(ctx, c.db.rebind(query), args...)
	if err != nil {
		return nil, fmt.Errorf("consents: %w", err)
	}
	list, err := scanConsents(rows)
	if err != nil {
		return nil, fmt.Errorf("consents: %w", err)
	}
	return list, nil
}

func scanConsents(rows *sql.Rows) (list []Consent, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var one Consent
		var purposes string
		var from, until, granted, revoked int64
		if err := rows.Scan(&one.ID, &one.Source, &one.Wallet, &one.Subject, &purposes, &from, &until,
			&one.TextSHA256, &granted, &one.GrantedBy, &revoked); err != nil {
			return nil, err
		}
		one.Purposes = strings.Split(purposes, ",")
		one.From, one.Until = instantOf(from), instantOf(until)
		one.GrantedAt, one.RevokedAt = instantOf(granted), instantOf(revoked)
		list = append(list, one)
	}
	return list, rows.Err()
}

// instantOf reads microseconds; 0 is the zero time.
func instantOf(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

func microsOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// sameTerms reports whether a grant only prolongs a consent.
func (c Consent) sameTerms(g Consent) bool {
	return c.From.Equal(g.From) && slices.Equal(c.Purposes, g.Purposes) && !g.Until.Before(c.Until)
}

// consentID names a consent by what it is.
func consentID(g Consent) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s/%d:%s/%d", len(g.Source), g.Source, len(g.Wallet), g.Wallet, g.GrantedAt.UnixMicro()))
	return "cns_" + hex.EncodeToString(sum[:8])
}
