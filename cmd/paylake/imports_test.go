package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/paylake/paylake/"

// arrows says what each package may import of this module: everything imports
// to the left, sources and sinks never see each other, the pipeline sees the
// two contracts alone. A name ending in /... stands for a folder.
var arrows = map[string][]string{
	"fault":                         {},
	"schemas":                       {},
	"patience":                      {},
	"config":                        {"schemas"},
	"sources":                       {"schemas"},
	"sources/sourcetest":            {"schemas", "sources"},
	"sources/mpay":                  {"schemas", "sources"},
	"sources/mpay/mpaytest":         {},
	"sources/flashpay":              {"schemas", "sources"},
	"sources/flashpay/flashpaytest": {"sources/flashpay"},
	"sources/csv":                   {"schemas", "sources"},
	"sinks":                         {"schemas"},
	"sinks/sinktest":                {"schemas", "sinks"},
	"sinks/memory":                  {"schemas", "sinks"},
	"sinks/translog":                {"sinks"},
	"sinks/lake":                    {"schemas", "sinks", "sinks/translog"},
	"sinks/lake/s3test":             {},
	"sinks/lake/cloudtest":          {},
	"sinks/clickhouse/servertest":   {},
	"sinks/clickhouse":              {"schemas", "sinks", "sinks/lake", "sinks/clickhouse/embedded"},
	"sinks/clickhouse/embedded":     {"sinks"},
	"sinks/webhook":                 {"schemas", "sinks", "sinks/lake"},
	"sinks/gate":                    {"schemas"},
	"sinks/gate/gatetest":           {"schemas", "sinks/gate"},
	"pipeline":                      {"schemas", "sources", "sinks"},
	"pipeline/state":                {"sinks"},
	"pipeline/state/postgrestest":   {},
	"cmd/...":                       {"schemas", "config", "sources/...", "sinks/...", "pipeline/...", "cmd/internal/..."},
}

// testOnly are packages that only tests and the sandbox may import.
var testOnly = []string{"sources/sourcetest", "sources/mpay/mpaytest", "sources/flashpay/flashpaytest", "sinks/sinktest", "sinks/memory", "sinks/lake/s3test", "sinks/lake/cloudtest", "sinks/clickhouse/servertest", "pipeline/state/postgrestest", "sinks/gate/gatetest"}

// anywhere is what every package may import: names of moments, and the end of
// what stands still.
var anywhere = []string{"fault", "patience"}

type listed struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", module+"...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestArrows(t *testing.T) {
	all := packages(t)
	for _, wrong := range against(all) {
		t.Error(wrong)
	}
}

// The test itself is tested: imports against the arrows must be found.
func TestArrowsAreGuarded(t *testing.T) {
	all := packages(t)
	for _, bad := range [][2]string{
		{"sources", "sources/mpay"}, {"sources/mpay", "sinks"}, {"sinks/lake", "sources"}, {"pipeline", "sinks/lake"},
		{"pipeline", "sources/mpay"}, {"pipeline", "pipeline/state"}, {"schemas", "config"}, {"config", "pipeline"},
		{"sinks/clickhouse", "config"}, {"cmd/paylake", "sources/mpay/mpaytest"}, {"unknown", "schemas"}, {"fault", "schemas"},
	} {
		extra := listed{ImportPath: module + bad[0], Imports: []string{module + bad[1]}}
		if len(against(append(slices.Clone(all), extra))) != len(against(all))+1 {
			t.Errorf("%s may import %s unnoticed", bad[0], bad[1])
		}
	}
	gone := slices.DeleteFunc(slices.Clone(all), func(p listed) bool { return p.ImportPath == module+"sinks/memory" })
	if len(against(gone)) <= len(against(all)) {
		t.Error("a rule for a package that no longer exists is not noticed")
	}
}

// against lists what is against the arrows.
func against(all []listed) []string {
	var wrong []string
	used := map[string]bool{}
	for _, p := range all {
		name := strings.TrimPrefix(p.ImportPath, module)
		rule, allowed := ruleOf(name)
		if rule == "" {
			wrong = append(wrong, name+": no rule says what it may import; add one to arrows")
			continue
		}
		used[rule] = true
		for _, imported := range p.Imports {
			short, ours := strings.CutPrefix(imported, module)
			if !ours || slices.Contains(anywhere, short) {
				continue
			}
			if !slices.ContainsFunc(allowed, func(pattern string) bool { return matches(pattern, short) }) ||
				(slices.Contains(testOnly, short) && !strings.HasPrefix(name, "cmd/internal/")) {
				wrong = append(wrong, name+" imports "+short+": against the arrows of the architecture")
			}
		}
	}
	for rule := range arrows {
		if !used[rule] {
			wrong = append(wrong, "the rule for "+rule+" names a package that no longer exists; remove it")
		}
	}
	return wrong
}

func ruleOf(name string) (rule string, allowed []string) {
	for rule, allowed := range arrows {
		if matches(rule, name) {
			return rule, allowed
		}
	}
	return "", nil
}

func matches(pattern, name string) bool {
	folder, wild := strings.CutSuffix(pattern, "/...")
	return name == folder || wild && strings.HasPrefix(name, folder+"/")
}
