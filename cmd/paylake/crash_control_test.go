package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sabotage takes one guard out of the program, in a copy of its source that only
// the compiler sees.
type sabotage struct {
	file   string
	edits  [][2]string
	append string
	fault  string // the case that must find out
}

var sabotages = map[string]sabotage{
	// What is complete is published before the rows that make it so.
	"progress before data": {
		file: "sinks/lake/commit.go",
		edits: [][2]string{
			{"err = putOnce(ctx, w.l.bucket, enc.meta.Path, enc.data)", "heldBack = append(heldBack, func() error { return putOnce(ctx, w.l.bucket, enc.meta.Path, enc.data) })"},
			{"fault.Point(\"lake.published\")\n", "fault.Point(\"lake.published\")\nfor _, put := range heldBack { if err := put(); err != nil { return receipt, err } }\nheldBack = nil\n"},
		},
		append: "\nvar heldBack []func() error\n",
		fault:  "lake.published#1",
	},
	// An INSERT is sent once more, as if its answer had been lost.
	"retry of an INSERT": {
		file:  "sinks/clickhouse/load.go",
		edits: [][2]string{{"err := w.try(ctx, *l)\n", "err := w.try(ctx, *l)\nif err == nil { err = w.bring(ctx, *l) }\n"}},
		fault: "load.announced#1",
	},
	// Rows are counted and not compared.
	"verification by count": {
		file:  "sinks/clickhouse/verify.go",
		edits: [][2]string{{`return fmt.Sprintf("%d rows, hash sum %d, money %q", c.rows, c.hash, c.sums())`, `return fmt.Sprintf("%d rows", c.rows)`}},
		fault: "load.inserted#1=DAMAGE,load.inserted#2=DAMAGE,run.followed#1",
	},
}

// build compiles the program without the guard.
func (s sabotage) build(t *testing.T) string {
	t.Helper()
	original, err := filepath.Abs(filepath.Join("../..", s.file))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	changed := string(text)
	for _, e := range s.edits {
		if strings.Count(changed, e[0]) != 1 {
			t.Fatalf("%s has %d times %q", s.file, strings.Count(changed, e[0]), e[0])
		}
		changed = strings.Replace(changed, e[0], e[1], 1)
	}
	dir := t.TempDir()
	copied, overlay, exe := filepath.Join(dir, "copy.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "paylake")
	list, err := json.Marshal(map[string]map[string]string{"Replace": {original: copied}})
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{copied: changed + s.append, overlay: string(list)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := compile(exe, "-tags", "paylake_faults", "-overlay", overlay); err != nil {
		t.Fatal(err)
	}
	return exe
}

// The cases of TestKilledAtEveryPoint bite: of three programs that each lack one
// guard, every one is found out by a case that the whole program passes.
func TestMissingGuardsAreFound(t *testing.T) {
	t.Parallel()
	l := newLab(t, mortal(t))
	w := l.world(t, 1)
	whole := w.exe
	for name, s := range sabotages {
		if os.Getenv("PAYLAKE_TEST_SEEDS") == "" && name != "progress before data" {
			continue // a build each: `make crash` has them all
		}
		lakes := []bool{false}
		if name == "progress before data" {
			lakes = []bool{false, true}
		}
		for exe, guarded := range map[string]bool{whole: true, s.build(t): false} {
			w.exe = exe
			for _, s3 := range lakes {
				w.finds(t, name, s, s3, guarded)
			}
		}
		w.exe = whole
	}
}

// finds tries one case with a program, with the guard or without it.
func (w *labWorld) finds(t *testing.T, name string, s sabotage, s3, guarded bool) {
	t.Helper()
	dir := w.begin(t, w.template)
	if s3 {
		inBucket(t, w, dir)
	}
	fault := strings.ReplaceAll(s.fault, "DAMAGE", w.origin+"/damage")
	if first := w.live(t, dir, fault, "run"); !first.killed {
		t.Errorf("%s: it was not killed\n%s", name, first.out)
	}
	next := w.live(t, dir, "", "run")
	wrong := w.wrong(t, dir)
	good := wrong == nil && !next.killed && (next.code == 0 || next.code == 3)
	if good != guarded {
		t.Errorf("%s: with the guard %t, lake in S3 %t, the next run ended with %d and the ledger is right: %t\n%s%v",
			name, guarded, s3, next.code, wrong == nil, next.out, wrong)
	}
	w.end(t, dir)
}
