package clickhouse

import (
	"context"
	"fmt"
	"strings"

	"github.com/paylake/paylake/fault"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/lake"
)

// partition is one month of one table.
type partition struct {
	table string
	month uint32
}

func (p partition) where() string {
	if p.month == 0 {
		return "1"
	}
	return inMonth(p.month)
}

// seen are the loads that readers see, without an upper snapshot.
func (w *Warehouse) seen() string {
	return fmt.Sprintf("(SELECT min(load_id) FROM %[1]s.load_visibility WHERE %[2]s AND load_id NOT IN (SELECT load_id FROM %[1]s.load_abandoned) GROUP BY object)", w.db, viewer{db: w.db}.standing())
}

// fingerprints says in which state every partition is: its parts (they never
// change, they are replaced) and its visible loads. Metadata alone, so it stays
// cheap however long the history is.
func (w *Warehouse) fingerprints(ctx context.Context) (map[partition]uint64, error) {
	out := map[partition]uint64{}
	sql := fmt.Sprintf(`SELECT t, m, sum(f) FROM (
  SELECT arrayJoin(if(table = 'spend_rollup', ['ledger', 'operations'], [substring(table, 1, length(table) - 5)])) AS t,
    toUInt32OrZero(partition_id) AS m, sipHash64(table, name, hash_of_all_files) AS f
  FROM system.parts WHERE database = %[1]s AND active AND (table = 'spend_rollup' OR table IN (%[2]s))
  UNION ALL
  SELECT toString(table), month, load_id FROM %[3]s.loads WHERE load_id IN %[4]s) GROUP BY t, m`, literal(w.db), rowsTables(), w.db, w.seen())
	err := w.each(ctx, "look at its partitions", sql, func(scan func(...any) error) error {
		var p partition
		var f uint64
		err := scan(&p.table, &p.month, &f)
		out[p] = f
		return err
	})
	return out, err
}

func rowsTables() string {
	var names []string
	for _, t := range schemas.All() {
		names = append(names, literal(rowsTable(t)))
	}
	return strings.Join(names, ", ")
}

// Kinds of checks.
const (
	checkContent = "content" // what is visible is what was committed
	checkDoubles = "doubles" // no key is visible twice
)

// changed returns the partitions that have changed since they were last
// checked, and the doubles found in all others.
func (w *Warehouse) changed(ctx context.Context, kind string) (map[partition]uint64, int64, error) {
	now, err := w.fingerprints(ctx)
	if err != nil {
		return nil, 0, err
	}
	var doubles int64
	sql := fmt.Sprintf("SELECT toString(table), month, argMax(fingerprint, checked_at), argMax(doubles, checked_at) FROM %s.partition_checks WHERE kind = %s GROUP BY table, month", w.db, literal(kind))
	err = w.each(ctx, "read its checks", sql, func(scan func(...any) error) error {
		var p partition
		var f uint64
		var d int64
		err := scan(&p.table, &p.month, &f, &d)
		if now[p] == f {
			delete(now, p)
			doubles += d
		}
		return err
	})
	return now, doubles, err
}

// checkPartitions compares what has changed with what the manifests said, and
// loads again what differs.
func (w *Warehouse) checkPartitions(ctx context.Context) error {
	changed, _, err := w.changed(ctx, checkContent)
	if err != nil {
		return err
	}
	var checks [][]any
	for p, fingerprint := range changed {
		t, ok := schemas.ByName(p.table)
		if !ok {
			continue
		}
		if err := w.mendPartition(ctx, t, p); err != nil {
			return err
		}
		checks = append(checks, []any{checkContent, p.table, p.month, fingerprint, int64(0), w.now().UTC()})
	}
	return w.insert(ctx, "partition_checks", checks)
}

// mendPartition compares a partition until it holds what was committed. More
// than one round is needed where an object had several published loads and the
// next in line is no better.
func (w *Warehouse) mendPartition(ctx context.Context, t *schemas.Table, p partition) error {
	for range 5 {
		mended, err := w.checkPartition(ctx, t, p)
		if err != nil || mended == 0 {
			return err
		}
	}
	return fmt.Errorf("warehouse: %s of %d does not hold what was committed, however often it is loaded; run paylake rebuild", t.Name, p.month)
}

// checkPartition compares one partition, load by load, and says how many loads
// had to be replaced.
func (w *Warehouse) checkPartition(ctx context.Context, t *schemas.Table, p partition) (mended int, err error) {
	want := map[uint64]content{}
	loads := map[uint64]load{}
	sql := fmt.Sprintf("SELECT DISTINCT load_id, object, snapshot, rows, hash_sum, sums FROM %s.loads WHERE table = %s AND month = %d AND load_id IN %s",
		w.db, literal(t.Name), p.month, w.seen())
	err = w.each(ctx, "read its loads", sql, func(scan func(...any) error) error {
		l := load{table: t}
		var sums string
		err := scan(&l.id, &l.object.Path, &l.snapshot, &l.object.Rows, &l.object.HashSum, &sums)
		loads[l.id], want[l.id] = l, recordedContent(l.object, sums)
		return err
	})
	if err != nil {
		return 0, err
	}
	bad, err := w.differing(ctx, t, p.where()+" AND load_id IN "+w.seen(), want)
	if err != nil {
		return 0, err
	}
	for id, why := range bad {
		w.log.Warn("a load is not what was committed, loading it again", "object", loads[id].object.Path, "detail", why)
		if err := w.reload(ctx, loads[id]); err != nil {
			return 0, err
		}
	}
	return len(bad), nil
}

// recordedContent is what the loads table kept of the manifest.
func recordedContent(o lake.Object, sums string) content {
	c := content{rows: o.Rows, hash: o.HashSum, money: map[string]money{}}
	for _, field := range strings.Fields(sums) {
		var m money
		var currency string
		if n, _ := fmt.Sscanf(field, "%3s:%d:%s", &currency, &m.rows, &m.amount); n == 3 {
			c.money[currency] = m
		}
	}
	return c
}

// reload loads an object again. The new load is published before the old one
// is abandoned: readers change from one to the other and never miss the rows.
func (w *Warehouse) reload(ctx context.Context, old load) error {
	for e, err := range w.lake.Manifests(ctx, old.snapshot) {
		if err != nil {
			return err
		}
		loads, err := loadsOf(&e)
		if err != nil {
			return err
		}
		for _, l := range loads {
			if l.object.Path != old.object.Path {
				continue
			}
			if err := w.asBefore(ctx, &l); err != nil {
				return err
			}
			again := []load{l}
			if err := w.loadAll(ctx, again); err != nil {
				return err
			}
			if err := w.publishLoads(ctx, again); err != nil {
				return err
			}
			fault.Point("load.replaced")
			return w.abandon(ctx, "not what was committed", old.id)
		}
		break
	}
	return w.errOther(fmt.Sprintf("%s is not in manifest %d", old.object.Path, old.snapshot))
}

// asBefore gives a load the place in history that its object has already.
func (w *Warehouse) asBefore(ctx context.Context, l *load) error {
	return w.one(ctx, "look at a load", fmt.Sprintf("SELECT min(snapshot), min(since) FROM %s.load_visibility WHERE object = %s", w.db, literal(l.object.Path)), &l.first, &l.since)
}

// doubles counts keys that are visible twice in a partition: always 0, or the
// lake itself holds a row twice.
func (w *Warehouse) doubles(ctx context.Context, t *schemas.Table, p partition) (n int64, err error) {
	key := identity(t)
	columns := strings.Join(key[:len(key)-1], ", ") // without the revision
	v := viewer{db: w.db}
	sql := fmt.Sprintf("SELECT toInt64(count()) FROM (SELECT 1 FROM %s.%s WHERE %s AND %s GROUP BY %s HAVING count() > 1) SETTINGS max_bytes_before_external_group_by = 268435456",
		w.db, rowsTable(t), p.where(), v.current(t, "9223372036854775807::Int64"), columns)
	return n, w.one(ctx, "look for doubles", sql, &n)
}

// allDoubles counts keys that are visible twice. It looks only at partitions
// that have changed since it last looked, and remembers what it saw.
func (w *Warehouse) allDoubles(ctx context.Context) (int64, error) {
	changed, total, err := w.changed(ctx, checkDoubles)
	if err != nil {
		return 0, err
	}
	var checks [][]any
	for p, fingerprint := range changed {
		t, ok := schemas.ByName(p.table)
		if !ok {
			continue
		}
		n, err := w.doubles(ctx, t, p)
		if err != nil {
			return 0, err
		}
		total += n
		checks = append(checks, []any{checkDoubles, p.table, p.month, fingerprint, n, w.now().UTC()})
	}
	return total, w.insert(ctx, "partition_checks", checks)
}
