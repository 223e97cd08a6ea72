package state

// The register of payments that are initiated from here: rows, and how they are
// read. What changes them is in payments_decide.go.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// PaymentStep is the kind of the steps that drive payments. Their keys are
// payment ids.
const PaymentStep = "payment"

// Payments are intents to pay, their history, and the switch that stops them.
type Payments struct{ db *DB }

// Payments returns the register of payments.
func (db *DB) Payments() Payments { return Payments{db} }

// PaymentRow is one intent as it stands. The register gives Status no meaning.
type PaymentRow struct {
	ID                                           string
	Tenant, Key, Source, Job, Provider, Currency string
	Minor                                        int64 // minor units of Currency
	Status                                       string
	Committed                                    bool      // its money counts against limits
	SentAt                                       time.Time // when it was first claimed; zero: never
	NextAt                                       time.Time // when there is something to do; zero: nothing by itself
	Version                                      int64     // changes so far
	Body                                         []byte    // the whole intent; sealed at rest
}

// PaymentLine is one line of an intent's history.
type PaymentLine struct {
	ID       string
	Version  int64
	At       time.Time
	From, To string // statuses; From is empty for what was not there
	Event    string
	By       string // a person, or sender, poll, callback
	Reason   string
	// Notice goes into the inbox, as a delivery of the row's source and the kind
	// "transition". The history does not keep it.
	Notice []byte
}

func paymentAddress(id string) string { return "payment/" + id }

const paymentColumns = `id, tenant, order_key, source, job, provider, currency, minor, status, committed, sent_at, next_at, version, sealed`

// scanPayment reads a row; its body is sealed still.
func scanPayment(scan func(...any) error) (r PaymentRow, err error) {
	var committed, sent, next int64
	err = scan(&r.ID, &r.Tenant, &r.Key, &r.Source, &r.Job, &r.Provider, &r.Currency, &r.Minor, &r.Status, &committed, &sent, &next, &r.Version, &r.Body)
	r.Committed, r.SentAt, r.NextAt = committed != 0, instantOf(sent), instantOf(next)
	return r, err
}

// Load reads one intent; ErrAbsent when there is none.
func (p Payments) Load(ctx context.Context, id string) (PaymentRow, error) {
	vault, err := p.db.vaultKey(ctx)
	if err != nil {
		return PaymentRow{}, fmt.Errorf("payment %s: %w", id, err)
	}
	r, err := scanPayment(p.db.row(ctx, `SELECT `+paymentColumns+` FROM payments WHERE id = ?`, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrAbsent
	}
	if err == nil {
		r.Body, err = vault.open(paymentAddress(id), r.Body)
	}
	if err != nil {
		return PaymentRow{}, fmt.Errorf("payment %s: %w", id, p.db.explain(err))
	}
	return r, nil
}

// PaymentFilter says which intents are listed; what is empty restricts nothing.
type PaymentFilter struct {
	Statuses    []string
	Job, Source string
	After       string // ids above this one
	Limit       int    // how many at most; 0: all
}

// query writes the filter as the end of a SELECT.
func (f PaymentFilter) query() (where string, args []any) {
	where, args = ` WHERE id > ? AND (? = '' OR job = ?) AND (? = '' OR source = ?)`, []any{f.After, f.Job, f.Job, f.Source, f.Source}
	if len(f.Statuses) > 0 {
		where += ` AND status IN (` + marks(len(f.Statuses)) + `)`
		for _, s := range f.Statuses {
			args = append(args, s)
		}
	}
	where += ` ORDER BY id`
	if f.Limit > 0 {
		where, args = where+` LIMIT ?`, append(args, f.Limit)
	}
	return where, args
}

// marks writes n placeholders.
func marks(n int) string { return "?" + strings.Repeat(", ?", n-1) }

// List lists intents by id.
func (p Payments) List(ctx context.Context, f PaymentFilter) (list []PaymentRow, err error) {
	vault, err := p.db.vaultKey(ctx) // before the rows: SQLite has one connection
	if err != nil {
		return nil, fmt.Errorf("payments: %w", err)
	}
	where, args := f.query()
	err = p.each(ctx, p.db.sql, func(rows *sql.Rows) error {
		r, err := scanPayment(rows.Scan)
		if err == nil {
			r.Body, err = vault.open(paymentAddress(r.ID), r.Body)
		}
		list = append(list, r)
		return err
	}, `SELECT `+paymentColumns+` FROM payments`+where, args...)
	if err != nil {
		return nil, fmt.Errorf("payments: %w", err)
	}
	return list, nil
}

// Due lists the ids of intents with something to do by now, the longest due
// first, limit at most.
func (p Payments) Due(ctx context.Context, now time.Time, limit int) (ids []string, err error) {
	err = p.each(ctx, p.db.sql, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	}, `SELECT id FROM payments WHERE next_at <> 0 AND next_at <= ? ORDER BY next_at, id LIMIT ?`, now.UnixMicro(), limit)
	if err != nil {
		return nil, fmt.Errorf("payments that are due: %w", err)
	}
	return ids, nil
}

// History lists what happened to an intent, the oldest first; none for one that
// is not there.
func (p Payments) History(ctx context.Context, id string) (list []PaymentLine, err error) {
	err = p.each(ctx, p.db.sql, func(rows *sql.Rows) error {
		var l PaymentLine
		var at int64
		err := rows.Scan(&l.ID, &l.Version, &at, &l.From, &l.To, &l.Event, &l.By, &l.Reason)
		l.At = instantOf(at)
		list = append(list, l)
		return err
	}, `SELECT payment_id, version, at, from_status, to_status, event, actor, reason FROM payment_history WHERE payment_id = ? ORDER BY version`, id)
	if err != nil {
		return nil, fmt.Errorf("history of payment %s: %w", id, err)
	}
	return list, nil
}

// PaymentStanding is how much of a currency stands at a status.
type PaymentStanding struct {
	Status, Currency string
	Count, Minor     int64
}

// Standing counts and sums the intents, by status and currency.
func (p Payments) Standing(ctx context.Context) (list []PaymentStanding, err error) {
	err = p.each(ctx, p.db.sql, func(rows *sql.Rows) error {
		var s PaymentStanding
		err := rows.Scan(&s.Status, &s.Currency, &s.Count, &s.Minor)
		list = append(list, s)
		return err
	}, `SELECT status, currency, COUNT(*), SUM(minor) FROM payments GROUP BY status, currency ORDER BY status, currency`)
	if err != nil {
		return nil, fmt.Errorf("standing of payments: %w", err)
	}
	return list, nil
}

// asker is a database or a transaction of it.
type asker interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (p Payments) each(ctx context.Context, from asker, do func(*sql.Rows) error, query string, args ...any) (err error) {
	rows, err := from.QueryContext(ctx, p.db.rebind(query), args...)
	if err != nil {
		return p.db.explain(err)
	}
	defer func() { err = p.db.explain(errors.Join(err, rows.Close())) }()
	for rows.Next() {
		if err := do(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
