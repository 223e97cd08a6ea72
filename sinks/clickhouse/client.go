package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/paylake/paylake/fault"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/clickhouse/embedded"
)

// Deadlines are how long the warehouse may take. Zero fields take the value in
// brackets.
type Deadlines struct {
	Dial  time.Duration // to connect [5 s]
	Ask   time.Duration // bookkeeping and verification, one statement [2 min]
	Load  time.Duration // one object [5 min]
	Query time.Duration // one query of a reader [30 min]
}

func (d Deadlines) withDefaults() Deadlines {
	set := func(v *time.Duration, otherwise time.Duration) {
		if *v <= 0 {
			*v = otherwise
		}
	}
	set(&d.Dial, 5*time.Second)
	set(&d.Ask, 2*time.Minute)
	set(&d.Load, 5*time.Minute)
	set(&d.Query, 30*time.Minute)
	return d
}

// connect returns a connection to where the warehouse is now.
func (w *Warehouse) connect() (driver.Conn, error) {
	at := w.server
	if w.embedded != nil {
		at = ofEmbedded(w.embedded.Current())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn != nil && w.at.key == at.key {
		return w.conn, nil
	}
	if w.conn != nil {
		_ = w.conn.Close()
		w.conn = nil
	}
	opts := at.opts
	opts.DialTimeout, opts.ReadTimeout = w.within.Dial, w.within.Load
	opts.MaxOpenConns, opts.MaxIdleConns = w.parallel+4, w.parallel+1
	settings := driver.Settings{"async_insert": 0}
	for k, v := range opts.Settings {
		settings[k] = v
	}
	opts.Settings = settings
	conn, err := driver.Open(&opts)
	if err != nil {
		return nil, fmt.Errorf("warehouse %s: %w", at.addr, err)
	}
	w.conn, w.at = conn, at
	return conn, nil
}

func ofEmbedded(ep embedded.Endpoint) server {
	return server{
		opts: driver.Options{Addr: []string{ep.Addr}, Auth: driver.Auth{Database: "default", Username: ep.User, Password: ep.Password}},
		key:  ep.Addr + " " + ep.Password, addr: "embedded, " + ep.Addr, httpURL: "http://" + ep.HTTPAddr + "/",
		owner: ep.User, readers: ep.Readers, password: ep.Password,
	}
}

// where is the server of the last connection.
func (w *Warehouse) where() server {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

// exec runs one statement, once.
func (w *Warehouse) exec(ctx context.Context, what, sql string, args ...any) error {
	conn, err := w.connect()
	if err != nil {
		return err
	}
	sub, cancel := context.WithTimeout(ctx, w.within.Ask)
	defer cancel()
	return w.write(ctx, what, func() error { return conn.Exec(sub, sql, args...) })
}

// write is the one place where the warehouse is changed.
func (w *Warehouse) write(ctx context.Context, what string, do func() error) error {
	fault.Point("warehouse.writing")
	err := w.tried(what, do)
	fault.Point("warehouse.written")
	return w.explain(ctx, what, err)
}

func (w *Warehouse) tried(what string, do func() error) error {
	if w.fault == nil {
		return do()
	}
	if err := w.fault(what, false); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return w.fault(what, true)
}

// insert writes rows in one block: all of them or none.
func (w *Warehouse) insert(ctx context.Context, table string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	conn, err := w.connect()
	if err != nil {
		return err
	}
	sub, cancel := context.WithTimeout(ctx, w.within.Ask)
	defer cancel()
	batch, err := conn.PrepareBatch(sub, "INSERT INTO "+w.db+"."+table)
	if err != nil {
		return w.explain(ctx, "write "+table, err)
	}
	defer batch.Close()
	for _, r := range rows {
		if err := batch.Append(r...); err != nil {
			return fmt.Errorf("warehouse: write %s: %w", table, err)
		}
	}
	return w.write(ctx, "write "+table, batch.Send)
}

// each runs a query and calls scan for every row.
func (w *Warehouse) each(ctx context.Context, what, sql string, scan func(scan func(...any) error) error, args ...any) error {
	conn, err := w.connect()
	if err != nil {
		return err
	}
	sub, cancel := context.WithTimeout(ctx, w.within.Ask)
	defer cancel()
	rows, err := conn.Query(sub, sql, args...)
	if err != nil {
		return w.explain(ctx, what, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows.Scan); err != nil {
			return fmt.Errorf("warehouse: %s: %w", what, err)
		}
	}
	return w.explain(ctx, what, rows.Err())
}

// one reads the first row of a query.
func (w *Warehouse) one(ctx context.Context, what, sql string, dest ...any) error {
	found := false
	err := w.each(ctx, what, sql, func(scan func(...any) error) error {
		found = true
		return scan(dest...)
	})
	if err == nil && !found {
		err = fmt.Errorf("warehouse: %s: no answer", what)
	}
	return err
}

// surviving repeats do while an embedded warehouse can be brought back.
func (w *Warehouse) surviving(ctx context.Context, do func() error) error {
	for attempt := 0; ; attempt++ {
		err := do()
		if err == nil || w.embedded == nil || attempt == 2 || !errors.Is(err, sinks.ErrUnavailable) || ctx.Err() != nil {
			return err
		}
		w.log.Warn("embedded warehouse out of reach, reviving it", "err", err)
		if rerr := w.embedded.Revive(ctx); rerr != nil {
			return errors.Join(err, rerr)
		}
	}
}
