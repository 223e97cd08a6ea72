package ui

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/paylake/paylake/schemas"
)

// The scripts that are functions of values are run as they are, in Node.js.
func TestFormats(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("node is missing; the tests need Node.js 18 or newer")
	}
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "js"), os.DirFS("static/js")); err != nil {
		t.Fatal(err)
	}
	digits, err := json.Marshal(schemas.Exponents())
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile("testdata/formats.mjs")
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string][]byte{"package.json": []byte(`{"type":"module"}`), "currencies.json": digits, "formats.mjs": tests} {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), node, "formats.mjs")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "formats hold\n" {
		t.Errorf("%v\n%s", err, out)
	}
}
