package state

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/paylake/paylake/sinks"
)

// explain says where there is no room left, and what to do: neither database
// names its place.
func (db *DB) explain(err error) error {
	if err == nil || !isFull(err) {
		return err
	}
	return fmt.Errorf("the disk of the state database %s is full; make room and run again, the lake is not touched by it: %w", db.place, err)
}

func isFull(err error) bool {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() {
		case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE: // the second: no room for the file that its users share
			return true
		}
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	return sinks.IsFull(err) || ok && e.Code == "53100" // disk_full
}
