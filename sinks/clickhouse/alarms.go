package clickhouse

import (
	"context"
	"fmt"
	"slices"

	"github.com/paylake/paylake/schemas"
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
		sql := fmt.Sprintf("SELECT check_name, source, table, toInt64(count()), min(row_id), any(detail) FROM %s.alarms WHERE row_id != '' AND snapshot > %d AND snapshot <= %d "+
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

// TableAlarm is a check of a whole table that does not hold now: of freshness or
// of volume.
type TableAlarm struct {
	ID                   string // another one for another day, or another newest row
	Check, Source, Table string
	Observed, Expected   string
	Day                  string // YYYY-MM-DD that it is about
	Detail               string
}

// TableAlarms lists them. Without such a check it asks nothing.
func (w *Warehouse) TableAlarms(ctx context.Context) (list []TableAlarm, err error) {
	if !slices.ContainsFunc(w.checks, func(c schemas.Check) bool {
		_, fresh := c.Rule.(schemas.Freshness)
		_, volume := c.Rule.(schemas.Volume)
		return fresh || volume
	}) {
		return nil, nil
	}
	err = w.surviving(ctx, func() error {
		list = nil
		if err := w.ensure(ctx); err != nil {
			return err
		}
		sql := fmt.Sprintf("SELECT id, check_name, source, table, observed, expected, toString(business_date), detail FROM %s.alarms WHERE row_id = '' "+
			"ORDER BY check_name, source, table, business_date", w.db)
		return w.each(ctx, "look for alarms", sql, func(scan func(...any) error) error {
			var a TableAlarm
			err := scan(&a.ID, &a.Check, &a.Source, &a.Table, &a.Observed, &a.Expected, &a.Day, &a.Detail)
			list = append(list, a)
			return err
		})
	})
	return list, err
}
