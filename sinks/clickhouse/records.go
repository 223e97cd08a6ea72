package clickhouse

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/sinks"
)

// streamed are settings of a query whose rows are handed out while it runs:
// sorted on disk beyond so many bytes, in Arrow types that are easy to read.
var streamed = map[string]string{
	"wait_end_of_query":                                 "0",
	"max_block_size":                                    "16384", // a record of so many rows is held whole
	"max_bytes_before_external_sort":                    "134217728",
	"max_bytes_ratio_before_external_sort":              "0",
	"max_execution_time":                                "3600", // whoever reads slowly is not cut off
	"output_format_arrow_string_as_string":              "1",
	"output_format_arrow_low_cardinality_as_dictionary": "0",
	"output_format_arrow_compression_method":            "none",
	"output_format_json_quote_64bit_integers":           "0",
}

// Records runs one SELECT as a read-only user and hands its rows out, a few
// thousand at a time and never all at once. A record is valid during the call.
// An answer that ends early is an error, never a shorter list.
func (w *Warehouse) Records(ctx context.Context, sql string, q Query, each func(arrow.Record) error) error {
	if q.User == "" {
		q.User = "analyst"
	}
	began := false
	return w.surviving(ctx, func() error {
		if err := w.ensure(ctx); err != nil {
			return err
		}
		if err := w.known(ctx, q.Snapshot); err != nil {
			return err
		}
		err := w.stream(ctx, sql, q, func(r arrow.Record) error {
			began = true
			return each(r)
		})
		if began && errors.Is(err, sinks.ErrUnavailable) { // what was handed out cannot be taken back
			return fmt.Errorf("warehouse: the answer broke off; try again: %s", err.Error())
		}
		return err
	})
}

func (w *Warehouse) stream(ctx context.Context, sql string, q Query, each func(arrow.Record) error) error {
	res, err := w.post(ctx, sql, q, func(v url.Values) {
		v.Set("default_format", "ArrowStream")
		for name, value := range streamed {
			v.Set(name, value)
		}
	})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return refusal(res)
	}
	return wholeStream(res.Body, each)
}

// wholeStream reads an Arrow stream to its end, and knows an end from a break.
func wholeStream(r io.Reader, each func(arrow.Record) error) error {
	tail := &tailReader{r: r}
	if err := records(bufio.NewReaderSize(tail, 1<<16), each); err != nil {
		return fmt.Errorf("warehouse: query result: %w", err)
	}
	if _, err := io.Copy(io.Discard, tail); err != nil {
		return fmt.Errorf("warehouse: query result: %w", err)
	}
	if !bytes.Equal(tail.last, endOfStream) {
		return fmt.Errorf("warehouse: the answer broke off after %d bytes: %.300q", tail.n, tail.last)
	}
	return nil
}

func records(r io.Reader, each func(arrow.Record) error) error {
	in, err := ipc.NewReader(r, ipc.WithAllocator(memory.DefaultAllocator))
	if err != nil {
		return err
	}
	defer in.Release()
	empty := true
	for in.Next() {
		empty = false
		if err := each(in.Record()); err != nil {
			return err
		}
	}
	if err := in.Err(); err != nil || !empty {
		return err
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, in.Schema()) // the columns are an answer, too
	defer b.Release()
	none := b.NewRecord()
	defer none.Release()
	return each(none)
}

// endOfStream is how Arrow ends a stream. Its readers take a missing one for the
// end as well, and ClickHouse leaves it out when a query fails on the way.
var endOfStream = []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}

// tailReader remembers the last bytes that went through it.
type tailReader struct {
	r    io.Reader
	n    int64
	last []byte
}

func (t *tailReader) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.n += int64(n)
	t.last = append(t.last, p[max(0, n-len(endOfStream)):n]...)
	t.last = t.last[max(0, len(t.last)-len(endOfStream)):]
	return n, err
}

// ViewColumn is a column of a view and its ClickHouse type.
type ViewColumn struct{ Name, Type string }

// Columns lists the columns of a view, in order.
func (w *Warehouse) Columns(ctx context.Context, view string) (columns []ViewColumn, err error) {
	err = w.surviving(ctx, func() error {
		if err := w.ensure(ctx); err != nil {
			return err
		}
		columns = nil
		sql := fmt.Sprintf("SELECT name, type FROM system.columns WHERE database = %s AND table = %s ORDER BY position", literal(w.db), literal(view))
		return w.each(ctx, "read the columns of "+view, sql, func(scan func(...any) error) error {
			var c ViewColumn
			err := scan(&c.Name, &c.Type)
			columns = append(columns, c)
			return err
		})
	})
	return columns, err
}

// Snapshot is a manifest that the warehouse shows.
type Snapshot struct {
	Sequence  int64 // 0: nothing is loaded yet
	SHA256    string
	CreatedAt time.Time // when it was committed
}

// Newest is the newest manifest that readers see or, with at, that one. Its
// error wraps ErrQuery where the warehouse does not hold it.
func (w *Warehouse) Newest(ctx context.Context, at int64) (s Snapshot, err error) {
	err = w.surviving(ctx, func() error {
		if err := w.ensure(ctx); err != nil {
			return err
		}
		if err := w.known(ctx, at); err != nil {
			return err
		}
		sql := fmt.Sprintf("SELECT max(sequence), argMax(sha256, sequence), argMax(created_at, sequence) FROM %s.manifests", w.db)
		if at != 0 {
			sql += fmt.Sprintf(" WHERE sequence = %d", at)
		}
		return w.one(ctx, "read its position", sql, &s.Sequence, &s.SHA256, &s.CreatedAt)
	})
	return s, err
}
