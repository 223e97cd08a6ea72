package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/webhook"
)

// Exports of the configuration: one object a period and content, with its proof,
// whenever and however often they are carried out.
func TestExportsOfTheConfiguration(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 100)
	g.month(t)
	g.paylake(t, "rebuild").want(t, 0)
	target := filepath.Join(g.dir, "books")
	text := read(t, g.config) + `
exports:
  month: {dataset: statement, format: camt.053, cadence: monthly, time_zone: Asia/Baku, target: "file://./books"}
  spend: {dataset: spend, format: json, schedule: "@every 1s", period: last_month, time_zone: Asia/Baku, target: "file://./books"}
  codes: {dataset: providers, format: csv, time_zone: Asia/Baku, target: "file://./books"}
`
	write(t, g.config, text)
	stop := g.holding(t)
	export := func(code int, args ...string) result {
		t.Helper()
		return g.paylake(t, append([]string{"export", "scheduled", "--on", "2026-04-05"}, args...)...).want(t, code)
	}
	objects := func() (out []string) {
		t.Helper()
		err := filepath.WalkDir(target, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				out = append(out, strings.TrimPrefix(path, target+"/"))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	export(0).says(t, "month: 2026-03 as of manifest 2, 4 rows: statement/2026-03/statement-2026-03-s2-", "").says(t, "codes: all as of manifest 2, 1 rows: providers/all/", "")
	first := objects()
	if len(first) != 6 { // three files, each with its proof
		t.Fatalf("%v", first)
	}
	for _, name := range first {
		if file, isProof := strings.CutSuffix(name, proofSuffix); isProof && strings.HasPrefix(file, "statement/") {
			g.paylake(t, "verify", "--export", filepath.Join(target, file)).want(t, 0)
		}
	}
	if again := export(0).says(t, "month: 2026-03 is there as of manifest 2", ""); fmt.Sprint(objects()) != fmt.Sprint(first) {
		t.Errorf("carried out again: %v\n%s", objects(), again.stdout)
	}
	// A manifest that does not touch the period changes no file, also not one whose
	// first line names the snapshot.
	g.commit(t, schemas.Ledger, statement("later", march.AddDate(0, 0, 20), -1, nil))
	stop()
	g.paylake(t, "rebuild").want(t, 0)
	stop = g.holding(t)
	export(0).says(t, "spend: 2026-03 is there as of manifest 2", "")
	if fmt.Sprint(objects()) != fmt.Sprint(first) {
		t.Errorf("after a later manifest: %v", objects())
	}
	// What came late is another file; the one that was there stays.
	g.commit(t, schemas.Ledger, statement("late", march, -10, nil))
	stop()
	g.paylake(t, "rebuild").want(t, 0)
	defer g.holding(t)()
	export(0, "spend").says(t, "spend: 2026-03 as of manifest 4", "")
	if n := len(objects()); n != 8 {
		t.Errorf("%d objects, want 8: %v", n, objects())
	}
	// A firing that died between the proof and the file is gone on with.
	var last string
	for _, name := range objects() {
		if strings.Contains(name, "-s4-") && strings.HasSuffix(name, ".json") {
			last = name
		}
	}
	if err := os.Remove(filepath.Join(target, last)); err != nil {
		t.Fatal(err)
	}
	export(0, "spend").says(t, last, "")
	if n := len(objects()); n != 8 {
		t.Errorf("%d objects after the repeated firing, want 8: %v", n, objects())
	}

	export(2, "nobody").says(t, "", `there is no export "nobody"`)
	write(t, g.config, strings.Replace(text, `format: csv, time_zone: Asia/Baku, target: "file://./books"`, `format: csv, time_zone: Asia/Baku, target: "file://./paylake.yaml"`, 1))
	export(1).says(t, "", "paylake: export codes: create "+g.config).says(t, "month: 2026-03 ", "")
	g.paylake(t, "check").says(t, "FAILED  export codes", "").says(t, "ok      export month", "")
	g.toldOfExports(t, objects())
	before := objects()
	// A period that is held back, here by its quarter, is left out until it is released.
	g.commit(t, schemas.Ledger, statement("later still", march, -20, nil))
	g.paylake(t, "reconcile", "--period", "2026-Q1", "--hold", "--by", "A. Accountant", "--reason", "not reconciled yet").want(t, 0)
	export(0, "spend").says(t, "2026-03 is held back and not exported", "")
	if now := objects(); len(now) != len(before) {
		t.Errorf("after a hold: %v", now)
	}
	g.heldOnAServer(t)
	g.runsExports(t, text, target)
}

// toldOfExports: webhooks hear of every file and of every failure, each once, and
// of nothing that was there already.
func (g *playground) toldOfExports(t *testing.T, objects []string) {
	t.Helper()
	h := g.house(t)
	if err := h.openState(t.Context()); err != nil {
		t.Fatal(err)
	}
	events, err := h.otherEvents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	written, failed := map[string]int{}, 0
	for _, e := range events {
		switch e.Type {
		case webhook.ExportWritten:
			written[strings.Trim(string(e.Data["object"]), `"`)]++
		case webhook.ExportFailed:
			if failed++; !strings.Contains(string(e.Data["error"]), g.config) || string(e.Data["export"]) != `"codes"` {
				t.Errorf("a failure is told as %s", e.Data)
			}
		default:
			t.Errorf("told: %s %s", e.Type, e.Data)
		}
	}
	for _, name := range objects {
		if !strings.HasSuffix(name, proofSuffix) && written[name] == 0 {
			t.Errorf("%s is there and nobody is told: %v", name, written)
		}
	}
	if failed != 1 {
		t.Errorf("%d failures are told, want 1", failed)
	}
}

// house opens the configuration, as every command does.
func (g *playground) house(t *testing.T) *house {
	t.Helper()
	p := &program{getenv: os.Getenv, stdin: newLines(strings.NewReader("")), stdout: io.Discard, stderr: io.Discard, now: time.Now, configFile: g.config, logFormat: "text"}
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	h, err := p.open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.stdin.end()
		if err := h.close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// On a server an analyst may export a catalogue whatever is held: none of its rows
// belongs to a period.
func (g *playground) heldOnAServer(t *testing.T) {
	t.Helper()
	h := g.house(t)
	if err := h.readLake(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.cfg.Warehouse = "clickhouse://analyst@127.0.0.1:1/paylake"
	if err := h.sayHeld(t.Context(), exportFlags{reader: "analyst", view: "providers"}); err != nil {
		t.Errorf("a catalogue: %v", err)
	}
	for _, f := range []exportFlags{{reader: "analyst", view: "ledger"}, {reader: "analyst", view: ""}, {reader: "analyst", view: "ledger", days: span{"2026-03-01", "2026-04-01"}}} {
		if err := h.sayHeld(t.Context(), f); err == nil {
			t.Errorf("%+v shows a period that is held", f)
		}
	}
}

// runsExports: `run --exports` and `up` carry them out.
func (g *playground) runsExports(t *testing.T, text, target string) {
	t.Helper()
	if err := os.RemoveAll(target); err != nil {
		t.Fatal(err)
	}
	write(t, g.config, text)
	g.paylake(t, "run", "providers", "--exports").want(t, 0).says(t, "codes: all as of manifest", "")
	if err := os.RemoveAll(target); err != nil {
		t.Fatal(err)
	}
}

// `up` carries out exports at their hours.
func TestUpExports(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 100)
	g.month(t)
	target := filepath.Join(g.dir, "books")
	write(t, g.config, read(t, g.config)+`
exports:
  codes: {dataset: providers, format: csv, schedule: "@every 1s", time_zone: Asia/Baku, target: "file://./books"}
`)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan result)
	go func() { done <- invoke(ctx, nil, "-c", g.config, "up") }()
	found := false
	for end := time.Now().Add(2 * time.Minute); !found && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		files, _ := filepath.Glob(filepath.Join(target, "providers", "all", "*.csv"))
		found = len(files) > 0
	}
	cancel()
	r := <-done
	if !found {
		t.Errorf("nothing was exported:\n%s", r.stderr)
	}
	r.want(t, 0)
	proofs, _ := filepath.Glob(filepath.Join(target, "providers", "all", "*.csv"+proofSuffix))
	if len(proofs) == 0 {
		t.Error("no proof")
	}
}
