package state

// SQLite: one file, one writer at a time, and lock files beside it.

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/paylake/paylake/sinks"
)

func openSQLite(o Options) (*DB, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host != "" || !filepath.IsAbs(u.Path) {
		return nil, fmt.Errorf("open state: %q names no absolute path; write sqlite:///var/lib/paylake/state.db", o.URL)
	}
	if o.ReadOnly {
		return peekSQLite(u.Path)
	}
	at := &DB{place: u.Path}
	if err := touch(u.Path); err != nil {
		return nil, fmt.Errorf("open state: %w", at.explain(err))
	}
	locks := o.LockDir
	if locks == "" {
		locks = filepath.Join(filepath.Dir(u.Path), "locks")
	}
	if err := os.MkdirAll(locks, 0o700); err != nil {
		return nil, fmt.Errorf("open state: %w", at.explain(err))
	}
	pragmas := url.Values{"_pragma": {
		"busy_timeout(10000)", // another process may be writing
		"journal_mode(WAL)",   // readers do not wait for it
		"secure_delete(ON)",   // a destroyed key leaves no bytes behind
		"synchronous(FULL)",   // a sealed raw text must outlive a power cut: the lake counts on it
	}, "_txlock": {"immediate"}}
	dsn := url.URL{Scheme: "file", Path: u.Path, RawQuery: pragmas.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	db.SetMaxOpenConns(1) // one writer; the queries are small
	at.sql, at.leases = db, &files{dir: locks}
	return at, nil
}

// peekSQLite opens a file that is there, to read it. It has no leases to give.
func peekSQLite(path string) (*DB, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open state: %s: %w", path, ErrAbsent)
	}
	query := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(10000)"}}
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	return &DB{sql: db, leases: &files{}}, nil
}

// touch creates the database for its owner's eyes only. SQLite gives its other
// files the same mode.
func touch(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// files are leases as locked files. The kernel frees them with their holder.
// The files stay: removing one would let two processes lock two files of the
// same name.
type files struct{ dir string }

const retryLock = 50 * time.Millisecond

func (f *files) try(_ context.Context, name string) (func(), error) {
	lock := f.open(name)
	held, err := lock.TryLock()
	if err != nil {
		return nil, err
	}
	if !held {
		return nil, sinks.ErrBusy
	}
	return unlocking(lock), nil
}

func (f *files) wait(ctx context.Context, name string) (func(), error) {
	lock := f.open(name)
	if _, err := lock.TryLockContext(ctx, retryLock); err != nil {
		return nil, err
	}
	return unlocking(lock), nil
}

func unlocking(lock *flock.Flock) func() {
	return func() { _ = lock.Close() } // a closed file holds no lock, whatever Close says
}

// open names the file by what is readable of the name and a hash of all of it.
func (f *files) open(name string) *flock.Flock {
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '-'
	}, name)
	sum := sha256.Sum256([]byte(name))
	file := plain[:min(len(plain), 60)] + "-" + hex.EncodeToString(sum[:6]) + ".lock"
	return flock.New(filepath.Join(f.dir, file), flock.SetPermissions(0o600))
}

func (f *files) close() error { return nil }
