package main

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// scene is how a point comes about that an ordinary run does not pass, or not
// for sure. Without one a run from the template is killed at it.
type scene struct {
	before func(t *testing.T, w *labWorld, dir string)
	faults string   // in front of the point's own
	args   []string // the command that is killed; run
	bare   bool     // begins without a lake
	alone  bool     // the command wants the warehouse for itself
	after  func(t *testing.T, w *labWorld, dir string)
}

var scenes = map[string]scene{
	"load.abandoned":  {faults: "load.inserted#1=DAMAGE,load.inserted#2=DAMAGE,"},
	"load.replaced":   {before: thenDamage},
	"sweep.deleted":   {before: abandonedLongAgo},
	"rebuild.dropped": {before: wholeRun, args: []string{"rebuild"}, alone: true},
	"schema.made":     {before: func(t *testing.T, w *labWorld, _ string) { w.must(t, "DROP DATABASE paylake SYNC") }},
	"session.opened":  {before: expired, after: keepSessions},
	"session.saved":   {before: expired, after: keepSessions},
	"bucket.writing":  {before: inBucket, bare: true},
	"bucket.written":  {before: inBucket, bare: true},
	"file.folder":     {bare: true},

	"compact.encoded":   {before: wholeRun, args: mergeAll},
	"compact.stored":    {before: wholeRun, args: mergeAll},
	"compact.published": {before: wholeRun, args: mergeAll},
}

// mergeAll closes every month but the current one and calls every object small.
var mergeAll = []string{"compact", "--closed-days", "0", "--small-rows", "250000"}

func wholeRun(t *testing.T, w *labWorld, dir string) {
	t.Helper()
	w.live(t, dir, "", "run").well(t)
}

// thenDamage alters rows that readers see already; the next process finds out.
func thenDamage(t *testing.T, w *labWorld, dir string) {
	t.Helper()
	wholeRun(t, w, dir)
	w.must(t, fmt.Sprintf(alter, "SELECT max(load_id) FROM ledger_rows"))
}

// abandonedLongAgo leaves rows of a load that was given up an hour ago.
func abandonedLongAgo(t *testing.T, w *labWorld, dir string) {
	t.Helper()
	if !w.live(t, dir, "load.inserted#1", "run").killed {
		t.Fatal("nothing was loaded")
	}
	wholeRun(t, w, dir)
	w.must(t, "INSERT INTO load_abandoned SELECT load_id, reason, abandoned_at - INTERVAL 1 HOUR FROM load_abandoned")
}

// inBucket moves the lake of a case, or what will be its lake, to a bucket of a
// real S3 server.
func inBucket(t *testing.T, w *labWorld, dir string) {
	t.Helper()
	path := filepath.Join(dir, "paylake.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bucket := w.s3.Bucket(t)
	if err := os.WriteFile(path, bytes.Replace(text, []byte(labLake), fmt.Appendf(nil, "lake: %q", w.s3.URL(bucket)), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "lake")
	if _, err := os.Stat(folder); err == nil {
		w.s3.Fill(t, bucket, folder)
		w.end(t, folder)
	}
}

// expired ends the sessions: the run begins with a refresh token that is spent
// by its use.
func expired(_ *testing.T, w *labWorld, _ string) {
	for _, c := range w.book.Wallets() {
		w.fake.Expire(c.ID)
	}
}

// keepSessions takes the sessions of a case over into the template: its own are
// spent.
func keepSessions(t *testing.T, w *labWorld, dir string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "state.db"))
	if err == nil {
		err = os.WriteFile(filepath.Join(w.template, "state.db"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A process is killed at every fault point of the program, for several generated
// ledgers, and at random pairs of points: the second while the first crash is
// repaired. The next run makes everything right: the warehouse shows the
// generated ledger row by row and in sums, the lake proves itself. No point is
// left out. PAYLAKE_TEST_SEEDS, PAYLAKE_TEST_PAIRS and PAYLAKE_TEST_SEED make it
// longer, or another one.
func TestKilledAtEveryPoint(t *testing.T) {
	t.Parallel()
	all, first := slices.DeleteFunc(points(t), func(p string) bool { return payPoint(p) || matchPoint(p) }), uint64(number(t, "PAYLAKE_TEST_SEED", 1))
	seeds, pairs := number(t, "PAYLAKE_TEST_SEEDS", 1), number(t, "PAYLAKE_TEST_PAIRS", 4)
	l := newLab(t, mortal(t))
	var worlds []*labWorld
	for n := range seeds {
		w := l.world(t, first+uint64(n))
		worlds = append(worlds, w)
		dice := rand.New(rand.NewPCG(w.seed, 0x706f696e74))
		for i, name := range all {
			w.killedAt(t, name, dice, (i+n)%s3Share == 0 && !strings.HasPrefix(name, "file."))
		}
		t.Logf("seed %d: %d processes killed so far", w.seed, total(l.ran))
	}
	for _, name := range all {
		if l.ran[name] == 0 {
			t.Errorf("no process died at %s", name)
		}
	}
	t.Logf("%d points × %d seeds (from %d): %d processes killed (%d over a lake in S3), 0 lost, 0 doubled", len(all), seeds, first, total(l.ran), l.ranS3)
	if l.ranS3 == 0 {
		t.Error("no process died over a lake in S3")
	}
	l.ran, l.ranS3 = map[string]int{}, 0
	dice := rand.New(rand.NewPCG(first, 0x7061697273))
	for n := range pairs {
		w := worlds[dice.IntN(len(worlds))]
		s3 := n%s3Share == 0
		w.killedTwice(t, w.draw(dice, s3), w.draw(dice, s3), s3)
		if (n+1)%100 == 0 {
			t.Logf("%d pairs so far", n+1)
		}
	}
	t.Logf("%d pairs of points: %d processes killed (%d over a lake in S3), 0 lost, 0 doubled", pairs, total(l.ran), l.ranS3)
}

// s3Share: every so manieth case has its lake in a bucket of a real S3 server
// instead of a folder. Over the seeds every point has its turn.
const s3Share = 4

func total(ran map[string]int) (n int) {
	for _, c := range ran {
		n += c
	}
	return n
}

// killedAt is one case: a run is killed at a point, the next one comes to its end.
func (w *labWorld) killedAt(t *testing.T, name string, dice *rand.Rand, s3 bool) {
	t.Helper()
	s := scenes[name]
	n := 1
	if passed := w.passed[s3][name]; passed > 0 {
		n += dice.IntN(passed)
	}
	from := w.template
	if s.bare {
		from = w.bare
	}
	dir := w.begin(t, from)
	if s3 {
		inBucket(t, w, dir)
	}
	if s.before != nil {
		s.before(t, w, dir)
	}
	if s.args == nil {
		s.args = []string{"run"}
	}
	if s.alone {
		w.release(t)
	}
	if w.die(t, dir, s.faults, name, n, s.args) || n > 1 && w.die(t, dir, s.faults, name, 1, s.args) {
		w.died(name, s3)
	}
	if s.alone {
		w.hold(t)
		w.share(t, filepath.Join(dir, "data"))
	}
	w.live(t, dir, "", "run").well(t)
	w.right(t, dir)
	if s.after != nil {
		s.after(t, w, dir)
	}
	if t.Failed() {
		t.Fatalf("seed %d, killed at %s, passing %d, lake in S3: %t", w.seed, name, n, s3)
	}
	w.end(t, dir)
}

// killedTwice is another: the run after the first crash is killed, too.
func (w *labWorld) killedTwice(t *testing.T, a, b string, s3 bool) {
	t.Helper()
	dir := w.begin(t, w.template)
	if s3 {
		inBucket(t, w, dir)
	}
	for _, at := range []string{a, b} {
		name, number, _ := strings.Cut(at, "#")
		var n int
		_, _ = fmt.Sscan(number, &n)
		if w.die(t, dir, "", name, n, []string{"run"}) {
			w.died(name, s3)
		}
	}
	w.live(t, dir, "", "run").well(t)
	w.right(t, dir)
	if t.Failed() {
		t.Fatalf("seed %d, killed at %s, then at %s, lake in S3: %t", w.seed, a, b, s3)
	}
	w.end(t, dir)
}

// die runs a command that is to be killed, and reports whether it was. One that
// ends before must end well.
func (w *labWorld) die(t *testing.T, dir, faults, name string, n int, args []string) bool {
	t.Helper()
	e := w.live(t, dir, strings.ReplaceAll(faults, "DAMAGE", w.origin+"/damage")+fmt.Sprintf("%s#%d", name, n), args...)
	if !e.killed {
		e.well(t)
	}
	return e.killed
}

// died counts a process that was killed at a point.
func (w *labWorld) died(name string, s3 bool) {
	w.ran[name]++
	if s3 {
		w.ranS3++
	}
}

// draw chooses a passing of a point.
func (w *labWorld) draw(dice *rand.Rand, s3 bool) string {
	names := slices.Sorted(maps.Keys(w.passed[s3]))
	name := names[dice.IntN(len(names))]
	return fmt.Sprintf("%s#%d", name, 1+dice.IntN(w.passed[s3][name]))
}

// alter changes the amounts of loads and leaves the number of their rows: so
// little a server need lose of what it has acknowledged.
const alter = "ALTER TABLE ledger_rows UPDATE amount_minor = amount_minor + 1 WHERE load_id IN (%s) SETTINGS mutations_sync = 1"

// damage alters what is loaded and not yet published.
func (w *labWorld) damage(rw http.ResponseWriter) {
	if _, err := w.sql(fmt.Sprintf(alter, "SELECT load_id FROM loads WHERE load_id NOT IN (SELECT load_id FROM load_visibility)")); err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
	}
}
