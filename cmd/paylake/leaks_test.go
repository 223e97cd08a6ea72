package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every package that has tests looks for goroutines that they leave behind.
func TestEveryPackageLooksForLeaks(t *testing.T) {
	found := packagesWithTests(t, filepath.Join("..", ".."))
	if len(found) < 20 {
		t.Fatalf("only %d packages with tests were found", len(found))
	}
	for dir, looks := range found {
		if !looks {
			t.Errorf("%s: its tests do not look for leaked goroutines; add a main_test.go with goleak.VerifyTestMain, as schemas has", dir)
		}
	}
	if leaky := packagesWithTests(t, t.TempDir()); len(leaky) > 0 {
		t.Errorf("an empty folder has packages: %v", leaky)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x_test.go"), []byte("package x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if one := packagesWithTests(t, dir); len(one) != 1 || one["."] {
		t.Errorf("a package that does not look is not noticed: %v", one)
	}
}

// packagesWithTests says of each folder with tests whether they look.
func packagesWithTests(t *testing.T, root string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != root && (strings.HasPrefix(e.Name(), ".") || e.Name() == "node_modules" || e.Name() == "testdata"):
			return filepath.SkipDir
		case e.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		found[dir] = found[dir] || strings.Contains(string(text), "goleak.VerifyTestMain(m") || strings.Contains(string(text), "goleak.Find(")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
