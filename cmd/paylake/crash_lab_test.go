package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/sandbox"
	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/sinks/clickhouse/embedded"
	"github.com/paylake/paylake/sinks/lake"
	"github.com/paylake/paylake/sinks/lake/s3test"
	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

// lab kills the program at its fault points: real processes, files and HTTP, and
// a real ClickHouse that outlives them: this process holds it, theirs join.
type lab struct {
	exe    string
	server *embedded.Server
	base   string
	client *http.Client
	used   bool // the warehouse has tables
	s3     *s3test.Server
	ran    map[string]int // points at which a process died
	ranS3  int            // those of them whose lake was in S3
}

func newLab(t *testing.T, exe string) *lab {
	t.Helper()
	l := &lab{exe: exe, base: memoryDir(t), client: &http.Client{}, s3: s3test.New(t), ran: map[string]int{}}
	l.hold(t)
	t.Cleanup(func() { l.release(t) })
	return l
}

func (l *lab) hold(t *testing.T) {
	t.Helper()
	var err error
	if l.server, err = embedded.Acquire(context.Background(), embedded.Options{DataDir: filepath.Join(l.base, "data"), Command: []string{testExe(t), childCommand}}); err != nil {
		t.Fatal(err)
	}
}

// share makes a data folder of its own with the lab's warehouse in it.
func (l *lab) share(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"clickhouse", "clickhouse-run", "warehouse.json", "warehouse.lock"} {
		_ = os.Remove(filepath.Join(dir, name)) // one that held the warehouse itself has left its own
		if err := os.Symlink(filepath.Join(l.server.DataDir(), name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func (l *lab) release(t *testing.T) {
	t.Helper()
	l.client.CloseIdleConnections()
	if err := l.server.Close(); err != nil {
		t.Error(err)
	}
}

// memoryDir is a folder in memory where there is one: what is tried here is the
// order of steps, not the disk.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "paylake-lab-*")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// sql asks the server as its owner. An engine that went down with a process that
// was connected to it is waited for.
func (l *lab) sql(text string) (string, error) {
	out, err := l.ask(text)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) {
		if err := l.server.Revive(context.Background()); err != nil {
			return "", err
		}
		return l.ask(text)
	}
	return out, err
}

func (l *lab) ask(text string) (string, error) {
	ep := l.server.Current()
	req, err := http.NewRequest(http.MethodPost, "http://"+ep.HTTPAddr+"/?database="+embedded.Database, strings.NewReader(text))
	if err != nil {
		return "", err
	}
	req.SetBasicAuth(ep.User, ep.Password)
	resp, err := l.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", text, body)
	}
	return string(body), err
}

func (l *lab) must(t *testing.T, text string) string {
	t.Helper()
	out, err := l.sql(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// empty makes the warehouse as good as new: its tables stay, without rows.
func (l *lab) empty(t *testing.T) {
	t.Helper()
	tables := l.must(t, "SELECT name FROM system.tables WHERE database = '"+embedded.Database+"' AND total_rows > 0 AND name != 'schema_state'")
	for _, name := range strings.Fields(tables) {
		l.must(t, "TRUNCATE TABLE "+embedded.Database+"."+name+" SYNC")
	}
}

// world is a generated ledger, its upstream, and what a first run left of it: a
// lake and a state to begin every case with.
type labWorld struct {
	*lab
	seed     uint64
	book     *generated
	fake     *mpaytest.Server
	origin   string
	template string
	bare     string                  // the same before that run: consents and nothing else
	passed   map[bool]map[string]int // points of an undisturbed run from the template; true: with its lake in S3
}

func (l *lab) world(t *testing.T, seed uint64) *labWorld {
	t.Helper()
	baku, err := time.LoadLocation("Asia/Baku")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().In(baku)
	start := time.Date(now.Year(), now.Month(), now.Day()-generatedDays, 0, 0, 0, 0, baku)
	w := &labWorld{lab: l, seed: seed, book: generate(seed, start), passed: map[bool]map[string]int{}}
	w.fake = mpaytest.New(w.book, mpaytest.Options{ServerKey: sandbox.ServerKey, PageSize: 3 + int(seed%9), TokenLife: 24 * time.Hour, Cooldown: -1, Now: time.Now})
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/damage" {
			w.damage(rw)
			return
		}
		w.fake.ServeHTTP(rw, r)
	}))
	t.Cleanup(srv.Close)
	w.origin = srv.URL
	w.template = filepath.Join(l.base, fmt.Sprintf("template-%d", seed))
	l.share(t, filepath.Join(w.template, "data"))
	w.configure(t, w.template, start)
	if l.used {
		l.empty(t)
	}
	l.used = true
	w.live(t, w.template, "", "consent", "grant", "--all").well(t)
	w.bare = w.template + "-bare"
	if err := os.CopyFS(w.bare, os.DirFS(w.template)); err != nil {
		t.Fatal(err)
	}
	w.live(t, w.template, "", "run").well(t)
	w.book.shown.Store(w.book.after)
	w.trace(t, false)
	w.trace(t, true)
	return w
}

const labLake = "lake: file://./lake"

const labConfig = labLake + `
warehouse: embedded
state: sqlite://./state.db
data_dir: ./data
listen: "127.0.0.1:0"
secrets: base64key://c2FuZGJveC1zZWFsaW5nLWtleS1ub3QtYS1zZWNyZXQ=
keys: {pseudonym: "file:pseudonym.key"}
sources:
  mpay:
    type: mpay
    url: %s/
    server_key: "file:server.key"
    time_zone: Asia/Baku
    wallets:
`

func (w *labWorld) configure(t *testing.T, dir string, start time.Time) {
	t.Helper()
	text := fmt.Sprintf(labConfig, w.origin)
	for _, c := range w.book.Wallets() {
		text += fmt.Sprintf("      - {wallet_id: %s, msisdn: %q, otp: {exec: [%q, otp-from-sandbox, %q]}}\n", c.ID, c.MSISDN, w.exe, w.origin)
	}
	text += "pipelines:\n  ledger: {source: mpay, table: ledger, start: " + start.Format(time.DateOnly) + ", window: 24h, lookback: 264h}\n" +
		"  providers: {source: mpay, table: providers}\n"
	for name, text := range map[string]string{"paylake.yaml": text, "pseudonym.key": sandbox.PseudonymKey, "server.key": sandbox.ServerKey} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// ending is how a process ended.
type ending struct {
	killed bool
	code   int
	out    string
}

// well: the process did its work; what it found in the input is no failure.
func (e ending) well(t *testing.T) {
	t.Helper()
	if e.killed || e.code != 0 && e.code != 3 {
		t.Fatalf("exit code %d (killed: %t)\n%s", e.code, e.killed, e.out)
	}
}

// live runs the program in a folder, with faults.
func (w *labWorld) live(t *testing.T, dir, fault string, args ...string) ending {
	t.Helper()
	return w.liveWith(t, dir, []string{"PAYLAKE_FAULT=" + fault}, args...)
}

func (w *labWorld) liveWith(t *testing.T, dir string, env []string, args ...string) ending {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), w.exe, append([]string{"-c", filepath.Join(dir, "paylake.yaml")}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Env = &out, &out, append(os.Environ(), env...)
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ending{killed: status.Signaled() && status.Signal() == syscall.SIGKILL, code: cmd.ProcessState.ExitCode(), out: out.String()}
}

// trace notes which points a run from the template passes, and how often.
func (w *labWorld) trace(t *testing.T, s3 bool) {
	t.Helper()
	dir := w.begin(t, w.template)
	if s3 {
		inBucket(t, w, dir)
	}
	file := filepath.Join(dir, "trace")
	w.liveWith(t, dir, []string{"PAYLAKE_FAULT_TRACE=" + file}, "run").well(t)
	w.right(t, dir)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w.passed[s3] = map[string]int{}
	for name := range strings.FieldsSeq(string(text)) {
		w.passed[s3][name]++
	}
	w.end(t, dir)
}

// lakeOf is the URL of a case's lake.
func (w *labWorld) lakeOf(t *testing.T, dir string) string {
	t.Helper()
	cfg, err := config.Load(filepath.Join(dir, "paylake.yaml"), os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Lake
}

// begin is a new case: the lake and state of a template, an empty warehouse.
func (w *labWorld) begin(t *testing.T, from string) string {
	t.Helper()
	w.empty(t)
	dir, err := os.MkdirTemp(w.base, "case-*")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (w *labWorld) end(t *testing.T, dir string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
}

// right fails the test unless warehouse and lake hold the generated ledger.
func (w *labWorld) right(t *testing.T, dir string) {
	t.Helper()
	if err := w.wrong(t, dir); err != nil {
		t.Error(err)
	}
}

// wrong compares the warehouse with the generated ledger, row by row and in
// sums, and proves the lake from its files.
func (w *labWorld) wrong(t *testing.T, dir string) error {
	t.Helper()
	var got strings.Builder
	for _, sql := range oracleSQL {
		text, err := w.sql(sql + " FORMAT TSV")
		if err != nil {
			return err
		}
		got.WriteString(text)
	}
	if want := w.book.oracle(); got.String() != want {
		return fmt.Errorf("the warehouse shows:\n%s\nthe ledger is:\n%s", got.String(), want)
	}
	report, err := lake.Verify(t.Context(), w.lakeOf(t, dir), lake.VerifyOptions{})
	if err != nil {
		return fmt.Errorf("verify: %w: %v", err, report.Findings)
	}
	if report.Open+report.Broken+report.Unlogged != 0 {
		return fmt.Errorf("verify: %d balance chains are open, %d broken, %d manifests not logged", report.Open, report.Broken, report.Unlogged)
	}
	applied, err := w.sql("SELECT max(sequence) FROM manifests")
	if err != nil {
		return err
	}
	if strings.TrimSpace(applied) != fmt.Sprint(report.Manifests) {
		return fmt.Errorf("the warehouse shows manifest %s of %d", applied, report.Manifests)
	}
	return nil
}
