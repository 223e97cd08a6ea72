package embedded_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/paylake/paylake/sinks/clickhouse/embedded"
)

// damage empties the definition of a table, as a disk that was full does.
func damage(t *testing.T, dir string) {
	t.Helper()
	emptied := 0
	err := filepath.WalkDir(filepath.Join(dir, "clickhouse", "store"), func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "/t.sql") {
			emptied++
			return os.WriteFile(path, nil, 0o600)
		}
		return err
	})
	if err != nil || emptied == 0 {
		t.Fatalf("%d definitions emptied, %v", emptied, err)
	}
}

func withTable(t *testing.T, dir string) {
	t.Helper()
	s := acquire(t, dir)
	mustAsk(t, s, "CREATE DATABASE paylake")
	mustAsk(t, s, "CREATE TABLE paylake.t (x Int64) ENGINE = MergeTree ORDER BY x")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A store that the engine refuses to start with is made anew, and nothing of it
// stays on the disk.
func TestDamagedStoreIsMadeAnew(t *testing.T) {
	dir := t.TempDir()
	withTable(t, dir)
	damage(t, dir)
	s := acquire(t, dir)
	defer s.Close()
	if got := mustAsk(t, s, "SELECT count() FROM system.databases WHERE name = 'paylake'"); got != "0" {
		t.Errorf("the damaged store is still there: %s", got)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "clickhouse.damaged*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Where no store would start, the one that is there stays.
func TestStoreStaysWhenItIsNotAtFault(t *testing.T) {
	dir := t.TempDir()
	withTable(t, dir)
	good := os.Getenv("PAYLAKE_LIBCHDB")
	bad := filepath.Join(t.TempDir(), "libchdb.so")
	if err := os.WriteFile(bad, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PAYLAKE_LIBCHDB", bad)
	if _, err := embedded.Acquire(t.Context(), options(dir)); err == nil {
		t.Fatal("a broken library started")
	}
	t.Setenv("PAYLAKE_LIBCHDB", good)
	s := acquire(t, dir)
	defer s.Close()
	if got := mustAsk(t, s, "EXISTS TABLE paylake.t"); got != "1" {
		t.Errorf("the table is gone: %s", got)
	}
}

// Children that somebody kills soon after they have answered are no reason to
// give up: only lives that end before the first answer count, from the moment
// that somebody begins to wait.
func TestShortLivesOfOthersDoNotCount(t *testing.T) {
	dir := t.TempDir()
	s := acquire(t, dir)
	defer s.Close()
	for i := range 5 { // more than it takes to give up
		p := recorded(t, dir)
		if err := syscall.Kill(p.ChildPID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		gone(t, p.ChildPID)
		if err := s.Revive(t.Context()); err != nil {
			t.Fatalf("after %d kills: %v", i+1, err)
		}
		mustAsk(t, s, "SELECT 1")
	}
}
