package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/sandbox"
)

// folder is a folder of exports with a configuration that reads it.
type folder struct{ dir string }

func newFolder(t *testing.T, source, table string) folder {
	t.Helper()
	f := folder{t.TempDir()}
	for _, d := range []string{"in", "data"} {
		if err := os.Mkdir(filepath.Join(f.dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(f.dir, "pseudonym.key"), bytes.Repeat([]byte("files-only"), 4), 0o600); err != nil {
		t.Fatal(err)
	}
	f.config(t, fmt.Sprintf("{type: csv, url: \"file://./in\", time_zone: Asia/Baku, %s}", source), table)
	return f
}

// data is where its warehouse lies.
func (f folder) data() string { return filepath.Join(f.dir, "data") }

func (f folder) config(t *testing.T, source, table string) {
	t.Helper()
	text := fmt.Sprintf(`lake: file://./lake
state: sqlite://./state.db
data_dir: ./data
secrets: base64key://smGbjm71Nxd1Ig5FS0wj9SlbzAIrnolCz9bQQ6uAhl4=
keys: {pseudonym: file:./pseudonym.key}
sources: {bank: %s}
pipelines: {bank: {source: bank, table: %s}}
`, source, table)
	if err := os.WriteFile(filepath.Join(f.dir, "paylake.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (f folder) put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, "in", name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (f folder) paylake(t *testing.T, args ...string) result {
	t.Helper()
	return paylake(t, append([]string{"-c", filepath.Join(f.dir, "paylake.yaml")}, args...)...)
}

func (f folder) sums(t *testing.T, sql string) string {
	t.Helper()
	r := f.paylake(t, "query", "--format", "csv", sql).want(t, 0)
	_, rows, _ := strings.Cut(r.stdout, "\n")
	return strings.TrimSpace(rows)
}

const bankHead = "Əməliyyat nömrəsi;Hesab;Əməliyyat tarixi;Məxaric;Mədaxil;Valyuta;Təyinat\n"

const bankSums = "SELECT count() AS n, sum(amount_minor) AS minor, max(revision) AS revision FROM bank_entries"

// The life of a statement: read, read again, corrected, copied, gone.
func TestFilesThroughTheCommands(t *testing.T) {
	t.Parallel()
	f := newFolder(t, "preset: birbank", "bank_entries")
	stop := held(t, f.data())
	march := bankHead + "A1;acc;01.03.2026;10,00;;AZN;bir\nA2;acc;02.03.2026;20,00;;AZN;iki\nA3;acc;03.03.2026;;100,00;AZN;üç\n"
	f.put(t, "2026-03.csv", march)
	f.paylake(t, "check").want(t, 0).says(t, "booked_at ← Əməliyyat tarixi", "").says(t, "preset birbank", "").says(t, "A sample to adjust", "")
	f.paylake(t, "plan").want(t, 0).says(t, "", "1 windows to read")
	f.paylake(t, "run").want(t, 0).says(t, "1 windows, 3 rows read, 3 inserted", "")
	if got := f.sums(t, bankSums); got != "3,7000,1" {
		t.Fatalf("read: %s", got)
	}
	f.paylake(t, "run").want(t, 0).says(t, "0 windows, 0 rows read", "")

	f.put(t, "copy.csv", march) // the same rows under another name count once
	f.paylake(t, "run").want(t, 0).says(t, "3 rows read, 0 rows moved, 3 duplicates", "")

	// Corrected: A1 has another amount, A2 is gone here and there is no more to
	// say of it than the copy does; A4 is new.
	f.put(t, "2026-03.csv", bankHead+"A1;acc;01.03.2026;11,00;;AZN;bir\nA3;acc;03.03.2026;;100,00;AZN;üç\nA4;acc;04.03.2026;5,00;;AZN;dörd\n")
	f.put(t, "copy.csv", bankHead+"A1;acc;01.03.2026;11,00;;AZN;bir\nA2;acc;02.03.2026;20,00;;AZN;iki\nA3;acc;03.03.2026;;100,00;AZN;üç\n")
	f.paylake(t, "run").want(t, 0)
	if got := f.sums(t, bankSums); got != "4,6400,2" {
		t.Fatalf("corrected while a copy still holds A2: %s", got)
	}
	if err := os.Remove(filepath.Join(f.dir, "in", "copy.csv")); err != nil {
		t.Fatal(err)
	}
	f.paylake(t, "run").want(t, 0) // a file that is gone changes nothing
	if got := f.sums(t, bankSums); got != "4,6400,2" {
		t.Fatalf("a removed file: %s", got)
	}
	last := bankHead + "A1;acc;01.03.2026;11,00;;AZN;bir\nA4;acc;04.03.2026;5,00;;AZN;dörd\n"
	f.put(t, "2026-03.csv", last)
	f.paylake(t, "run").want(t, 1).says(t, "", "copy.csv")
	f.put(t, "copy.csv", last)
	f.paylake(t, "run").want(t, 0).says(t, "0 inserted, 0 revised, 2 withdrawn", "")
	if got := f.sums(t, bankSums); got != "2,-1600,2" {
		t.Fatalf("withdrawn: %s", got)
	}
	if got := f.sums(t, "SELECT count(), sum(amount_minor) FROM bank_entries_at(snapshot = 1)"); got != "3,7000" {
		t.Fatalf("the first snapshot: %s", got)
	}
	f.put(t, "2026-03.csv", march) // what was withdrawn may come back
	f.paylake(t, "run").want(t, 0)
	f.paylake(t, "verify").want(t, 0)
	stop()
	f.paylake(t, "rebuild").want(t, 0)
	if got := f.sums(t, "SELECT count(), countIf(entry_id = 'A2' AND revision = 2), sum(amount_minor) FROM bank_entries"); got != "4,1,6500" {
		t.Fatalf("back again: %s", got)
	}
}

// One file that cannot be read leaves the others alone; bad rows are named by
// file, line and column and keep their money.
func TestBadFilesThroughTheCommands(t *testing.T) {
	t.Parallel()
	f := newFolder(t, "preset: birbank", "bank_entries")
	f.put(t, "a-good.csv", "\xef\xbb\xbf"+strings.ReplaceAll(bankHead+"A1;acc;01.03.2026;10,00;;AZN;\"=HYPERLINK(\"\"http://x\"\")\"\n", "\n", "\r\n"))
	f.put(t, "b-rows.csv", bankHead+"B1;acc;12.31.2026;1,00;;AZN;order\nB2;acc;05.03.2026;2,00;;AZN\nB3;acc;05.03.2026;3,00;;AZN;a \"quote\"\n"+
		"B4;acc;05.03.2026;4,00;;XXX;x\nB5,acc,05.03.2026,5,,AZN,x\nB6;acc;05.03.2026;6.00;;AZN;x\nB7;acc;05.03.2026;7,00;;AZN;fine\nB7;acc;05.03.2026;70,00;;AZN;twice\n")
	f.put(t, "c-missing.csv", "Hesab;Əməliyyat tarixi;Məxaric;Mədaxil;Valyuta\nacc;01.03.2026;1;;AZN\n")
	f.put(t, "d-doubled.csv", "Tarix;"+bankHead+"x;x;x;x;x;x;x;x\n")
	f.put(t, "e-empty.csv", "")
	r := f.paylake(t, "run").want(t, 1)
	for _, want := range []string{"c-missing.csv: line 1: no column for entry_id", "d-doubled.csv", "are both booked_at", "e-empty.csv: the file is empty"} {
		r.says(t, "", want)
	}
	if got := f.sums(t, "SELECT groupArray(entry_id), sum(amount_minor) FROM (SELECT * FROM bank_entries ORDER BY entry_id)"); got != `"['A1','B7']",-1700` {
		t.Fatalf("good rows: %s", got)
	}
	got := f.sums(t, "SELECT row_id, reason, field, toString(amount_minor) FROM quarantine ORDER BY row_id")
	for _, want := range []string{`"b-rows.csv:2","time_syntax","booked_at (column 3)","-100"`, `"b-rows.csv:3","column_count"`, `"b-rows.csv:4","broken_quote","(column 7)"`,
		`"b-rows.csv:5","currency_unknown","currency (column 6)"`, `"b-rows.csv:6","column_count"`, `"b-rows.csv:7","amount_syntax","debit (column 4)"`,
		`"b-rows.csv:9","id_twice","entry_id (column 1)","-7000"`} {
		if !strings.Contains(got, want) {
			t.Errorf("the quarantine lacks %s:\n%s", want, got)
		}
	}
	f.put(t, "c-missing.csv", bankHead)
	f.put(t, "d-doubled.csv", bankHead)
	f.put(t, "e-empty.csv", bankHead)
	f.paylake(t, "run").want(t, 0)
	f.paylake(t, "verify").want(t, 0)
}

// What the sandbox exports, through the commands, against its own truth.
func TestSandboxFilesAgainstTheTruth(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	world, err := sandbox.NewWorld(sandbox.Options{Seed: 3, Rows: 4000, Now: func() time.Time { return day }, Day: day, Still: true})
	if err != nil {
		t.Fatal(err)
	}
	f := newFolder(t, "preset: birbank", "bank_entries")
	if err := writeSandboxFiles(world, day, filepath.Join(f.dir, "exports")); err != nil {
		t.Fatal(err)
	}
	var sources, pipelines string
	for _, s := range [][3]string{{"bank", "birbank", "bank_entries"}, {"terminals", "emanat", "funding_events"}, {"rewards", "akart", "loyalty_entries"}} {
		sources += fmt.Sprintf("  %s: {type: csv, url: file://./exports/%s, preset: %s, time_zone: Asia/Baku}\n", s[0], s[0], s[1])
		pipelines += fmt.Sprintf("  %s: {source: %s, table: %s}\n", s[0], s[0], s[2])
	}
	path := filepath.Join(f.dir, "paylake.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(text), "sources:")
	if err := os.WriteFile(path, []byte(head+"sources:\n"+sources+"pipelines:\n"+pipelines), 0o600); err != nil {
		t.Fatal(err)
	}
	f.paylake(t, "run").want(t, 0)
	_, truth := world.Files(day)
	for _, want := range truth {
		extra := "0"
		if want.PointsCenti != 0 {
			extra = "sum(points_centi)"
		}
		got := f.sums(t, fmt.Sprintf("SELECT count(), sum(amount_minor), %s FROM %s", extra, want.Table))
		if w := fmt.Sprintf("%d,%d,%d", want.Rows, want.AmountMinor, want.PointsCenti); got != w || want.Rows == 0 {
			t.Errorf("%s: %s, the truth is %s", want.Table, got, w)
		}
	}
	f.paylake(t, "verify").want(t, 0)
}
