package state

// Changing consents: one transaction with its receipt.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Receipt is one event of a consent. Receipts are only ever added.
type Receipt struct {
	ConsentID string
	Kind      string // granted, renewed, revoked
	At        time.Time
	Actor     string
	Until     time.Time // as it stood afterwards
	Detail    string    // hash of the text that was agreed to, or the reason of a revocation
}

// Kinds of receipts.
const (
	Granted = "granted"
	Renewed = "renewed"
	Revoked = "revoked"
)

// Grant records consents, all of them or none. A grant with the terms of a
// live consent (same beginning, same purposes, no earlier end) renews it; any
// other one beside a live consent is ErrOverlap. ID, GrantedAt and RevokedAt
// of the grants are filled in here.
func (c Consents) Grant(ctx context.Context, grants []Consent) (made []Consent, err error) {
	err = c.change(ctx, func(tx *sql.Tx) error {
		live, err := c.liveIn(ctx, tx)
		if err != nil {
			return err
		}
		for _, g := range grants {
			at := [2]string{g.Source, g.Wallet}
			one, err := c.grant(ctx, tx, g, live[at])
			if err != nil {
				return err
			}
			live[at] = &one
			made = append(made, one)
		}
		return nil
	})
	return made, err
}

func (c Consents) grant(ctx context.Context, tx *sql.Tx, g Consent, live *Consent) (Consent, error) {
	now := c.db.now().UTC().Truncate(time.Microsecond)
	if live != nil {
		if !live.sameTerms(g) {
			return g, fmt.Errorf("wallet %s of %s: %w: %s, for %s, until %s; renew it with the same terms, or type: paylake consent revoke --wallet %s",
				g.Wallet, g.Source, ErrOverlap, live.ID, strings.Join(live.Purposes, ", "), live.Until.Format(time.RFC3339), g.Wallet)
		}
		renewed := *live
		renewed.Until, renewed.TextSHA256 = g.Until, g.TextSHA256
		if err := c.exec(ctx, tx, `UPDATE consents SET until_at = ?, text_sha256 = ? WHERE id = ?`, microsOf(g.Until), g.TextSHA256, live.ID); err != nil {
			return g, err
		}
		return renewed, c.receipt(ctx, tx, Receipt{live.ID, Renewed, now, g.GrantedBy, g.Until, g.TextSHA256})
	}
	granted, err := c.after(ctx, tx, g, now)
	if err != nil {
		return g, err
	}
	g.GrantedAt, g.RevokedAt = granted, time.Time{}
	g.ID = consentID(g)
	err = c.exec(ctx, tx, `INSERT INTO consents (`+consentColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)`,
		g.ID, g.Source, g.Wallet, g.Subject, strings.Join(g.Purposes, ","), microsOf(g.From), microsOf(g.Until),
		g.TextSHA256, microsOf(granted), g.GrantedBy)
	if err != nil {
		return g, err
	}
	return g, c.receipt(ctx, tx, Receipt{g.ID, Granted, now, g.GrantedBy, g.Until, g.TextSHA256})
}

// after is now, or a microsecond after the wallet's newest grant where the clock
// was set back since: which consent is the newest says what is hidden. The
// receipt has what the clock said.
func (c Consents) after(ctx context.Context, tx *sql.Tx, g Consent, now time.Time) (time.Time, error) {
	var last int64
	err := tx.QueryRowContext(ctx, c.db.rebind(`SELECT coalesce(max(granted_at), 0) FROM consents WHERE source = ? AND wallet = ?`), g.Source, g.Wallet).Scan(&last)
	if last < now.UnixMicro() {
		return now, err
	}
	return time.UnixMicro(last + 1).UTC(), err
}

// liveIn reads what stands, by wallet. A consent that begins later stands too:
// another one may not run into it.
func (c Consents) liveIn(ctx context.Context, tx *sql.Tx) (map[[2]string]*Consent, error) {
	rows, err := tx.QueryContext(ctx, c.db.rebind(`SELECT `+consentColumns+` FROM consents WHERE revoked_at = 0 AND until_at > ?`), c.db.micros())
	if err != nil {
		return nil, err
	}
	list, err := scanConsents(rows)
	live := make(map[[2]string]*Consent, len(list))
	for i := range list {
		live[[2]string{list[i].Source, list[i].Wallet}] = &list[i]
	}
	return live, err
}

// Revoke ends the consent of a wallet, or the one with that id; ErrAbsent when
// none stands.
func (c Consents) Revoke(ctx context.Context, source, walletOrID, actor, reason string) (gone []Consent, err error) {
	err = c.change(ctx, func(tx *sql.Tx) error {
		live, err := c.liveIn(ctx, tx)
		if err != nil {
			return err
		}
		now := c.db.now().UTC().Truncate(time.Microsecond)
		for _, one := range live {
			if one.ID != walletOrID && (one.Wallet != walletOrID || source != "" && one.Source != source) {
				continue
			}
			one.RevokedAt = now
			if err := errors.Join(c.exec(ctx, tx, `UPDATE consents SET revoked_at = ? WHERE id = ?`, microsOf(now), one.ID),
				c.receipt(ctx, tx, Receipt{one.ID, Revoked, now, actor, one.Until, reason})); err != nil {
				return err
			}
			gone = append(gone, *one)
		}
		if len(gone) == 0 {
			return fmt.Errorf("no consent of %s stands: %w; see: paylake consent list", walletOrID, ErrAbsent)
		}
		return nil
	})
	return gone, err
}

// Receipts lists the events of every consent, the oldest first.
func (c Consents) Receipts(ctx context.Context) (list []Receipt, err error) {
	rows, err := c.db.sql.QueryContext(ctx, `SELECT consent_id, kind, at, actor, until_at, detail FROM consent_events ORDER BY seq`)
	if err != nil {
		return nil, fmt.Errorf("receipts: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var r Receipt
		var at, until int64
		if err := rows.Scan(&r.ConsentID, &r.Kind, &at, &r.Actor, &until, &r.Detail); err != nil {
			return nil, fmt.Errorf("receipts: %w", err)
		}
		r.At, r.Until = instantOf(at), instantOf(until)
		list = append(list, r)
	}
	return list, rows.Err()
}

func (c Consents) receipt(ctx context.Context, tx *sql.Tx, r Receipt) error {
	return c.exec(ctx, tx, `INSERT INTO consent_events (consent_id, kind, at, actor, until_at, detail) VALUES (?, ?, ?, ?, ?, ?)`,
		r.ConsentID, r.Kind, microsOf(r.At), r.Actor, microsOf(r.Until), r.Detail)
}

func (c Consents) exec(ctx context.Context, tx *sql.Tx, query string, args ...any) error {
	_, err := tx.ExecContext(ctx, c.db.rebind(query), args...)
	return err
}

// change counts itself first: on a server that makes changes wait for each
// other, so that two grants cannot both find nothing to overlap with.
func (c Consents) change(ctx context.Context, do func(tx *sql.Tx) error) error {
	err := c.db.transact(ctx, func(tx *sql.Tx) error {
		if err := c.exec(ctx, tx, `UPDATE consent_clock SET changes = changes + 1`); err != nil {
			return err
		}
		return do(tx)
	})
	if err != nil {
		return fmt.Errorf("consent: %w", err)
	}
	return nil
}

// transact runs do in one transaction.
func (db *DB) transact(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := db.sql.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
