package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/paylake/paylake/schemas"
)

var shellWord = regexp.MustCompile(`"[^"]*"|\S+`)

// Every command line of docs/exports.md does what it says.
func TestExportsPage(t *testing.T) {
	g := newPlayground(t, 100)
	g.month(t)
	g.commit(t, schemas.Ledger, statement("txn_98231", march, -2_000_000, fields{"type": "transfer_out", "provider_code": "", "balance_after_minor": int64(-1_994_000)}))
	write(t, g.config, read(t, g.config)+`
exports:
  month_statement: {dataset: statement, cadence: monthly, time_zone: Asia/Baku, target: "file://./books"}
compliance: {high_value: [10000.00 AZN]}
`)
	g.paylake(t, "rebuild").want(t, 0)
	defer g.holding(t)()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "centres.csv"), "provider_code,cost_centre\nazersu,4711\n")
	page := read(t, "../../docs/exports.md")
	t.Chdir(dir)
	n := 0
	for i, block := range strings.Split(page, "```") {
		if i%2 == 0 || !strings.HasPrefix(block, "sh\n") {
			continue
		}
		for line := range strings.Lines(strings.TrimPrefix(block, "sh\n")) {
			command, _, _ := strings.Cut(line, " # ")
			var args []string
			for _, word := range shellWord.FindAllString(strings.TrimSpace(command), -1) {
				args = append(args, strings.Trim(word, `"`))
			}
			if len(args) < 2 || args[0] != "paylake" {
				t.Errorf("%q is no command line of paylake", line)
				continue
			}
			n++
			if args[1] == "run" { // of everything: the sandbox's pipelines take their time
				args = append(args, "providers")
			}
			g.paylake(t, args[1:]...).want(t, 0)
		}
	}
	if n < 15 {
		t.Errorf("%d command lines were run", n)
	}
}
