package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/clickhouse/embedded"
	"github.com/paylake/paylake/sinks/lake"
)

// fill commits a small history: two months, a revision, a rejected row.
func fillLake(t testing.TB, l *lake.Lake) {
	t.Helper()
	p := part(schemas.Ledger, "mpay", "wlt_1", days(0, 3), ledgerRow("a", day0, -3740, nil), ledgerRow("b", day0.AddDate(0, 0, 2), -500, row{"status": "reversed"}))
	p.Rejects = []schemas.Reject{{RowID: "bad", Reason: schemas.ReasonAmount, Field: "amount", Raw: []byte("raw")}}
	commit(t, l, p)
	commit(t, l, part(schemas.Ledger, "mpay", "wlt_1", days(0, 3), ledgerRow("a", day0, -3741, nil), ledgerRow("c", day0, 100, row{"type": "refund"})))
	commit(t, l, part(schemas.Providers, "mpay", "", schemas.Window{}, row{"source": "mpay", "provider_code": "azersu", "name_az": "Azərsu", "category": "utilities"}))
}

// everything a reader can see, in one text. Times of publication differ from
// one load to the next and are left out.
func everything(t testing.TB, w *Warehouse) string {
	t.Helper()
	var b strings.Builder
	for _, sql := range []string{
		"SELECT * FROM ledger ORDER BY ALL", "SELECT * FROM operations ORDER BY ALL", "SELECT * FROM providers ORDER BY ALL",
		"SELECT * FROM providers_history ORDER BY ALL", "SELECT * FROM spend_by_provider ORDER BY ALL",
		"SELECT * EXCEPT (published_at) FROM snapshots ORDER BY ALL", "SELECT * FROM quarantine ORDER BY ALL", "SELECT * FROM completeness ORDER BY ALL",
	} {
		b.WriteString(sql + "\n" + lines(ask(t, w, sql)))
	}
	return b.String()
}

var errFault = errors.New("fault")

// Every write of a follower is broken once before it happens and once after
// (the answer is lost), then a new process follows. What readers see is the
// same as if nothing had happened.
func TestEveryFault(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	fillLake(t, l)
	clean := open(t, l, c, false)
	clean.parallel = 1 // so that points come in one order
	var points []string
	clean.fault = func(what string, after bool) error {
		if !after {
			points = append(points, what)
		}
		return nil
	}
	follow(t, clean)
	want := everything(t, clean)
	if !strings.Contains(want, "bad") || !strings.Contains(want, "Azərsu") {
		t.Fatalf("the oracle is poor:\n%s", want)
	}
	first := 0
	for first < len(points) && points[first] != "write loads" {
		first++ // making the schema is repeated as it is, and slow: two of its points are enough
	}
	tried := 0
	for i := range points {
		if i > 1 && i < first-1 {
			continue
		}
		for _, after := range []bool{false, true} {
			tried++
			name := fmt.Sprintf("%d %s after=%t", i, points[i], after)
			w := open(t, l, c, i%3 == 0)
			w.parallel = 1
			n, fired := -1, false
			w.fault = func(what string, a bool) error {
				if strings.HasPrefix(what, "make role") {
					return nil // only a server has them, and goes on without
				}
				if !a {
					n++
				}
				if n == i && a == after && !fired {
					fired = true
					return errFault
				}
				return nil
			}
			if _, err := w.Follow(t.Context()); err == nil || !fired {
				// A fault that a new load_id absorbs within the call is fine.
				if !fired {
					t.Fatalf("%s never fired", name)
				}
			} else if !errors.Is(err, sinks.ErrUnavailable) {
				t.Fatalf("%s: %v", name, err)
			}
			next := reopen(t, l, c, false, w.db)
			follow(t, next)
			if got := everything(t, next); got != want {
				t.Fatalf("%s:\n%s\nwant:\n%s", name, got, want)
			}
			if err := next.exec(t.Context(), "drop", "DROP DATABASE "+next.db); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d faults over %d writes", tried, len(points))
}

// The real thing: the ClickHouse process is killed again and again while the
// follower works.
func TestKilledClickHouse(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	for i := range 12 {
		var rows []row
		for j := range 300 {
			rows = append(rows, ledgerRow(fmt.Sprintf("e%d-%d", i, j), day0.AddDate(0, i%3, j%20), -int64(100+j), nil))
		}
		commit(t, l, part(schemas.Ledger, "mpay", "wlt_1", days(i, 1), rows...))
	}
	dir := t.TempDir()
	server, err := embedded.Acquire(t.Context(), serverOptions(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	w, err := Open(t.Context(), Options{Lake: l, Embedded: server, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, stop := context.WithCancel(t.Context())
	killed := make(chan int)
	go func() {
		kills := 0
		for wait := 40 * time.Millisecond; kills < 6 && ctx.Err() == nil; wait += 170 * time.Millisecond {
			time.Sleep(wait)
			if killChild(dir) {
				kills++
			}
		}
		killed <- kills
	}()
	for range 60 {
		if _, err = w.Follow(t.Context()); err == nil && ctx.Err() == nil && w.applied == 12 {
			break
		}
	}
	stop()
	t.Logf("killed %d times", <-killed)
	if err := server.Revive(t.Context()); err != nil {
		t.Fatal(err)
	}
	next, err := Open(t.Context(), Options{Lake: l, Embedded: server, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	follow(t, next)
	if got := lines(ask(t, next, "SELECT count(), uniqExact(entry_id), sum(amount_minor), max(snapshot) FROM ledger")); got != fmt.Sprintf("3600 | 3600 | %d | 12\n", -12*sum(100, 399)) {
		t.Errorf("after the kills: %s", got)
	}
}

func sum(from, to int) (s int) {
	for ; from <= to; from++ {
		s += from
	}
	return s
}

func killChild(dir string) bool {
	data, err := os.ReadFile(dir + "/warehouse.json")
	var r struct {
		ChildPID int `json:"child_pid"`
	}
	if err != nil || json.Unmarshal(data, &r) != nil || r.ChildPID == 0 {
		return false
	}
	return syscall.Kill(r.ChildPID, syscall.SIGKILL) == nil
}

// Rows of a load that was abandoned, however late they come, are not seen; a
// second published load of an object is not seen; rows written twice under a
// published load_id are found at the next start and replaced.
func TestZombies(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	fillLake(t, l)
	w := open(t, l, c, false)
	follow(t, w)
	want := everything(t, w)
	sql := func(s string) {
		t.Helper()
		if err := w.exec(t.Context(), "test", strings.ReplaceAll(s, "DB.", w.db+".")); err != nil {
			t.Fatal(err)
		}
	}
	id := cell(t, w, "SELECT load_id FROM ledger_rows WHERE entry_id = 'b' LIMIT 1")

	// 1. an INSERT that its follower has given up
	if err := w.abandon(t.Context(), "test", 5); err != nil {
		t.Fatal(err)
	}
	sql("INSERT INTO DB.loads SELECT * REPLACE (toUInt64(5) AS load_id) FROM (SELECT * FROM DB.loads WHERE load_id = " + id + ")")
	sql("INSERT INTO DB.ledger_rows SELECT * REPLACE (5 AS load_id, amount_minor * 2 AS amount_minor) FROM (SELECT * FROM DB.ledger_rows WHERE load_id = " + id + ")")
	sql("INSERT INTO DB.spend_rollup SELECT * REPLACE (5 AS load_id) FROM (SELECT * FROM DB.spend_rollup WHERE load_id = " + id + ")")
	sql("INSERT INTO DB.load_visibility SELECT * REPLACE (toUInt64(5) AS load_id) FROM (SELECT * FROM DB.load_visibility WHERE load_id = " + id + ")")
	if got := everything(t, w); got != want {
		t.Errorf("an abandoned load is visible:\n%s", got)
	}
	// 2. a second published load
	sql("INSERT INTO DB.loads SELECT * REPLACE (toUInt64(load_id + 1) AS load_id) FROM (SELECT * FROM DB.loads WHERE load_id = " + id + ")")
	sql("INSERT INTO DB.ledger_rows SELECT * REPLACE (load_id + 1 AS load_id) FROM (SELECT * FROM DB.ledger_rows WHERE load_id = " + id + ")")
	sql("INSERT INTO DB.spend_rollup SELECT * REPLACE (load_id + 1 AS load_id) FROM (SELECT * FROM DB.spend_rollup WHERE load_id = " + id + ")")
	sql("INSERT INTO DB.load_visibility SELECT * REPLACE (toUInt64(load_id + 1) AS load_id) FROM (SELECT * FROM DB.load_visibility WHERE load_id = " + id + ")")
	if got := everything(t, w); got != want {
		t.Errorf("a second load is visible:\n%s", got)
	}
	// 3. a doubled INSERT under the published load_id: seen, alarmed, repaired
	sql("INSERT INTO DB.ledger_rows SELECT * FROM DB.ledger_rows WHERE load_id = " + id)
	if s, err := w.Status(t.Context()); err != nil || s.Doubles == 0 {
		t.Errorf("no alarm for a doubled load: %+v %v", s, err)
	}
	next := reopen(t, l, c, false, w.db)
	follow(t, next)
	if got := everything(t, next); got != want {
		t.Errorf("a doubled load was not repaired:\n%s", got)
	}
	if s, err := next.Status(t.Context()); err != nil || s.Doubles != 0 {
		t.Errorf("after the repair: %+v %v", s, err)
	}
	// 4. rollups that lost a row
	sql("ALTER TABLE DB.spend_rollup DELETE WHERE entries = 1 SETTINGS mutations_sync = 1")
	next = reopen(t, l, c, false, w.db)
	follow(t, next)
	if got := everything(t, next); got != want {
		t.Errorf("a lost rollup was not repaired:\n%s", got)
	}
	// 5. visibility lost
	sql("ALTER TABLE DB.load_visibility DELETE WHERE snapshot = 2 SETTINGS mutations_sync = 1")
	next = reopen(t, l, c, false, w.db)
	follow(t, next)
	if got := everything(t, next); got != want {
		t.Errorf("lost visibility was not repaired:\n%s", got)
	}
	// 6. after a while their rows are swept
	c.advance(time.Hour)
	follow(t, reopen(t, l, c, false, w.db))
	if n := cell(t, w, "SELECT count() FROM ledger_rows WHERE load_id IN (SELECT load_id FROM load_abandoned)"); n != "0" {
		t.Errorf("%s rows of abandoned loads are left", n)
	}
	if got := everything(t, next); got != want {
		t.Errorf("after sweeping:\n%s", got)
	}
}

// An object whose bytes are not what was committed is refused, by name, and
// nothing of its manifest is seen.
func TestTampered(t *testing.T) {
	for _, push := range []bool{false, true} {
		c := newClock()
		l := newLake(t, c)
		fillLake(t, l)
		var path string
		for e, err := range l.Manifests(t.Context(), 2) {
			if err != nil {
				t.Fatal(err)
			}
			path, _ = l.LocalPath(e.Objects[0].Path)
			break
		}
		original, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		flipped := append([]byte(nil), original...)
		flipped[len(flipped)/2] ^= 1
		overwrite(t, path, flipped)
		w := open(t, l, c, push)
		if _, err := w.Follow(t.Context()); !errors.Is(err, sinks.ErrCorrupt) || !strings.Contains(err.Error(), path) {
			t.Errorf("push=%t: %v", push, err)
		}
		if n := cell(t, w, "SELECT count() FROM ledger"); n != "0" {
			t.Errorf("push=%t: %s rows are visible", push, n)
		}
		overwrite(t, path, original)
		follow(t, w)
		if n := cell(t, w, "SELECT count() FROM ledger"); n != "3" {
			t.Errorf("push=%t: after the file was put back: %s rows", push, n)
		}
	}
}

func overwrite(t *testing.T, path string, data []byte) {
	t.Helper()
	_ = os.Chmod(path, 0o600)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A warehouse does not follow another lake without a word.
func TestOtherLake(t *testing.T) {
	c := newClock()
	one, other := newLake(t, c), newLake(t, c)
	fillLake(t, one)
	w := open(t, one, c, false)
	follow(t, w)
	if _, err := reopen(t, other, c, false, w.db).Follow(t.Context()); !errors.Is(err, sinks.ErrCorrupt) || !strings.Contains(err.Error(), "paylake rebuild") {
		t.Errorf("an empty lake: %v", err)
	}
	c.advance(time.Hour)
	fillLake(t, other)
	next := reopen(t, other, c, false, w.db)
	if _, err := next.Follow(t.Context()); !errors.Is(err, sinks.ErrCorrupt) {
		t.Errorf("another history: %v", err)
	}
	if err := next.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	follow(t, next)
}

// Rebuild gives the same, and keeps what does not come from the lake.
func TestRebuild(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	fillLake(t, l)
	w := open(t, l, c, false)
	follow(t, w)
	if err := w.RecordRun(t.Context(), Run{Pipeline: "ledger", Outcome: "done", StartedAt: c.now(), FinishedAt: c.now(), Rows: 4}); err != nil {
		t.Fatal(err)
	}
	want := everything(t, w)
	if err := w.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := everything(t, w); got != want {
		t.Errorf("rebuilt:\n%s\nwant:\n%s", got, want)
	}
	if got := lines(ask(t, w, "SELECT pipeline, rows FROM pipeline_runs")); got != "ledger | 4\n" {
		t.Errorf("runs: %s", got)
	}
	busy := errors.New("no lease")
	w.lease = func(context.Context) (func(), error) { return nil, fmt.Errorf("%w: %w", busy, sinks.ErrBusy) }
	if err := w.Rebuild(t.Context()); !errors.Is(err, sinks.ErrBusy) {
		t.Errorf("rebuild beside a follower: %v", err)
	}
}
