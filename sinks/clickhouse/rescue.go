package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/lake"
)

// The warehouse as a second copy: it holds every column of every row that was
// published, so an object that the lake has lost can be made again from it.

// Rescue puts back the files of the lake that are damaged, as far as this
// warehouse holds their rows, and returns what is left: what it does not hold, or
// holds otherwise than it was committed. It changes nothing in the warehouse, and
// does not wait for one that cannot be reached.
func (w *Warehouse) Rescue(ctx context.Context, damaged []lake.Damage) (back []lake.Damage, left []lake.Unrestored, err error) {
	for _, d := range damaged {
		why := ""
		if d.Rejects {
			why, err = w.rescueRejects(ctx, d)
		} else {
			why, err = w.rescueObject(ctx, d)
		}
		switch {
		case err != nil:
			return back, left, err
		case why != "":
			left = append(left, lake.Unrestored{Damage: d, Why: why})
		default:
			back = append(back, d)
		}
	}
	return back, left, nil
}

// rescueObject restores one object; why says what is in the way.
func (w *Warehouse) rescueObject(ctx context.Context, d lake.Damage) (why string, err error) {
	t := d.Schema()
	if t == nil {
		return "its table is not known to this version", nil
	}
	var found, id uint64
	if err := w.one(ctx, "look for a lost object", fmt.Sprintf("SELECT count(), min(load_id) FROM %[1]s.load_visibility WHERE object = %[2]s AND load_id NOT IN (SELECT load_id FROM %[1]s.load_abandoned)",
		w.db, literal(d.Object().Path)), &found, &id); err != nil {
		return nothingThere(err)
	}
	if found == 0 {
		return "the warehouse has not loaded it", nil
	}
	rows, err := w.held(ctx, t, load{id: id, table: t, object: d.Object()})
	if err != nil {
		return nothingThere(err)
	}
	defer rows.Record.Release()
	return notThose(w.lake.Restore(ctx, d, rows))
}

// notThose tells rows that are not the lost ones from a lake that cannot be
// written to.
func notThose(err error) (string, error) {
	if err == nil || !errors.Is(err, lake.ErrOtherBytes) {
		return "", err
	}
	return "the rows that the warehouse holds are not those that were committed", nil
}

func nothingThere(err error) (string, error) {
	if unknownName(err) {
		return "the warehouse is empty", nil
	}
	return "", err
}

// held reads the rows of a load with every column of the table.
func (w *Warehouse) held(ctx context.Context, t *schemas.Table, l load) (lake.Rows, error) {
	names := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		names[i] = quote(f.Name)
	}
	sql := fmt.Sprintf("SELECT %s, revision, sign, snapshot FROM %s.%s WHERE %s", strings.Join(names, ", "), w.db, rowsTable(t), l.where())
	b := array.NewRecordBuilder(memory.DefaultAllocator, t.ArrowSchema())
	defer b.Release()
	cells := make([]cellOf, len(t.Fields))
	into := make([]any, len(t.Fields)+3)
	for i, f := range t.Fields {
		cells[i] = cellFor(f, b.Field(i))
		into[i] = cells[i].into
	}
	var rows lake.Rows
	var revision int32
	var sign int8
	var came int64
	into[len(t.Fields)], into[len(t.Fields)+1], into[len(t.Fields)+2] = &revision, &sign, &came
	err := w.each(ctx, "read the rows of a lost object", sql, func(scan func(...any) error) error {
		if err := scan(into...); err != nil {
			return err
		}
		for i := range cells {
			cells[i].append()
		}
		rows.Revision, rows.Sign = append(rows.Revision, revision), append(rows.Sign, int32(sign))
		rows.Came = append(rows.Came, came)
		return nil
	})
	rows.Record = b.NewRecord()
	return rows, err
}

// cellOf is where a column's value is scanned to, and how it is appended.
type cellOf struct {
	into   any
	append func()
}

func cellFor(f schemas.Field, b array.Builder) cellOf {
	switch b := b.(type) {
	case *array.StringBuilder:
		return slot(f, func(v string) { b.Append(v) }, b.AppendNull)
	case *array.Int32Builder:
		return slot(f, func(v int32) { b.Append(v) }, b.AppendNull)
	case *array.Int64Builder:
		return slot(f, func(v int64) { b.Append(v) }, b.AppendNull)
	case *array.Date32Builder:
		return slot(f, func(v time.Time) { b.Append(arrow.Date32FromTime(v)) }, b.AppendNull)
	case *array.TimestampBuilder:
		return slot(f, func(v time.Time) { b.Append(arrow.Timestamp(v.UnixMicro())) }, b.AppendNull)
	}
	panic(fmt.Sprintf("clickhouse: a column of type %s", b.Type()))
}

func slot[T any](f schemas.Field, put func(T), null func()) cellOf {
	if !f.Nullable {
		v := new(T)
		return cellOf{v, func() { put(*v) }}
	}
	v := new(*T)
	return cellOf{v, func() {
		if *v == nil {
			null()
			return
		}
		put(**v)
	}}
}

// rescueRejects restores a quarantine file.
func (w *Warehouse) rescueRejects(ctx context.Context, d lake.Damage) (why string, err error) {
	sql := fmt.Sprintf("SELECT DISTINCT id, toString(source), toString(table), toString(wallet_id), row_id, toString(reason), toString(field), amount_minor, toString(currency) FROM %s.quarantine_rows WHERE snapshot = %d AND source = %s AND table = %s",
		w.db, d.Manifest, literal(d.Source), literal(d.Table))
	var rows []lake.QuarantineRow
	err = w.each(ctx, "read lost rejected rows", sql, func(scan func(...any) error) error {
		var r lake.QuarantineRow
		defer func() { rows = append(rows, r) }()
		return scan(&r.ID, &r.Source, &r.Table, &r.WalletID, &r.RowID, &r.Reason, &r.Field, &r.Amount, &r.Currency)
	})
	if err != nil {
		return nothingThere(err)
	}
	if int64(len(rows)) != d.Rows {
		return fmt.Sprintf("the warehouse holds %d of its %d rows", len(rows), d.Rows), nil
	}
	return notThose(w.lake.RestoreRejects(ctx, d, rows))
}
