package partfile

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paylake/paylake/sinks"
)

func open(t *testing.T, path string, of map[string]string) *File {
	t.Helper()
	f, err := Open(path, of)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func put(t *testing.T, f *File, text string) {
	t.Helper()
	if _, err := f.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

// A file that was left goes on where it was marked, has its name only when it is
// finished, and has the digest of all its bytes.
func TestGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.csv")
	of := map[string]string{"snapshot": "7"}
	f := open(t, path, of)
	put(t, f, "one\ntwo\n")
	if err := f.Mark(2, []string{"total"}); err != nil {
		t.Fatal(err)
	}
	put(t, f, "thr") // half a row
	if _, err := Open(path, of); !errors.Is(err, sinks.ErrBusy) {
		t.Errorf("two writers: %v", err)
	}
	if err := f.Keep(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("an unfinished file has the final name")
	}
	f = open(t, path, of)
	m, ok := f.Resumed()
	var state []string
	if err := json.Unmarshal(m.State, &state); err != nil || !ok || m.Rows != 2 || state[0] != "total" || f.Why() != "" {
		t.Errorf("%+v %v %v %q", m, ok, err, f.Why())
	}
	put(t, f, "three\n")
	whole := open(t, path+"2", of)
	put(t, whole, "one\ntwo\nthree\n")
	if f.SHA256() != whole.SHA256() || f.Bytes() != 14 {
		t.Errorf("%s and %s, %d bytes", f.SHA256(), whole.SHA256(), f.Bytes())
	}
	if err := errors.Join(f.Commit(), whole.Discard()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != "one\ntwo\nthree\n" {
		t.Errorf("%q %v", text, err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// What is of something else, or is not what was written, is written anew, and
// said so.
func TestStartsAgain(t *testing.T) {
	of := map[string]string{"snapshot": "7", "dataset": "ledger"}
	for name, c := range map[string]struct {
		of     map[string]string
		change func(path string) error
		says   string
	}{
		"snapshot": {map[string]string{"snapshot": "8", "dataset": "ledger"}, nil, `snapshot "7", now "8"`},
		"kind":     {nil, nil, "at once"},
		"bytes":    {of, func(p string) error { return os.WriteFile(p+".part", []byte("onE\n"), 0o600) }, "not those that were written"},
		"short":    {of, func(p string) error { return os.Truncate(p+".part", 2) }, "not those that were written"},
		"note":     {of, func(p string) error { return os.WriteFile(p+".part.json", []byte("{"), 0o600) }, "cannot be read"},
	} {
		path := filepath.Join(t.TempDir(), "out.csv")
		f := open(t, path, of)
		put(t, f, "one\n")
		if err := errors.Join(f.Mark(1, nil), f.Keep()); err != nil {
			t.Fatal(err)
		}
		if c.change != nil {
			if err := c.change(path); err != nil {
				t.Fatal(err)
			}
		}
		f = open(t, path, c.of)
		if _, ok := f.Resumed(); ok || !strings.Contains(f.Why(), c.says) {
			t.Errorf("%s: resumed %v, %q", name, ok, f.Why())
		}
		put(t, f, "new\n")
		if err := f.Commit(); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != "new\n" {
			t.Errorf("%s: %q %v", name, text, err)
		}
	}
}

// Without a mark nothing is left; a folder that is not there is said.
func TestNothingIsLeft(t *testing.T) {
	dir := t.TempDir()
	f := open(t, filepath.Join(dir, "x"), nil)
	put(t, f, "half")
	if err := f.Keep(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("%v", left)
	}
	if _, err := Open(filepath.Join(dir, "no", "x"), nil); err == nil || !strings.Contains(err.Error(), "no/x") {
		t.Error(err)
	}
}
