package clickhouse

import (
	"bytes"
	"os"
	"testing"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/lake"
)

// Every file of the lake, lost or damaged, comes back to the bit from the
// warehouse; rows that the warehouse holds otherwise give nothing.
func TestRescue(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	fillLake(t, l)
	at := day0
	commit(t, l, part(schemas.Operations, "psp", "", days(0, 3),
		row{"source": "psp", "operation_id": "1", "payment_id": "p", "type": "sale", "status": "success", "created_at": at, "completed_at": at,
			"business_date": at, "amount_minor": int64(5000), "currency": "KGS", "provider_code": "x"},
		row{"source": "psp", "operation_id": "2", "type": "sale", "created_at": at, "business_date": at, "amount_minor": int64(1), "currency": "KGS"}))
	w := open(t, l, c, false)
	follow(t, w)
	var files []string
	for e, err := range l.Manifests(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range e.Objects {
			files = append(files, o.Path)
		}
		for _, q := range e.Quarantine {
			files = append(files, q.Path)
		}
	}
	if len(files) < 6 {
		t.Fatalf("%d files prove little", len(files))
	}
	originals := map[string][]byte{}
	for n, f := range files {
		path, _ := l.LocalPath(f)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		originals[path] = data
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if n%2 == 0 {
			overwrite(t, path, bytes.Replace(data, data[8:12], []byte("rot!"), 1))
		}
	}
	rescued(t, w, l, len(files), 0)
	for path, want := range originals {
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what it was (%v)", path, err)
		}
	}
	if lost, err := l.Damaged(t.Context(), nil); err != nil || len(lost) != 0 {
		t.Error(lost, err)
	}

	// A warehouse that was tampered with, one that never loaded it, an empty one.
	path, _ := l.LocalPath(files[0])
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	id := cell(t, w, "SELECT load_id FROM load_visibility WHERE object = '"+files[0]+"'")
	if err := w.exec(t.Context(), "test", "ALTER TABLE "+w.db+".ledger_rows UPDATE amount_minor = amount_minor + 1 WHERE load_id = "+id+" SETTINGS mutations_sync = 1"); err != nil {
		t.Fatal(err)
	}
	rescued(t, w, l, 0, 1)
	if err := w.exec(t.Context(), "test", "TRUNCATE TABLE "+w.db+".load_visibility"); err != nil {
		t.Fatal(err)
	}
	rescued(t, w, l, 0, 1)
	rescued(t, open(t, l, c, false), l, 0, 1)
}

func rescued(t *testing.T, w *Warehouse, l *lake.Lake, back, left int) {
	t.Helper()
	lost, err := l.Damaged(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, rest, err := w.Rescue(t.Context(), lost)
	if err != nil || len(b) != back || len(rest) != left {
		t.Fatalf("%d came back, want %d; left: %v; %v", len(b), back, rest, err)
	}
}
