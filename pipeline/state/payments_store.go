package state

// What one change of a payment stores.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

// transitionKind is the kind of the deliveries that carry changes into the lake.
const transitionKind = "transition"

// store stores a change of a row that stood as in were, and notes there how it
// stands now.
func (d decision) store(ctx context.Context, tx *sql.Tx, were map[string]PaymentRow, c PaymentChange) error {
	was, there := were[c.Row.ID]
	if err := d.check(was, there, c); err != nil {
		return err
	}
	c.Row.Version = was.Version + 1
	c.Line.Version = c.Row.Version
	write := d.insert
	if there {
		write = d.update
	}
	for _, one := range []func(context.Context, *sql.Tx, PaymentChange) error{write, d.line, d.notice, d.record, d.wake} {
		if err := one(ctx, tx, c); err != nil {
			return err
		}
	}
	were[c.Row.ID] = c.Row
	return nil
}

// check refuses what only a mistake in the program can ask for.
func (d decision) check(was PaymentRow, there bool, c PaymentChange) error {
	r, l := c.Row, c.Line
	switch {
	case !slices.Contains(d.ids, r.ID):
		return errors.New("the decision changes it and did not ask for it")
	case r.ID == "" || r.Tenant == "" || r.Key == "" || r.Source == "" || r.Status == "" || r.Currency == "":
		return errors.New("a row needs an id, a tenant, a key, a source, a status and a currency")
	case there && (was.Tenant != r.Tenant || was.Key != r.Key):
		return errors.New("the tenant and the key of a payment never change")
	case l.ID != r.ID || l.To != r.Status || l.From != was.Status:
		return fmt.Errorf("the line of history says %s from %q to %q, and the row goes from %q to %q", l.ID, l.From, l.To, was.Status, r.Status)
	case l.Event == "" || l.By == "" || len(l.Notice) == 0:
		return errors.New("a line of history needs an event, somebody who made it, and a notice")
	}
	return nil
}

func (d decision) insert(ctx context.Context, tx *sql.Tx, c PaymentChange) error {
	r := c.Row
	done, err := tx.ExecContext(ctx, d.db.rebind(`INSERT INTO payments (`+paymentColumns+`, changed_at) VALUES (`+marks(15)+`) ON CONFLICT DO NOTHING`),
		r.ID, r.Tenant, r.Key, r.Source, r.Job, r.Provider, r.Currency, r.Minor, r.Status, flag(r.Committed), microsOf(r.SentAt), microsOf(r.NextAt), r.Version,
		d.vault.close(paymentAddress(r.ID), r.Body), d.db.micros())
	return one(done, err, fmt.Errorf("the key %q of tenant %s: %w by another payment", r.Key, r.Tenant, ErrTaken))
}

func (d decision) update(ctx context.Context, tx *sql.Tx, c PaymentChange) error {
	r := c.Row
	done, err := tx.ExecContext(ctx, d.db.rebind(`UPDATE payments SET source = ?, job = ?, provider = ?, currency = ?, minor = ?, status = ?, committed = ?, sent_at = ?, next_at = ?,
		version = ?, sealed = ?, changed_at = ? WHERE id = ? AND version = ?`),
		r.Source, r.Job, r.Provider, r.Currency, r.Minor, r.Status, flag(r.Committed), microsOf(r.SentAt), microsOf(r.NextAt), r.Version,
		d.vault.close(paymentAddress(r.ID), r.Body), d.db.micros(), r.ID, r.Version-1)
	return one(done, err, errors.New("it has changed since the decision read it"))
}

// one makes a statement that changed nothing the error otherwise.
func one(done sql.Result, err, otherwise error) error {
	if err != nil {
		return err
	}
	n, err := done.RowsAffected()
	if err == nil && n != 1 {
		err = otherwise
	}
	return err
}

func (d decision) line(ctx context.Context, tx *sql.Tx, c PaymentChange) error {
	l := c.Line
	_, err := tx.ExecContext(ctx, d.db.rebind(`INSERT INTO payment_history (payment_id, version, at, from_status, to_status, event, actor, reason) VALUES (`+marks(8)+`)`),
		l.ID, l.Version, microsOf(l.At), l.From, l.To, l.Event, l.By, l.Reason)
	return err
}

func (d decision) notice(ctx context.Context, tx *sql.Tx, c PaymentChange) error {
	fresh, err := d.db.Inbox().put(ctx, tx, d.vault, Delivery{Source: c.Row.Source, Kind: transitionKind, ReceivedAt: c.Line.At, Body: c.Line.Notice})
	if err == nil && !fresh {
		err = errors.New("its notice is in the inbox already, so this change would not reach the lake; it must name the version")
	}
	return err
}

// record puts a step into the audit record, whoever made it.
func (d decision) record(ctx context.Context, tx *sql.Tx, c PaymentChange) error {
	return d.db.audit(ctx, tx, Act{Actor: c.Line.By, Action: "payment " + c.Line.Event, Subject: c.Row.ID, Reason: c.Line.Reason})
}

func (d decision) wake(ctx context.Context, tx *sql.Tx, c PaymentChange) error {
	if !c.Wake {
		return nil
	}
	return d.db.enqueue(ctx, tx, Step{PaymentStep, c.Row.ID})
}
