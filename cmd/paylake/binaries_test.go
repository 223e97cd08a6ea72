package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// programs that tests start as processes of their own. Each is built once for
// all tests, the first one that asks waits for it.
var programs struct {
	sync.Mutex
	folder string
	built  map[string]error
}

// binary builds the program as it is shipped.
func binary(t *testing.T) string {
	t.Helper()
	return build(t, "paylake")
}

// mortal builds the program that can be killed at its fault points.
func mortal(t *testing.T) string {
	t.Helper()
	return build(t, "paylake-mortal", "-tags", "paylake_faults")
}

func build(t *testing.T, name string, flags ...string) string {
	t.Helper()
	programs.Lock()
	defer programs.Unlock()
	if programs.folder == "" {
		folder, err := os.MkdirTemp("", "paylake-built-*")
		if err != nil {
			t.Fatal(err)
		}
		programs.folder, programs.built = folder, map[string]error{}
	}
	path := filepath.Join(programs.folder, name)
	err, done := programs.built[name]
	if !done {
		err = compile(path, flags...)
		programs.built[name] = err
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func compile(path string, flags ...string) error {
	args := append([]string{"build", "-trimpath", "-o", path}, flags...)
	cmd := exec.Command("go", append(args, ".")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}
