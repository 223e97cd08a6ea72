package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/cmd/internal/export"
	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/clickhouse/embedded"
	"github.com/paylake/paylake/sinks/lake"
)

// fields are a row committed by a test; columns it does not name are empty.
type fields map[string]any

// statement is a ledger row of wallet wlt_441b, which the sandbox has.
func statement(id string, at time.Time, minor int64, more fields) fields {
	l := fields{"source": "mpay", "wallet_id": "wlt_441b", "entry_id": id, "posted_at": at, "posted_offset_s": 14400, "business_date": at,
		"type": "bill_pay", "amount_minor": minor, "currency": "AZN", "provider_code": "azersu", "status": "posted"}
	for k, v := range more {
		l[k] = v
	}
	return l
}

// commit puts rows into the playground's lake as one manifest, without an
// upstream.
func (g *playground) commit(t *testing.T, table *schemas.Table, lines ...fields) {
	t.Helper()
	cfg, err := config.Load(g.config, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	l, err := lake.Open(t.Context(), lake.Options{URL: cfg.Lake, TempDir: t.TempDir(), Now: time.Now, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	byWallet := map[string][]fields{}
	for _, one := range lines {
		wallet, _ := one["wallet_id"].(string)
		byWallet[wallet] = append(byWallet[wallet], one)
	}
	var b sinks.Batch
	for wallet, of := range byWallet {
		spool := sinks.NewSpool(table.ArrowSchema(), "", 0)
		if err := spool.Append(recordOf(table, of)); err != nil {
			t.Fatal(err)
		}
		part := sinks.Part{Stream: schemas.Stream{Source: of[0]["source"].(string), Wallet: wallet, Table: table}, Rows: spool}
		if table.Time != "" { // a catalogue has no windows
			from := of[0][table.Time].(time.Time).Truncate(24 * time.Hour)
			part.Window = schemas.Window{From: from, To: from.AddDate(0, 2, 0)}
		}
		b.Parts = append(b.Parts, part)
	}
	if r, err := l.Commit(t.Context(), b); err != nil || r.Sequence == 0 {
		t.Fatalf("%+v %v", r, err)
	}
}

func recordOf(t *schemas.Table, lines []fields) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, t.ArrowSchema())
	defer b.Release()
	for _, l := range lines {
		for i, f := range t.Fields {
			v := l[f.Name]
			switch b := b.Field(i).(type) {
			case *array.StringBuilder:
				s, _ := v.(string)
				b.Append(s)
			case *array.Int32Builder:
				n, _ := v.(int)
				b.Append(int32(n))
			case *array.Int64Builder:
				if n, ok := v.(int64); ok || !f.Nullable {
					b.Append(n)
				} else {
					b.AppendNull()
				}
			case *array.TimestampBuilder:
				if at, ok := v.(time.Time); ok || !f.Nullable {
					b.Append(arrow.Timestamp(at.UnixMicro()))
				} else {
					b.AppendNull()
				}
			case *array.Date32Builder:
				b.Append(arrow.Date32FromTime(v.(time.Time)))
			}
		}
	}
	return b.NewRecord()
}

var march = time.Date(2026, 3, 30, 8, 0, 0, 0, time.UTC)

// story fills a lake with what happens to rows: two months, a revision that
// moves money to another provider, one that changes it back, and one that
// changes the amount. Manifests 1 to 4.
func (g *playground) story(t *testing.T) {
	t.Helper()
	april := march.AddDate(0, 0, 5)
	g.commit(t, schemas.Ledger, statement("a", march, -3740, nil), statement("b", march.Add(time.Hour), -500, fields{"provider_code": "=azercell", "external_reference": "+cmd|x"}),
		statement("c", april, 1000, fields{"type": "topup", "provider_code": ""}), statement("d", april, -77, fields{"wallet_id": "wlt_7c02"}))
	g.commit(t, schemas.Ledger, statement("a", march, -3740, fields{"provider_code": "azerishiq"}))
	g.commit(t, schemas.Ledger, statement("a", march, -3740, nil), statement("b", march.Add(time.Hour), -501, fields{"provider_code": "=azercell"}))
	g.commit(t, schemas.Operations, fields{"source": "psp", "project_id": int64(210), "operation_id": "o1", "payment_id": "p1", "type": "sale", "status": "success",
		"created_at": march, "completed_at": march, "business_date": march, "amount_minor": int64(5000), "currency": "KGS", "provider_code": "mbank", "method": "mbank", "customer_id": "p1:x", "account_masked": "5•1"})
}

// open opens the playground's warehouse once for many exports; starting the
// embedded one takes longer than they do.
func (g *playground) open(t *testing.T, f exportFlags) *shop {
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
	s, err := h.openShop(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// exports writes every dataset as of a snapshot.
func (g *playground) exports(t *testing.T, snapshot int64, formats ...string) (all map[string]string) {
	t.Helper()
	all = map[string]string{}
	t.Run(fmt.Sprint("of ", snapshot), func(t *testing.T) { // closes the warehouse at its end
		s := g.open(t, exportFlags{reader: "auditor", snapshot: snapshot})
		for _, d := range datasets() {
			for _, format := range formats {
				var out strings.Builder
				if err := s.write(t.Context(), d, format, &out); err != nil {
					t.Fatalf("%s as %s: %v", d.name, format, err)
				}
				all[d.name+"."+format] = out.String()
			}
		}
	})
	return all
}

func sameExports(t *testing.T, when string, got, want map[string]string) {
	t.Helper()
	for name, bytes := range want {
		if got[name] != bytes {
			t.Errorf("%s: %s is other bytes than before: %d, %d\n%.2000s\nbefore:\n%.2000s", when, name, len(got[name]), len(bytes), got[name], bytes)
		}
	}
}

// What is exported of a snapshot is the same, byte for byte, after later
// commits, in a rebuilt warehouse, and in one that the objects were sent to
// instead of read from.
func TestExportIsAFunctionOfTheSnapshot(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 300)
	g.story(t)
	g.paylake(t, "rebuild").want(t, 0)
	first := g.exports(t, 2, export.Formats...)
	ledger, err := csv.NewReader(strings.NewReader(first["ledger.csv"])).ReadAll()
	if err != nil || len(ledger) != 5 {
		t.Fatalf("%v\n%s", err, first["ledger.csv"])
	}
	of := func(row int, column string) string { return ledger[row][slices.Index(ledger[0], column)] }
	if of(1, "entry_id") != "a" || of(1, "provider_code") != "azerishiq" || of(1, "amount") != "-37.40" || of(1, "amount_minor") != "-3740" || of(1, "revision") != "2" ||
		of(1, "posted_at") != "2026-03-30T08:00:00.000000Z" || of(2, "provider_code") != "'=azercell" || of(2, "external_reference") != "'+cmd|x" || of(4, "wallet_id") != "wlt_7c02" {
		t.Errorf("%s", first["ledger.csv"])
	}
	now := g.exports(t, 4, "csv")
	if strings.Count(now["operations.csv"], "\n") != 2 || strings.Count(first["operations.csv"], "\n") != 1 || now["ledger.csv"] == first["ledger.csv"] {
		t.Errorf("operations as of 2:\n%s\nas of 4:\n%s", first["operations.csv"], now["operations.csv"])
	}
	g.commit(t, schemas.Ledger, statement("d", march.AddDate(0, 0, 5), -78, fields{"wallet_id": "wlt_7c02"}))
	g.paylake(t, "run").want(t, 0)
	sameExports(t, "after more commits", g.exports(t, 2, "csv"), only(first, ".csv"))
	g.paylake(t, "rebuild").want(t, 0)
	sameExports(t, "after a rebuild", g.exports(t, 2, "parquet"), only(first, ".parquet"))

	// A folder that ClickHouse would read as a pattern: objects are sent.
	old := filepath.Join(g.dir, sandboxData, "lake")
	if err := os.Rename(old, old+",sent"); err != nil {
		t.Fatal(err)
	}
	g.replace(t, "lake", "lake: \"file://./"+sandboxData+"/lake,sent\"")
	g.paylake(t, "rebuild").want(t, 0)
	sameExports(t, "sent", g.exports(t, 2, "csv"), only(first, ".csv"))
}

func only(all map[string]string, suffix string) map[string]string {
	out := map[string]string{}
	for name, bytes := range all {
		if strings.HasSuffix(name, suffix) {
			out[name] = bytes
		}
	}
	return out
}

// Every view is exported, or there is a reason.
func TestDatasetsAreViews(t *testing.T) {
	for _, v := range embedded.Views {
		known := slices.ContainsFunc(datasets(), func(d dataset) bool { return d.name == v })
		if !strings.HasSuffix(v, "_at") && known == (notExported[v] != "") {
			t.Errorf("%s: exported %v, reason %q", v, known, notExported[v])
		}
	}
	for _, d := range datasets() {
		if !slices.Contains(embedded.Views, d.view) {
			t.Errorf("%s is no view", d.view)
		}
	}
}

// Days, roles and consents.
func TestExportShowsWhatTheReaderMaySee(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 300)
	g.story(t)
	g.paylake(t, "rebuild").want(t, 0)
	g.holding(t)
	count := func(args ...string) int {
		t.Helper()
		return strings.Count(g.paylake(t, append([]string{"export", "ledger"}, args...)...).want(t, 0).stdout, "\n") - 1
	}
	for _, c := range []struct {
		want int
		args []string
	}{
		{4, nil}, {2, []string{"--period", "2026-03"}}, {2, []string{"--from", "2026-04-01"}}, {2, []string{"--to", "2026-04-04"}},
		{0, []string{"--period", "2026-05"}}, {2, []string{"--from", "2026-03-30", "--to", "2026-03-31"}},
	} {
		if n := count(c.args...); n != c.want {
			t.Errorf("%v: %d rows, want %d", c.args, n, c.want)
		}
	}
	g.paylake(t, "export", "ledger").want(t, 0).says(t, "", "ledger as of manifest 4 (sha256 ")
	if r := g.paylake(t, "export", "operations", "--as", "analyst").want(t, 0); strings.Contains(r.stdout, "p1:x") {
		t.Errorf("the analyst's export has a person:\n%s", r.stdout)
	}
	g.paylake(t, "export", "operations").want(t, 0).says(t, "p1:x", "")
	before := g.paylake(t, "export", "ledger", "--snapshot", "1").want(t, 0).stdout
	g.paylake(t, "consent", "revoke", "--wallet", "wlt_7c02").want(t, 0)
	if n := count("--snapshot", "1"); n != 3 {
		t.Errorf("the accountant's export has %d rows after a consent was withdrawn, want 3", n)
	}
	g.paylake(t, "query", "--as", "analyst", "--format", "csv", "--snapshot", "1", "SELECT count() FROM ledger").want(t, 0).says(t, "\n3\n", "")
	if after := g.paylake(t, "export", "ledger", "--snapshot", "1", "--as", "auditor").want(t, 0).stdout; after != before {
		t.Errorf("the auditor's export changed:\n%s", after)
	}
	if spend := g.paylake(t, "export", "spend_by_provider", "--from", "2026-04-01").want(t, 0).stdout; strings.Contains(spend, "77") {
		t.Errorf("spend of a withdrawn wallet:\n%s", spend)
	}
	for _, bad := range []string{"5", "99"} {
		for _, command := range [][]string{{"export", "ledger"}, {"query", "SELECT count() FROM ledger"}} {
			g.paylake(t, append(command, "--snapshot", bad)...).want(t, 2).says(t, "", "the lake has no manifest "+bad)
		}
	}
	file := filepath.Join(g.dir, "march.parquet")
	g.paylake(t, "export", "ledger", "--format", "parquet", "--period", "2026-03", "-o", file).want(t, 0).says(t, "", "wrote "+file)
	if data, err := os.ReadFile(file); err != nil || !bytes.HasPrefix(data, []byte("PAR1")) {
		t.Errorf("%v, %d bytes", err, len(data))
	}
}

// holding keeps a ClickHouse until the test ends or stop is called: commands join
// it meanwhile, as they join up, instead of starting one each, which takes a
// second of processor time. Not for commands that want it alone (rebuild, up), nor
// for tests of how it begins, ends or dies.
func (g *playground) holding(t testing.TB) (stop func()) {
	t.Helper()
	return held(t, filepath.Join(g.dir, sandboxData))
}

// held is holding for any data directory.
func held(t testing.TB, dataDir string) (stop func()) {
	t.Helper()
	server, err := embedded.Acquire(context.Background(), embedded.Options{DataDir: dataDir, Command: []string{testExe(t), childCommand}})
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}
