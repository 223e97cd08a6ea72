package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Programs that tests start as processes of their own. Each is built once for
// all tests.
var (
	built      string // folder
	binaryOnce sync.Once
	mortalOnce sync.Once
	builtErr   error
)

// binary builds the program as it is shipped.
func binary(t *testing.T) string {
	t.Helper()
	return build(t, &binaryOnce, "paylake")
}

// mortal builds the program that can be killed at its fault points.
func mortal(t *testing.T) string {
	t.Helper()
	return build(t, &mortalOnce, "paylake-mortal", "-tags", "paylake_faults")
}

func build(t *testing.T, once *sync.Once, name string, flags ...string) string {
	t.Helper()
	once.Do(func() {
		if built == "" {
			built, builtErr = os.MkdirTemp("", "paylake-built-*")
		}
		if builtErr == nil {
			builtErr = compile(filepath.Join(built, name), flags...)
		}
	})
	if builtErr != nil {
		t.Fatal(builtErr)
	}
	return filepath.Join(built, name)
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
