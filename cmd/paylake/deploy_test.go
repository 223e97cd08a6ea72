package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/paylake/paylake/config"
)

// What deploy/ starts paylake with is a configuration that paylake takes, whose
// secrets are those that env.example lists.
func TestDeployedConfiguration(t *testing.T) {
	env := map[string]string{}
	for line := range strings.Lines(read(t, "../../deploy/container/env.example")) {
		if name, _, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			env[name] = "a value that is long enough for every key"
		}
	}
	env["PAYLAKE_STATE"] = "postgres://paylake:x@postgres:5432/paylake"
	asked := map[string]bool{}
	cfg, err := config.Load("../../deploy/container/paylake.yaml", func(name string) string { asked[name] = true; return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range cfg.Secrets() {
		if _, err := s.Value(t.Context()); err != nil {
			t.Errorf("%s: %v", s.Key(), err)
		}
	}
	var compose struct {
		Services map[string]struct {
			Environment map[string]string
			Command     []string
		}
	}
	decode(t, "../../deploy/container/compose.yaml", &compose)
	for name, s := range compose.Services {
		words := append(slices.Clone(s.Command), values(s.Environment)...)
		for _, m := range regexp.MustCompile(`\$\{([A-Z_0-9]+)`).FindAllStringSubmatch(strings.Join(words, " "), -1) {
			if env[m[1]] == "" {
				t.Errorf("%s: %s is not in env.example", name, m[1])
			}
			asked[m[1]] = true
		}
	}
	if len(compose.Services) != 4 || !slices.Equal(compose.Services["paylake"].Command, []string{"up", "--log", "json"}) {
		t.Errorf("%+v", compose.Services)
	}
}

func values(m map[string]string) (out []string) {
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

// decode reads the documents of a YAML file into the targets.
func decode(t *testing.T, file string, into ...any) int {
	t.Helper()
	d := yaml.NewDecoder(bytes.NewReader([]byte(read(t, file))))
	n := 0
	for ; ; n++ {
		var any any = new(any)
		if n < len(into) {
			any = into[n]
		}
		if err := d.Decode(any); errors.Is(err, io.EOF) {
			return n
		} else if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
}

// Probes ask addresses that `up` answers, units and jobs type commands that
// there are, and every place runs `paylake check`.
func TestDeployedCommands(t *testing.T) {
	if n := decode(t, "../../deploy/kubernetes/paylake.yaml"); n != 3 {
		t.Errorf("%d documents", n)
	}
	text := read(t, "../../deploy/kubernetes/paylake.yaml")
	health := read(t, "health.go")
	for _, m := range regexp.MustCompile(`path: (/[a-z]+), port`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(health, `"GET `+m[1]+`"`) {
			t.Errorf("a probe asks %s, which nobody answers", m[1])
		}
	}
	p := &program{stdout: io.Discard, stderr: io.Discard, getenv: os.Getenv}
	known := map[string]bool{}
	for _, c := range p.root().Commands() {
		known[c.Name()] = true
	}
	files, _ := filepath.Glob("../../deploy/*/*")
	checks := map[string]bool{}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || info.IsDir() || filepath.Ext(file) == ".json" {
			continue
		}
		for _, m := range regexp.MustCompile(`(?m)(?:exec \S+ -- \S*paylake|exec paylake paylake|sudo -u paylake paylake|^ExecStart=\S*paylake|args: \[|command: \[|CMD \[")"?,? ?(?:-c \S+ )?([a-z]+)`).FindAllStringSubmatch(read(t, file), -1) {
			if m[1] == "check" {
				checks[filepath.Base(filepath.Dir(file))] = true
			}
			if !known[m[1]] {
				t.Errorf("%s: paylake has no command %q", file, m[1])
			}
		}
	}
	for _, place := range []string{"container", "systemd", "kubernetes"} {
		if !checks[place] {
			t.Errorf("deploy/%s never runs paylake check", place)
		}
	}
}
