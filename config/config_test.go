package config

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write the golden files")

func none(string) string { return "" }

func TestExampleLoads(t *testing.T) {
	c, err := Load("paylake.example.yaml", none)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Sources) != 2 || len(c.Pipelines) < 8 || len(c.Sources[0].Wallets) != 2 {
		t.Fatalf("sources %d pipelines %d", len(c.Sources), len(c.Pipelines))
	}
	p := c.Pipelines[0]
	if p.Start.String() != "2026-01-01" || p.Window != 24*time.Hour || p.Lookback != 72*time.Hour || p.Lag != 0 {
		t.Errorf("ledger: %+v", p)
	}
	if r := c.Sources[0].Rate; r.PerSecond() != 10 {
		t.Errorf("rate %v", r)
	}
	if err := c.Validate(); err != nil {
		t.Errorf("Validate after Load: %v", err)
	}
}

// The contract's own sample, every key of later versions included.
func TestContractSampleLoads(t *testing.T) {
	if _, err := Load("testdata/contract.yaml", none); err != nil {
		t.Fatal(err)
	}
}

func TestDefaultsAreTheContracts(t *testing.T) {
	c := parsed1(t, t.TempDir(), "listen: 127.0.0.1:0\n")
	state, _ := c.StateURL(context.Background())
	got := []string{c.Lake, c.Warehouse, state, c.DataDir}
	want := []string{"file:///var/lib/paylake/lake", "embedded", "sqlite:///var/lib/paylake/state.db", "/var/lib/paylake"}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("default %q, want %q", got[i], want[i])
		}
	}
}

func parsed1(t *testing.T, dir, text string) *Config {
	t.Helper()
	c, err := parse("paylake.yaml", dir, []byte(text), none)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRelativePathsCountFromTheFolder(t *testing.T) {
	for _, form := range []string{"file://./lake", "file://lake", "file:lake", "file:./lake"} {
		c := parsed1(t, "/etc/pay lake", "lake: "+form+"\n")
		if want := "file:///etc/pay%20lake/lake"; c.Lake != want {
			t.Errorf("%s: %s, want %s", form, c.Lake, want)
		}
	}
	c := parsed1(t, "/etc/p", `
state: sqlite://./s.db
data_dir: data
tls: {cert: c.pem, key: /k.pem}
secrets: env:S
keys: {pseudonym: file:p.key}
sources:
  mpay:
    type: mpay
    url: http://h/
    server_key: file:./sk
    time_zone: Asia/Baku
    wallets:
      - {wallet_id: a, msisdn: +994501234567, otp: {exec: [./otp, x]}}
      - {wallet_id: b, msisdn: "+994501234568", otp: {exec: [otp]}}
`)
	state, _ := c.StateURL(context.Background())
	got := []string{state, c.DataDir, c.TLS.Cert, c.TLS.Key, c.Keys.Pseudonym.open().ref, c.Sources[0].ServerKey.open().ref,
		c.Sources[0].Wallets[0].OTP.Exec[0], c.Sources[0].Wallets[1].OTP.Exec[0], c.Sources[0].URL, c.Sources[0].Wallets[0].MSISDN}
	want := []string{"sqlite:///etc/p/s.db", "/etc/p/data", "/etc/p/c.pem", "/k.pem", "file:/etc/p/p.key", "file:/etc/p/sk",
		"/etc/p/otp", "otp", "http://h", "+994501234567"}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%d: %q, want %q", i, got[i], want[i])
		}
	}
}

// Every kind of mistake has a golden file with what a person reads.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/wrong/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = parse("paylake.yaml", "/etc/paylake", text, none)
			var all *Error
			if !errors.As(err, &all) {
				t.Fatalf("want an *Error, got %v", err)
			}
			if strings.Contains(err.Error(), "CANARY") {
				t.Errorf("a secret is in the message:\n%v", err)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".golden", err.Error()+"\n")
		})
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got:\n%s", path, got)
	}
}

func TestMissingFileSaysWhatToType(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "paylake.yaml"), none)
	if err == nil || !strings.Contains(err.Error(), "-c FILE") {
		t.Fatal(err)
	}
}

func TestSecretPrintsStarsEverywhere(t *testing.T) {
	const canary = "env:CANARY_NAME"
	r := &reader{problems: newProblems("x"), getenv: none}
	s := r.secret("k", canary)
	type holder struct {
		Public  Secret
		private Secret
		List    []Secret
	}
	h := holder{s, s, []Secret{s}}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+"\n", s)
		fmt.Fprintf(&out, verb+"\n", h)
		fmt.Fprintf(&out, verb+"\n", &h)
	}
	j, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	y, err := yaml.Marshal(map[string]any{"s": s, "h": h.List})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(j)
	out.Write(y)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "s", s, "h", h)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "s", s, "h", h)
	if strings.Contains(out.String(), "CANARY") {
		t.Errorf("visible:\n%s", out.String())
	}
	if !strings.Contains(string(j), `"***"`) || !strings.Contains(string(y), "***") {
		t.Errorf("json %s yaml %s", j, y)
	}
}

func TestSecretValues(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a", "one\n")
	write("crlf", "one\r\n")
	write("two", "one\n\n")
	write("empty", "\n")
	r := &reader{problems: newProblems("x"), dir: dir, getenv: func(n string) string { return map[string]string{"A": "val\n"}[n] }}
	for ref, want := range map[string]string{
		"env:A": "val", "file:a": "one", "file:./crlf": "one", "file:two": "one\n",
		"file://" + dir + "/a": "one", "file://" + dir + "/a?decoder=string": "one", "file://" + dir + "/a?decoder=bytes": "one",
	} {
		got, err := r.secret("k", ref).Text(t.Context())
		if err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", ref, got, err, want)
		}
	}
	for _, ref := range []string{"env:MISSING", "file:missing", "file:empty"} {
		if _, err := r.secret("some.key", ref).Value(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "some.key: ") {
			t.Errorf("%s: %v", ref, err)
		}
	}
	if err := r.err(); err != nil {
		t.Error(err)
	}
}

func TestKeeperKeyTakesEveryAlphabet(t *testing.T) {
	std := "+/////////////////////////////////////////8="
	url := strings.NewReplacer("+", "-", "/", "_").Replace(std)
	a, ok, err := KeeperKey("base64key://" + std)
	if !ok || err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{url, strings.TrimRight(url, "="), strings.TrimRight(std, "=")} {
		if b, _, err := KeeperKey("base64key://" + form); err != nil || a != b {
			t.Errorf("%s: %v", form, err)
		}
	}
	if _, _, err := KeeperKey("base64key://"); err == nil {
		t.Error("an empty key would be a new one at every start")
	}
}

func TestValidateWithoutFile(t *testing.T) {
	c := &Config{File: "made by hand"}
	err := c.Validate()
	var all *Error
	if !errors.As(err, &all) || len(all.Problems) < 2 {
		t.Fatal(err)
	}
}

func TestLoadNeverPanics(t *testing.T) {
	example, err := os.ReadFile("paylake.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(example); i += 1 + i%11 { // an uneven step: every kind of line is cut somewhere; FuzzLoad cuts everywhere
		_, _ = parse("x", "/", example[:i], none)
	}
}

func FuzzLoad(f *testing.F) {
	files, _ := filepath.Glob("testdata/wrong/*.yaml")
	for _, file := range append(files, "paylake.example.yaml", "testdata/contract.yaml") {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parse("x", "/", text, none)
		if (c == nil) == (err == nil) {
			t.Errorf("config %v, error %v", c, err)
		}
	})
}

func TestManyWallets(t *testing.T) {
	var b strings.Builder
	b.WriteString("secrets: env:S\nkeys: {pseudonym: env:P}\nsources:\n  m:\n    type: mpay\n    url: http://h\n    server_key: env:K\n    time_zone: Asia/Baku\n    wallets:\n")
	for i := range 20000 {
		fmt.Fprintf(&b, "      - {wallet_id: w%d, msisdn: \"+99450%07d\"}\n", i, 2000000+i)
	}
	c := parsed1(t, "/", b.String())
	if len(c.Sources[0].Wallets) != 20000 {
		t.Fatal(len(c.Sources[0].Wallets))
	}
}
