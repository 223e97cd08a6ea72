package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/bundle"
	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/schemas"
)

// unzip reads a bundle with somebody else's reader.
func unzip(t *testing.T, file string) map[string]string {
	t.Helper()
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	out := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		out[f.Name] = string(data)
	}
	return out
}

// The archive has every transfer from the threshold on and says which have no
// completed step-up; the evidence has every wording of a line. Both are made
// again from the lake, a change of either is found, and who made them is recorded.
func TestBundles(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 100)
	transfer := func(id string, minor int64, more fields) fields {
		f := fields{"type": "transfer_out", "provider_code": "", "counterparty": "p1_00000000000000000000000000000001", "counterparty_masked": "+99450•••••67", "session_id": "ses_1"}
		for k, v := range more {
			f[k] = v
		}
		return statement(id, march, minor, f)
	}
	g.commit(t, schemas.Ledger, transfer("t1", -1_000_000, nil), transfer("t2", -999_999, nil), transfer("t3", -2_000_000, fields{"session_id": "ses_2"}),
		transfer("kgs", -2_000_000, fields{"currency": "KGS"}), transfer("t4", -3_000_000, fields{"business_date": march.AddDate(0, 1, 0), "posted_at": march.AddDate(0, 1, 0)}),
		statement("bill", march, -5_000_000, nil), statement("d'1", march, -300, fields{"external_reference": "o1"}), statement("d'1", march, -300, fields{"wallet_id": "wlt_7c02"}))
	event := func(id, event, session, entry string) fields {
		return fields{"source": "mpay", "wallet_id": "wlt_441b", "event_id": id, "occurred_at": march.Add(-time.Minute), "business_date": march, "session_id": session, "event": event, "method": "sima", "assurance_level": "A2", "ledger_id": entry, "currency": "AZN"}
	}
	g.commit(t, schemas.AssuranceEvents, event("e1", "step_up_completed", "ses_1", ""), event("e2", "otp_verified", "ses_2", ""))
	g.commit(t, schemas.Ledger, statement("d'1", march, -301, fields{"external_reference": "o1"}), statement("d'2", march.Add(time.Hour), -301, fields{"external_reference": "o1"}))
	g.commit(t, schemas.Operations, fields{"source": "psp", "project_id": int64(210), "operation_id": "o1", "payment_id": "p1", "type": "sale", "status": "success",
		"created_at": march, "completed_at": march, "business_date": march, "amount_minor": int64(301), "currency": "AZN", "provider_code": "mbank", "method": "mbank"})
	g.paylake(t, "rebuild").want(t, 0)
	defer g.holding(t)()
	g.said(t)
	dir := t.TempDir()
	archive := filepath.Join(dir, "archive.zip")
	g.paylake(t, "export", "archive", "--period", "2026-03", "-o", archive).want(t, 2).says(t, "", "compliance: {high_value: [10000.00 AZN]}")
	write(t, g.config, read(t, g.config)+"\ncompliance: {high_value: [10000.00 AZN]}\n")
	g.paylake(t, "export", "archive", "--period", "2026-03", "--reason", "supervision 7", "--by", "inspector", "-o", archive).want(t, 0).says(t, "", "transfers from 10000.00 AZN on")
	files := unzip(t, archive)
	lines := func(name string) int { return strings.Count(files[name], "\n") }
	if lines("transfers.csv") != 3 || !strings.Contains(files["transfers.csv"], "t1") || !strings.Contains(files["transfers.csv"], "t3") || lines("without_step_up.csv") != 2 || !strings.Contains(files["without_step_up.csv"], "t3") ||
		lines("assurance_events.csv") != 3 || files["snapshot.tlog-proof"] != "" && !strings.Contains(files["snapshot.tlog-proof"], "c2sp.org/tlog-proof") {
		t.Errorf("%q", files)
	}
	var totals []map[string]any
	if err := json.Unmarshal([]byte(files["totals.json"]), &totals); err != nil || len(totals) != 1 || totals[0]["amount_minor"] != "-3000000" || totals[0]["rows"] != 2.0 || totals[0]["step_up_completed"] != 1.0 {
		t.Errorf("%v %s", err, files["totals.json"])
	}
	g.paylake(t, "verify", "--export", archive).want(t, 0).says(t, "compliance_archive as zip of snapshot ", "")

	if lines("matches.csv") != 1 || lines("findings.csv") != 2 || !strings.Contains(files["findings.csv"], "velocity") || lines("decisions.csv") != 3 || !strings.Contains(files["decisions.csv"], "not reconciled yet") {
		t.Errorf("what was said of the month: %q, %q, %q", files["matches.csv"], files["findings.csv"], files["decisions.csv"])
	}
	g.evidence(t, dir)
	// A row of the archive that was changed, with a manifest that fits.
	g.forged(t, archive)
	audit := g.audited(t)
	for _, want := range []string{"export archive|2026-03|supervision 7|inspector", "export evidence|d'1|dispute 12|clerk"} {
		if !slices.Contains(audit, want) {
			t.Errorf("%s is not recorded: %q", want, audit)
		}
	}
}

// said: a pair that a person made, a payment made twice that a person explained,
// and a month that is held back.
func (g *playground) said(t *testing.T) {
	t.Helper()
	by := []string{"--by", "Aysel M.", "--reason", "case 7"}
	g.paylake(t, append([]string{"match", "ledger:mpay:wlt_441b:d'1", "operations:psp:210:o1"}, by...)...).want(t, 0)
	finding := g.rows(t, "SELECT finding_id FROM findings WHERE has(row_ids, 'd\\'1')")
	if len(finding) != 1 {
		t.Fatalf("findings %q, want one", finding)
	}
	g.paylake(t, append([]string{"reconcile", "--explain", finding[0]}, by...)...).want(t, 0)
	g.paylake(t, "reconcile", "--period", "2026-03", "--hold", "--by", "Aysel M.", "--reason", "not reconciled yet").want(t, 0)
}

// asBefore makes evidence as earlier versions did, without what was said of rows:
// it still holds.
func (g *playground) asBefore(t *testing.T, file string) {
	t.Helper()
	text := read(t, file)
	var m bundleManifest
	entries, err := bundle.Read(strings.NewReader(text), int64(len(text)), &m, func() []bundle.File { return m.Files })
	if err != nil {
		t.Fatal(err)
	}
	later := func(path string) bool {
		return slices.Contains([]string{"matches.jsonl", "findings.jsonl", "decisions.jsonl"}, path)
	}
	entries = slices.DeleteFunc(entries, func(e bundle.Entry) bool { return later(e.Path) })
	m.Files = slices.DeleteFunc(m.Files, func(f bundle.File) bool { return later(f.Path) })
	m.Contents = 0
	var old bytes.Buffer
	if err := bundle.Write(&old, m, entries); err != nil {
		t.Fatal(err)
	}
	write(t, file+".old", old.String())
	g.paylake(t, "verify", "--export", file+".old").want(t, 0)
}

func (g *playground) evidence(t *testing.T, dir string) {
	t.Helper()
	file := filepath.Join(dir, "evidence.zip")
	args := []string{"export", "evidence", "--entry", "d'1", "--reason", "dispute 12", "--by", "clerk", "-o", file}
	g.paylake(t, args...).want(t, 2).says(t, "", "several wallets have a line")
	g.paylake(t, append(args, "--wallet", "wlt_441b")...).want(t, 0)
	files := unzip(t, file)
	if strings.Count(files["revisions.jsonl"], "\n") != 2 || !strings.Contains(files["revisions.jsonl"], `"amount":"-3.00"`) || !strings.Contains(files["entry.jsonl"], `"amount":"-3.01"`) ||
		!strings.Contains(files["operations.jsonl"], `"operation_id":"o1"`) || !strings.Contains(files["double_counts.jsonl"], "match: manual") {
		t.Errorf("%q", files)
	}
	if !strings.Contains(files["matches.jsonl"], `"right_id":"o1"`) || !strings.Contains(files["findings.jsonl"], "duplicate_payment") ||
		strings.Count(files["decisions.jsonl"], "\n") != 2 || !strings.Contains(files["decisions.jsonl"], `"explain"`) || !strings.Contains(files["decisions.jsonl"], `"match"`) {
		t.Errorf("what was said of it: %q, %q, %q", files["matches.jsonl"], files["findings.jsonl"], files["decisions.jsonl"])
	}
	g.asBefore(t, file)
	if _, there := files["funding_events.jsonl"]; there {
		t.Error("a file without rows")
	}
	g.paylake(t, "verify", "--export", file).want(t, 0)
	first := read(t, file)
	g.paylake(t, append(args, "--wallet", "wlt_441b")...).want(t, 0)
	if read(t, file) != first {
		t.Error("the same evidence is other bytes")
	}
	g.paylake(t, "export", "evidence", "--entry", "nobody", "-o", file+"2").want(t, 1).says(t, "", `no ledger line "nobody"`)
	if _, err := os.Stat(file + "2"); err == nil {
		t.Error("a file about nothing")
	}
}

// forged changes an amount in a bundle and everything in it that would tell.
func (g *playground) forged(t *testing.T, file string) {
	t.Helper()
	text := read(t, file)
	write(t, file, strings.Replace(text, "-20000.00", "-20001.00", 1))
	g.paylake(t, "verify", "--export", file).want(t, 6).says(t, "FAILED", "archive.zip")
	var m bundleManifest
	entries, err := bundle.Read(strings.NewReader(text), int64(len(text)), &m, func() []bundle.File { return m.Files })
	if err != nil {
		t.Fatal(err)
	}
	entries[0].Data = bytes.Replace(entries[0].Data, []byte("-20000.00"), []byte("-20001.00"), 1)
	m.Files[0] = bundle.Of(entries[0].Path, entries[0].Data)
	var out bytes.Buffer
	if err := bundle.Write(&out, m, entries); err != nil {
		t.Fatal(err)
	}
	write(t, file, out.String())
	g.paylake(t, "verify", "--export", file).want(t, 6).says(t, "FAILED", "transfers.csv: line ")
}

// audited are the acts of the state database's record.
func (g *playground) audited(t *testing.T) (out []string) {
	t.Helper()
	cfg, err := config.Load(g.config, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	url, err := cfg.StateURL(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	db, err := state.Open(t.Context(), state.Options{URL: url, Now: time.Now, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	acts, err := db.Acts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range acts {
		out = append(out, strings.Join([]string{a.Action, a.Subject, a.Reason, a.Actor}, "|"))
	}
	return out
}
