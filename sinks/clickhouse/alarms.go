package clickhouse

import (
	"context"
	"fmt"
)

// AlarmCount is the visible rows of one source and table for which one check
// does not hold.
type AlarmCount struct {
	Check, Source, Table string
	Rows                 int64
	Example              string // id of one of the rows
	Detail               string // what the check is about
}

// Alarms counts the alarms of rows that came after a manifest, up to the newest
// that readers see, which it returns. With nothing new it is cheap.
func (w *Warehouse) Alarms(ctx context.Context, after int64) (list []AlarmCount, upTo int64, err error) {
	err = w.surviving(ctx, func() error {
		list = nil
		if err := w.ensure(ctx); err != nil {
			return err
		}
		if err := w.one(ctx, "read its position", fmt.Sprintf("SELECT max(sequence) FROM %s.manifests", w.db), &upTo); err != nil || upTo <= after {
			return err
		}
		sql := fmt.Sprintf("SELECT check_name, source, table, toInt64(count()), min(row_id), any(detail) FROM %s.alarms WHERE snapshot > %d AND snapshot <= %d "+
			"GROUP BY check_name, source, table ORDER BY check_name, source, table", w.db, after, upTo)
		return w.each(ctx, "look for alarms", sql, func(scan func(...any) error) error {
			var a AlarmCount
			err := scan(&a.Check, &a.Source, &a.Table, &a.Rows, &a.Example, &a.Detail)
			list = append(list, a)
			return err
		})
	})
	return list, upTo, err
}
