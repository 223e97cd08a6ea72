package state

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Delivery is something that an upstream sent by itself.
type Delivery struct {
	ID         int64
	Source     string
	Kind       string // what it is about: operation, settlement, chargeback, transition
	Variant    string // how, and where only the signature says so when, it was signed; empty for what is not
	ReceivedAt time.Time
	Body       []byte // as it came
}

// InboxCounts says how far the inbox is.
type InboxCounts struct {
	Waiting int64
	Oldest  time.Time // of those that wait; zero: none
	Settled int64
}

// Inbox keeps deliveries from the moment they are answered until they are in
// the lake. Bodies are sealed, and dropped once they are settled.
type Inbox struct{ db *DB }

// Inbox returns the inbox.
func (db *DB) Inbox() Inbox { return Inbox{db} }

// Put stores deliveries in one transaction, durably: when it returns they
// outlive a power cut. fresh says which of them were new; the same body of the
// same source again changes nothing.
func (b Inbox) Put(ctx context.Context, list []Delivery) (fresh []bool, err error) {
	vault, err := b.db.vaultKey(ctx)
	if err != nil {
		return nil, fmt.Errorf("inbox: %w", err)
	}
	fresh = make([]bool, len(list))
	err = b.db.transact(ctx, func(tx *sql.Tx) (err error) {
		for i, d := range list {
			if fresh[i], err = b.put(ctx, tx, vault, d); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("inbox: %w", b.db.explain(err))
	}
	return fresh, nil
}

// put stores one within a transaction.
func (b Inbox) put(ctx context.Context, tx *sql.Tx, vault envelope, d Delivery) (fresh bool, err error) {
	digest := digestOf(d.Body)
	sealed := vault.close("inbox/"+d.Source+"/"+digest, d.Body)
	done, err := tx.ExecContext(ctx, b.db.rebind(`INSERT INTO inbox (source, kind, digest, variant, received_at, body) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (source, digest) DO NOTHING`), d.Source, d.Kind, digest, d.Variant, d.ReceivedAt.UnixMicro(), sealed)
	if err != nil {
		return false, err
	}
	n, err := done.RowsAffected()
	return n > 0, err
}

// Waiting returns the oldest deliveries of the sources that are not settled.
func (b Inbox) Waiting(ctx context.Context, sources []string, limit int) (list []Delivery, err error) {
	if len(sources) == 0 {
		return nil, nil
	}
	args := make([]any, 0, len(sources)+1)
	for _, s := range sources {
		args = append(args, s)
	}
	rows, err := b.db.sql.QueryContext(ctx, b.db.rebind(`SELECT id, source, kind, digest, variant, received_at, body FROM inbox
		WHERE settled_at = 0 AND source IN (?`+strings.Repeat(", ?", len(sources)-1)+`) ORDER BY id LIMIT ?`), append(args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("inbox: %w", b.db.explain(err))
	}
	defer rows.Close()
	var sealed [][]byte
	var digests []string
	for rows.Next() {
		var d Delivery
		var digest string
		var body []byte
		var at int64
		if err := rows.Scan(&d.ID, &d.Source, &d.Kind, &digest, &d.Variant, &at, &body); err != nil {
			return nil, fmt.Errorf("inbox: %w", err)
		}
		d.ReceivedAt = time.UnixMicro(at).UTC()
		list, sealed, digests = append(list, d), append(sealed, body), append(digests, digest)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("inbox: %w", b.db.explain(err))
	}
	if len(list) == 0 {
		return nil, nil
	}
	_ = rows.Close() // SQLite has one connection, and the vault's key may have to be read
	vault, err := b.db.vaultKey(ctx)
	if err != nil {
		return nil, fmt.Errorf("inbox: %w", err)
	}
	for i := range list {
		if list[i].Body, err = vault.open("inbox/"+list[i].Source+"/"+digests[i], sealed[i]); err != nil {
			return nil, fmt.Errorf("inbox, delivery %d: %w", list[i].ID, err)
		}
	}
	return list, nil
}

// Settle marks deliveries as dealt with, says how, and drops their bodies.
func (b Inbox) Settle(ctx context.Context, ids []int64, outcome string) error {
	for some := range slices.Chunk(ids, 100) { // SQLite has one connection: a delivery that comes meanwhile waits for a chunk, not for all
		args := []any{b.db.micros(), outcome}
		for _, id := range some {
			args = append(args, id)
		}
		err := b.db.exec(ctx, `UPDATE inbox SET settled_at = ?, outcome = ?, body = NULL WHERE settled_at = 0 AND id IN (?`+strings.Repeat(", ?", len(some)-1)+`)`, args...)
		if err != nil {
			return fmt.Errorf("inbox: %w", err)
		}
	}
	return nil
}

// Prune forgets what was settled before an instant. It must lie further back
// than the upstreams repeat what they sent.
func (b Inbox) Prune(ctx context.Context, before time.Time) error {
	if err := b.db.exec(ctx, `DELETE FROM inbox WHERE settled_at > 0 AND settled_at < ?`, before.UnixMicro()); err != nil {
		return fmt.Errorf("inbox: %w", err)
	}
	return nil
}

// Counts counts deliveries.
func (b Inbox) Counts(ctx context.Context) (c InboxCounts, err error) {
	var oldest sql.NullInt64
	err = b.db.row(ctx, `SELECT COALESCE(SUM(CASE WHEN settled_at = 0 THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN settled_at = 0 THEN 0 ELSE 1 END), 0),
		MIN(CASE WHEN settled_at = 0 THEN received_at END) FROM inbox`).Scan(&c.Waiting, &c.Settled, &oldest)
	if err != nil {
		return c, fmt.Errorf("inbox: %w", b.db.explain(err))
	}
	if oldest.Valid {
		c.Oldest = time.UnixMicro(oldest.Int64).UTC()
	}
	return c, nil
}

// digestOf names a body. What is signed holds a signature that nobody can
// guess, so its hash tells nobody what is in it.
func digestOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
