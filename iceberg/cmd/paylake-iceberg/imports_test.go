package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// allowed says what each package of this module may import of paylake: the core
// never imports this module, and this module sees the lake, not the pipeline.
var allowed = map[string][]string{
	"iceberg/publish":             {"schemas", "sinks", "sinks/lake"},
	"iceberg/cmd/paylake-iceberg": {"config", "sinks", "sinks/lake", "iceberg/publish"},
}

func TestArrows(t *testing.T) {
	const module = "github.com/paylake/paylake/"
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"iceberg/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		name := strings.TrimPrefix(words[0], module)
		rule, ok := allowed[name]
		if !ok {
			t.Errorf("%s: no rule says what it may import", name)
		}
		seen++
		for _, imported := range words[1:] {
			if short, ours := strings.CutPrefix(imported, module); ours && !slices.Contains(rule, short) {
				t.Errorf("%s imports %s: against the arrows of the architecture", name, short)
			}
		}
	}
	if seen != len(allowed) {
		t.Errorf("%d packages, %d rules", seen, len(allowed))
	}
	core, err := exec.CommandContext(t.Context(), "go", "list", "-C", "../../..", "-m", "all").Output()
	if err != nil || !strings.Contains(string(core), "parquet-go") || strings.Contains(string(core), "iceberg-go") {
		t.Errorf("the core's modules hold iceberg-go, or could not be listed: %v", err)
	}
}
