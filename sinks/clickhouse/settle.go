package clickhouse

import (
	"context"
	"fmt"

	"github.com/paylake/paylake/fault"
)

// settle brings the warehouse to a known state, once per process and after
// every failure: where it stands, that it follows this lake, that nothing half
// done can ever be seen, and that what is visible is what was committed.
func (w *Warehouse) settle(ctx context.Context) error {
	if err := w.ensure(ctx); err != nil {
		return err
	}
	objects, err := w.position(ctx)
	if err != nil {
		return err
	}
	if err := w.recover(ctx); err != nil {
		return err
	}
	fault.Point("settle.recovered")
	var visible uint64
	if err := w.one(ctx, "count its objects", fmt.Sprintf("SELECT uniqExact(object) FROM %[1]s.load_visibility WHERE snapshot <= %[2]d AND load_id NOT IN (SELECT load_id FROM %[1]s.load_abandoned)",
		w.db, w.applied), &visible); err != nil {
		return err
	}
	if int64(visible) < objects { // something lost rows of ours: walk the whole lake again, skipping what is there
		w.applied = 0
	}
	if err := w.checkPartitions(ctx); err != nil {
		return err
	}
	w.sweep(ctx)
	return nil
}

// position reads how far the warehouse is, and refuses another lake's history.
func (w *Warehouse) position(ctx context.Context) (objects int64, err error) {
	var digest string
	err = w.one(ctx, "read its position", fmt.Sprintf("SELECT max(sequence), argMax(sha256, sequence), sum(objects) FROM (SELECT DISTINCT sequence, sha256, objects FROM %s.manifests)", w.db),
		&w.applied, &digest, &objects)
	if err != nil || w.applied == 0 {
		return objects, err
	}
	for e, err := range w.lake.Manifests(ctx, w.applied) {
		if err != nil {
			return 0, err
		}
		if e.SHA256 != digest {
			return 0, w.errOther(fmt.Sprintf("manifest %d is %.12s…, the one loaded was %.12s…", e.Sequence, e.SHA256, digest))
		}
		return objects, nil
	}
	return 0, w.errOther(fmt.Sprintf("manifest %d, which it holds, is not in the lake", w.applied))
}

// recover abandons every load that a dead process left unpublished. Should its
// INSERT still be running, nobody will see what it writes.
func (w *Warehouse) recover(ctx context.Context) error {
	var ids []uint64
	sql := fmt.Sprintf("SELECT load_id FROM %[1]s.loads WHERE load_id NOT IN (SELECT load_id FROM %[1]s.load_visibility) AND load_id NOT IN (SELECT load_id FROM %[1]s.load_abandoned)", w.db)
	err := w.each(ctx, "look for unfinished loads", sql, func(scan func(...any) error) error {
		var id uint64
		defer func() { ids = append(ids, id) }()
		return scan(&id)
	})
	if err != nil {
		return err
	}
	return w.abandon(ctx, "left unfinished", ids...)
}
