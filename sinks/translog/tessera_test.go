package translog

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tessera builds the independent verifier, a module of its own.
func tessera(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "tessera")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-C", "tessera", "-o", program, ".")
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-buildvcs=false")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the independent verifier: %v\n%s", err, out)
	}
	return program
}

func (m *memory) folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for key, data := range m.files {
		path := filepath.Join(dir, filepath.FromSlash(key))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestIndependentVerifier: the client and fsck of transparency-dev/tessera agree
// with the logs written here, and disagree with damaged ones.
func TestIndependentVerifier(t *testing.T) {
	program := tessera(t)
	signer := newSigner(t, "bank.example/log")
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(signer.Verifiers().Lines()[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(dir string) (string, error) {
		out, err := exec.CommandContext(t.Context(), program, dir, key).CombinedOutput()
		return string(out), err
	}
	for _, steps := range [][]int64{{1}, {1, 2, 3, 5}, {200, 256, 257, 700}, {65_000, 65_536, 65_537, 66_000}} {
		m := newMemory()
		w := NewWriter(m, signer, Verifiers{}, "")
		for _, n := range steps {
			grow(t, w, n)
		}
		if out, err := check(m.folder(t)); err != nil {
			t.Errorf("%v: %v\n%s", steps, err, out)
		} else {
			t.Logf("%v: %s", steps, strings.TrimSpace(out))
		}
	}
	m := newMemory()
	grow(t, NewWriter(m, signer, Verifiers{}, ""), 700)
	for _, name := range []string{"tile/0/001", "tile/1/000.p/2", "tile/entries/002.p/188", Latest, KeptPath(700)} {
		bad := m.clone()
		data := bytes.Clone(bad.files[name])
		data[len(data)/2] ^= 1
		bad.files[name] = data
		if out, err := check(bad.folder(t)); err == nil {
			t.Errorf("damaged %s: %s", name, out)
		}
	}
}
