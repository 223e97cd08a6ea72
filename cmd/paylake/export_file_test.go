package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/paylake/paylake/cmd/internal/export"
	"github.com/paylake/paylake/cmd/internal/partfile"
)

// An export that was interrupted goes on with its file: the same command gives
// the bytes, the totals and the proof of one that was not.
func TestExportGoesOn(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 100)
	const rows = 200_000
	g.fillMonth(t, rows)
	g.paylake(t, "rebuild").want(t, 0)
	defer g.holding(t)()
	dir := t.TempDir()
	for _, format := range export.Resumable {
		whole, part := filepath.Join(dir, "whole."+format), filepath.Join(dir, "part."+format)
		command := func(file string) result {
			return g.paylake(t, "export", "ledger", "--as", "auditor", "--period", "2026-03", "--format", format, "-o", file).want(t, 0)
		}
		command(whole)
		var e exportProof
		if err := json.Unmarshal([]byte(read(t, whole+proofSuffix)), &e); err != nil {
			t.Fatal(err)
		}
		f, err := partfile.Open(part, e.identity())
		if err != nil {
			t.Fatal(err)
		}
		t.Run(format, func(t *testing.T) { // closes what it opened
			s := g.open(t, exportFlags{reader: "auditor", days: span{"2026-03-01", "2026-04-01"}})
			s.part, s.markEvery = f, 1
			d, err := (&exportFlags{format: format, reader: "auditor"}).dataset("ledger", false)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.write(t.Context(), d, format, &torn{f, e.Bytes * 2 / 3}); !errors.Is(err, errTorn) {
				t.Fatal(err)
			}
		})
		if err := f.Keep(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(part); err == nil {
			t.Fatal("half a file has the final name")
		}
		command(part).says(t, "", "goes on with "+part+".part after ")
		if read(t, part) != read(t, whole) || read(t, part+proofSuffix) != read(t, whole+proofSuffix) {
			t.Errorf("%s: other bytes, or another proof", format)
		}
	}
	// What is of something else is written anew.
	left := filepath.Join(dir, "left.csv")
	f, err := partfile.Open(left, map[string]string{"dataset": "ledger"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, "x\n"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Mark(1, nil), f.Keep()); err != nil {
		t.Fatal(err)
	}
	g.paylake(t, "export", "providers", "-o", left).want(t, 0).says(t, "", "it is written anew").says(t, "", `dataset "ledger", now "providers"`)
	if files, _ := filepath.Glob(filepath.Join(dir, "*.part*")); len(files) > 0 {
		t.Errorf("left behind: %v", files)
	}
	g.closedPipe(t)
}

var errTorn = errors.New("torn")

// torn fails after so many bytes.
type torn struct {
	w    io.Writer
	left int64
}

func (w *torn) Write(p []byte) (int, error) {
	if int64(len(p)) > w.left {
		n, _ := w.w.Write(p[:w.left])
		w.left = 0
		return n, errTorn
	}
	w.left -= int64(len(p))
	return w.w.Write(p)
}

// closedPipe: a reader of stdout that leaves, and a disk behind it that is full,
// are one sentence and exit code 1.
func (g *playground) closedPipe(t *testing.T) {
	t.Helper()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	_ = r.Close()
	for says, stdout := range map[string]*os.File{"whoever reads stdout has left before the end": w, "the disk behind stdout is full": full} {
		cmd := exec.CommandContext(t.Context(), testExe(t), "-c", g.config, "export", "ledger", "--as", "auditor")
		var stderr strings.Builder
		cmd.Stdout, cmd.Stderr = stdout, &stderr
		err := cmd.Run()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 || exit.Sys().(syscall.WaitStatus).Signaled() || !strings.Contains(stderr.String(), says) || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%v: %s", err, stderr.String())
		}
	}
	dir := t.TempDir()
	for _, file := range []string{filepath.Join(dir, "no", "x.csv"), filepath.Join(g.config, "x.csv")} {
		g.paylake(t, "export", "ledger", "-o", file).want(t, 1).says(t, "", "paylake: export ledger: ").says(t, "", file)
	}
	g.paylake(t, "export", "ledgre").want(t, 2).says(t, "", `there is no dataset "ledgre" to export; did you mean ledger?`)
}
