package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// WebhookStep is the kind of the steps that deliver messages. Their keys are
// ids of deliveries.
const WebhookStep = "webhook"

// Endpoint is a receiver of webhooks.
type Endpoint struct {
	ID       int64
	Name     string
	URL      string
	Types    []string // empty: all
	Form     string
	Ordered  bool
	Secrets  []EndpointSecret // the newest first
	Disabled string           // why; empty: active
	Failures int              // attempts that failed in a row
	Open     time.Time        // its circuit is open until then
	Applied  int64            // the last manifest whose events are stored
	Added    time.Time
}

// EndpointSecret is one secret, and until when it signs; zero: for good.
type EndpointSecret struct {
	Text  string    `json:"text"`
	Until time.Time `json:"until,omitzero"`
}

// ErrTaken is returned for a name that somebody else has.
var ErrTaken = errors.New("the name is taken")

// Webhooks are endpoints, events and deliveries.
type Webhooks struct{ db *DB }

// Webhooks returns the outbox of webhooks.
func (db *DB) Webhooks() Webhooks { return Webhooks{db} }

func secretsAddress(name string) string { return "webhook endpoint/" + name }

// Add makes an endpoint; ErrTaken when there is one of the name.
func (w Webhooks) Add(ctx context.Context, e Endpoint) error {
	sealed, err := w.sealSecrets(ctx, e.Name, e.Secrets)
	if err != nil {
		return fmt.Errorf("webhook endpoint %s: %w", e.Name, err)
	}
	done, err := w.db.sql.ExecContext(ctx, w.db.rebind(`INSERT INTO webhook_endpoints (name, url, types, form, ordered, secrets, applied, added_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING`),
		e.Name, e.URL, strings.Join(e.Types, ","), e.Form, flag(e.Ordered), sealed, e.Applied, e.Added.UnixMicro())
	if err != nil {
		return fmt.Errorf("webhook endpoint %s: %w", e.Name, w.db.explain(err))
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fmt.Errorf("webhook endpoint %s: %w", e.Name, ErrTaken))
	}
	return nil
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

const endpointColumns = `e.id, e.name, e.url, e.types, e.form, e.ordered, e.secrets, e.disabled, e.failures, e.open_until, e.applied, e.added_at`

// Endpoints lists all, by name, with their secrets.
func (w Webhooks) Endpoints(ctx context.Context) ([]Endpoint, error) {
	list, sealed, err := w.sealedEndpoints(ctx) // to its end: SQLite has one connection, and the vault's key may have to be read
	if err != nil {
		return nil, fmt.Errorf("webhook endpoints: %w", w.db.explain(err))
	}
	for i := range list {
		if list[i].Secrets, err = w.openSecrets(ctx, list[i].Name, sealed[i]); err != nil {
			return nil, fmt.Errorf("webhook endpoint %s: %w", list[i].Name, err)
		}
	}
	return list, nil
}

func (w Webhooks) sealedEndpoints(ctx context.Context) (list []Endpoint, sealed [][]byte, err error) {
	rows, err := w.db.sql.QueryContext(ctx, `SELECT `+endpointColumns+` FROM webhook_endpoints AS e ORDER BY e.name`)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var e Endpoint
		var s []byte
		if err := scanEndpoint(rows.Scan, &e, &s); err != nil {
			return nil, nil, err
		}
		list, sealed = append(list, e), append(sealed, s)
	}
	return list, sealed, rows.Err()
}

// Standing says which endpoints, by id, are disabled. It opens no secret.
func (w Webhooks) Standing(ctx context.Context) (disabled map[int64]bool, err error) {
	rows, err := w.db.sql.QueryContext(ctx, `SELECT id, CASE WHEN disabled = '' THEN 0 ELSE 1 END FROM webhook_endpoints`)
	if err != nil {
		return nil, fmt.Errorf("webhook endpoints: %w", w.db.explain(err))
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	disabled = map[int64]bool{}
	for rows.Next() {
		var id, off int64
		if err := rows.Scan(&id, &off); err != nil {
			return nil, fmt.Errorf("webhook endpoints: %w", err)
		}
		disabled[id] = off != 0
	}
	return disabled, rows.Err()
}

// Endpoint finds one by its name; ErrAbsent when there is none.
func (w Webhooks) Endpoint(ctx context.Context, name string) (Endpoint, error) {
	all, err := w.Endpoints(ctx)
	if err != nil {
		return Endpoint{}, err
	}
	for _, e := range all {
		if e.Name == name {
			return e, nil
		}
	}
	return Endpoint{}, fmt.Errorf("webhook endpoint %s: %w", name, ErrAbsent)
}

func scanEndpoint(scan func(...any) error, e *Endpoint, sealed *[]byte, more ...any) error {
	var types string
	var ordered, open, added int64
	if err := scan(append([]any{&e.ID, &e.Name, &e.URL, &types, &e.Form, &ordered, sealed, &e.Disabled, &e.Failures, &open, &e.Applied, &added}, more...)...); err != nil {
		return err
	}
	if types != "" {
		e.Types = strings.Split(types, ",")
	}
	e.Ordered, e.Open, e.Added = ordered != 0, instantOf(open), instantOf(added)
	return nil
}

func (w Webhooks) sealSecrets(ctx context.Context, name string, list []EndpointSecret) ([]byte, error) {
	vault, err := w.db.vaultKey(ctx)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	return vault.close(secretsAddress(name), text), nil
}

func (w Webhooks) openSecrets(ctx context.Context, name string, sealed []byte) (list []EndpointSecret, err error) {
	vault, err := w.db.vaultKey(ctx)
	if err != nil {
		return nil, err
	}
	text, err := vault.open(secretsAddress(name), sealed)
	if err != nil {
		return nil, err
	}
	return list, json.Unmarshal(text, &list)
}

// SetSecrets replaces the secrets of an endpoint.
func (w Webhooks) SetSecrets(ctx context.Context, name string, list []EndpointSecret) error {
	sealed, err := w.sealSecrets(ctx, name, list)
	if err == nil {
		err = w.db.exec(ctx, `UPDATE webhook_endpoints SET secrets = ? WHERE name = ?`, sealed, name)
	}
	if err != nil {
		return fmt.Errorf("webhook endpoint %s: %w", name, err)
	}
	return nil
}

// Disable stops an endpoint and says why. What waits for it stays.
func (w Webhooks) Disable(ctx context.Context, name, why string) error {
	if err := w.db.exec(ctx, `UPDATE webhook_endpoints SET disabled = ? WHERE name = ?`, why, name); err != nil {
		return fmt.Errorf("webhook endpoint %s: %w", name, err)
	}
	return nil
}

// Enable starts an endpoint again: what waited for it is queued, and what
// happened meanwhile is read from the lake.
func (w Webhooks) Enable(ctx context.Context, name string) error {
	err := w.db.transact(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, w.db.rebind(`UPDATE webhook_endpoints SET disabled = '', failures = 0, open_until = 0 WHERE name = ?`), name); err != nil {
			return err
		}
		ids, err := w.ids(ctx, tx, `SELECT d.id FROM webhook_deliveries AS d JOIN webhook_endpoints AS e ON e.id = d.endpoint WHERE e.name = ? AND d.status = 'pending' ORDER BY d.id`, name)
		if err != nil {
			return err
		}
		return w.db.enqueue(ctx, tx, steps(ids)...)
	})
	if err != nil {
		return fmt.Errorf("webhook endpoint %s: %w", name, w.db.explain(err))
	}
	return nil
}

// Rewind has an endpoint look at manifests again, from one on. What it has been
// told already it is not told twice.
func (w Webhooks) Rewind(ctx context.Context, name string, from int64) error {
	if err := w.db.exec(ctx, `UPDATE webhook_endpoints SET applied = CASE WHEN applied > ? THEN ? ELSE applied END WHERE name = ?`, max(from-1, 0), max(from-1, 0), name); err != nil {
		return fmt.Errorf("webhook endpoint %s: %w", name, err)
	}
	return nil
}

// ids reads a list of ids within a transaction.
func (w Webhooks) ids(ctx context.Context, tx *sql.Tx, query string, args ...any) (ids []int64, err error) {
	rows, err := tx.QueryContext(ctx, w.db.rebind(query), args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}
