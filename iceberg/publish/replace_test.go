package publish

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/lake"
	"github.com/paylake/paylake/sinks/sinktest"
)

// compact merges every small object there is.
func (w writer) compact() []lake.Compaction {
	w.t.Helper()
	done, err := w.Compact(context.Background(), lake.CompactOptions{SmallRows: 1000, Before: noon.AddDate(0, 0, 1)})
	if err != nil || len(done) == 0 {
		w.t.Fatalf("compact: %+v %v", done, err)
	}
	return done
}

// compacted is history, merged (manifests 6 and 7), and merged again with what
// came later (8 and 9).
func (w writer) compacted() {
	w.t.Helper()
	w.history()
	w.compact()
	w.commit(sinktest.Ledger("wlt_c", day(40), statement("wlt_c", 40, 5, 8)...))
	w.compact()
}

// compactedWorld is a world as compacted leaves it. The lake is written once; each
// test has a copy of its own.
func compactedWorld(t testing.TB) *world {
	t.Helper()
	if compactedFiles == nil {
		w := newWorld(t)
		w.compacted()
		compactedFiles = fstest.MapFS{}
		root := os.DirFS(filepath.Join(w.dir, "lake"))
		err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := fs.ReadFile(root, path)
			compactedFiles[path] = &fstest.MapFile{Data: data, Mode: 0o644}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "lake"), compactedFiles); err != nil {
		t.Fatal(err)
	}
	return worldAt(t, dir, "file://"+filepath.Join(dir, "lake"), "sqlite://"+filepath.Join(dir, "iceberg.db"))
}

var compactedFiles fstest.MapFS

// live lists the objects of a table as of a manifest, as the lake reads them:
// merged ones instead of those that they hold the rows of.
func (w *world) live(name string, asOf int64) []string {
	w.t.Helper()
	at := map[string]bool{}
	for e, err := range w.Manifests(context.Background(), 1) {
		if err != nil {
			w.t.Fatal(err)
		}
		if e.Table != name || e.Sequence > asOf {
			continue
		}
		for _, o := range e.Objects {
			at[o.Path] = true
		}
		for _, m := range e.Merged {
			for _, o := range m.From {
				delete(at, o.Path)
			}
		}
	}
	return slices.Sorted(func(yield func(string) bool) {
		for path := range at {
			if !yield(w.place.Root + "/" + path) {
				return
			}
		}
	})
}

// read lists the files that a ClickHouse reads for one state of a table.
func (w *world) read(r reader, name, setting string) []string {
	w.t.Helper()
	paths := strings.Split(r.ask("SELECT DISTINCT _path FROM "+w.from(name)+" ORDER BY 1", setting), "\n")
	for i, p := range paths {
		paths[i] = "file:///" + strings.TrimPrefix(p, "/") // as it says it
	}
	return paths
}

// A merged lake: the same rows from the new objects, in one snapshot that names
// its manifest; older states are read from the old objects, which stay.
func TestCompaction(t *testing.T) {
	w := newWorld(t)
	r := startReader(t, w.dir)
	w.history()
	w.publish()
	before := w.list()
	sqlBefore := w.visible(r, "ledger", 5)
	time.Sleep(5 * time.Millisecond) // snapshots of one millisecond could not be told apart by time
	w.compact()
	objects := strings.Split(tree(t, filepath.Join(w.dir, "lake", "objects")), "\n")
	report := w.publish()
	if len(report.Tables) != 2 || report.Through != 7 {
		t.Fatalf("%+v", report)
	}
	for i, want := range []Change{{Table: "ledger", Manifests: 1, Snapshots: 1, Objects: 2, Replaced: 4, Sequence: 6}, {Table: "providers", Manifests: 1, Snapshots: 1, Objects: 1, Replaced: 2, Sequence: 7}} {
		got := report.Tables[i]
		got.Snapshot, got.Metadata = 0, ""
		if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	w.commit(sinktest.Ledger("wlt_c", day(40), statement("wlt_c", 40, 5, 8)...))
	w.compact()
	w.publish()
	kept := tree(t, filepath.Join(w.dir, "lake", "objects"))
	for _, o := range objects {
		if !strings.Contains(kept, o) {
			t.Errorf("publishing lost or changed %s", o)
		}
	}
	if again := w.publish(); len(again.Tables) != 0 || again.Through != 9 {
		t.Errorf("with nothing new: %+v", again)
	}

	if n := w.same(r, w.file); n != 8 {
		t.Errorf("%d states, want 8: manifests 1, 3, 6, 8, 9 of the ledger; 2, 5, 7 of the catalogue", n)
	}
	counts := map[string]int{}
	for _, s := range w.list() {
		got, want := w.read(r, s.Table, fmt.Sprintf("iceberg_snapshot_id=%d", s.Snapshot)), w.live(s.Table, s.Sequence)
		if !slices.Equal(got, want) {
			t.Errorf("%s as of manifest %d is read from\n%q\nwant\n%q", s.Table, s.Sequence, got, want)
		}
		counts[fmt.Sprint(s.Table, s.Sequence)] = len(got)
		if kind := w.manifest(s.Sequence).Kind; (s.Change == string(table.OpReplace)) != (kind == lake.KindCompact) {
			t.Errorf("%s as of manifest %d of kind %s is a snapshot that says %s", s.Table, s.Sequence, kind, s.Change)
		}
	}
	if counts["ledger3"] != 4 || counts["ledger6"] != 2 || counts["ledger8"] != 3 || counts["ledger9"] != 2 || counts["providers7"] != 1 {
		t.Errorf("files of each state: %v", counts)
	}
	// Time travel by time: before the first merge the old objects.
	last, err := AsOf(before, "ledger", 0)
	if err != nil {
		t.Fatal(err)
	}
	at := fmt.Sprintf("iceberg_timestamp_ms=%d", last.Published.UnixMilli())
	if got, want := w.read(r, "ledger", at), w.live("ledger", 5); !slices.Equal(got, want) {
		t.Errorf("by time:\n%q\nwant\n%q", got, want)
	}
	if got, want := r.ask(summed(schemas.Ledger, w.from("ledger")), at), truth(r, w.writer, schemas.Ledger, 5, w.file); got != want {
		t.Errorf("by time: %s, want %s", got, want)
	}
	if after := w.visible(r, "ledger", 6); after != sqlBefore || after == w.visible(r, "ledger", 0) {
		t.Errorf("visible rows before the merge\n%s\nafter it\n%s", sqlBefore, after)
	}
	// Readers still skip objects by what the manifest says of them.
	if got := r.ask("SELECT count() FROM " + w.from("ledger") + " WHERE wallet_id = 'wlt_c' AND business_date = '2026-02-10'"); got != "5" {
		t.Errorf("rows of the wallet that came later: %s", got)
	}
}

// visible sums the rows that hold as of a manifest, by the query that people get.
func (w *world) visible(r reader, name string, sequence int64) string {
	w.t.Helper()
	s, err := AsOf(w.list(), name, sequence)
	if err != nil {
		w.t.Fatal(err)
	}
	sql, err := ClickHouseSQL(w.place, s)
	if err != nil {
		w.t.Fatal(err)
	}
	inner, settings, _ := strings.Cut(sql, "\nSETTINGS ")
	return r.ask("SELECT count(), sum(amount_minor), groupBitXor(sipHash64(*)) FROM (" + inner + ") SETTINGS " + settings)
}

// A merge that was published as if it brought rows is what the comparison of
// these tests must notice; and the publisher itself refuses to put other rows, or
// more of them, in the place of those that are there.
func TestMergeMustHoldTheRows(t *testing.T) {
	w := newWorld(t)
	w.history()
	p := w.publisher()
	if _, err := p.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.compact()
	before := w.entries()
	e := w.manifest(6)
	e.Objects = slices.Clone(e.Objects)
	e.Objects[1].Rows++
	if err := p.commit(t.Context(), "ledger", []lake.Entry{e}, 6); !errors.Is(err, sinks.ErrCorrupt) || !strings.Contains(err.Error(), "105 rows in the place of 104") {
		t.Errorf("a row too many: %v", err)
	}
	e = w.manifest(6)
	e.Merged = slices.Clone(e.Merged)
	e.Merged[0].From = append(slices.Clone(e.Merged[0].From), lake.MergedObject{Path: "objects/ledger/0.parquet", Sequence: 4})
	if err := p.commit(t.Context(), "ledger", []lake.Entry{e}, 6); !errors.Is(err, sinks.ErrCorrupt) || !strings.Contains(err.Error(), "objects/ledger/0.parquet of manifest 4, which the table does not show") {
		t.Errorf("an object that was never there: %v", err)
	}
	if got := w.entries(); got != before {
		t.Errorf("the tables changed:\n%s\n%s", before, got)
	}
	e = w.manifest(6)
	e.Kind = lake.KindData
	if err := p.commit(t.Context(), "ledger", []lake.Entry{e}, 6); err != nil {
		t.Fatal(err)
	}
	w.publish()
	if w.entries() == w.named() {
		t.Error("rows that are there twice, from old and new objects, are not noticed")
	}
}

// Tables of an earlier version, which passed over merges: what they show is
// merged as soon as a later manifest merges it again.
func TestMergesThatWerePassedOver(t *testing.T) {
	w := newWorld(t)
	r := startReader(t, w.dir)
	w.history()
	old := w.publisher()
	if _, err := old.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.compact() // manifests 6 and 7
	w.commit(sinktest.Ledger("wlt_c", day(40), statement("wlt_c", 40, 5, 8)...))
	if err := old.commit(t.Context(), "ledger", []lake.Entry{w.manifest(8)}, 8); err != nil {
		t.Fatal(err)
	}
	w.compact() // manifest 9: February's merged object with the new one
	w.commit(catalogue(t, provider{"azersu", "Azersu", "active"}))
	w.compact() // manifest 11: the catalogue's merged object with the new ones
	w.publish()
	want := map[string][]string{"ledger": w.live("ledger", 9), "providers": w.live("providers", 11)}
	for _, m := range w.manifest(6).Merged { // nothing has merged January again: its old objects are shown
		merged := w.place.Root + "/" + m.Object
		if !slices.Contains(want["ledger"], merged) {
			continue
		}
		want["ledger"] = slices.DeleteFunc(want["ledger"], func(path string) bool { return path == merged })
		for _, o := range m.From {
			want["ledger"] = append(want["ledger"], w.place.Root+"/"+o.Path)
		}
	}
	slices.Sort(want["ledger"])
	if len(want["ledger"]) != 3 {
		t.Fatalf("January's two and February's one: %q", want["ledger"])
	}
	for name, want := range want {
		if got := w.objects(catalog.ToIdentifier("paylake", name)); !slices.Equal(got, want) {
			t.Errorf("%s:\n%q\nwant\n%q", name, got, want)
		}
	}
	if n := w.same(r, w.file); n < 7 {
		t.Errorf("%d states", n)
	}
}

// A long history at once: a merge has a snapshot of its own all the same.
func TestBatchOfMerges(t *testing.T) {
	w := compactedWorld(t)
	w.publish(func(o *Options) { o.Batch = 10 })
	var got []string
	for _, s := range w.list() {
		got = append(got, fmt.Sprintf("%s %d-%d %s %d rows", s.Table, s.First, s.Sequence, s.Change, s.Rows))
		files, err := w.at(s)
		if want := w.live(s.Table, s.Sequence); err != nil || !slices.Equal(files, want) {
			t.Errorf("%s as of manifest %d: %v\n%q\nwant\n%q", s.Table, s.Sequence, err, files, want)
		}
	}
	if want := []string{"ledger 1-3 append 104 rows", "ledger 6-6 replace 104 rows", "ledger 8-8 append 109 rows", "ledger 9-9 replace 109 rows",
		"providers 2-5 append 5 rows", "providers 7-7 replace 5 rows"}; !slices.Equal(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
}

// at lists the objects of one state.
func (w *world) at(s Shown) ([]string, error) {
	w.t.Helper()
	t, err := w.cat.LoadTable(context.Background(), catalog.ToIdentifier("paylake", s.Table))
	if err != nil {
		return nil, err
	}
	tasks, err := t.Scan(table.WithSnapshotID(s.Snapshot)).PlanFiles(context.Background())
	var out []string
	for _, f := range tasks {
		out = append(out, f.File.FilePath())
	}
	slices.Sort(out)
	return out, err
}

// Manifests of kinds that change no rows are passed over: as the first of a lake,
// in between, as the newest, with and without a table.
func TestOtherKinds(t *testing.T) {
	w := newWorld(t)
	w.other("decision", "")
	if r := w.publish(); r.Through != 1 || len(r.Tables) != 0 {
		t.Fatalf("%+v", r)
	}
	w.history()
	w.other("close", "ledger")
	w.compact()
	w.other("decision", "providers")
	for _, window := range []int{1, 2, 100} {
		if r := w.publish(func(o *Options) { o.Window = window }); r.Through != 10 {
			t.Errorf("%+v", r)
		}
		if got, want := w.entries(), w.named(); got != want {
			t.Errorf("window %d:\n%s\nwant\n%s", window, got, want)
		}
	}
	w.commit(sinktest.Ledger("wlt_c", day(40), statement("wlt_c", 40, 5, 8)...))
	w.other("decision", "ledger")
	if r := w.publish(); r.Through != 12 || len(r.Tables) != 1 || r.Tables[0].Sequence != 11 {
		t.Errorf("%+v", r)
	}
	if got, want := w.entries(), w.named(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// other commits a manifest of a kind that names no objects.
func (w *world) other(kind, name string) {
	w.t.Helper()
	sequence, prev := int64(1), ""
	for e, err := range w.Manifests(context.Background(), 1) {
		if err != nil {
			w.t.Fatal(err)
		}
		sequence = e.Sequence + 1
	}
	path := func(n int64) string {
		return filepath.Join(w.dir, "lake", "manifests", fmt.Sprintf("%020d.json", n))
	}
	if sequence > 1 {
		raw, err := os.ReadFile(path(sequence - 1))
		if err != nil {
			w.t.Fatal(err)
		}
		prev = fmt.Sprintf("%x", sha256.Sum256(raw))
	}
	text := fmt.Sprintf(`{"format":1,"kind":%q,"sequence":%d,"prev_sha256":%q,"created_at":"2026-05-01T12:00:00Z","source":"","table":%q,"schema_version":0,
"parts":[],"objects":[],"quarantine":[],"totals":[],"finding":"something that this version does not know"}`, kind, sequence, prev, name)
	if err := os.MkdirAll(filepath.Dir(path(1)), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path(sequence), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}
