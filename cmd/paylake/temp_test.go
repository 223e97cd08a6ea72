package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/paylake/paylake/config"
)

// What a killed process left in its folder goes with the next start; what a
// living one uses stays.
func TestTempIsSwept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func() *house {
		h := &house{p: &program{log: slog.New(slog.DiscardHandler)}, cfg: &config.Config{DataDir: dir}}
		h.openTemp()
		return h
	}
	living := open()
	defer living.close()
	if err := os.WriteFile(filepath.Join(living.tempDir(), "window-1.arrow"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	killed := filepath.Join(dir, "tmp", "process-killed")
	if err := os.MkdirAll(filepath.Join(killed, "commit-1"), 0o700); err != nil {
		t.Fatal(err)
	}
	next := open()
	if next.tempDir() == living.tempDir() {
		t.Error("two processes share a folder")
	}
	if _, err := os.Stat(killed); !os.IsNotExist(err) {
		t.Errorf("the killed process's folder is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(living.tempDir(), "window-1.arrow")); err != nil {
		t.Errorf("the living process's file is gone: %v", err)
	}
	if err := next.close(); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "tmp", "process-*")); len(left) != 1 {
		t.Errorf("%v", left)
	}
}
