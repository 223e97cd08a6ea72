package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// process starts paylake as a process of its own.
func (g *playground) process(t *testing.T, args ...string) (*exec.Cmd, *syncBuffer) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, append([]string{"-c", g.config}, args...)...)
	var out syncBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, &out
}

// SIGKILL at several moments: the next run gives the same totals, and no
// process stays behind.
func TestKilledRuns(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 1500)
	for _, at := range []int64{3, 90, 200} {
		var asked atomic.Int64
		reached := make(chan struct{})
		g.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/wallet/statement") && asked.Add(1) == at {
				close(reached)
			}
			return false
		})
		cmd, out := g.process(t, "run")
		select {
		case <-reached:
		case <-time.After(60 * time.Second):
			t.Fatalf("the run asked for %d pages:\n%s", asked.Load(), out.String())
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		g.noProcesses(t)
		if at == 90 { // what was begun must be found again, not only what is left
			g.before.Store(nil)
			g.paylake(t, "run", "providers").want(t, 0)
			g.paylake(t, "run", "ledger", "--from", "2026-01-01", "--to", "2026-01-02").want(t, 0)
		}
	}
	g.before.Store(nil)
	g.paylake(t, "run").want(t, 0)
	g.paylake(t, "verify").want(t, 0)
	same(t, g.spend(t), truthLines(g.truth(t)))
}

// noProcesses waits until no process names the playground's folder or upstream
// any more.
func (g *playground) noProcesses(t *testing.T) {
	t.Helper()
	var left string
	for range 200 {
		if left = g.processes(t); left == "" {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("left behind: %s", left)
}

func (g *playground) processes(t *testing.T) string {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(lines) == 0 {
		out, err := exec.CommandContext(t.Context(), "pgrep", "-f", g.dir).Output()
		if err == nil {
			return string(out)
		}
		return ""
	}
	for _, path := range lines {
		text, err := os.ReadFile(path)
		if err == nil && (bytes.Contains(text, []byte(g.dir)) || bytes.Contains(text, []byte(g.server.URL))) {
			return path + " " + string(bytes.ReplaceAll(text, []byte{0}, []byte{' '}))
		}
	}
	return ""
}

// A signal stops `run` with 130 and `up` with 0; children go with them.
func TestSignals(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 300)
	t.Run("up and SIGTERM", func(t *testing.T) {
		cmd, out := g.process(t, "up")
		wait, cancel := context.WithTimeout(t.Context(), 60*time.Second)
		defer cancel()
		if _, ok := out.line(wait, "http://"); !ok {
			t.Fatalf("up did not start:\n%s", out.String())
		}
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v\n%s", err, out.String())
		}
		g.noProcesses(t)
	})
	t.Run("run and SIGINT", func(t *testing.T) {
		reached := make(chan struct{})
		var once atomic.Bool
		g.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/wallet/statement") {
				if once.CompareAndSwap(false, true) {
					close(reached)
				}
				<-r.Context().Done() // an upstream that never answers
			}
			return false
		})
		cmd, out := g.process(t, "run", "ledger", "--from", "2026-01-01", "--to", "2026-02-01")
		<-reached
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 130 {
			t.Errorf("exit code %d\n%s", code, out.String())
		}
		g.noProcesses(t)
	})
}
