package publish

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go/catalog"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/lake"
	"github.com/paylake/paylake/sinks/lake/s3test"
	"github.com/paylake/paylake/sinks/sinktest"
)

// world is a lake with a catalogue beside it.
type world struct {
	writer
	t     testing.TB
	dir   string
	url   string
	place Place
	cat   catalog.Catalog
}

func newWorld(t testing.TB) *world {
	dir := t.TempDir()
	return worldAt(t, dir, "file://"+filepath.Join(dir, "lake"), "sqlite://"+filepath.Join(dir, "iceberg.db"))
}

func worldAt(t testing.TB, dir, url, cat string) *world {
	t.Helper()
	w := &world{writer: newWriter(t, url), t: t, dir: dir, url: url}
	var err error
	if w.place, err = PlaceOf(url, ""); err != nil {
		t.Fatal(err)
	}
	w.cat = w.open(cat)
	return w
}

func (w *world) open(at string) catalog.Catalog {
	w.t.Helper()
	cat, closeCatalog, err := OpenCatalog(context.Background(), at, "", w.place)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = closeCatalog() })
	return cat
}

func (w *world) publisher(change ...func(*Options)) *Publisher {
	w.t.Helper()
	o := Options{Lake: openTail(w.t, w.url), Catalog: w.cat, Place: w.place, Namespace: "paylake"}
	for _, c := range change {
		c(&o)
	}
	return New(o)
}

func (w *world) publish(change ...func(*Options)) Report {
	w.t.Helper()
	r, err := w.publisher(change...).Publish(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) list() []Shown {
	w.t.Helper()
	list, err := List(context.Background(), w.cat, "paylake")
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

func (w *world) from(table string) string {
	return clickHouseTable(w.place, w.place.Warehouse+"/"+table)
}

// file reads an object without the table around it.
func (w *world) file(path string) string {
	return "file('" + filepath.Join(w.dir, "lake", filepath.FromSlash(path)) + "', Parquet)"
}

// same compares every published state with the lake as of its manifest.
func (w *world) same(r reader, file func(string) string) (states int) {
	w.t.Helper()
	for _, s := range w.list() {
		t, _ := schemas.ByName(s.Table)
		want := truth(r, w.writer, t, s.Sequence, file)
		if got := r.ask(summed(t, w.from(s.Table)), fmt.Sprintf("iceberg_snapshot_id=%d", s.Snapshot)); got != want {
			w.t.Errorf("%s as of manifest %d: %s, the lake has %s", s.Table, s.Sequence, got, want)
		}
		if !strings.HasPrefix(want, fmt.Sprintf("%d\t", s.Rows)) {
			w.t.Errorf("%s as of manifest %d: the snapshot says %d rows, the lake has %s", s.Table, s.Sequence, s.Rows, want)
		}
		states++
	}
	return states
}

func (w *world) manifest(sequence int64) lake.Entry {
	w.t.Helper()
	for e, err := range w.Manifests(context.Background(), sequence) {
		if err != nil {
			w.t.Fatal(err)
		}
		return e
	}
	w.t.Fatalf("there is no manifest %d", sequence)
	return lake.Entry{}
}

// A ClickHouse that knows nothing of paylake sees what the lake has, as of every
// manifest, by snapshot and by time; a second publication changes nothing.
func TestClickHouseReadsTheTables(t *testing.T) {
	w := newWorld(t)
	r := startReader(t, w.dir)
	w.history()
	w.publish()
	first := w.list()
	time.Sleep(5 * time.Millisecond) // snapshots of one millisecond could not be told apart by time
	w.commit(sinktest.Ledger("wlt_c", day(60), statement("wlt_c", 60, 500, 9)...))
	if again := w.publish(); len(again.Tables) != 1 || again.Tables[0].Rows != 500 || again.Through != 6 {
		t.Fatalf("%+v", again)
	}
	if n := w.same(r, w.file); n != 5 {
		t.Errorf("%d states, want 5: manifests 1, 3, 6 of the ledger, 2 and 5 of the catalogue", n)
	}
	before := tree(t, w.dir)
	if again := w.publish(); len(again.Tables) != 0 || again.Through != 6 {
		t.Errorf("with nothing new: %+v", again)
	}
	if after := tree(t, w.dir); after != before {
		t.Errorf("with nothing new files changed:\n%s\n%s", before, after)
	}

	// By time: as of the end of the first publication.
	last, err := AsOf(first, "ledger", 0)
	if err != nil {
		t.Fatal(err)
	}
	want := truth(r, w.writer, schemas.Ledger, 3, w.file)
	if got := r.ask(summed(schemas.Ledger, w.from("ledger")), fmt.Sprintf("iceberg_timestamp_ms=%d", last.Published.UnixMilli())); got != want {
		t.Errorf("by time: %s, want %s", got, want)
	}
	if got := r.ask(summed(schemas.Ledger, w.from("ledger"))); got == want || got != truth(r, w.writer, schemas.Ledger, 6, w.file) {
		t.Errorf("without a time: %s", got)
	}
	// Readers skip objects by month, event time and wallet, without opening them,
	// and none that they need.
	for i, c := range []struct{ where, rows, skipped string }{
		{"business_date = '2026-03-02'", "500", "IcebergPartitionPrunedFiles"}, {"business_date = '2026-01-31'", "64", "IcebergPartitionPrunedFiles"},
		{"posted_at < '2026-01-31 00:01:00'", "2", "IcebergMinMaxIndexPrunedFiles"}, {"posted_at >= '2026-03-02 08:19:00'", "1", "IcebergMinMaxIndexPrunedFiles"},
		{"wallet_id = 'wlt_c'", "500", "IcebergMinMaxIndexPrunedFiles"},
	} {
		id := fmt.Sprintf("query_id=pruning-%d", i)
		if got := r.ask("SELECT count() FROM "+w.from("ledger")+" WHERE "+c.where, id); got != c.rows {
			t.Errorf("%s: %s rows, want %s", c.where, got, c.rows)
		}
		n := ""
		for range 100 { // the log is written now and then
			if n = r.ask("SELECT ProfileEvents['" + c.skipped + "'] FROM system.query_log WHERE type = 'QueryFinish' AND query_id = '" + strings.TrimPrefix(id, "query_id=") + "'"); n != "" {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if n == "0" || n == "" {
			t.Errorf("%s: no object was skipped (%q)", c.where, n)
		}
	}
}

// The query that people are given applies the retractions.
func TestVisibleRows(t *testing.T) {
	w := newWorld(t)
	r := startReader(t, w.dir)
	w.history()
	w.publish()
	visible := func(table string, sequence int64, columns, where string) string {
		t.Helper()
		s, err := AsOf(w.list(), table, sequence)
		if err != nil {
			t.Fatal(err)
		}
		sql, err := ClickHouseSQL(w.place, s)
		if err != nil {
			t.Fatal(err)
		}
		inner, settings, _ := strings.Cut(sql, "\nSETTINGS ")
		return r.ask("SELECT " + columns + " FROM (" + inner + ")" + where + " SETTINGS " + settings)
	}
	sums := func(rows, amount int64) string { return fmt.Sprintf("%d\t%d", rows, amount) }
	var a, b int64 // Σ of what history commits, before and after the revision
	for _, s := range [][]sinktest.Row{statement("wlt_a", 30, 40, 1), statement("wlt_a", 31, 30, 2), statement("wlt_b", 30, 20, 3)} {
		for _, row := range s {
			a += row.Amount
		}
	}
	b = a + -999_999_99 - (-1007)
	for _, row := range statement("wlt_b", 31, 10, 4) {
		b += row.Amount
	}
	if got := visible("ledger", 2, "count(), sum(amount_minor)", ""); got != sums(90, a) {
		t.Errorf("before the revision: %s, want %s", got, sums(90, a))
	}
	if got := visible("ledger", 0, "count(), sum(amount_minor)", ""); got != sums(100, b) {
		t.Errorf("after the revision: %s, want %s", got, sums(100, b))
	}
	if got := visible("ledger", 0, "entry_id, amount_minor, status", " WHERE entry_id IN ('wlt_a-30-7', 'wlt_a-30-9') ORDER BY entry_id"); got !=
		"wlt_a-30-7\t-99999999\tposted\nwlt_a-30-9\t-1009\treversed" {
		t.Errorf("revised rows: %s", got)
	}
	if got := visible("providers", 2, "provider_code, status", " ORDER BY 1"); got != "azerishiq\tactive\nazersu\tactive" {
		t.Errorf("the catalogue as of manifest 2: %s", got)
	}
	if got := visible("providers", 0, "provider_code, status", " ORDER BY 1"); got != "azercell\tactive\nazerishiq\tactive\nazersu\tretired" {
		t.Errorf("the catalogue now: %s", got)
	}
}

// A column that a pipeline begins to keep appears; rows from before have NULL in
// it, and states from before do not have it.
func TestNewColumn(t *testing.T) {
	w := newWorld(t)
	r := startReader(t, w.dir)
	w.commit(catalogue(t, provider{"azersu", "Azersu", "active"}))
	w.publish()
	w.commit(catalogueOf(t, schemas.Providers.Keep("logo"), provider{"azersu", "Azersu", "active"}, provider{"azercell", "Azercell", "active"}))
	w.publish()
	from, list := w.from("providers"), w.list()
	if table, err := w.cat.LoadTable(t.Context(), catalog.ToIdentifier("paylake", "providers")); err != nil || !strings.Contains(table.Properties()["schema.name-mapping.default"], "logo") {
		t.Errorf("readers that go by the name mapping do not find the column: %v", err)
	}
	if got := r.ask("SELECT provider_code, logo, sign FROM " + from + " ORDER BY ALL"); got !=
		"azercell\tazercell.svg\t1\nazersu\t\t-1\nazersu\tazersu.svg\t1\nazersu\t\\N\t1" {
		t.Errorf("now:\n%s", got)
	}
	if got := r.ask("SELECT * FROM "+from+" FORMAT JSONEachRow", fmt.Sprintf("iceberg_snapshot_id=%d", list[0].Snapshot)); strings.Contains(got, "logo") || !strings.Contains(got, "azersu") {
		t.Errorf("as of manifest 1: %s", got)
	}
}

// The comparison of these tests must be able to fail: with an object gone, and
// with one that was published twice.
func TestLossIsNoticed(t *testing.T) {
	w := newWorld(t)
	r := startReader(t, w.dir)
	w.history()
	w.publish()
	want := truth(r, w.writer, schemas.Ledger, 3, w.file)
	third := w.manifest(3)
	object := filepath.Join(w.dir, "lake", filepath.FromSlash(third.Objects[0].Path))
	if err := os.Rename(object, object+".gone"); err != nil {
		t.Fatal(err)
	}
	if got, err := r.try(summed(schemas.Ledger, w.from("ledger"))); err == nil {
		t.Errorf("an object is gone and the table reads %s", got)
	}
	if err := os.Rename(object+".gone", object); err != nil {
		t.Fatal(err)
	}
	if got := r.ask(summed(schemas.Ledger, w.from("ledger"))); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	// A publisher that believed nothing: the manifest again, past every guard.
	p := w.publisher()
	if _, err := p.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.commit(t.Context(), "ledger", []lake.Entry{third}, 3); err != nil {
		t.Fatal(err)
	}
	if got := r.ask(summed(schemas.Ledger, w.from("ledger"))); got == want {
		t.Error("a manifest that is there twice is not noticed")
	}
}

// An S3 lake: the tables lie in the bucket, and icebergS3 reads them.
func TestS3(t *testing.T) {
	s3 := s3test.New(t)
	bucket := s3.Bucket(t)
	dir := t.TempDir()
	w := worldAt(t, dir, s3.URL(bucket), "sqlite://"+filepath.Join(dir, "iceberg.db"))
	r := startReader(t, dir)
	w.compacted()
	w.publish(func(o *Options) { o.Window = 2 })
	keys := ", '" + s3.AccessKey + "', '" + s3.SecretKey + "')"
	file := func(path string) string { return "s3('" + s3.Endpoint + "/" + bucket + "/" + path + "'" + keys }
	for _, s := range w.list() {
		table, _ := schemas.ByName(s.Table)
		want := truth(r, w.writer, table, s.Sequence, file)
		from := strings.TrimSuffix(w.from(s.Table), ")") + keys
		if got := r.ask(summed(table, from), fmt.Sprintf("iceberg_snapshot_id=%d", s.Snapshot)); got != want {
			t.Errorf("%s as of manifest %d: %s, the lake has %s", s.Table, s.Sequence, got, want)
		}
	}
	if n := len(w.list()); n != 8 {
		t.Errorf("%d states, want 8: manifests 1, 3, 6, 8, 9 of the ledger; 2, 5, 7 of the catalogue", n)
	}
	now := strings.TrimSuffix(w.from("ledger"), ")") + keys
	if got := r.ask("SELECT uniqExact(_path) FROM " + now); got != "2" {
		t.Errorf("the merged ledger is read from %s objects, want 2", got)
	}
	if again := w.publish(); len(again.Tables) != 0 {
		t.Errorf("with nothing new: %+v", again)
	}
}

// tree lists the files of a folder with their sizes.
func tree(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			info, ierr := d.Info()
			fmt.Fprintln(&b, path, info.Size())
			return ierr
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
