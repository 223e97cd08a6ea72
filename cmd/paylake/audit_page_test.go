package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestAuditPage follows docs/audit.md as a new auditor does: an empty folder
// with the lake, the key, and the program on the PATH; no home, no configuration.
func TestAuditPage(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 200)
	g.withoutWarehouse(t)
	g.paylake(t, "run", "providers", "ledger").want(t, 1)
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "lake"), os.DirFS(g.lake())); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "audit.pub"), g.paylake(t, "keys", "show", "audit").want(t, 0).stdout)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(exe, filepath.Join(bin, "paylake")); err != nil {
		t.Fatal(err)
	}
	sh := func(script string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "sh", "-ec", script)
		cmd.Dir, cmd.Env = dir, []string{"PATH=" + bin + ":/usr/bin:/bin"}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	_, text, _ := strings.Cut(read(t, "../../docs/audit.md"), "\n")
	commands := 0
	for i, part := range strings.Split(text, "```") {
		script, ok := strings.CutPrefix(part, "sh\n")
		if i%2 == 0 || !ok {
			continue
		}
		commands += strings.Count(script, "\n")
		out, err := sh(script)
		if err != nil {
			t.Fatalf("%s: %v\n%s", script, err, out)
		}
		if strings.Contains(script, "--since") && !strings.Contains(out, "the older checkpoint covers") || strings.Contains(out, "no key") {
			t.Errorf("%s says\n%s", script, out)
		}
	}
	if commands < 6 {
		t.Fatalf("the page has %d commands", commands)
	}
	// What the page promises of a lake that was tampered with.
	objects, err := filepath.Glob(filepath.Join(dir, "lake", "objects", "ledger", "*.parquet"))
	if err != nil || len(objects) == 0 {
		t.Fatal(objects, err)
	}
	data := []byte(read(t, objects[0]))
	data[len(data)/2] ^= 1
	write(t, objects[0], string(data))
	if out, err := sh("paylake verify lake --key audit.pub"); err == nil || !strings.Contains(out, objects[0]) || !strings.Contains(err.Error(), "exit status 6") {
		t.Errorf("%v\n%s", err, out)
	}
}
