package state

// PostgreSQL: a database that several machines share.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/paylake/paylake/sinks"
)

// queueConns are the connections of a process that does queued steps: one
// listens, the others fetch and mark.
const queueConns = 4

func openPostgres(o Options) (*DB, error) {
	config, err := pgx.ParseConfig(o.URL)
	if err != nil { // its text can hold the URL, and so the password
		return nil, errors.New("open state: `state` is not a PostgreSQL URL; write postgres://user:password@host:5432/database")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectWait
	}
	working := config.Copy()
	working.DialFunc = patient(config.DialFunc, answerWait)
	db := stdlib.OpenDB(*working)
	db.SetMaxOpenConns(8)
	db.SetConnMaxIdleTime(5 * time.Minute)
	// Locks live as long as their connection: they have connections of their
	// own, or many of them would leave none to work with.
	locks := stdlib.OpenDB(*config)
	locks.SetMaxIdleConns(0)
	pool, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		return nil, errors.New("open state: `state` is not a PostgreSQL URL; write postgres://user:password@host:5432/database")
	}
	pool.ConnConfig.ConnectTimeout = config.ConnectTimeout
	pool.MaxConns = queueConns
	return &DB{sql: db, dollar: true, pool: pool, leases: &advisory{locks}, place: config.Host + "/" + config.Database}, nil
}

// advisory are leases as session locks of the server, which frees them when it
// loses the connection.
type advisory struct{ db *sql.DB }

const lockKey = `hashtextextended('paylake/' || current_schema() || '/' || $1, 0)`

func (a *advisory) try(ctx context.Context, name string) (func(), error) {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	return a.lock(ctx, `SELECT pg_try_advisory_lock(`+lockKey+`)`, name)
}

func (a *advisory) wait(ctx context.Context, name string) (func(), error) {
	return a.lock(ctx, `SELECT pg_advisory_lock(`+lockKey+`) IS NOT NULL`, name)
}

func (a *advisory) lock(ctx context.Context, query, name string) (func(), error) {
	conn, err := a.db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	var held bool
	err = conn.QueryRowContext(ctx, query, name).Scan(&held)
	if err == nil && !held {
		err = sinks.ErrBusy
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return func() { unlock(conn, name) }, nil
}

// unlock frees the lock at once, and by the connection's end in any case: no
// idle connection is kept, but the server notices its end only a moment later.
func unlock(conn *sql.Conn, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, _ = conn.ExecContext(ctx, `SELECT pg_advisory_unlock(`+lockKey+`)`, name)
	_ = conn.Close()
}

func (a *advisory) close() error { return a.db.Close() }
