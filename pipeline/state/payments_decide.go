package state

// Deciding about payments: one transaction after the other.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/paylake/paylake/fault"
)

// PaymentChange is an intent as it shall stand, and the line that says why.
type PaymentChange struct {
	Row  PaymentRow
	Line PaymentLine
	Wake bool // queues a step
}

// PaymentUse is money that intents have committed: of whom, for whom.
type PaymentUse struct {
	Tenant, Job, Provider, Currency string
	Minor                           int64
}

// PaymentView is what a decision sees, all of one moment.
type PaymentView struct {
	Rows   map[string]PaymentRow // by id; those that there are
	Killed bool
	Used   []PaymentUse // of committed rows that were sent since the instant asked for
}

// Decide shows decide the intents of the ids as they stand, and stores what it
// returns: rows, history, deliveries of the inbox, the record of what people
// did, and steps. All of it is one durable transaction that no other Decide and
// no change of the switch overlaps, in this process or another. since asks for
// the money that is committed; zero does not.
//
// An error of decide is returned as it is and nothing has changed; the same
// after any other error, unless the database was lost while it confirmed: then
// nobody knows, and the register must be read again. decide must not use the
// database, and may be called again.
func (p Payments) Decide(ctx context.Context, ids []string, since time.Time, decide func(PaymentView) ([]PaymentChange, error)) error {
	vault, err := p.db.vaultKey(ctx) // before the transaction: SQLite has one connection
	if err != nil {
		return fmt.Errorf("payments: %w", err)
	}
	d := decision{p, vault, ids, since, decide}
	return p.inTurn(ctx, d.take)
}

// decision is one Decide.
type decision struct {
	Payments
	vault  envelope
	ids    []string
	since  time.Time
	decide func(PaymentView) ([]PaymentChange, error)
}

func (d decision) take(ctx context.Context, tx *sql.Tx, killed bool) error {
	view, err := d.view(ctx, tx)
	if err != nil {
		return err
	}
	view.Killed = killed
	were := maps.Clone(view.Rows) // decide may do with its map what it likes
	changes, err := d.decide(view)
	if err != nil {
		return asItIs{err}
	}
	for _, c := range changes {
		if err := d.store(ctx, tx, were, c); err != nil {
			return fmt.Errorf("payment %s: %w", c.Row.ID, err)
		}
	}
	return nil
}

// view reads what a decision sees.
func (d decision) view(ctx context.Context, tx *sql.Tx) (v PaymentView, err error) {
	v.Rows = make(map[string]PaymentRow, len(d.ids))
	for some := range slices.Chunk(d.ids, 500) {
		args := make([]any, len(some))
		for i, id := range some {
			args[i] = id
		}
		err := d.each(ctx, tx, func(rows *sql.Rows) error {
			r, err := scanPayment(rows.Scan)
			if err == nil {
				r.Body, err = d.vault.open(paymentAddress(r.ID), r.Body)
			}
			v.Rows[r.ID] = r
			return err
		}, `SELECT `+paymentColumns+` FROM payments WHERE id IN (`+marks(len(some))+`)`, args...)
		if err != nil {
			return v, err
		}
	}
	if !d.since.IsZero() {
		v.Used, err = d.used(ctx, tx)
	}
	return v, err
}

// used sums what is committed. A sum that int64 does not hold is an error of
// SQLite, and of reading what PostgreSQL answers.
func (d decision) used(ctx context.Context, tx *sql.Tx) (list []PaymentUse, err error) {
	err = d.each(ctx, tx, func(rows *sql.Rows) error {
		var u PaymentUse
		err := rows.Scan(&u.Tenant, &u.Job, &u.Provider, &u.Currency, &u.Minor)
		list = append(list, u)
		return err
	}, `SELECT tenant, job, provider, currency, SUM(minor) FROM payments WHERE committed = 1 AND sent_at <> 0 AND sent_at >= ?
		GROUP BY tenant, job, provider, currency ORDER BY tenant, job, provider, currency`, d.since.UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("sum of what is committed: %w", err)
	}
	return list, nil
}

// asItIs is an error that Decide returns without a word of its own.
type asItIs struct{ error }

// inTurn runs do in a transaction that begins with taking the switch's row: it
// sees everything that was decided before, and nothing is decided meanwhile.
func (p Payments) inTurn(ctx context.Context, do func(ctx context.Context, tx *sql.Tx, killed bool) error) error {
	for again := 0; ; again++ {
		err := p.turn(ctx, do)
		if own, ok := errors.AsType[asItIs](err); ok {
			return own.error
		}
		if err == nil || ctx.Err() != nil || again == turnsMax || !collided(err) {
			return p.explained(err)
		}
	}
}

const turnsMax = 10

func (p Payments) explained(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("payments: %w", p.db.explain(err))
}

func (p Payments) turn(ctx context.Context, do func(ctx context.Context, tx *sql.Tx, killed bool) error) error {
	conn, err := p.db.sql.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // back to the pool
	// Whoever gives up does so before the commit or not at all: under ctx itself it
	// could end halfway, and nobody would know how.
	tx, err := conn.BeginTx(context.WithoutCancel(ctx), p.isolation())
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // also where do panics; nothing to say after a commit
	killed, err := p.takeTurn(ctx, tx)
	if err == nil {
		err = do(ctx, tx, killed)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	fault.Point("payments.storing")
	err = tx.Commit()
	fault.Point("payments.stored")
	return err
}

// isolation makes PostgreSQL read, after the wait for the row, what is stored
// by then, whatever the server's default is. SQLite knows one way.
func (p Payments) isolation() *sql.TxOptions {
	if p.db.dollar {
		return &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	}
	return nil
}

// takeTurn waits for those before and says whether the switch is on. A database
// that does not wait for its disk is made to, for what is decided here.
func (p Payments) takeTurn(ctx context.Context, tx *sql.Tx) (killed bool, err error) {
	if p.db.dollar {
		if _, err := tx.ExecContext(ctx, `SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'`); err != nil {
			return true, err
		}
	}
	var on int64
	err = tx.QueryRowContext(ctx, `UPDATE payment_switch SET turns = turns + 1 WHERE id = 1 RETURNING killed`).Scan(&on)
	if errors.Is(err, sql.ErrNoRows) {
		err = errors.New("the row of the kill switch is gone; restore the state database from a backup")
	}
	return on != 0 || err != nil, err
}

// collided reports whether the database gave a transaction up because of
// another one, and wants it again.
func collided(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "40001" || e.Code == "40P01") // serialization_failure, deadlock_detected
}
