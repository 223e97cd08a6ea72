// Package state is the operational database, SQLite or PostgreSQL: sealed
// sessions, the vault of raw texts, the history of runs, small notes, leases,
// what came in and is not in the lake yet, and payments that are initiated.
//
// Nothing in it is needed to know what was read or what is complete: that is in
// the lake. A lost database costs new logins, the history of runs, and the raw
// texts of quarantined rows. Payments are the exception: what was approved and
// what is under way is here alone, and the lake has no more than its history.
package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"gocloud.dev/secrets"

	"github.com/paylake/paylake/fault"
)

// Options say where the database is.
type Options struct {
	// URL is the configuration's `state`: sqlite:///absolute/path.db or
	// postgres://user:password@host/database.
	URL string
	// Keeper seals sessions and raw texts. Without one they are refused.
	Keeper *secrets.Keeper
	Now    func() time.Time
	// LockDir holds the lock files that are the leases beside SQLite. Empty:
	// the folder "locks" beside the database. Not used with PostgreSQL.
	LockDir string
	// ReadOnly opens a database that is there, and changes nothing: no table is
	// made or brought up to date. ErrAbsent when there is no such file.
	ReadOnly bool
}

// DB is the operational database. Safe for concurrent use, also by several
// processes.
type DB struct {
	sql    *sql.DB
	leases leaser
	held   holdings
	seal   sealer
	now    func() time.Time
	dollar bool   // placeholders are $1, $2 instead of ?
	place  string // for messages: a path, or host and database

	queue *river.Client[*sql.Tx] // adds steps to transactions
	pool  *pgxpool.Config        // PostgreSQL: how those who do them connect

	vaultMu sync.Mutex
	vault   *envelope // opened when somebody needs it
}

// Open opens the database, creates it if it is a file that does not exist, and
// brings its tables up to date. A database of a newer version is
// sinks.ErrNewer.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Now == nil {
		return nil, fmt.Errorf("open state: no clock given")
	}
	scheme, _, _ := strings.Cut(o.URL, "://")
	var db *DB
	var err error
	switch scheme {
	case "sqlite":
		db, err = openSQLite(o)
	case "postgres", "postgresql":
		db, err = openPostgres(o)
	default:
		return nil, fmt.Errorf("open state: the scheme %q is not known; write sqlite:///path/state.db or postgres://…", scheme)
	}
	if err != nil {
		return nil, err
	}
	db.seal = sealer{o.Keeper}
	db.now = o.Now
	if o.ReadOnly {
		return db, nil
	}
	err = db.migrate(ctx)
	if err == nil {
		err = db.openQueue()
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// Close closes the connections. Leases that are still held end with it.
func (db *DB) Close() error {
	db.held.endAll()
	err := db.leases.close()
	if cerr := db.sql.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("close state: %w", err)
	}
	return nil
}

// Ping checks that the database answers.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.sql.PingContext(ctx); err != nil {
		return fmt.Errorf("reach state: %w", err)
	}
	return nil
}

func (db *DB) exec(ctx context.Context, query string, args ...any) error {
	fault.Point("state.writing")
	_, err := db.sql.ExecContext(ctx, db.rebind(query), args...)
	fault.Point("state.written")
	return db.explain(err)
}

func (db *DB) row(ctx context.Context, query string, args ...any) *sql.Row {
	return db.sql.QueryRowContext(ctx, db.rebind(query), args...)
}

// rebind writes ? as $1, $2, … for PostgreSQL. The queries hold no other ?.
func (db *DB) rebind(query string) string {
	if !db.dollar {
		return query
	}
	var b strings.Builder
	for n := 1; ; n++ {
		head, tail, found := strings.Cut(query, "?")
		b.WriteString(head)
		if !found {
			return b.String()
		}
		b.WriteString("$" + strconv.Itoa(n))
		query = tail
	}
}

func (db *DB) micros() int64 { return db.now().UnixMicro() }
