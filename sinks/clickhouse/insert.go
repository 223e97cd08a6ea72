package clickhouse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/lake"
)

// pullable returns the path under which ClickHouse itself can read an object:
// the embedded one and a file lake are on the same machine. Names in which
// file() would see a pattern are pushed instead.
func (w *Warehouse) pullable(o lake.Object) (string, bool) {
	if w.embedded == nil {
		return "", false
	}
	path, ok := w.lake.LocalPath(o.Path)
	return path, ok && !strings.ContainsAny(path, "*?{}[]|,\\")
}

// pull has ClickHouse read the committed object: a third of the work of
// sending it, and exactly the committed bytes.
func (w *Warehouse) pull(ctx context.Context, l load, path string) error {
	sql := insertFrom(w.db, l, func(structure string) string {
		return fmt.Sprintf("file(%s, 'Parquet', %s)", literal(path), literal(structure))
	})
	conn, err := w.connect()
	if err != nil {
		return err
	}
	return w.write(ctx, "load", func() error { return conn.Exec(w.once(ctx, fmt.Sprint(l.id)), sql) })
}

// insertFrom is the INSERT of a load whose rows ClickHouse reads itself; from
// makes the table expression of the object's structure.
func insertFrom(db string, l load, from func(structure string) string) string {
	var names, structure []string
	for _, c := range lake.Schema(l.table) {
		names = append(names, quote(c.Name))
		structure = append(structure, quote(c.Name)+" "+parquetColumn(c))
	}
	columns, snapshot := strings.Join(names, ", "), fmt.Sprint(l.snapshot)
	if l.merged { // every row says it itself
		snapshot = lake.ColumnSnapshot
		structure = append(structure, lake.ColumnSnapshot+" Int64")
	}
	return fmt.Sprintf("INSERT INTO %s.%s (%s, load_id, snapshot) SELECT %s, %d, %s FROM %s",
		db, rowsTable(l.table), columns, columns, l.id, snapshot, from(strings.Join(structure, ", ")))
}

func parquetColumn(c lake.Column) string {
	switch c.Name {
	case lake.ColumnSign, lake.ColumnRevision:
		return "Int32"
	case lake.ColumnRowHash:
		return "UInt64"
	}
	return columnType(schemas.Field{Name: c.Name, Kind: c.Kind, Nullable: c.Nullable})
}

// push sends an object's columns to a server that does not see the lake. Send
// is called once: called again it would send the rows again.
func (w *Warehouse) push(ctx context.Context, l load, data []byte) error {
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return fmt.Errorf("read as Parquet: %w", err)
	}
	columns := lake.Schema(l.table)
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = quote(c.Name)
	}
	conn, err := w.connect()
	if err != nil {
		return err
	}
	sql := fmt.Sprintf("INSERT INTO %s.%s (%s, load_id, snapshot)", w.db, rowsTable(l.table), strings.Join(names, ", "))
	batch, err := conn.PrepareBatch(w.once(ctx, fmt.Sprint(l.id)), sql)
	if err != nil {
		return w.explain(ctx, "load", err)
	}
	defer batch.Close()
	for i, c := range columns {
		if err := pushColumn(batch.Column(i), file, c); err != nil {
			return fmt.Errorf("column %s: %w", c.Name, err)
		}
	}
	if err := fill(batch.Column(len(columns)), l.id, file.NumRows()); err != nil {
		return err
	}
	if l.merged {
		err = pushColumn(batch.Column(len(columns)+1), file, lake.Column{Name: lake.ColumnSnapshot, Kind: schemas.Int64, Physical: "INT64"})
	} else {
		err = fill(batch.Column(len(columns)+1), l.snapshot, file.NumRows())
	}
	if err != nil {
		return fmt.Errorf("column %s: %w", lake.ColumnSnapshot, err)
	}
	return w.write(ctx, "load", batch.Send)
}

// appender is driver.BatchColumn as far as it is needed.
type appender interface{ Append(any) error }

func fill[T any](col appender, v T, n int64) error {
	all := make([]T, n)
	for i := range all {
		all[i] = v
	}
	return col.Append(all)
}

// pushColumn appends one Parquet column to the batch, a page at a time.
func pushColumn(col appender, file *parquet.File, c lake.Column) error {
	leaf, ok := file.Schema().Lookup(c.Name)
	if !ok {
		return errors.New("the object does not have it")
	}
	convert := converter(c)
	values := make([]parquet.Value, 8192)
	for _, group := range file.RowGroups() {
		pages := group.ColumnChunks()[leaf.ColumnIndex].Pages()
		for {
			page, err := pages.ReadPage()
			if err == nil {
				err = eachChunk(page.Values(), values, func(v []parquet.Value) error { return col.Append(convert(v)) })
				parquet.Release(page)
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return errors.Join(err, pages.Close())
			}
		}
		if err := pages.Close(); err != nil {
			return err
		}
	}
	return nil
}

func eachChunk(r parquet.ValueReader, buf []parquet.Value, do func([]parquet.Value) error) error {
	for {
		n, err := r.ReadValues(buf)
		if n > 0 {
			if derr := do(buf[:n]); derr != nil {
				return derr
			}
		}
		if errors.Is(err, io.EOF) || n == 0 && err == nil {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// converter turns Parquet values into the slice that the driver wants.
func converter(c lake.Column) func([]parquet.Value) any {
	switch {
	case c.Name == lake.ColumnSign:
		return slice(func(v parquet.Value) int8 { return int8(v.Int32()) })
	case c.Name == lake.ColumnRowHash:
		return slice(func(v parquet.Value) uint64 { return uint64(v.Int64()) })
	case c.Kind == schemas.Instant:
		return nullable(c, func(v parquet.Value) time.Time { return time.UnixMicro(v.Int64()).UTC() })
	case c.Kind == schemas.Date:
		return slice(func(v parquet.Value) time.Time { return time.Unix(int64(v.Int32())*86400, 0).UTC() })
	case c.Physical == "INT32":
		return nullable(c, parquet.Value.Int32)
	case c.Physical == "INT64":
		return nullable(c, parquet.Value.Int64)
	}
	return slice(func(v parquet.Value) string { return string(v.ByteArray()) })
}

func slice[T any](of func(parquet.Value) T) func([]parquet.Value) any {
	return func(values []parquet.Value) any {
		out := make([]T, len(values))
		for i, v := range values {
			out[i] = of(v)
		}
		return out
	}
}

func nullable[T any](c lake.Column, of func(parquet.Value) T) func([]parquet.Value) any {
	if !c.Nullable {
		return slice(of)
	}
	return slice(func(v parquet.Value) *T {
		if v.IsNull() {
			return nil
		}
		x := of(v)
		return &x
	})
}
