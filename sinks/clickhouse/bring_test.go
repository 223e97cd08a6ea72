package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/clickhouse/servertest"
	"github.com/paylake/paylake/sinks/lake"
	"github.com/paylake/paylake/sinks/lake/s3test"
)

func s3Lake(t *testing.T, s *s3test.Server) (l *lake.Lake, bucket string) {
	t.Helper()
	bucket = s.Bucket(t)
	c := newClock()
	c.micros.Store(time.Now().UnixMicro()) // signatures are compared with the server's clock
	l, err := lake.Open(t.Context(), lake.Options{URL: s.URL(bucket), TempDir: t.TempDir(), Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, bucket
}

// someRows commits 60 rows over two months.
func someRows(t *testing.T, l *lake.Lake) {
	t.Helper()
	var rows []row
	for i := range 60 {
		rows = append(rows, ledgerRow(fmt.Sprintf("e%02d", i), day0.Add(time.Duration(i)*time.Hour), -int64(100+i), nil))
	}
	commit(t, l, part(schemas.Ledger, "mpay", "wlt_1", days(0, 5), rows...))
}

func external(t *testing.T, l *lake.Lake, s *servertest.Server, user, password string, log *slog.Logger) *Warehouse {
	t.Helper()
	_, port, _ := strings.Cut(s.HTTPAddr, ":")
	w, err := Open(t.Context(), Options{Lake: l, Now: newClock().now, DSN: "clickhouse://" + user + "@" + s.Addr + "/paylake?http_port=" + port, Password: password, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// TestFetch: a server that can reach the bucket reads it itself, and no log of
// it shows the key or a signature.
func TestFetch(t *testing.T) {
	s3 := s3test.New(t)
	l, _ := s3Lake(t, s3)
	someRows(t, l)
	server := servertest.Start(t, servertest.User("admin", "pw"))
	w := external(t, l, server, "admin", "pw", nil)
	follow(t, w)
	if got := cell(t, w, "SELECT count() || ' ' || sum(amount_minor) FROM paylake.ledger"); got != "60 -7770" {
		t.Fatalf("loaded %s", got)
	}
	if err := w.exec(t.Context(), "flush", "SYSTEM FLUSH LOGS"); err != nil {
		t.Fatal(err)
	}
	fetched := ask(t, w, "SELECT query, tables FROM system.query_log WHERE query LIKE 'INSERT INTO%url(%' AND type = 'QueryFinish'")
	if len(fetched) == 0 || w.sends {
		t.Fatalf("nothing was fetched: %v", ask(t, w, "SELECT query, exception FROM system.query_log WHERE query LIKE 'INSERT INTO%ledger_rows%'"))
	}
	noCanary(t, s3, w, server)
}

// noCanary searches every log of the server for the key and for signatures.
func noCanary(t *testing.T, s3 *s3test.Server, w *Warehouse, server *servertest.Server) {
	t.Helper()
	var text strings.Builder
	text.WriteString(lines(ask(t, w, "SELECT * FROM system.query_log WHERE query NOT LIKE '%system.query_log%'")))
	for _, table := range []string{"loads", "load_abandoned", "load_visibility"} {
		text.WriteString(lines(ask(t, w, "SELECT * FROM paylake."+table)))
	}
	for _, name := range []string{"log", "errlog", "out"} {
		data, err := os.ReadFile(filepath.Join(server.Dir, "clickhouse-run", name))
		if err != nil {
			t.Fatal(err)
		}
		text.Write(data)
	}
	all := text.String()
	if !strings.Contains(all, "ledger_rows") {
		t.Fatal("the logs show nothing at all: this search proves nothing")
	}
	for _, secret := range []string{s3.SecretKey, "Signature=", "AWS4-HMAC-SHA256", "X-Amz-Credential"} {
		if i := strings.Index(all, secret); i >= 0 {
			t.Errorf("the server's logs show %s: …%s…", secret, all[max(0, i-300):min(len(all), i+200)])
		}
	}
}

// bare are GRANT statements as a users.xml wants them.
func bare(statements []string) []string {
	var out []string
	for _, s := range statements {
		s, _, _ = strings.Cut(s, " TO ")
		out = append(out, s)
	}
	return out
}

// TestFetchRefused: a server without a way to the bucket gets the objects sent.
func TestFetchRefused(t *testing.T) {
	s3 := s3test.New(t)
	l, _ := s3Lake(t, s3)
	someRows(t, l)
	server := servertest.Start(t, servertest.User("admin", "pw"), servertest.User("loader", "pw", append(bare(LoaderGrants("paylake", "loader")), "GRANT SELECT ON system.query_log", "GRANT SYSTEM FLUSH LOGS ON *.*")...))
	var log strings.Builder
	w := external(t, l, server, "loader", "pw", slog.New(slog.NewTextHandler(&log, nil)))
	follow(t, w)
	if got := cell(t, w, "SELECT count() || ' ' || sum(amount_minor) FROM paylake.ledger"); got != "60 -7770" || !w.sends {
		t.Fatalf("loaded %s, sends %t", got, w.sends)
	}
	if strings.Count(log.String(), "objects are sent to the warehouse") == 0 || strings.Contains(log.String(), "Signature") {
		t.Errorf("log: %s", log.String())
	}
	if err := w.exec(t.Context(), "flush", "SYSTEM FLUSH LOGS"); err != nil {
		t.Fatal(err)
	}
	noCanary(t, s3, w, server)
}

func flipped(raw []byte, at int) []byte {
	bad := append([]byte(nil), raw...)
	bad[at] ^= 1
	return bad
}

// TestFetchTampered: a changed object is named, whoever reads it.
func TestFetchTampered(t *testing.T) {
	s3 := s3test.New(t)
	l, bucket := s3Lake(t, s3)
	someRows(t, l)
	server := servertest.Start(t, servertest.User("admin", "pw"))
	objects, err := filepath.Glob(s3.Path(bucket, "objects/ledger/*.parquet"))
	if err != nil || len(objects) != 2 {
		t.Fatal(objects, err)
	}
	raw, err := os.ReadFile(objects[0])
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(objects[1]) // Parquet without a fault, but not what was committed
	if err != nil {
		t.Fatal(err)
	}
	ended := 0
	changes := [][]byte{flipped(raw, len(raw)/4), flipped(raw, len(raw)/2), flipped(raw, len(raw)-20), other}
	for at := 0; at < len(changes); at++ {
		if err := os.WriteFile(objects[0], changes[at], 0o600); err != nil {
			t.Fatal(err)
		}
		w := external(t, l, server, "admin", "pw", nil)
		_, err = w.Follow(t.Context())
		// Seen once in many runs: the engine aborts over such a file. Then nobody has
		// named anything yet, and the next server has to.
		if err != nil && strings.Contains(err.Error(), "connection refused") && server.Gone() && ended < 2 {
			t.Logf("change %d: the server has ended over it: %v", at, err)
			server = servertest.Start(t, servertest.User("admin", "pw"))
			ended, at = ended+1, at-1
			continue
		}
		if !errors.Is(err, sinks.ErrCorrupt) || !strings.Contains(err.Error(), "s3://"+bucket+"/objects/ledger/"+filepath.Base(objects[0])) {
			t.Errorf("change %d: %v", at, err)
		}
	}
	if err := os.WriteFile(objects[0], raw, 0o600); err != nil {
		t.Fatal(err)
	}
	w := external(t, l, server, "admin", "pw", nil)
	follow(t, w)
	if got := cell(t, w, "SELECT count() FROM paylake.ledger"); got != "60" {
		t.Errorf("%s rows", got)
	}
}

// TestReadersGetNoKey: the embedded engine holds no key of the lake, and
// readers cannot make it ask the bucket for anything.
func TestReadersGetNoKey(t *testing.T) {
	s3 := s3test.New(t)
	l, bucket := s3Lake(t, s3)
	someRows(t, l)
	w := public(t)
	var object string
	for e, err := range l.Manifests(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		object = e.Objects[0].Path
	}
	at := s3.Endpoint + "/" + bucket + "/" + object
	for _, user := range []string{"analyst", "auditor", "accountant"} {
		for _, from := range []string{"s3('%s', 'Parquet')", "s3('%s', 'Parquet', 'entry_id String')", "url('%s', 'Parquet')", "s3Cluster('default', '%s', 'Parquet')", "deltaLake('%s')", "iceberg('%s')"} {
			if got, err := run(t, w, "SELECT * FROM "+fmt.Sprintf(from, at), Query{Format: FormatCSV, User: user}); err == nil {
				t.Errorf("%s read %s: %.200s", user, from, got)
			}
		}
	}
	// Even its owner finds no key in the engine's environment.
	conn, err := w.connect()
	if err != nil {
		t.Fatal(err)
	}
	var n uint64
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err = conn.QueryRow(driver.Context(ctx, driver.WithSettings(driver.Settings{"s3_retry_attempts": 1})),
		"SELECT count() FROM s3("+literal(at)+", 'Parquet', 'entry_id String')").Scan(&n)
	if err == nil {
		t.Errorf("the engine read %d rows with a key that it was not given", n)
	}
}
