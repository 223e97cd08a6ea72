package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"gocloud.dev/secrets"
	"gocloud.dev/secrets/localsecrets"

	"github.com/paylake/paylake/pipeline/state/postgrestest"
	"github.com/paylake/paylake/sinks"
)

// server is the PostgreSQL of this test process; its error fails every test
// that needs it.
var server struct {
	url string
	err error
}

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "hold-lease" {
		os.Exit(holdLease(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == "keep-paying" {
		os.Exit(keepPaying(os.Args[2:]))
	}
	var stop func()
	if server.url, stop, server.err = postgrestest.Start(); server.err != nil {
		stop = func() {}
	}
	code := m.Run()
	stop()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

var clock = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func keeper(t *testing.T) *secrets.Keeper {
	key, err := localsecrets.NewRandomKey()
	if err != nil {
		t.Fatal(err)
	}
	k := localsecrets.NewKeeper(key)
	t.Cleanup(func() { k.Close() })
	return k
}

// both runs a test on an empty database of either kind.
func both(t *testing.T, test func(t *testing.T, o Options)) {
	t.Run("sqlite", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "a folder with 100% ?#")
		path := strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23", " ", "%20").Replace(filepath.Join(dir, "state.db"))
		test(t, Options{URL: "sqlite://" + path, Keeper: keeper(t), Now: func() time.Time { return clock }, LockDir: filepath.Join(dir, "locks")})
	})
	t.Run("postgres", func(t *testing.T) {
		if server.err != nil {
			t.Fatal(server.err)
		}
		test(t, Options{URL: postgrestest.NewDatabase(t, server.url), Keeper: keeper(t), Now: func() time.Time { return clock }})
	})
}

func open(t *testing.T, o Options) *DB {
	t.Helper()
	db, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestSessionsAreKeptUnderSeal(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db, ctx := open(t, o), t.Context()
		s := db.Sessions()
		if got, err := s.Load(ctx, "mpay", "w1"); got != nil || err != nil {
			t.Fatalf("absent: %q, %v", got, err)
		}
		for _, token := range []string{"first token", "second token"} {
			if err := s.Save(ctx, "mpay", "w1", []byte(token)); err != nil {
				t.Fatal(err)
			}
			if err := s.Save(ctx, "mpay", "w2", []byte("of w2")); err != nil {
				t.Fatal(err)
			}
			if got, err := open(t, o).Sessions().Load(ctx, "mpay", "w1"); err != nil || string(got) != token {
				t.Errorf("%q, %v", got, err)
			}
		}
		var sealed []byte
		if err := db.row(ctx, `SELECT sealed FROM sessions WHERE wallet = ?`, "w1").Scan(&sealed); err != nil || bytes.Contains(sealed, []byte("token")) {
			t.Errorf("%q, %v", sealed, err)
		}
		if err := db.exec(ctx, `UPDATE sessions SET sealed = ? WHERE wallet = ?`, sealed, "w2"); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Load(ctx, "mpay", "w2"); !errors.Is(err, ErrSealed) {
			t.Errorf("the session of another wallet was opened: %q, %v", got, err)
		}
		if err := s.Save(ctx, "mpay", "w1", nil); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Load(ctx, "mpay", "w1"); got != nil || err != nil {
			t.Errorf("forgotten: %q, %v", got, err)
		}
	})
}

func TestOtherKeyOpensNothing(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		ctx := t.Context()
		if err := open(t, o).Sessions().Save(ctx, "mpay", "w1", []byte("token")); err != nil {
			t.Fatal(err)
		}
		o.Keeper = keeper(t)
		_, err := open(t, o).Sessions().Load(ctx, "mpay", "w1")
		if !errors.Is(err, ErrSealed) || !strings.Contains(err.Error(), "`secrets:`") || !strings.Contains(err.Error(), "paylake login --wallet w1") {
			t.Error(err)
		}
		if err := open(t, o).Sessions().Save(ctx, "mpay", "w1", []byte("new login")); err != nil { // what the login does
			t.Error(err)
		}
	})
}

func TestNoKeeperNoSecrets(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		o.Keeper = nil
		db, ctx := open(t, o), t.Context()
		for what, err := range map[string]error{
			"session": db.Sessions().Save(ctx, "mpay", "w1", []byte("token")),
			"vault":   db.Vault().Put(ctx, "id", []byte("raw")),
		} {
			if !errors.Is(err, ErrNoKeeper) || !strings.Contains(err.Error(), "`secrets:`") {
				t.Errorf("%s: %v", what, err)
			}
		}
		var n int
		if err := db.row(ctx, `SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM vault)`).Scan(&n); err != nil || n != 0 {
			t.Error(n, err)
		}
		if err := db.Set(ctx, "a", "b"); err != nil { // the rest works
			t.Error(err)
		}
	})
}

func TestVault(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db, ctx := open(t, o), t.Context()
		v, raw := db.Vault(), []byte(`{"amount": "12,50", "msisdn": "+994501234567"}`)
		if _, err := v.Get(ctx, "id"); !errors.Is(err, ErrAbsent) {
			t.Error(err)
		}
		for range 3 {
			if err := v.Put(ctx, "id", raw); err != nil {
				t.Fatal(err)
			}
		}
		if err := v.Put(ctx, "empty", nil); err != nil {
			t.Fatal(err)
		}
		if got, err := v.Get(ctx, "id"); err != nil || !bytes.Equal(got, raw) {
			t.Errorf("%q, %v", got, err)
		}
		if got, err := v.Get(ctx, "empty"); err != nil || len(got) != 0 {
			t.Errorf("%q, %v", got, err)
		}
		var n int
		if err := db.row(ctx, `SELECT count(*) FROM vault`).Scan(&n); err != nil || n != 2 {
			t.Error(n, err)
		}
	})
}

func TestVaultFromManySides(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		a, b := open(t, o), open(t, o)
		var all sync.WaitGroup
		for i := range 8 {
			db := []*DB{a, b}[i%2]
			all.Go(func() {
				for n := range 20 {
					if err := db.Vault().Put(t.Context(), fmt.Sprint("id", n), []byte("raw")); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		var n int
		if err := a.row(t.Context(), `SELECT count(*) FROM vault`).Scan(&n); err != nil || n != 20 {
			t.Error(n, err)
		}
	})
}

func TestRuns(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db, ctx := open(t, o), t.Context()
		runs := db.Runs()
		if _, err := runs.Last(ctx, "ledger"); !errors.Is(err, ErrAbsent) {
			t.Error(err)
		}
		for i := range 5 {
			run := Run{ID: fmt.Sprint("r", i), Pipeline: "ledger", Started: clock.Add(time.Duration(i) * time.Hour), Finished: clock.Add(time.Duration(i)*time.Hour + time.Minute),
				Code: i, Rows: 100 * int64(i), Snapshot: int64(i), Report: []byte(`{"a":1}`)}
			if err := errors.Join(runs.Record(ctx, run), runs.Record(ctx, run)); err != nil {
				t.Fatal(err)
			}
		}
		last, err := runs.Last(ctx, "ledger")
		if err != nil || last.ID != "r4" || last.Code != 4 || last.Rows != 400 || !last.Started.Equal(clock.Add(4*time.Hour)) ||
			last.Finished.Sub(last.Started) != time.Minute || string(last.Report) != `{"a":1}` || last.Snapshot != 4 {
			t.Errorf("%+v, %v", last, err)
		}
		if err := runs.Forget(ctx, clock.Add(2*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if list, err := runs.List(ctx, "ledger", 10); err != nil || len(list) != 3 || list[0].ID != "r4" || list[2].ID != "r2" {
			t.Errorf("%+v, %v", list, err)
		}
		if list, err := runs.List(ctx, "other", 10); err != nil || len(list) != 0 {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

func TestNotes(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db, ctx := open(t, o), t.Context()
		if got, err := db.Get(ctx, "n"); got != "" || err != nil {
			t.Error(got, err)
		}
		if err := errors.Join(db.Set(ctx, "n", "1"), db.Set(ctx, "n", "2"), db.Ping(ctx)); err != nil {
			t.Fatal(err)
		}
		if got, err := open(t, o).Get(ctx, "n"); got != "2" || err != nil {
			t.Error(got, err)
		}
	})
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db := open(t, o)
		if err := db.exec(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (?, ?)`, 99, true); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), o); !errors.Is(err, sinks.ErrNewer) {
			t.Error(err)
		}
	})
}

func TestManyOpenAtOnce(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				db, err := Open(t.Context(), o)
				if err != nil {
					t.Error(err)
					return
				}
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}

func TestFilesAreForTheOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	db := open(t, Options{URL: "sqlite://" + dir + "/state.db", Keeper: keeper(t), Now: time.Now})
	release, err := db.Lease(t.Context(), "pipeline/ledger")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if err := db.Set(t.Context(), "a", "b"); err != nil {
		t.Fatal(err)
	}
	seen := 0
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		info, ierr := e.Info()
		if err != nil || ierr != nil {
			return errors.Join(err, ierr)
		}
		seen++
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
		return nil
	})
	if err != nil || seen < 6 { // two folders, the database, its WAL and index, two locks
		t.Error(seen, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	now := func() time.Time { return clock }
	for url, says := range map[string]string{
		"":                              "sqlite:///path",
		"mysql://x":                     "sqlite:///path",
		"sqlite://relative.db":          "sqlite:///var/lib",
		"sqlite:///proc/none/state.db":  "/proc/none",
		"postgres://u:hunter2@[::bad/x": "postgres://user",
		"postgres://u:hunter2@127.0.0.1:1/x?connect_timeout=2": "open state",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err := Open(ctx, Options{URL: url, Now: now})
		cancel()
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", url, err)
		}
	}
	if _, err := Open(t.Context(), Options{URL: "sqlite://" + t.TempDir() + "/s.db"}); err == nil {
		t.Error("opened without a clock")
	}
}
