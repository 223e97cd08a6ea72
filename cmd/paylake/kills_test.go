package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/sinks/lake/s3test"
)

// number reads a count from the environment.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is not a number from 1 on", name, text)
	}
	return n
}

// torture is a playground whose runs are killed.
type torture struct {
	*playground
	exe    string
	truth  map[string]string
	state  []byte // the state database with consents and nothing else
	files  map[bool][]string
	s3     *s3test.Server
	folder string // URL of the lake when it lies in the data folder
	bucket string // that the lake is in now; empty: in the folder
	kills  int    // of runs over the lake as it is now
}

// The binary is killed with SIGKILL at moments chosen at random (by a seed)
// over the whole duration of a run. Running it again gives the totals of the
// upstream to the minor unit, a lake that verifies, no process and no temporary
// file. PAYLAKE_TEST_KILLS and PAYLAKE_TEST_SEED make it longer, or another one.
func TestKilledAtAnyMoment(t *testing.T) {
	kills, seed := number(t, "PAYLAKE_TEST_KILLS", 6), number(t, "PAYLAKE_TEST_SEED", 1)
	x := newTorture(t)
	took := map[bool]time.Duration{false: x.undisturbed(t, false), true: x.undisturbed(t, true)}
	dice := rand.New(rand.NewPCG(uint64(seed), 0x6b696c6c))
	early, inS3 := 0, 0
	for n := range kills {
		args := []string{"run"}
		if n%20 == 19 {
			t.Logf("%d kills so far", n)
		}
		s3 := n/4%2 == 1 // four in a folder, four in a bucket
		whole := took[s3]
		if s3 {
			inS3++
		}
		if n%4 == 3 { // the engine alone
			x.anew(t, s3)
			x.engineKilled(t, time.Duration(dice.Int64N(int64(whole))))
			continue
		}
		switch n % 4 {
		case 0: // everything from nothing
			x.anew(t, s3)
		case 1: // nothing new in the lake, everything to load
			x.forget(t, "clickhouse")
			args = append(args, "--from", x.world.Start().Format(time.DateOnly))
		case 2: // a lake that another run was killed over
			x.anew(t, s3)
			x.killed(t, time.Duration(dice.Int64N(int64(whole))), "run")
		}
		at := time.Duration(dice.Int64N(int64(whole)))
		ended := x.killed(t, at, args...)
		if ended {
			early++
		}
		x.noProcesses(t)
		x.whole(t)
		if t.Failed() {
			t.Fatalf("kill %d of seed %d: %v after %s of %s, lake in S3: %t, ended by itself before: %v", n+1, seed, args, at, whole, s3, ended)
		}
	}
	t.Logf("%d kills (seed %d) over runs of %s, %d of them over a lake in S3 (%s), %d too late, %d of the engine alone: 0 lost, 0 doubled",
		kills, seed, took[false], inS3, took[true], early, kills/4)
}

func newTorture(t *testing.T) *torture {
	x := &torture{playground: newPlayground(t, 400), exe: binary(t), files: map[bool][]string{}, s3: s3test.New(t)}
	x.edit(t, `otp: {exec: ["`+testExe(t), `otp: {exec: ["`+x.exe)
	x.truth = truthLines(x.playground.truth(t))
	cfg, err := config.Load(x.config, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	x.folder = cfg.Lake
	if x.state, err = os.ReadFile(x.place("state.db")); err != nil {
		t.Fatal(err)
	}
	return x
}

func testExe(t testing.TB) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

func (x *torture) place(name string) string { return filepath.Join(x.dir, sandboxData, name) }

// forget makes some places of the data folder new again; with the lake also
// the state, so that everybody logs in again.
func (x *torture) forget(t *testing.T, places ...string) {
	t.Helper()
	for _, p := range places {
		if err := os.RemoveAll(x.place(p)); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Contains(places, "lake") {
		return
	}
	// Without the lake its log is nothing to be remembered either: what was
	// signed and is gone would be reported as lost.
	for _, f := range []string{"state.db", "state.db-wal", "state.db-shm", auditMemoryFile} {
		_ = os.Remove(x.place(f))
	}
	if err := os.WriteFile(x.place("state.db"), x.state, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (x *torture) start(t *testing.T, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.Command(x.exe, append([]string{"-c", x.config}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, &out
}

// anew forgets everything, and has the lake in its folder or in an empty bucket.
func (x *torture) anew(t *testing.T, s3 bool) {
	t.Helper()
	url := x.folder
	if x.bucket, x.kills = "", 0; s3 {
		x.bucket = x.s3.Bucket(t)
		url = x.s3.URL(x.bucket)
	}
	x.moveLake(t, url)
	x.forget(t, "lake", "clickhouse")
}

// strays looks for what killed runs left in a bucket: each may leave one key of
// the probe, which is swept an hour later, and nothing else that has not the
// name of its content.
func (x *torture) strays(t *testing.T) {
	t.Helper()
	probes := 0
	for it := x.s3.Open(t, x.bucket).List(nil); ; {
		o, err := it.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(o.Key, "probe/") {
			probes++
		}
	}
	if probes > x.kills {
		t.Errorf("%d kills left %d keys of the probe", x.kills, probes)
	}
}

// undisturbed measures a run that nobody kills, and notes which files it leaves.
func (x *torture) undisturbed(t *testing.T, s3 bool) time.Duration {
	t.Helper()
	x.anew(t, s3)
	began := time.Now()
	cmd, out := x.start(t, "run")
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	took := time.Since(began)
	same(t, x.spend(t), x.truth)
	x.files[s3] = x.around(t)
	return took
}

// killed starts a run and kills it after a while; true when it ended before.
func (x *torture) killed(t *testing.T, after time.Duration, args ...string) bool {
	t.Helper()
	cmd, out := x.start(t, args...)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ended by itself: %v\n%s", err, out)
		}
		return true
	case <-time.After(after):
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		return true // between the moment and the kill
	}
	x.kills++
	return false
}

// engineKilled starts a run and kills the ClickHouse that it started. The run
// goes on to its end, and starts another where it still needs one.
func (x *torture) engineKilled(t *testing.T, after time.Duration) {
	t.Helper()
	cmd, out := x.start(t, "run")
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	killed := false
	for deadline := time.Now().Add(after); ; time.Sleep(5 * time.Millisecond) {
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the engine was killed: %t; the run: %v\n%s", killed, err, out)
			}
			x.whole(t)
			if t.Failed() {
				t.Fatalf("the engine alone, after %s", after)
			}
			return
		default:
		}
		if !killed && time.Now().After(deadline) {
			killed = killChild(x.place(""))
		}
	}
}

// killChild kills the ClickHouse of a data folder, if there is one.
func killChild(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, "warehouse.json"))
	var r struct {
		ChildPID int `json:"child_pid"`
	}
	return err == nil && json.Unmarshal(data, &r) == nil && r.ChildPID != 0 && syscall.Kill(r.ChildPID, syscall.SIGKILL) == nil
}

// whole runs the program again, to its end, and looks at everything.
func (x *torture) whole(t *testing.T) {
	t.Helper()
	cmd, out := x.start(t, "run")
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the next run: %v\n%s", err, out)
	}
	x.noProcesses(t)
	same(t, x.spend(t), x.truth)
	x.paylake(t, "verify").want(t, 0).says(t, "0 open, 0 broken", "")
	for _, name := range x.around(t) {
		if !slices.Contains(x.files[x.bucket != ""], name) {
			t.Errorf("%s was left behind", name)
		}
	}
	if x.bucket != "" {
		x.strays(t)
	}
}

// around lists what lies in the data folder and the lake's folders, without
// what has the name of its content or belongs to ClickHouse itself.
func (x *torture) around(t *testing.T) []string {
	t.Helper()
	var out []string
	root := x.place("")
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		name := strings.TrimPrefix(path, root)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == "/clickhouse" || name == "/keys"):
			return filepath.SkipDir
		case d.IsDir():
			return nil
		}
		base := filepath.Base(name)
		if strings.HasPrefix(name, "/lake/") && !strings.HasPrefix(base, ".") && !strings.HasPrefix(name, "/lake/probe/") {
			return nil
		}
		out = append(out, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A program that reads codes goes with the run that asked it.
func TestOTPProgramDiesWithTheRun(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 300)
	started := filepath.Join(g.dir, "started")
	g.edit(t, "otp: {exec:", `otp: {exec: [/bin/sh, -c, "touch `+started+`; while :; do sleep 0.1; done"] } } # {exec:`)
	cmd, out := g.process(t, "run", "ledger")
	for range 600 {
		if _, err := os.Stat(started); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if _, err := os.Stat(started); err != nil {
		t.Fatalf("nobody asked for a code:\n%s", out.String())
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	g.noProcesses(t)
}
