package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var pointCall = regexp.MustCompile(`fault\.Point\((?:"([a-z]+\.[a-z]+)")?`)

// points are the fault points of the module, as its source names them.
func points(t *testing.T) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range pointCall.FindAllSubmatch(text, -1) {
			name := string(m[1])
			if name == "" || slices.Contains(out, name) {
				t.Errorf("%s: a point's name is a word, a dot and a word, and no other point has it: %q", path, name)
			}
			out = append(out, name)
		}
		return err
	})
	if err != nil || len(out) < 30 {
		t.Fatal(len(out), "points", err)
	}
	slices.Sort(out)
	return out
}

// Nothing of the fault points is in the program that is shipped: no call, no
// name, no environment variable. The program that is built to be killed has all
// of them, so the search would find them.
func TestShippedWithoutFaultPoints(t *testing.T) {
	t.Parallel()
	words := append(points(t), "PAYLAKE_FAULT")
	for _, c := range []struct {
		path string
		want bool
	}{{binary(t), false}, {mortal(t), true}} {
		text, err := os.ReadFile(c.path)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range words {
			if bytes.Contains(text, []byte(w)) != c.want {
				t.Errorf("%s: %q is in it: %t", filepath.Base(c.path), w, !c.want)
			}
		}
		symbols, err := exec.CommandContext(t.Context(), "go", "tool", "nm", c.path).Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Contains(symbols, []byte(module+"fault.")); got != c.want || !bytes.Contains(symbols, []byte(module+"sinks/lake.")) {
			t.Errorf("%s: code of fault is in it: %t", filepath.Base(c.path), got)
		}
	}
}
