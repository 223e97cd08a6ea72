package clickhouse

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/paylake/paylake/fault"
	"github.com/paylake/paylake/schemas"
)

// sweepAfter leaves an abandoned load's INSERT, should it still run, time to end.
func (w *Warehouse) sweepAfter() time.Duration { return 2 * w.within.Load }

// sweep drops the rows of loads that were abandoned a while ago, or that a merged
// object stands for since then. It is tidying: nobody sees them, and when it fails it is tried again at the next start.
func (w *Warehouse) sweep(ctx context.Context) {
	byPartition := map[partition][]uint64{}
	sql := fmt.Sprintf("SELECT DISTINCT load_id, toString(table), month FROM %[1]s.loads WHERE (load_id IN (SELECT load_id FROM %[1]s.load_abandoned WHERE abandoned_at < fromUnixTimestamp64Micro(%[2]d))"+
		" OR object IN (SELECT object FROM %[1]s.load_replaced WHERE since IN (SELECT sequence FROM %[1]s.manifests WHERE applied_at < fromUnixTimestamp64Micro(%[2]d)))) AND load_id NOT IN (SELECT load_id FROM %[1]s.load_swept)",
		w.db, w.now().Add(-w.sweepAfter()).UnixMicro())
	err := w.each(ctx, "look for rows to sweep", sql, func(scan func(...any) error) error {
		var id uint64
		var p partition
		err := scan(&id, &p.table, &p.month)
		byPartition[p] = append(byPartition[p], id)
		return err
	})
	for p, ids := range byPartition {
		if err == nil {
			err = w.sweepPartition(ctx, p, ids)
		}
	}
	if err != nil {
		w.log.Warn("rows of abandoned loads were not swept; they stay invisible", "err", err)
	}
}

func (w *Warehouse) sweepPartition(ctx context.Context, p partition, ids []uint64) error {
	list := make([]string, len(ids))
	swept := make([][]any, len(ids))
	for i, id := range ids {
		list[i] = fmt.Sprint(id)
		swept[i] = []any{id, w.now().UTC()}
	}
	tables := []string{p.table + "_rows"}
	if t, ok := schemas.ByName(p.table); ok && spends(t) {
		tables = append(tables, "spend_rollup")
	}
	for _, t := range tables {
		err := w.exec(ctx, "sweep "+t, fmt.Sprintf("ALTER TABLE %s.%s DELETE WHERE %s AND load_id IN (%s) SETTINGS mutations_sync = 1", w.db, t, p.where(), strings.Join(list, ", ")))
		if err != nil {
			return err
		}
	}
	fault.Point("sweep.deleted")
	return w.insert(ctx, "load_swept", swept)
}
