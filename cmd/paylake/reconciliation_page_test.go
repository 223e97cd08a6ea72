package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReconciliationPage closes a month as docs/reconciliation.md says, line by
// line, with a file that is 37.40 off.
func TestReconciliationPage(t *testing.T) {
	t.Parallel()
	g, month, spend := ledgerMonth(t)
	stop := g.holding(t)
	defer stop()
	dir, bin := t.TempDir(), t.TempDir()
	write(t, filepath.Join(dir, "totals.csv"), fmt.Sprintf("currency,amount\nAZN,%s\n", inUnits(spend-3740, "AZN")))
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(exe, filepath.Join(bin, "paylake")); err != nil {
		t.Fatal(err)
	}
	finding, commands, last := "", 0, ""
	for i, part := range strings.Split(read(t, "../../docs/reconciliation.md"), "```") {
		script, ok := strings.CutPrefix(part, "sh\n")
		if i%2 == 0 || !ok {
			continue
		}
		for line := range strings.Lines(script) {
			line, note, _ := strings.Cut(strings.TrimSpace(line), "#")
			if line == "" {
				continue
			}
			commands++
			line = strings.ReplaceAll(strings.ReplaceAll(line, "2026-03", month), "fnd_5b1c0f77a9e2d384", finding)
			cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
			cmd.Dir, cmd.Env = dir, append(os.Environ(), "PATH="+bin+":/usr/bin:/bin", "PAYLAKE_CONFIG="+g.config)
			out, err := cmd.CombinedOutput()
			want := 0
			_, _ = fmt.Sscanf(strings.TrimSpace(note), "exit code %d", &want)
			if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != want {
				t.Fatalf("%s: %v, want exit code %d\n%s", line, err, want, out)
			}
			if id := findingID.FindString(string(out)); id != "" {
				finding = id
			}
			last += string(out)
		}
	}
	if commands != 10 {
		t.Errorf("the page has %d commands", commands)
	}
	for _, says := range []string{"is held back from publication", "spend: +37.40 AZN", "1 differences accepted", "booked in April, case 7", "is closed by A. Accountant", "nothing changed since"} {
		if !strings.Contains(last, says) {
			t.Errorf("nowhere it says %q:\n%s", says, last)
		}
	}
}
