package publish

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/lake"
	"github.com/paylake/paylake/sinks/sinktest"
)

var errDied = errors.New("the publisher died")

// fragile dies at a call that changes the catalogue: before it (nothing is
// stored) or after it (everything is).
type fragile struct {
	catalog.Catalog
	at    int // number of the call, from 1
	after bool
	lives bool // only the answer is lost
	calls int
	// commits counts lost answers to commits, which the publisher can ask about.
	commits int
	meet    func() // called before each change; may be nil
	loads   int
	clash   func() bool // says whether this commit loses against another one; may be nil
	look    func()      // called before each look at a table; may be nil
}

func (f *fragile) step(change func() error) error {
	if f.meet != nil {
		f.meet()
	}
	f.calls++
	if f.at > 0 && !f.lives && f.calls >= f.at && (!f.after || f.calls > f.at) {
		return errDied
	}
	if err := change(); err != nil {
		return err
	}
	if f.calls == f.at {
		return errDied
	}
	return nil
}

func (f *fragile) mine(t *table.Table, err error) (*table.Table, error) {
	if err != nil {
		return nil, err
	}
	return table.New(t.Identifier(), t.Metadata(), t.MetadataLocation(), t.FS, f), nil
}

func (f *fragile) LoadTable(ctx context.Context, id table.Identifier) (*table.Table, error) {
	if f.at > 0 && !f.lives && f.calls >= f.at {
		return nil, errDied
	}
	f.loads++
	if f.look != nil {
		f.look()
	}
	return f.mine(f.Catalog.LoadTable(ctx, id))
}

func (f *fragile) CreateTable(ctx context.Context, id table.Identifier, s *iceberg.Schema, o ...catalog.CreateTableOpt) (t *table.Table, err error) {
	err = f.step(func() error { t, err = f.Catalog.CreateTable(ctx, id, s, o...); return err })
	return f.mine(t, err)
}

func (f *fragile) CommitTable(ctx context.Context, id table.Identifier, r []table.Requirement, u []table.Update) (m table.Metadata, at string, err error) {
	err = f.step(func() error {
		if f.clash != nil && f.clash() {
			return fmt.Errorf("%w: the table moved underneath us", table.ErrCommitFailed)
		}
		m, at, err = f.Catalog.CommitTable(ctx, id, r, u)
		return err
	})
	if errors.Is(err, errDied) {
		f.commits++
	}
	return m, at, err
}

// entries lists, by table, the manifests that the snapshots added, and every
// object as often as the newest snapshot has it.
func (w *world) entries() string {
	w.t.Helper()
	var b strings.Builder
	for _, s := range w.list() {
		fmt.Fprintf(&b, "%s %d %d %d\n", s.Table, s.First, s.Sequence, s.Rows)
	}
	for id, err := range w.cat.ListTables(context.Background(), catalog.ToIdentifier("paylake")) {
		if err != nil {
			w.t.Fatal(err)
		}
		b.WriteString(strings.Join(w.objects(id), "\n") + "\n")
	}
	return b.String()
}

func (w *world) objects(id table.Identifier) []string {
	w.t.Helper()
	t, err := w.cat.LoadTable(context.Background(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	tasks, err := t.Scan().PlanFiles(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, f := range tasks {
		out = append(out, f.File.FilePath())
	}
	slices.Sort(out)
	return out
}

// named is entries as the lake's manifests say it should be, one snapshot each.
func (w *world) named() string {
	w.t.Helper()
	rows, lines := map[string]int64{}, map[string][]string{}
	for e, err := range w.Manifests(context.Background(), 1) {
		if err != nil {
			w.t.Fatal(err)
		}
		if len(e.Objects) == 0 {
			continue
		}
		for _, o := range e.Objects {
			if e.Kind == lake.KindData {
				rows[e.Table] += o.Rows
			}
		}
		lines[e.Table] = append(lines[e.Table], fmt.Sprintf("%s %d %d %d\n", e.Table, e.Sequence, e.Sequence, rows[e.Table]))
	}
	var b, tail strings.Builder
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for n := range lines {
			if !yield(n) {
				return
			}
		}
	}) {
		b.WriteString(strings.Join(lines[name], ""))
		tail.WriteString(strings.Join(w.live(name, math.MaxInt64), "\n") + "\n")
	}
	return b.String() + tail.String()
}

// A publisher that dies at any change of the catalogue, before it or after it,
// leaves what the next one completes: no manifest twice, none left out.
func TestDiesAnywhere(t *testing.T) {
	for _, window := range []int{1, 2, 100} {
		for _, after := range []bool{false, true} {
			fired := 0
			for at := 1; ; at++ {
				w := compactedWorld(t)
				whole := w.cat
				f := &fragile{Catalog: whole, at: at, after: after}
				_, err := w.publisher(func(o *Options) { o.Catalog, o.Window = f, window }).Publish(t.Context())
				if err == nil {
					break // fewer changes than that
				}
				if !errors.Is(err, errDied) {
					t.Fatalf("window %d, call %d: %v", window, at, err)
				}
				fired++
				w.publish(func(o *Options) { o.Window = window })
				if got, want := w.entries(), w.named(); got != want {
					t.Errorf("window %d, died at call %d (after it: %t):\n%s\nwant\n%s", window, at, after, got, want)
				}
			}
			if fired < map[int]int{1: 10, 2: 10, 100: 4}[window] { // two tables are made, and eight snapshots, or two commits of all
				t.Errorf("window %d: only %d calls were hit", window, fired)
			}
		}
	}
}

// A commit that went through although the answer was lost is not made again.
func TestLostAnswer(t *testing.T) {
	for at := 1; at <= 10; at++ {
		w := compactedWorld(t)
		f := &fragile{Catalog: w.cat, at: at, after: true, lives: true}
		r, err := w.publisher(func(o *Options) { o.Catalog, o.Window = f, 1 }).Publish(t.Context())
		if err != nil && f.commits > 0 || f.calls < at {
			t.Errorf("call %d: %v", at, err)
		}
		if got, want := w.entries(), w.named(); err == nil && (got != want || r.Through != 9) {
			t.Errorf("call %d:\n%s\nwant\n%s", at, got, want)
		}
	}
}

// Two publishers on one catalogue: where they meet, one of them is told that it
// was too late, and nothing is there twice.
func TestTwoPublishers(t *testing.T) {
	w := newWorld(t)
	w.history()
	late := 0
	for at := 1; at <= 6; at++ {
		var once sync.Once
		f := &fragile{Catalog: w.cat}
		f.meet = func() {
			if f.calls+1 == at {
				once.Do(func() { w.publish() })
			}
		}
		if at == 1 { // before it looks whether there is a table to fill
			f.meet, f.look = nil, func() { once.Do(func() { w.publish() }) }
		}
		_, err := w.publisher(func(o *Options) { o.Catalog, o.Window = f, 1 }).Publish(t.Context())
		switch {
		case errors.Is(err, sinks.ErrBusy) && strings.Contains(err.Error(), "another paylake-iceberg"):
			late++
		case err != nil:
			t.Fatalf("the other publishes before call %d: %v", at, err)
		}
		if got, want := w.entries(), w.named(); got != want {
			t.Fatalf("the other published before call %d:\n%s\nwant\n%s", at, got, want)
		}
		w.commit(sinktest.Ledger("wlt_a", day(100+at), statement("wlt_a", 100+at, 5, 1)...))
		w.commit(catalogue(t, provider{fmt.Sprintf("p%d", at), "P", "active"}))
		w.compact() // of each table
	}
	if late < 4 {
		t.Errorf("only %d publishers were told that they were late", late)
	}
}

// A commit that loses inside the catalogue is not tried again on top of the
// winner's, even where somebody has told the table that commits are.
func TestLostRaceIsNotReplayed(t *testing.T) {
	w := newWorld(t)
	w.history()
	w.publish()
	ledger, err := w.cat.LoadTable(t.Context(), catalog.ToIdentifier("paylake", "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	tx := ledger.NewTransaction()
	if err := tx.SetProperties(iceberg.Properties{table.CommitNumRetriesKey: "3"}); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(){
		"rows":  func() { w.commit(sinktest.Ledger("wlt_a", day(100), statement("wlt_a", 100, 5, 1)...)) },
		"merge": func() { w.compact() },
	} {
		change()
		f := &fragile{Catalog: w.cat}
		f.clash = func() bool {
			if f.calls > 1 {
				return false
			}
			w.publish()
			return true
		}
		if _, err := w.publisher(func(o *Options) { o.Catalog = f }).Publish(t.Context()); !errors.Is(err, sinks.ErrBusy) {
			t.Errorf("%s: %v", name, err)
		}
		if got, want := w.entries(), w.named(); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
	}
}

// A table that somebody dropped is published again, whole; one that lies where
// an older one's metadata is left is not.
func TestDroppedTable(t *testing.T) {
	w := newWorld(t)
	w.history()
	w.publish(func(o *Options) { o.Window = 1 })
	if err := w.cat.DropTable(t.Context(), catalog.ToIdentifier("paylake", "ledger")); err != nil {
		t.Fatal(err)
	}
	_, err := w.publisher().Publish(t.Context())
	if !errors.Is(err, sinks.ErrCorrupt) || !strings.Contains(err.Error(), "iceberg/ledger holds the metadata") {
		t.Fatalf("on top of the old metadata: %v", err)
	}
	if err := os.RemoveAll(filepath.Join(w.dir, "lake", "iceberg", "ledger")); err != nil {
		t.Fatal(err)
	}
	w.publish(func(o *Options) { o.Window = 1 })
	if got, want := w.entries(), w.named(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// Tables of another lake, tables that somebody else wrote to, and lakes whose
// history is another one are refused.
func TestForeignTables(t *testing.T) {
	w := newWorld(t)
	w.history()
	w.publish()
	other := newWriter(t, "file://"+filepath.Join(w.dir, "other"))
	other.commit(sinktest.Ledger("wlt_z", day(1), statement("wlt_z", 1, 3, 1)...))
	refused := func(word string, change func(*Options)) {
		t.Helper()
		if _, err := w.publisher(change).Publish(t.Context()); !errors.Is(err, sinks.ErrCorrupt) || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", word, err)
		}
	}
	refused("of another lake", func(o *Options) { o.Lake = openTail(t, "file://"+filepath.Join(w.dir, "other")) })

	id := catalog.ToIdentifier("paylake", "providers")
	theirs, err := w.cat.LoadTable(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	tx := theirs.NewTransaction()
	spec := theirs.Spec()
	f, err := dataFile(w.place.Root, schemas.Providers, theirs.Schema(), spec, lake.Object{Path: "objects/providers/x.parquet", Rows: 1, Bytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.AddDataFiles(t.Context(), []iceberg.DataFile{f}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	refused("changed by another program", func(*Options) {})
}

// A lake that was restored from an older copy goes another way than its tables:
// whether the new history is shorter, or has another manifest in the old one's
// place, of the same table or of another one.
func TestOtherHistory(t *testing.T) {
	for name, again := range map[string]func(writer){
		"shorter":       func(writer) {},
		"another table": func(w writer) { w.commit(catalogue(t, provider{"x", "X", "active"})) },
		"other rows":    func(w writer) { w.commit(sinktest.Ledger("wlt_a", day(40), statement("wlt_a", 40, 4, 7)...)) },
	} {
		w := newWorld(t)
		w.history()
		w.commit(sinktest.Ledger("wlt_a", day(40), statement("wlt_a", 40, 3, 1)...))
		w.publish(func(o *Options) { o.Window = 2 })
		before := w.entries()
		if err := os.Remove(filepath.Join(w.dir, "lake", "manifests", fmt.Sprintf("%020d.json", 6))); err != nil {
			t.Fatal(err)
		}
		again(newWriter(t, w.url))
		if _, err := w.publisher().Publish(t.Context()); !errors.Is(err, sinks.ErrCorrupt) || !strings.Contains(err.Error(), "another manifest 6") {
			t.Errorf("%s: %v", name, err)
		}
		if got := w.entries(); got != before {
			t.Errorf("%s: the tables changed", name)
		}
	}
}

// Manifests in one snapshot: fewer states, the same rows.
func TestBatch(t *testing.T) {
	w := newWorld(t)
	w.history()
	w.publish(func(o *Options) { o.Batch = 10 })
	list := w.list()
	if len(list) != 2 || list[0].First != 1 || list[0].Sequence != 3 || list[0].Rows != 104 || list[1].First != 2 || list[1].Sequence != 5 {
		t.Fatalf("%+v", list)
	}
	if s, err := AsOf(list, "ledger", 4); err != nil || s.Sequence != 3 {
		t.Errorf("%+v %v", s, err)
	}
	if _, err := AsOf(list, "ledger", 2); err == nil || !strings.Contains(err.Error(), "--batch") {
		t.Errorf("a state inside a batch: %v", err)
	}
}
