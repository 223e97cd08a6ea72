package embedded_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/go-json-experiment/json"
	"go.uber.org/goleak"

	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/clickhouse/embedded"
)

// The test binary is its own child, and its own second process.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "clickhouse-child" {
		fmt.Fprintln(os.Stderr, embedded.Child(os.Args[2:]))
		os.Exit(1)
	}
	if len(os.Args) > 2 && os.Args[1] == "hold" {
		holdForEver(os.Args[2])
	}
	goleak.VerifyTestMain(m)
}

func options(dir string) embedded.Options {
	return embedded.Options{DataDir: dir, Command: []string{os.Args[0], "clickhouse-child"}}
}

func holdForEver(dir string) {
	s, err := embedded.Acquire(context.Background(), options(dir))
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println("ready", s.Holder)
	_, _ = io.Copy(io.Discard, os.Stdin)
	fmt.Println("closed", s.Close())
	os.Exit(0)
}

func acquire(t *testing.T, dir string) *embedded.Server {
	t.Helper()
	s, err := embedded.Acquire(t.Context(), options(dir))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ask runs one statement over HTTP and returns the answer, or an error.
func ask(addr, user, password, sql string) (string, error) {
	req, err := http.NewRequest(http.MethodPost, "http://"+addr+"/", strings.NewReader(sql))
	if err != nil {
		return "", err
	}
	req.SetBasicAuth(user, password)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != 200 {
		err = errors.New(strings.TrimSpace(string(body)))
	}
	return strings.TrimSpace(string(body)), err
}

func mustAsk(t *testing.T, s *embedded.Server, sql string) string {
	t.Helper()
	ep := s.Current()
	out, err := ask(ep.HTTPAddr, ep.User, ep.Password, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return out
}

type pids struct {
	PID      int `json:"pid"`
	ChildPID int `json:"child_pid"`
}

func recorded(t *testing.T, dir string) (p pids) {
	t.Helper()
	path := filepath.Join(dir, "warehouse.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &p); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Fatalf("warehouse.json has mode %v", info.Mode())
	}
	return p
}

// gone waits until a process has ended.
func gone(t *testing.T, pid int) {
	t.Helper()
	for range 200 {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("process %d still runs", pid)
}

// Data outlives the holder; nothing is left running; secrets of one start do
// not open the next.
func TestHoldCloseAndAgain(t *testing.T) {
	t.Setenv("PAYLAKE_TEST_CANARY", "canary-in-environment")
	dir := t.TempDir()
	s := acquire(t, dir)
	mustAsk(t, s, "CREATE DATABASE paylake")
	mustAsk(t, s, "CREATE TABLE paylake.t (x Int64) ENGINE = MergeTree ORDER BY x")
	mustAsk(t, s, "INSERT INTO paylake.t VALUES (1), (2)")
	p := recorded(t, dir)
	if p.PID != os.Getpid() || !s.Holder {
		t.Fatalf("recorded %+v, holder %t", p, s.Holder)
	}
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.ChildPID))
	if err != nil || strings.Contains(string(env), "canary") {
		t.Fatalf("the child sees the parent's environment (%v)", err)
	}
	old := s.Current()
	began := time.Now()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("Close took %v: the clean stop does not work", took)
	}
	gone(t, p.ChildPID)
	if _, err := os.Stat(filepath.Join(dir, "warehouse.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("warehouse.json is still there: %v", err)
	}

	s = acquire(t, dir)
	defer s.Close()
	if got := mustAsk(t, s, "SELECT sum(x) FROM paylake.t"); got != "3" {
		t.Errorf("after a restart: %s", got)
	}
	if _, err := ask(s.HTTPAddr, old.User, old.Password, "SELECT 1"); err == nil {
		t.Error("the last start's password still works")
	}
}

// A second process joins; an exclusive one is refused; when the holder is
// killed its child dies with it, and the joiner becomes the holder.
func TestJoinAndTakeOver(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "hold", dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || line != "ready true\n" {
		t.Fatalf("holder said %q (%v)", line, err)
	}
	s := acquire(t, dir)
	defer s.Close()
	if s.Holder {
		t.Fatal("two holders on one directory")
	}
	mustAsk(t, s, "CREATE DATABASE paylake")
	exclusive := options(dir)
	exclusive.Exclusive = true
	if _, err := embedded.Acquire(t.Context(), exclusive); !errors.Is(err, sinks.ErrBusy) || !strings.Contains(err.Error(), strconv.Itoa(cmd.Process.Pid)) {
		t.Errorf("exclusive beside a holder: %v", err)
	}
	p := recorded(t, dir)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	gone(t, p.ChildPID)
	if err := s.Revive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := mustAsk(t, s, "SELECT count() FROM system.databases WHERE name = 'paylake'"); got != "1" || recorded(t, dir).PID != os.Getpid() {
		t.Errorf("after taking over: %s databases, held by %d", got, recorded(t, dir).PID)
	}
}

// Many at once: one holder, all are served.
func TestAcquireTogether(t *testing.T) {
	dir := t.TempDir()
	servers := make(chan *embedded.Server, 5)
	for range cap(servers) {
		go func() {
			s, err := embedded.Acquire(context.Background(), options(dir))
			if err != nil {
				t.Error(err)
			}
			servers <- s
		}()
	}
	var all []*embedded.Server
	holders := 0
	for range cap(servers) {
		s := <-servers
		if s == nil {
			t.FailNow()
		}
		if s.Holder {
			holders++
		}
		mustAsk(t, s, "SELECT 1")
		all = append(all, s)
	}
	if holders != 1 {
		t.Errorf("%d holders", holders)
	}
	for _, s := range all {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A child that dies is started again, on the same data.
func TestChildKilled(t *testing.T) {
	dir := t.TempDir()
	s := acquire(t, dir)
	defer s.Close()
	mustAsk(t, s, "CREATE DATABASE paylake")
	for range 2 {
		p := recorded(t, dir)
		if err := syscall.Kill(p.ChildPID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		gone(t, p.ChildPID)
		if err := s.Revive(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := mustAsk(t, s, "SELECT count() FROM system.databases WHERE name = 'paylake'"); got != "1" {
			t.Errorf("after the child was killed: %s", got)
		}
	}
}

// A child that was started again at other ports is found by who joins, although
// nobody in its holder has asked for it meanwhile.
func TestMovedChildIsFound(t *testing.T) {
	dir := t.TempDir()
	s := acquire(t, dir)
	defer s.Close()
	before := s.Current()
	for range 5 { // one that dies in its first seconds moves, as if its ports were taken; a busy machine may be late for that
		p := recorded(t, dir)
		if err := syscall.Kill(p.ChildPID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		gone(t, p.ChildPID)
		joined, err := join(t, dir)
		if err != nil {
			t.Fatal(err)
		}
		mustAsk(t, joined, "SELECT 1")
		if joined.Current().Addr != before.Addr {
			return
		}
	}
	t.Error("the child never moved")
}

func join(t *testing.T, dir string) (*embedded.Server, error) {
	t.Helper()
	limited, cancel := context.WithTimeout(t.Context(), 45*time.Second)
	defer cancel()
	return embedded.Acquire(limited, options(dir))
}

// What anybody on this machine may do without a password.
func TestStranger(t *testing.T) {
	dir := t.TempDir()
	s := acquire(t, dir)
	defer s.Close()
	mustAsk(t, s, "CREATE DATABASE paylake")
	mustAsk(t, s, "CREATE TABLE paylake.t (x Int64) ENGINE = MergeTree ORDER BY x")
	for _, sql := range []string{
		"SELECT 1", "SELECT file('/etc/hostname')", "SELECT file('" + filepath.Join(dir, "warehouse.json") + "')", "SELECT * FROM paylake.t", "CREATE DATABASE mine", "CREATE TABLE default.t (x Int8) ENGINE = Memory",
		"SELECT * FROM file('/etc/hostname', 'LineAsString')", "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
		"SELECT * FROM executable('id', 'TSV', 'x String')", "CREATE USER me", "KILL QUERY WHERE 1", "SYSTEM SHUTDOWN",
		"SELECT * FROM remote('127.0.0.1', paylake.t)", "INSERT INTO FUNCTION file('x.csv', 'CSV', 'x Int8') VALUES (1)",
		"SHOW CREATE TABLE paylake.t", "SELECT * FROM system.processes", "SELECT * FROM system.users",
	} {
		if out, err := ask(s.HTTPAddr, "default", "", sql); err == nil {
			t.Errorf("a stranger could: %s: %s", sql, out)
		}
	}
	native, err := clickhouse.Open(&clickhouse.Options{Addr: []string{s.Addr}, Auth: clickhouse.Auth{Username: "default"}, DialTimeout: 3 * time.Second,
		Settings: clickhouse.Settings{"max_sessions_for_user": 100}})
	if err != nil {
		t.Fatal(err)
	}
	defer native.Close()
	if err := native.Exec(t.Context(), "SELECT 1"); err == nil || !strings.Contains(err.Error(), "session count") {
		t.Errorf("a stranger over the native protocol: %v", err)
	}
	for _, user := range append([]string{"default", "loader"}, embedded.Roles...) {
		if _, err := ask(s.HTTPAddr, user, "", "SELECT 1"); err == nil {
			t.Errorf("%s enters without a password", user)
		}
	}
}

// Without the library there is one sentence, and no process.
func TestNoLibrary(t *testing.T) {
	t.Setenv("PAYLAKE_LIBCHDB", filepath.Join(t.TempDir(), "absent.so"))
	if _, err := embedded.Acquire(t.Context(), options(t.TempDir())); err == nil || !strings.Contains(err.Error(), "PAYLAKE_LIBCHDB") {
		t.Errorf("without the library: %v", err)
	}
}

// A library that is none: the child ends, and the error says what it said.
func TestBrokenLibrary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "libchdb.so")
	if err := os.WriteFile(path, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PAYLAKE_LIBCHDB", path)
	if _, err := embedded.Acquire(t.Context(), options(t.TempDir())); !errors.Is(err, sinks.ErrUnavailable) || !strings.Contains(err.Error(), "does not start") {
		t.Errorf("with a broken library: %v", err)
	}
}
