package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paylake/paylake/schemas"
)

// An auditor with a copy of the lake, the key and an exported file: it is what
// the lake gives, or the first line that is not is named.
func TestVerifyExport(t *testing.T) {
	g := newPlayground(t, 100)
	g.story(t)
	g.edit(t, "secrets:", "aliases: aliases.csv\nsecrets:")
	write(t, filepath.Join(g.dir, "aliases.csv"), "source,foreign_code,provider_code,valid_from\npsp,mbank,mbank_kg,\n")
	g.paylake(t, "run", "providers").want(t, 0)
	g.paylake(t, "consent", "revoke", "--wallet", "wlt_7c02").want(t, 0)
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	write(t, in("audit.pub"), g.paylake(t, "keys", "show", "audit").want(t, 0).stdout)
	stop := g.holding(t)
	for file, args := range map[string][]string{
		"ledger.csv":      {"ledger", "--snapshot", "2", "--from", "2026-03-30"}, // an accountant sees three wallets' rows of four
		"operations.json": {"operations", "--format", "json", "--as", "auditor"},
		"march.parquet":   {"ledger", "--format", "parquet", "--period", "2026-03", "--snapshot", "3"},
	} {
		g.paylake(t, append(append([]string{"export"}, args...), "-o", in(file))...).want(t, 0).says(t, "", "wrote "+in(file)+proofSuffix)
	}
	if out := g.paylake(t, "export", "ledger", "--snapshot", "2", "--from", "2026-03-30", "--proof", in("stdout.proof")).want(t, 0).stdout; out != read(t, in("ledger.csv")) ||
		read(t, in("stdout.proof")) != read(t, in("ledger.csv"+proofSuffix)) {
		t.Errorf("stdout and its proof are other bytes:\n%s", out)
	}
	stop()
	g.commit(t, schemas.Ledger, statement("d", march.AddDate(0, 0, 6), -78, nil)) // later than all of them
	if err := os.CopyFS(in("lake"), os.DirFS(g.lake())); err != nil {
		t.Fatal(err)
	}
	if text := read(t, in("operations.json")); !strings.Contains(text, `"provider_code":"mbank_kg"`) {
		t.Fatalf("the alias is not applied: %s", text)
	}
	t.Chdir(dir)
	verify := func(file string) result {
		t.Helper()
		return paylake(t, "verify", "lake", "--key", "audit.pub", "--export", file)
	}
	for file, says := range map[string]string{
		"operations.json": "operations as json of snapshot 5, for the auditor", "march.parquet": "from 2026-03-01, before 2026-04-01, for the accountant",
	} {
		verify(file).want(t, 0).says(t, says, "").says(t, "the same bytes", "")
	}
	var report struct {
		Export exportReport
	}
	paylake(t, "verify", "lake", "--key", "audit.pub", "--export", "ledger.csv", "--json").want(t, 0).json(t, &report)
	if e := report.Export; !e.Recomputed || !e.Logged || e.Rows != 3 || e.Snapshot != 2 || e.Fault != "" {
		t.Errorf("%+v", e)
	}

	csv, proof := read(t, "ledger.csv"), read(t, "ledger.csv"+proofSuffix)
	write(t, "ledger.csv", strings.Replace(csv, "-37.40", "-37.41", 1))
	verify("ledger.csv").want(t, 6).says(t, "FAILED", "ledger.csv: line 2 is ").says(t, "", "-37.41")
	write(t, "ledger.csv", csv)
	write(t, "ledger.csv"+proofSuffix, strings.Replace(proof, `"snapshot": 2`, `"snapshot": 3`, 1))
	verify("ledger.csv").want(t, 6).says(t, "", "ledger.csv.proof: it brings the proof of manifest 2")
	write(t, "ledger.csv"+proofSuffix, strings.Replace(proof, `"reader": "accountant"`, `"reader": "owner"`, 1))
	verify("ledger.csv").want(t, 2).says(t, "", "owner")
	if err := os.Remove("ledger.csv" + proofSuffix); err != nil {
		t.Fatal(err)
	}
	verify("ledger.csv").want(t, 2).says(t, "", "ledger.csv.proof is not there")
}

// Where two files part, also beyond the reader's buffer.
func TestFirstDifference(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("x", 3<<20)
	for _, c := range []struct {
		a, b, want string
		binary     bool
	}{
		{"a\nb\n", "a\nb\n", "", false}, {"", "", "", false}, {"a\nb\n", "a\nc\n", `line 2 is "b", the lake gives "c"`, false},
		{"a\n", "a\nc\n", `it ends before line 2, where the lake gives "c"`, false}, {"a\nb", "a\n", `line 2 is "b", and the lake gives no such line`, false},
		{long + "\n1\n", long + "\n2\n", `line 2 is "1", the lake gives "2"`, false}, {"PAR\n1234", "PAR\n1235", "byte 7 is the first that is not what the lake gives", true},
		{long + "1", long + "2", "byte 3145728 is the first that is not what the lake gives", true},
	} {
		write(t, filepath.Join(dir, "a"), c.a)
		write(t, filepath.Join(dir, "b"), c.b)
		if got, err := firstDifference(filepath.Join(dir, "a"), filepath.Join(dir, "b"), c.binary); err != nil || got != c.want {
			t.Errorf("%.20q and %.20q: %v %q, want %q", c.a, c.b, err, got, c.want)
		}
	}
}
