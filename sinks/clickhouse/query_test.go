package clickhouse

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/clickhouse/embedded"
)

// public makes the database that the readers' grants are about.
func public(t *testing.T) *Warehouse {
	t.Helper()
	c := newClock()
	l := newLake(t, c)
	fillLake(t, l)
	at := day0.Add(time.Hour)
	commit(t, l, part(schemas.Operations, "psp", "", days(0, 1), row{"source": "psp", "project_id": int64(210), "operation_id": "o1", "payment_id": "p", "type": "sale",
		"status": "success", "created_at": at, "completed_at": at, "business_date": at, "amount_minor": int64(5000), "currency": "KGS", "provider_code": "mbank", "method": "mbank", "customer_id": "p1:secret", "account_masked": "5•1"}))
	w, err := Open(t.Context(), Options{Lake: l, Embedded: shared, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.exec(context.Background(), "drop", "DROP DATABASE IF EXISTS paylake SYNC"); err != nil {
			t.Error(err)
		}
		_ = w.Close()
	})
	follow(t, w)
	return w
}

func run(t *testing.T, w *Warehouse, sql string, q Query) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := w.Query(t.Context(), sql, q, &out)
	if err != nil && out.Len() > 0 {
		t.Errorf("%s: %q was written before the error", sql, out.String())
	}
	return out.String(), err
}

func TestQueryFormats(t *testing.T) {
	w := public(t)
	for _, q := range []struct {
		format   Format
		snapshot int64
		sql      string
		want     string
	}{
		{FormatCSV, 0, "SELECT entry_id, amount_minor, amount FROM ledger ORDER BY entry_id;", "\"entry_id\",\"amount_minor\",\"amount\"\n\"a\",-3741,-37.41\n\"b\",-500,-5\n\"c\",100,1\n"},
		{FormatCSV, 1, "SELECT entry_id, amount_minor FROM ledger ORDER BY entry_id", "\"entry_id\",\"amount_minor\"\n\"a\",-3740\n\"b\",-500\n"},
		{FormatCSV, 1, "SELECT max(sequence), (SELECT count() FROM providers), (SELECT count() FROM quarantine) FROM snapshots", "\n1,0,1\n"},
		{FormatTable, 0, "SELECT provider_name, spend FROM spend_by_provider WHERE source = 'psp'", "provider_name"},
		{FormatJSON, 2, "SELECT spend_minor, spend FROM spend_by_provider ORDER BY business_date", "\"spend_minor\": 3741"},
		{"", 0, "SELECT * FROM spend_by_provider", "Azərsu"},
		{FormatCSV, 0, "SELECT source, provider_code, provider_name, spend_minor, currency FROM spend_by_provider WHERE currency = 'KGS'", "\"psp\",\"mbank\",\"mbank\",5000,\"KGS\""},
		{FormatCSV, 0, "SELECT * EXCEPT (counterparty, counterparty_masked) FROM ledger_at(snapshot = 1)", "azersu"},
		{FormatCSV, 0, "SELECT count() FROM operations_at(snapshot = 3)", "\n0\n"},
		{FormatCSV, 0, "SELECT count() FROM spend_by_provider_at(snapshot = 4)", "\n3\n"},
	} {
		got, err := run(t, w, q.sql, Query{Format: q.format, Snapshot: q.snapshot})
		if err != nil || !strings.Contains(got, q.want) {
			t.Errorf("%s as %q of %d: %v\n%s", q.sql, q.format, q.snapshot, err, got)
		}
	}
	for _, q := range []struct {
		sql, want string
		q         Query
	}{
		{"SELECT * FROM ledger_rows", "readers see the views", Query{}},
		{"SELEC 1", "Syntax error", Query{}},
		{"SELECT 1", "snapshot 9 is not in the warehouse (1 to 4)", Query{Snapshot: 9}},
		{"SELECT 1", "none of table, json, csv", Query{Format: "xml"}},
		{"SELECT 1", "no reader", Query{User: "loader"}},
		{"SELECT entry_id FROM ledger WHERE throwIf(entry_id = 'b', 'late') = 0", "late", Query{Format: FormatCSV}},
	} {
		if _, err := run(t, w, q.sql, q.q); !errors.Is(err, ErrQuery) || !strings.Contains(err.Error(), q.want) {
			t.Errorf("%s: %v", q.sql, err)
		}
	}
	for _, user := range []string{"auditor", "accountant"} {
		if got, err := run(t, w, "SELECT customer_id, account_masked FROM operations", Query{User: user, Format: FormatCSV}); err != nil || !strings.Contains(got, "p1:secret") {
			t.Errorf("%s: %s %v", user, got, err)
		}
	}
}

// What the analyst tries, on the real thing. Each must be refused.
func TestAnalystEscapes(t *testing.T) {
	w := public(t)
	ep := shared.Current()
	attacks := []string{
		// base tables
		"SELECT * FROM ledger_rows", "SELECT count() FROM paylake.ledger_rows", "SELECT * FROM loads", "SELECT * FROM load_visibility", "SELECT * FROM spend_rollup",
		"SELECT * FROM quarantine_rows", "SELECT * FROM merge('paylake', '.*_rows')", "SELECT * FROM mergeTreeIndex('paylake', 'ledger_rows')", "DESCRIBE TABLE ledger_rows",
		"SELECT * FROM viewIfPermitted(SELECT counterparty FROM ledger ELSE null('x String'))", "SHOW CREATE TABLE ledger_rows",
		"SELECT * FROM loop('paylake', 'ledger_rows') LIMIT 1", "SELECT * FROM cluster('default', 'paylake', 'ledger_rows')", "SELECT * FROM clusterAllReplicas('default', paylake.ledger_rows)",
		// files, networks, programs
		"SELECT * FROM file('/etc/hostname', 'LineAsString')", "SELECT * FROM file('" + shared.LogFile + "', 'LineAsString')", "SELECT * FROM url('http://" + ep.HTTPAddr + "/', 'LineAsString')",
		"SELECT * FROM s3('http://127.0.0.1:1/x/*', 'CSV', 'a String')", "SELECT * FROM remote('" + ep.Addr + "', paylake.ledger_rows, 'loader', '')", "SELECT * FROM remote('" + ep.Addr + "', paylake.ledger_rows)",
		"SELECT * FROM executable('id', 'TSV', 'x String')", "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')", "SELECT * FROM postgresql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
		"SELECT * FROM sqlite('/tmp/x.db', 't')", "SELECT * FROM fileCluster('default', '/etc/passwd', 'LineAsString')", "SELECT * FROM icebergLocal('/tmp')", "SELECT file('/etc/hostname')", "SELECT * APPLY(file) FROM (SELECT '/etc/hostname')", "SELECT `f\\x69le`('/etc/hostname')", "SELECT \"f\\x69le\"('/etc/hostname')", "SELECT FILE('/etc/hostname')", "SELECT * FROM Python(x)",
		"SELECT * FROM ledger INTO OUTFILE '/tmp/x'", "SELECT * FROM `/etc/passwd`", "SELECT * FROM default.`/etc/hostname`", "SELECT * FROM input('x String')",
		// the system
		"SELECT * FROM system.query_log", "SELECT query FROM system.processes WHERE user != 'analyst'", "SELECT * FROM system.users", "SELECT * FROM system.grants", "SELECT * FROM system.parts",
		"SELECT * FROM system.server_settings", "SELECT * FROM system.text_log", "SELECT * FROM system.settings_profiles", "SELECT * FROM system.zookeeper", "SELECT * FROM system.trace_log",
		"SELECT * FROM system.numbers_mt, system.clusters", "SELECT create_table_query FROM system.tables WHERE name = 'ledger_rows' AND database = 'paylake' AND throwIf(create_table_query = '', 'hidden') = 0 HAVING count() = 0",
		// writing and power
		"INSERT INTO ledger_rows (entry_id) VALUES ('x')", "INSERT INTO pipeline_runs_rows (pipeline) VALUES ('x')", "INSERT INTO load_abandoned (load_id) SELECT 1", "CREATE TABLE paylake.x (a Int8) ENGINE = Memory", "CREATE VIEW paylake.x AS SELECT 1",
		"CREATE TEMPORARY TABLE x (a Int8)", "DROP VIEW ledger", "ALTER TABLE ledger_rows DELETE WHERE 1", "TRUNCATE TABLE ledger_rows", "OPTIMIZE TABLE ledger_rows", "RENAME TABLE ledger TO l2",
		"SET readonly = 0", "SELECT 1 SETTINGS readonly = 0", "SET allow_ddl = 1", "CREATE USER x", "GRANT SELECT ON paylake.* TO analyst", "SET ROLE loader", "EXECUTE AS loader SELECT 1", "CREATE FUNCTION f AS x -> x", "CREATE DICTIONARY paylake.d (a UInt64) PRIMARY KEY a SOURCE(CLICKHOUSE(TABLE 'ledger_rows')) LAYOUT(FLAT()) LIFETIME(0)",
		"SELECT * FROM dictionary('paylake.d')", "SELECT dictGet('paylake.d', 'a', 1)", "KILL QUERY WHERE 1", "SYSTEM SHUTDOWN", "SYSTEM STOP LISTEN TCP", "SYSTEM FLUSH LOGS", "BACKUP DATABASE paylake TO File('/tmp/x')", "ATTACH TABLE paylake.y FROM '/tmp'", "CHECK TABLE ledger_rows",
		"INSERT INTO FUNCTION file('/tmp/paylake-escape.csv', 'CSV', 'x Int8') VALUES (1)", "CREATE NAMED COLLECTION c AS a = 1", "EXPLAIN TABLE OVERRIDE ledger_rows", "USE system; SELECT 1",
	}
	for _, sql := range attacks {
		got, err := run(t, w, sql, Query{Format: FormatCSV})
		if err == nil && strings.Count(got, "\n") > 1 {
			t.Errorf("the analyst could: %s:\n%.300s", sql, got)
		}
	}
	// Persons: whatever is asked, nothing that stands for one comes back.
	for _, sql := range []string{"SELECT * FROM operations", "SELECT customer_id, account_masked FROM operations", "SELECT operation_id FROM operations WHERE customer_id != ''",
		"SELECT count() FROM operations WHERE customer_id LIKE 'p1%' HAVING count() > 0", "SELECT * FROM operations_at(snapshot = 4)", "SELECT length(customer_id) FROM operations HAVING 1 AND length(customer_id) > 0",
		"SELECT operation_id FROM operations WHERE notEmpty(account_masked)", "SELECT operation_id FROM operations ORDER BY customer_id LIMIT 1 BY customer_id SETTINGS max_threads = 1",
		"SELECT sum(length(customer_id)) AS n FROM operations HAVING n > 0", "SELECT operation_id FROM operations PREWHERE customer_id != ''"} {
		got, err := run(t, w, sql, Query{Format: FormatCSV})
		if err == nil && (strings.Contains(got, "secret") || strings.Contains(got, "5•1") || strings.Contains(sql, "WHERE") && strings.Count(got, "\n") > 1 || strings.Contains(sql, "HAVING") && strings.Count(got, "\n") > 1) {
			t.Errorf("the analyst saw a person: %s:\n%s", sql, got)
		}
	}
	// The settings of the request cannot lift read-only mode either, and the
	// definition of a view shows structure, never rows.
	if out, err := run(t, w, "SELECT getSetting('readonly')", Query{Format: FormatCSV}); err != nil || !strings.HasSuffix(out, "\n2\n") {
		t.Errorf("readonly is %q, %v", out, err)
	}
	if n := cell(t, w, "SELECT count() FROM ledger"); n != "3" {
		t.Errorf("after %d attacks the ledger has %s rows", len(attacks), n)
	}
	t.Logf("%d attacks", len(attacks))
}

// Grants and views cannot drift apart: every view is granted, every hidden
// column exists.
func TestGrantsMatchViews(t *testing.T) {
	made := map[string]string{}
	for _, s := range (viewer{db: "d", owner: "o"}).all() {
		name, _, _ := strings.Cut(strings.TrimPrefix(s, "CREATE OR REPLACE VIEW d."), " ")
		made[name] = s
	}
	for _, v := range embedded.Views {
		if made[v] == "" {
			t.Errorf("%s is granted and does not exist", v)
		}
		text := made[v]
		if strings.Contains(text, "\nSELECT * FROM d."+v+"_at(snapshot = ") {
			text = made[v+"_at"]
			defer delete(made, v)
		}
		for _, h := range embedded.Hidden[v] {
			if !strings.Contains(text, ", '') AS `"+h+"`") {
				t.Errorf("%s does not hide %s", v, h)
			}
		}
		delete(made, v)
	}
	for v := range made {
		t.Errorf("%s is granted to nobody", v)
	}
}

// A ClickHouse that is down is said in one sentence, without the password.
func TestUnavailable(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	fillLake(t, l)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := closed.Addr().String()
	closed.Close()
	w, err := Open(t.Context(), Options{Lake: l, Now: c.now, DSN: "clickhouse://me@" + addr + "/paylake", Password: "canary-password"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	_, err = w.Follow(t.Context())
	if !errors.Is(err, sinks.ErrUnavailable) || !strings.Contains(err.Error(), addr) || strings.Contains(err.Error(), "canary") {
		t.Errorf("follow: %v", err)
	}
	if _, err := run(t, w, "SELECT 1", Query{}); !errors.Is(err, sinks.ErrUnavailable) {
		t.Errorf("query: %v", err)
	}
	if _, err := Open(t.Context(), Options{Lake: l, Now: c.now, DSN: "clickhouse://me:canary@" + addr + "/p?dial_timeout=x"}); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("a bad DSN: %v", err)
	}
}
