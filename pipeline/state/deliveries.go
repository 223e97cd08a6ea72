package state

// The outbox: events, and which of them has arrived where.

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Event is something that endpoints are told.
type Event struct {
	ID       string
	Type     string
	At       time.Time
	Snapshot int64  // the manifest that brought it; 0: none
	Body     []byte // sealed at rest
}

// Sending is one event on its way to one endpoint.
type Sending struct {
	ID        int64
	Endpoint  Endpoint
	Event     Event
	Status    string // pending, delivered, dead
	Tries     int
	First     time.Time // when it was its turn first
	Next      time.Time // not before
	Last      time.Time // the latest attempt
	Code      int       // HTTP status of it
	Error     string
	Delivered time.Time
	Changed   time.Time
	Blocked   bool // an earlier one of an ordered endpoint is on its way
}

// Attempt is what came of sending one.
type Attempt struct {
	Status   string
	At       time.Time
	First    time.Time
	Next     time.Time
	Code     int
	Error    string
	Taken    bool      // the receiver has it
	Disabled string    // why the endpoint is not used any more
	Open     time.Time // its circuit, after a failure
}

func steps(ids []int64) []Step {
	out := make([]Step, len(ids))
	for i, id := range ids {
		out[i] = Step{WebhookStep, strconv.FormatInt(id, 10)}
	}
	return out
}

func eventAddress(id string) string { return "webhook event/" + id }

// Mail is what is new for one endpoint.
type Mail struct {
	Endpoint int64
	From     int64 // the last manifest applied, as the follower knows it
	Events   []Event
}

// Put stores events for endpoints with the steps that deliver them and, unless
// upTo is 0, how far the endpoints have come that still stand at From, in one
// transaction. An event that an endpoint has already changes nothing.
func (w Webhooks) Put(ctx context.Context, upTo int64, mail []Mail) error {
	vault, err := w.db.vaultKey(ctx)
	if err != nil {
		return fmt.Errorf("webhooks: %w", err)
	}
	// Every process takes the rows of endpoints in the same order.
	mail = slices.SortedFunc(slices.Values(mail), func(a, b Mail) int { return cmp.Compare(a.Endpoint, b.Endpoint) })
	err = w.db.transact(ctx, func(tx *sql.Tx) error {
		for _, m := range mail {
			// Taken first also where nothing changes: two followers store one after the
			// other. One that stands elsewhere was rewound, or another follower is ahead.
			if _, err := tx.ExecContext(ctx, w.db.rebind(`UPDATE webhook_endpoints SET applied = CASE WHEN applied = ? AND ? > 0 THEN ? ELSE applied END WHERE id = ?`),
				m.From, upTo, upTo, m.Endpoint); err != nil {
				return err
			}
			fresh, err := w.store(ctx, tx, vault, m.Endpoint, upTo, m.Events)
			if err != nil {
				return err
			}
			if err := w.db.enqueue(ctx, tx, steps(fresh)...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("webhooks: %w", w.db.explain(err))
	}
	return nil
}

// store adds the events that an endpoint does not have, and returns the ids of
// their deliveries.
func (w Webhooks) store(ctx context.Context, tx *sql.Tx, vault envelope, endpoint, upTo int64, events []Event) (fresh []int64, err error) {
	for _, e := range events {
		if _, err := tx.ExecContext(ctx, w.db.rebind(`INSERT INTO webhook_events (id, type, at, snapshot, sealed, added_at) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET sealed = COALESCE(webhook_events.sealed, excluded.sealed)`),
			e.ID, e.Type, microsOf(e.At), upTo, vault.close(eventAddress(e.ID), e.Body), w.db.micros()); err != nil {
			return nil, err
		}
		var id int64
		err := tx.QueryRowContext(ctx, w.db.rebind(`INSERT INTO webhook_deliveries (endpoint, event_id, status, changed_at) VALUES (?, ?, 'pending', ?)
			ON CONFLICT (endpoint, event_id) DO NOTHING RETURNING id`), endpoint, e.ID, w.db.micros()).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, err
		}
		fresh = append(fresh, id)
	}
	return fresh, nil
}

const sendingColumns = `, d.id, d.event_id, d.status, d.tries, d.first_at, d.next_at, d.last_at, d.code, d.error, d.delivered_at, d.changed_at, v.type, v.at, v.snapshot, v.sealed,
	CASE WHEN e.ordered = 1 AND EXISTS (SELECT 1 FROM webhook_deliveries AS b WHERE b.endpoint = d.endpoint AND b.status = 'pending' AND b.id < d.id) THEN 1 ELSE 0 END
	FROM webhook_deliveries AS d JOIN webhook_endpoints AS e ON e.id = d.endpoint JOIN webhook_events AS v ON v.id = d.event_id`

func scanSending(scan func(...any) error) (s Sending, secrets, body []byte, err error) {
	var first, next, last, delivered, changed, at, blocked int64
	err = scanEndpoint(scan, &s.Endpoint, &secrets, &s.ID, &s.Event.ID, &s.Status, &s.Tries, &first, &next, &last, &s.Code, &s.Error, &delivered, &changed,
		&s.Event.Type, &at, &s.Event.Snapshot, &body, &blocked)
	s.First, s.Next, s.Last, s.Delivered = instantOf(first), instantOf(next), instantOf(last), instantOf(delivered)
	s.Changed, s.Event.At, s.Blocked = instantOf(changed), instantOf(at), blocked != 0
	return s, secrets, body, err
}

// Load reads one with its endpoint and message; ErrAbsent when there is none.
func (w Webhooks) Load(ctx context.Context, id int64) (Sending, error) {
	s, secrets, body, err := scanSending(w.db.row(ctx, `SELECT `+endpointColumns+sendingColumns+` WHERE d.id = ?`, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return s, fmt.Errorf("delivery %d: %w", id, ErrAbsent)
	}
	if err != nil {
		return s, fmt.Errorf("delivery %d: %w", id, w.db.explain(err))
	}
	vault, err := w.db.vaultKey(ctx)
	if err != nil {
		return s, fmt.Errorf("delivery %d: %w", id, err)
	}
	if s.Endpoint.Secrets, err = w.openSecrets(ctx, s.Endpoint.Name, secrets); err != nil {
		return s, fmt.Errorf("webhook endpoint %s: %w", s.Endpoint.Name, err)
	}
	if body == nil {
		return s, nil // dropped by Prune
	}
	if s.Event.Body, err = vault.open(eventAddress(s.Event.ID), body); err != nil {
		return s, fmt.Errorf("delivery %d: %w", id, err)
	}
	return s, nil
}

// Hold notes when it was a delivery's turn first.
func (w Webhooks) Hold(ctx context.Context, id int64, first time.Time) error {
	return w.db.exec(ctx, `UPDATE webhook_deliveries SET first_at = ?, changed_at = ? WHERE id = ? AND first_at = 0`, first.UnixMicro(), w.db.micros(), id)
}

// Probe takes the one attempt through an open circuit, of all who saw it open.
func (w Webhooks) Probe(ctx context.Context, endpoint int64, open, until time.Time) (bool, error) {
	done, err := w.db.sql.ExecContext(ctx, w.db.rebind(`UPDATE webhook_endpoints SET open_until = ? WHERE id = ? AND open_until = ?`), until.UnixMicro(), endpoint, open.UnixMicro())
	if err != nil {
		return false, w.db.explain(err)
	}
	n, err := done.RowsAffected()
	return n > 0, err
}

// Settle stores what came of an attempt, of the delivery and of its endpoint,
// and queues the one that waited behind it.
func (w Webhooks) Settle(ctx context.Context, s Sending, a Attempt) error {
	err := w.db.transact(ctx, func(tx *sql.Tx) error {
		delivered := int64(0)
		if a.Taken {
			delivered = a.At.UnixMicro()
		}
		if _, err := tx.ExecContext(ctx, w.db.rebind(`UPDATE webhook_deliveries SET status = ?, tries = tries + 1, first_at = ?, next_at = ?, last_at = ?, code = ?, error = ?,
			delivered_at = ?, changed_at = ? WHERE id = ?`),
			a.Status, microsOf(a.First), microsOf(a.Next), a.At.UnixMicro(), a.Code, a.Error, delivered, w.db.micros(), s.ID); err != nil {
			return err
		}
		if err := w.settleEndpoint(ctx, tx, s, a); err != nil {
			return err
		}
		if !s.Endpoint.Ordered || a.Status == "pending" {
			return nil
		}
		behind, err := w.ids(ctx, tx, `SELECT id FROM webhook_deliveries WHERE endpoint = ? AND status = 'pending' ORDER BY id LIMIT 1`, s.Endpoint.ID)
		if err != nil {
			return err
		}
		return w.db.enqueue(ctx, tx, steps(behind)...)
	})
	if err != nil {
		return fmt.Errorf("delivery %d: %w", s.ID, w.db.explain(err))
	}
	return nil
}

func (w Webhooks) settleEndpoint(ctx context.Context, tx *sql.Tx, s Sending, a Attempt) error {
	query, args := `UPDATE webhook_endpoints SET failures = failures + 1, open_until = ?, disabled = CASE WHEN disabled = '' THEN ? ELSE disabled END WHERE id = ?`,
		[]any{microsOf(a.Open), a.Disabled, s.Endpoint.ID}
	if a.Taken {
		if s.Endpoint.Failures == 0 && s.Endpoint.Open.IsZero() {
			return nil // as it was: deliveries do not wait for each other's rows
		}
		query, args = `UPDATE webhook_endpoints SET failures = 0, open_until = 0 WHERE id = ?`, []any{s.Endpoint.ID}
	}
	_, err := tx.ExecContext(ctx, w.db.rebind(query), args...)
	return err
}

// Sendings lists deliveries without their messages, the newest first: of an
// endpoint (0: all), of a status (empty: all), limit at most.
func (w Webhooks) Sendings(ctx context.Context, endpoint int64, status string, limit int) ([]Sending, error) {
	return w.list(ctx, `WHERE (? = 0 OR d.endpoint = ?) AND (? = '' OR d.status = ?) ORDER BY d.id DESC LIMIT ?`, endpoint, endpoint, status, status, limit)
}

// ChangedSince lists deliveries that have changed after an instant, or at it with
// an id above after, in that order, for whoever shows them elsewhere.
func (w Webhooks) ChangedSince(ctx context.Context, since time.Time, after int64, limit int) ([]Sending, error) {
	return w.list(ctx, `WHERE d.changed_at > ? OR d.changed_at = ? AND d.id > ? ORDER BY d.changed_at, d.id LIMIT ?`, microsOf(since), microsOf(since), after, limit)
}

func (w Webhooks) list(ctx context.Context, where string, args ...any) (list []Sending, err error) {
	rows, err := w.db.sql.QueryContext(ctx, w.db.rebind(`SELECT `+endpointColumns+sendingColumns+` `+where), args...)
	if err != nil {
		return nil, fmt.Errorf("deliveries: %w", w.db.explain(err))
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		s, _, _, err := scanSending(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("deliveries: %w", err)
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

// Counts counts deliveries by endpoint and status.
func (w Webhooks) Counts(ctx context.Context) (counts map[int64]map[string]int64, err error) {
	rows, err := w.db.sql.QueryContext(ctx, `SELECT endpoint, status, COUNT(*) FROM webhook_deliveries GROUP BY endpoint, status`)
	if err != nil {
		return nil, fmt.Errorf("deliveries: %w", w.db.explain(err))
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	counts = map[int64]map[string]int64{}
	for rows.Next() {
		var endpoint, n int64
		var status string
		if err := rows.Scan(&endpoint, &status, &n); err != nil {
			return nil, fmt.Errorf("deliveries: %w", err)
		}
		if counts[endpoint] == nil {
			counts[endpoint] = map[string]int64{}
		}
		counts[endpoint][status] = n
	}
	return counts, rows.Err()
}

// Replay has deliveries sent again, as if they were new: those of an endpoint
// that are dead, or those of an event whatever they are. It returns how many.
func (w Webhooks) Replay(ctx context.Context, endpoint int64, event string) (n int, err error) {
	query, args := `SELECT d.id FROM webhook_deliveries AS d JOIN webhook_events AS v ON v.id = d.event_id
		WHERE d.endpoint = ? AND v.sealed IS NOT NULL AND d.status = 'dead' ORDER BY d.id`, []any{endpoint}
	if event != "" {
		query, args = `SELECT d.id FROM webhook_deliveries AS d JOIN webhook_events AS v ON v.id = d.event_id
			WHERE d.endpoint = ? AND v.sealed IS NOT NULL AND d.event_id = ?`, []any{endpoint, event}
	}
	err = w.db.transact(ctx, func(tx *sql.Tx) error {
		ids, err := w.ids(ctx, tx, query, args...)
		if err != nil {
			return err
		}
		n = len(ids)
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, w.db.rebind(`UPDATE webhook_deliveries SET status = 'pending', tries = 0, first_at = 0, next_at = 0, changed_at = ? WHERE id = ?`), w.db.micros(), id); err != nil {
				return err
			}
		}
		return w.db.enqueue(ctx, tx, steps(ids)...)
	})
	if err != nil {
		return 0, fmt.Errorf("replay: %w", w.db.explain(err))
	}
	return n, nil
}

// Prune drops the messages of events that were stored before an instant and are
// on their way to nobody. Their ids stay: an event is told once.
func (w Webhooks) Prune(ctx context.Context, before time.Time) error {
	err := w.db.exec(ctx, `UPDATE webhook_events SET sealed = NULL WHERE sealed IS NOT NULL AND added_at < ?
		AND NOT EXISTS (SELECT 1 FROM webhook_deliveries AS d WHERE d.event_id = webhook_events.id AND d.status <> 'delivered')`, before.UnixMicro())
	if err != nil {
		return fmt.Errorf("webhooks: %w", err)
	}
	return nil
}
