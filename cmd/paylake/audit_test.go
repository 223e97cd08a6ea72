package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// withoutWarehouse points the configuration at a server that is not there: runs
// commit and end with 1, which is quicker where only the lake matters.
func (g *playground) withoutWarehouse(t *testing.T) {
	t.Helper()
	g.edit(t, "warehouse: embedded", `warehouse: "clickhouse://loader@127.0.0.1:1/paylake"`)
}

// TestAuditKeys: from the first run, which makes the key, through a rotation, to
// a key that was lost.
func TestAuditKeys(t *testing.T) {
	g := newPlayground(t, 100)
	g.withoutWarehouse(t)
	data := filepath.Join(g.dir, sandboxData)
	keyFile, public := filepath.Join(data, auditKeyFile), filepath.Join(data, auditPublicFile)
	lake := "file:" + g.lake()
	g.paylake(t, "keys", "show", "audit").want(t, 2).says(t, "", "there is no audit key yet")

	if r := g.paylake(t, "check"); !strings.Contains(r.stdout, "the next run makes a key in "+keyFile) {
		t.Errorf("check says\n%s", r.stdout)
	}
	r := g.paylake(t, "run", "providers").want(t, 1).says(t, "", "verifier key")
	if info, err := os.Stat(keyFile); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
	first := filepath.Join(g.dir, "first.pub")
	shown := g.paylake(t, "keys", "show", "audit").want(t, 0)
	if !strings.Contains(r.stderr, strings.TrimSpace(shown.stdout)) {
		t.Errorf("the first run did not print %s:\n%s", shown.stdout, r.stderr)
	}
	write(t, first, shown.stdout)
	if r := g.paylake(t, "run", "providers").want(t, 1); strings.Contains(r.stderr, "verifier key") {
		t.Error("a second run speaks of the key again")
	}
	g.paylake(t, "verify").want(t, 0).says(t, "the log's signature holds and covers every manifest)", "")
	paylake(t, "verify", lake, "--key", first).want(t, 0).says(t, "covers every manifest)", "")
	if r := paylake(t, "verify", lake).want(t, 0); !strings.HasSuffix(r.stdout, "(signatures are not checked: no key)\n") {
		t.Errorf("without a key the last line is\n%s", r.stdout)
	}
	if r := g.paylake(t, "check"); !strings.Contains(r.stdout, "signed here; 1 of 1 manifests logged") {
		t.Errorf("check says\n%s", r.stdout)
	}
	since := filepath.Join(g.dir, "since")
	write(t, since, read(t, filepath.Join(g.lake(), "checkpoint")))

	g.paylake(t, "keys", "rotate", "audit", "--finish").want(t, 2).says(t, "", "no rotation is under way")
	g.paylake(t, "keys", "rotate", "audit").want(t, 0)
	g.paylake(t, "run", "nfc").want(t, 1)
	second := filepath.Join(g.dir, "second.pub")
	write(t, second, strings.SplitAfter(g.paylake(t, "keys", "show", "audit").want(t, 0).stdout, "\n")[0])
	for _, key := range []string{first, second, public} {
		paylake(t, "verify", lake, "--key", key, "--since", since).want(t, map[string]int{first: 0, second: 2, public: 0}[key])
		paylake(t, "verify", lake, "--key", key).want(t, 0)
	}
	g.paylake(t, "keys", "rotate", "audit", "--finish").want(t, 0)
	g.paylake(t, "run", "balances").want(t, 1)
	paylake(t, "verify", lake, "--key", public, "--since", since).want(t, 0).says(t, "the older checkpoint covers", "")
	paylake(t, "verify", lake, "--key", second).want(t, 0)
	paylake(t, "verify", lake, "--key", first).want(t, 6).says(t, "", "signed by none of the given keys")
	g.paylake(t, "verify").want(t, 0)

	t.Run("proof", func(t *testing.T) {
		proof := filepath.Join(g.dir, "p.tlog-proof")
		g.paylake(t, "prove", "--snapshot", "1", "-o", proof).want(t, 0)
		t.Chdir(t.TempDir())
		paylake(t, "verify", "--proof", proof, "--key", public).want(t, 0).says(t, "it is entry 0 of the log's", "")
		paylake(t, "verify", "--proof", proof).want(t, 0).says(t, "no key)", "")
		paylake(t, "verify", "--proof", proof, "--key", first).want(t, 6).says(t, "", "signed by none of the given keys")
		var out struct {
			Proof struct{ Sequence int }
		}
		paylake(t, "verify", "--proof", proof, "--key", public, "--json").want(t, 0).json(t, &out)
		if out.Proof.Sequence != 1 {
			t.Errorf("%+v", out)
		}
		paylake(t, "verify", lake, "--proof", proof, "--key", public).want(t, 0).says(t, "covers every manifest)", "")
		bad := bytes.Replace([]byte(read(t, proof)), []byte("index 0"), []byte("index 1"), 1)
		write(t, proof, string(bad))
		paylake(t, "verify", "--proof", proof, "--key", public).want(t, 6)
		var why struct {
			Error string
			Fault struct{ Path, Detail string } `json:"proof_fault"`
		}
		paylake(t, "verify", "--proof", proof, "--key", public, "--json").want(t, 6).json(t, &why)
		if why.Error == "" || why.Fault.Path != proof || why.Fault.Detail == "" {
			t.Errorf("%+v", why)
		}
		garbage := filepath.Join(g.dir, "garbage.tlog-proof")
		write(t, garbage, "garbage\n")
		paylake(t, "verify", "--proof", garbage, "--key", public, "--json").want(t, 2).says(t, "", "not a .tlog-proof")
		g.paylake(t, "prove", "--snapshot", "99").want(t, 2).says(t, "", "there is no manifest 99")
		g.paylake(t, "prove").want(t, 2)
	})
	t.Run("flags", func(t *testing.T) {
		paylake(t, "verify", lake, "--key", keyFile).want(t, 2).says(t, "", "private key")
		paylake(t, "verify", lake, "--key", filepath.Join(g.dir, "none")).want(t, 2)
		paylake(t, "verify", lake, "--since", public).want(t, 2).says(t, "", "not a signed note")
	})
	t.Run("an empty folder", func(t *testing.T) { // the wrong one, or everything is gone
		paylake(t, "verify", t.TempDir(), "--key", public).want(t, 0).says(t, "NOTHING IS SIGNED", "")
	})
	t.Run("truncated", func(t *testing.T) {
		now := filepath.Join(g.dir, "now")
		write(t, now, read(t, filepath.Join(g.lake(), "checkpoint")))
		cut := filepath.Join(t.TempDir(), "lake")
		if err := os.CopyFS(cut, os.DirFS(g.lake())); err != nil {
			t.Fatal(err)
		}
		var report struct{ Manifests int64 }
		paylake(t, "verify", cut, "--json").want(t, 0).json(t, &report)
		last := filepath.Join(cut, "manifests", fmt.Sprintf("%020d.json", g.commits(t)))
		if report.Manifests != g.commits(t) {
			t.Fatalf("%d manifests", report.Manifests)
		}
		if err := os.Remove(last); err != nil {
			t.Fatal(err)
		}
		paylake(t, "verify", cut, "--key", public, "--since", now).want(t, 6).says(t, "", last)
	})
	t.Run("lost checkpoint", func(t *testing.T) {
		checkpoint := filepath.Join(g.lake(), "checkpoint")
		shown := read(t, checkpoint)
		lose(t, checkpoint)
		g.paylake(t, "verify").want(t, 6).says(t, "", checkpoint+": it is missing").says(t, "", "the next paylake run writes it again")
		g.paylake(t, "prove", "--snapshot", "1").want(t, 6).says(t, "", checkpoint)
		newest := filepath.Join(g.lake(), "manifests", fmt.Sprintf("%020d.json", g.commits(t)))
		text := read(t, newest)
		lose(t, newest)
		g.paylake(t, "run", "nfc").want(t, 1).says(t, "", "the newest are lost") // the kept ones remember
		write(t, newest, text)
		g.paylake(t, "run", "nfc").want(t, 1)
		if read(t, checkpoint) != shown {
			t.Error("another checkpoint is shown")
		}
		g.paylake(t, "verify").want(t, 0)
	})
	t.Run("lost key", func(t *testing.T) {
		key := read(t, keyFile)
		if err := os.Remove(keyFile); err != nil {
			t.Fatal(err)
		}
		g.paylake(t, "run", "templates").want(t, 1).says(t, "", "its key is not here")
		g.paylake(t, "verify").want(t, 0).says(t, "covers all but the newest 1 manifests", "")
		write(t, keyFile, key)
		g.paylake(t, "run", "templates").want(t, 1)
		g.paylake(t, "verify").want(t, 0).says(t, "covers every manifest", "")
	})
}

// TestConfiguredAuditKey: keys.audit as a generated key, and as any secret.
func TestConfiguredAuditKey(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"generated": "", "secret": strings.Repeat("0123456789abcdef", 4)} {
		t.Run(name, func(t *testing.T) {
			g := newPlayground(t, 50)
			g.withoutWarehouse(t)
			key := filepath.Join(g.dir, "audit.key")
			if value == "" {
				paylake(t, "keys", "generate", "audit", "--origin", "bank.example/log", "-o", key).want(t, 0).says(t, "", "verifier key: bank.example/log+")
				paylake(t, "keys", "generate", "audit", "-o", key).want(t, 1) // never over another
			} else {
				write(t, key, value+"\n")
			}
			g.edit(t, "keys: {", `keys: {audit: "file:audit.key", `)
			if r := g.paylake(t, "run", "providers").want(t, 1); strings.Contains(r.stderr, "made the key") {
				t.Error(r.stderr)
			}
			g.paylake(t, "verify").want(t, 0).says(t, "covers every manifest)", "")
			g.paylake(t, "keys", "rotate", "audit").want(t, 0)
			g.paylake(t, "verify").want(t, 0).says(t, "covers every manifest)", "")
			if n := strings.Count(read(t, key), "PRIVATE"); n != 2 {
				t.Errorf("%d keys in the file", n)
			}
			write(t, key, "short\n")
			g.paylake(t, "run", "nfc").want(t, 2).says(t, "", "keys.audit")
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// commits counts the lake's commits: how many a run makes depends on how
// quickly its windows are read.
func (g *playground) commits(t *testing.T) int64 {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(g.lake(), "manifests"))
	if err != nil {
		t.Fatal(err)
	}
	return int64(len(list))
}
