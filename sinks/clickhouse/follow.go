package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/paylake/paylake/fault"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/lake"
)

// A group of manifests becomes visible together: many small commits cost one
// publication, and memory stays bounded.
const (
	groupManifests = 64
	groupObjects   = 16
)

// Follow implements sinks.Follower: it loads and publishes every manifest that
// is not visible yet, in order. Errors: sinks.ErrUnavailable when ClickHouse is
// out of reach, sinks.ErrCorrupt when the lake is not what was committed or is
// another lake than the one loaded, sinks.ErrNewer, and the lease's ErrBusy.
func (w *Warehouse) Follow(ctx context.Context) (sinks.Position, error) {
	w.following.Lock()
	defer w.following.Unlock()
	head, err := w.lake.Head(ctx)
	if err != nil {
		return sinks.Position{Applied: w.applied}, err
	}
	if w.settled && w.applied == head {
		return sinks.Position{Applied: head, Head: head}, nil
	}
	err = w.leased(ctx, func() error {
		return w.surviving(ctx, func() error { return w.catchUp(ctx) })
	})
	return sinks.Position{Applied: w.applied, Head: max(head, w.applied)}, err
}

func (w *Warehouse) leased(ctx context.Context, do func() error) error {
	if w.lease != nil {
		release, err := w.lease(ctx)
		if err != nil {
			return err
		}
		defer release()
	}
	return do()
}

// catchUp settles what an earlier process left, then applies what is new. It
// must be called with following held.
func (w *Warehouse) catchUp(ctx context.Context) error {
	if !w.settled {
		if err := w.settle(ctx); err != nil {
			return err
		}
		w.settled = true
	}
	if err := w.readMerges(ctx); err != nil {
		return err
	}
	var group []lake.Entry
	objects := 0
	for e, err := range w.lake.Manifests(ctx, w.applied+1) {
		if err != nil {
			return err
		}
		group = append(group, e)
		objects += len(e.Objects)
		if len(group) >= groupManifests || objects >= groupObjects {
			if err := w.applyGroup(ctx, group); err != nil {
				return err
			}
			group, objects = group[:0], 0
		}
	}
	return w.applyGroup(ctx, group)
}

func (w *Warehouse) applyGroup(ctx context.Context, group []lake.Entry) error {
	if len(group) == 0 {
		return nil
	}
	if err := w.publish(ctx, group); err != nil {
		w.settled = false // whatever was begun is settled by the next call
		return fmt.Errorf("manifest %d: %w", group[0].Sequence, err)
	}
	fault.Point("group.shown")
	w.applied = group[len(group)-1].Sequence
	return nil
}

// publish makes a group of manifests visible.
//
//	Before: nothing of the group is visible; some of its loads may be published
//	        by an earlier attempt that did not reach the last step.
//	After:  all of it is visible, to every query that begins from now on.
func (w *Warehouse) publish(ctx context.Context, group []lake.Entry) error {
	// 1. What an earlier attempt has published stays as it is, and of objects that
	// were merged the merged one is enough.
	plan, err := w.planGroup(ctx, group)
	if err != nil {
		return err
	}
	// 2. The other objects' rows go in under new load_ids and are verified.
	if err := w.loadAll(ctx, plan.missing); err != nil {
		return err
	}
	fault.Point("group.loaded")
	// 3. Their loads are published, in one insert. Readers look no further
	//    than the newest row of manifests, so this shows nothing yet.
	if err := w.publishLoads(ctx, plan.missing); err != nil {
		return err
	}
	fault.Point("group.published")
	// Which loads a merged object stands for, from its manifest on: that is not
	// the newest row of manifests yet, either.
	if err := w.insert(ctx, "load_replaced", plan.replaced); err != nil {
		return err
	}
	fault.Point("group.replaced")
	// 4. What belongs to the manifests beside rows. Written twice it is one
	//    row to the views.
	beside, err := w.describe(ctx, group)
	if err != nil {
		return err
	}
	fault.Point("group.described")
	// 5. All of that is read back: a server may lose what it has acknowledged,
	//    and what is not there now would be missed by readers, not by us.
	if err := w.confirm(ctx, plan, group, beside); err != nil {
		return err
	}
	// 6. The commit: one insert of one block.
	return w.advance(ctx, group, plan.counts)
}

func (w *Warehouse) advance(ctx context.Context, group []lake.Entry, counts []int64) error {
	rows := make([][]any, len(group))
	for i, e := range group {
		rows[i] = []any{e.Sequence, e.SHA256, e.Kind, counts[i], e.CreatedAt.UTC(), w.now().UTC()}
	}
	return w.insert(ctx, "manifests", rows)
}

// described counts what belongs to manifests beside rows.
type described struct{ parts, breaks, rejected, resolved int }

// describe writes parts, breaks of their balance chains, rejected rows, and which
// of these came in after all.
func (w *Warehouse) describe(ctx context.Context, group []lake.Entry) (described, error) {
	var parts, breaks, rejected, resolved [][]any
	for _, e := range group {
		for i, p := range e.Parts {
			parts = append(parts, partRow(e, i, p, w))
			for _, b := range p.Chain.Breaks {
				breaks = append(breaks, []any{e.Sequence, int32(i), b.After, b.Before, b.From.UTC(), b.To.UTC(), b.Missing})
			}
			for _, id := range p.Resolves {
				resolved = append(resolved, []any{id, e.CreatedAt.UTC(), e.Sequence})
			}
		}
		for _, q := range e.Quarantine {
			rows, err := w.lake.ReadQuarantine(ctx, q.Path)
			if err != nil {
				return described{}, err
			}
			for _, r := range rows {
				rejected = append(rejected, []any{r.ID, r.Source, r.Table, r.WalletID, r.RowID, r.Reason, r.Field, r.Amount, r.Currency, e.CreatedAt.UTC(), e.Sequence})
			}
		}
	}
	n := described{len(parts), len(breaks), len(rejected), len(resolved)}
	if err := w.insert(ctx, "quarantine_rows", rejected); err != nil {
		return n, err
	}
	if err := w.insert(ctx, "quarantine_resolved", resolved); err != nil {
		return n, err
	}
	if err := w.insert(ctx, "chain_break_rows", breaks); err != nil {
		return n, err
	}
	fault.Point("group.rejects")
	return n, w.insert(ctx, "snapshot_parts", parts)
}

// confirm reads back what a group of manifests has written before it becomes
// visible. Rows that were written twice count once.
func (w *Warehouse) confirm(ctx context.Context, plan groupPlan, group []lake.Entry, beside described) error {
	objects := map[string]bool{}
	paths := []string{"''"}
	for _, l := range plan.wanted {
		if !objects[l.object.Path] {
			objects[l.object.Path] = true
			paths = append(paths, literal(l.object.Path))
		}
	}
	from, to := group[0].Sequence, group[len(group)-1].Sequence
	distinct := func(columns, table, at string) string {
		return fmt.Sprintf("(SELECT count() FROM (SELECT DISTINCT %s FROM %s.%s WHERE %s BETWEEN %d AND %d))", columns, w.db, table, at, from, to)
	}
	var visible, parts, breaks, rejected, resolved, replaced uint64
	sql := fmt.Sprintf("SELECT (SELECT uniqExact(object) FROM %[1]s.load_visibility WHERE object IN (%[2]s) AND load_id NOT IN (SELECT load_id FROM %[1]s.load_abandoned)), %[3]s, %[4]s, %[5]s, %[6]s, %[7]s",
		w.db, strings.Join(paths, ", "), distinct("sequence, part", "snapshot_parts", "sequence"),
		distinct("*", "chain_break_rows", "sequence"), distinct("id, source, `table`, snapshot", "quarantine_rows", "snapshot"),
		distinct("id, snapshot", "quarantine_resolved", "snapshot"), distinct("object", "load_replaced", "since"))
	if err := w.one(ctx, "read back what was published", sql, &visible, &parts, &breaks, &rejected, &resolved, &replaced); err != nil {
		return err
	}
	if int(visible) != len(objects) || int(parts) < beside.parts || beside.breaks > 0 && breaks == 0 || int(rejected) < beside.rejected || resolved == 0 && beside.resolved > 0 || int(replaced) < len(plan.replaced) {
		return fmt.Errorf("the warehouse has acknowledged what it does not hold: %d of %d objects, %d of %d parts, %d of %d rejected rows; run again: %w",
			visible, len(objects), parts, beside.parts, rejected, beside.rejected, sinks.ErrUnavailable)
	}
	return nil
}

func partRow(e lake.Entry, i int, p lake.Part, w *Warehouse) []any {
	var from, to any
	if !p.Window.IsZero() {
		from, to = p.Window.From.UTC(), p.Window.To.UTC()
	}
	return []any{e.Sequence, int32(i), e.CreatedAt.UTC(), e.Source, e.Table, p.WalletID, from, to, p.Final,
		p.Rows, p.Inserted, p.Retracted, p.Duplicates, p.Quarantined.Rows, string(p.Chain.State), e.SHA256, w.now().UTC()}
}

// Rebuild drops everything that comes from the lake and loads it again. What
// does not (pipeline_runs) stays. It may be interrupted: Follow goes on.
func (w *Warehouse) Rebuild(ctx context.Context) error {
	w.following.Lock()
	defer w.following.Unlock()
	return w.leased(ctx, func() error {
		return w.surviving(ctx, func() error { return w.rebuild(ctx) })
	})
}

func (w *Warehouse) rebuild(ctx context.Context) error {
	if _, err := w.lake.Head(ctx); err != nil {
		return err // nothing is dropped for a lake that cannot be read
	}
	if _, err := w.connect(); err != nil {
		return err
	}
	w.settled, w.applied = false, 0
	w.mu.Lock()
	w.made = false
	w.mu.Unlock()
	for _, name := range derived() {
		err := w.exec(ctx, "drop "+name, fmt.Sprintf("DROP TABLE IF EXISTS %s.%s SYNC", w.db, name))
		if err != nil && !unknownName(err) {
			return err
		}
	}
	fault.Point("rebuild.dropped")
	return w.catchUp(ctx)
}

// errOther says that the lake is not the one that was loaded.
func (w *Warehouse) errOther(detail string) error {
	return errors.Join(fmt.Errorf("the warehouse was loaded from another history of the lake (%s); if %s is the right lake, run paylake rebuild", detail, w.lake.URL()), sinks.ErrCorrupt)
}
