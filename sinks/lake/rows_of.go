package lake

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/paylake/paylake/schemas"
)

// EachRow hands the named columns of an object of table t, after its revision
// and sign, to fn: some thousand rows at a time, in the object's order. A record
// is valid during the call. It is for followers that look at rows; an object
// that is not there, or not what it should be, is sinks.ErrCorrupt.
func (l *Lake) EachRow(ctx context.Context, t *schemas.Table, o Object, columns []string, fn func(arrow.Record) error) error {
	fields := lakeFields()[:2]
	for _, name := range columns {
		i := t.Index(name)
		if i < 0 {
			return fmt.Errorf("table %s has no column %s", t.Name, name)
		}
		fields = append(fields, t.Fields[i])
	}
	r, err := openObject(ctx, l.bucket, o.Path, o.Bytes)
	if err != nil {
		return err
	}
	return r.chunks(fields, fn)
}
