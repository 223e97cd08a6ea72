package webhook

import (
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/paylake/paylake/sinks/lake"
)

// row is one row of an object, by the names of its columns.
type row struct {
	rec   arrow.Record
	index map[string]int
	n     int
}

func (r row) text(name string) string {
	a, ok := r.rec.Column(r.index[name]).(*array.String)
	if !ok || a.IsNull(r.n) {
		return ""
	}
	return a.Value(r.n)
}

func (r row) number(name string) int64 {
	switch a := r.rec.Column(r.index[name]).(type) {
	case *array.Int64:
		return a.Value(r.n)
	case *array.Int32:
		return int64(a.Value(r.n))
	case *array.Date32:
		return int64(a.Value(r.n))
	}
	return 0
}

// instant is the zero time where the column is NULL.
func (r row) instant(name string) time.Time {
	a, ok := r.rec.Column(r.index[name]).(*array.Timestamp)
	if !ok || a.IsNull(r.n) {
		return time.Time{}
	}
	return time.UnixMicro(int64(a.Value(r.n))).UTC()
}

// shown reports whether the row is one that readers see from this manifest on,
// and not the withdrawal of another.
func (r row) shown() bool { return r.number(lake.ColumnSign) > 0 }

// rowsOf calls fn with every row of a record that is shown.
func rowsOf(rec arrow.Record, fn func(row)) {
	index := map[string]int{}
	for i, f := range rec.Schema().Fields() {
		index[f.Name] = i
	}
	for n := range int(rec.NumRows()) {
		if r := (row{rec, index, n}); r.shown() {
			fn(r)
		}
	}
}
