package state

// The switch that stops all payments, and the key of their fingerprints.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// PaymentSwitch is how the kill switch stands, and who put it there; nobody has
// touched it where By is empty.
type PaymentSwitch struct {
	Killed     bool
	By, Reason string
	At         time.Time
}

// Switch reads the kill switch. Where it fails, the switch counts as on.
func (p Payments) Switch(ctx context.Context) (PaymentSwitch, error) {
	var s PaymentSwitch
	var killed, at int64
	err := p.db.row(ctx, `SELECT killed, actor, reason, at FROM payment_switch WHERE id = 1`).Scan(&killed, &s.By, &s.Reason, &at)
	if err != nil {
		return PaymentSwitch{Killed: true}, fmt.Errorf("kill switch of payments: %w", p.db.explain(err))
	}
	s.Killed, s.At = killed != 0, instantOf(at)
	return s, nil
}

// Kill turns the switch on: no Decide that begins when Kill has returned sees it
// off. Where it is on already nothing changes.
func (p Payments) Kill(ctx context.Context, by, reason string) error {
	return p.flip(ctx, true, Act{Actor: by, Action: "payments killed", Reason: reason})
}

// Resume turns the switch off. Where it is off already nothing changes.
func (p Payments) Resume(ctx context.Context, by, reason string) error {
	return p.flip(ctx, false, Act{Actor: by, Action: "payments resumed", Reason: reason})
}

func (p Payments) flip(ctx context.Context, to bool, act Act) error {
	return p.inTurn(ctx, func(ctx context.Context, tx *sql.Tx, killed bool) error {
		if killed == to {
			return nil
		}
		_, err := tx.ExecContext(ctx, p.db.rebind(`UPDATE payment_switch SET killed = ?, actor = ?, reason = ?, at = ? WHERE id = 1`), flag(to), act.Actor, act.Reason, p.db.micros())
		if err != nil {
			return err
		}
		return p.db.audit(ctx, tx, act)
	})
}

const paymentKeyAddress = "payment key/1"

// Key is the key that fingerprints are made with, 32 bytes. It is made the first
// time, and then the same for ever and for every process.
func (p Payments) Key(ctx context.Context) ([]byte, error) {
	sealed, err := p.sealedKey(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		if err = p.makeKey(ctx); err == nil {
			sealed, err = p.sealedKey(ctx) // ours, or that of whoever was faster
		}
	}
	var key []byte
	if err == nil {
		key, err = p.db.seal.open(ctx, paymentKeyAddress, sealed)
	}
	if err == nil && len(key) != envelopeKey {
		err = fmt.Errorf("it has %d bytes and not %d", len(key), envelopeKey)
	}
	if err != nil {
		return nil, fmt.Errorf("key of payments: %w", p.db.explain(err))
	}
	return key, nil
}

func (p Payments) sealedKey(ctx context.Context) (sealed []byte, err error) {
	err = p.db.row(ctx, `SELECT key_sealed FROM payment_keys WHERE version = 1`).Scan(&sealed)
	return sealed, err
}

func (p Payments) makeKey(ctx context.Context) error {
	sealed, err := p.db.seal.close(ctx, paymentKeyAddress, newKey())
	if err != nil {
		return err
	}
	return p.db.exec(ctx, `INSERT INTO payment_keys (version, key_sealed, added_at) VALUES (1, ?, ?) ON CONFLICT (version) DO NOTHING`, sealed, p.db.micros())
}
