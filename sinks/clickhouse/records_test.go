package clickhouse

import (
	"bytes"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"

	"github.com/paylake/paylake/schemas"
)

// A stream without its end mark is no answer, although Arrow's reader is content
// with it.
func TestStreamsWithoutAnEnd(t *testing.T) {
	rec := record(schemas.Ledger, []row{ledgerRow("a", day0, 1, nil)})
	var out bytes.Buffer
	w := ipc.NewWriter(&out, ipc.WithSchema(rec.Schema()))
	if err := w.Write(rec); err != nil {
		t.Fatal(err)
	}
	cut := bytes.Clone(out.Bytes())
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	ignore := func(arrow.Record) error { return nil }
	if err := wholeStream(&out, ignore); err != nil {
		t.Error(err)
	}
	if err := wholeStream(bytes.NewReader(cut), ignore); err == nil || !strings.Contains(err.Error(), "broke off") {
		t.Errorf("without its end: %v", err)
	}
}

// An answer that ends early is an error: a query that fails on the way has sent
// rows already, and a shorter list would look like a whole one.
func TestRecordsAreWholeOrAnError(t *testing.T) {
	w := public(t)
	count := func(sql string, q Query) (rows int64, err error) {
		err = w.Records(t.Context(), sql, q, func(r arrow.Record) error {
			rows += r.NumRows()
			return nil
		})
		return rows, err
	}
	if n, err := count("SELECT entry_id FROM ledger", Query{}); n != 3 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
	if n, err := count("SELECT entry_id FROM ledger", Query{Snapshot: 1}); n != 2 || err != nil {
		t.Errorf("as of 1: %d rows, %v", n, err)
	}
	const million = "SELECT a * 100 + b AS n FROM (SELECT arrayJoin(range(30000)) AS a) AS l CROSS JOIN (SELECT arrayJoin(range(100)) AS b) AS r"
	if n, err := count("SELECT n FROM ("+million+")", Query{}); n != 3_000_000 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
	n, err := count("SELECT n, throwIf(n = 2900000, 'late') FROM ("+million+") SETTINGS max_threads = 1", Query{})
	if err == nil || n == 0 || n >= 3_000_000 {
		t.Errorf("a query that fails on the way: %d rows, %v", n, err)
	}
	for sql, want := range map[string]string{"SELECT * FROM ledger_rows": "readers see the views", "SELEC 1": "Syntax error"} {
		if _, err := count(sql, Query{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", sql, err)
		}
	}
	var names []string
	err = w.Records(t.Context(), "SELECT amount_minor, amount, posted_at, business_date FROM ledger WHERE 0", Query{}, func(r arrow.Record) error {
		for _, f := range r.Schema().Fields() {
			names = append(names, f.Name+" "+f.Type.String())
		}
		_ = r.Column(0).(*array.Int64)
		return nil
	})
	if got := strings.Join(names, ", "); err != nil || got != "amount_minor int64, amount decimal(38, 4), posted_at timestamp[us, tz=UTC], business_date date32" {
		t.Errorf("%s %v", got, err)
	}
}
