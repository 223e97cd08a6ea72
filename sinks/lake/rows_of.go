package lake

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

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

// Standing is an object that readers read: no merged one stands for it.
type Standing struct {
	Source string
	Object Object // where it lies, its size, rows and times; nothing else
}

// Standing lists the objects of a table, of all sources, as of the newest
// manifest, whose number it returns with them.
func (l *Lake) Standing(ctx context.Context, table string) (head int64, out []Standing, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.refresh(ctx); err != nil {
		return 0, nil, err
	}
	for id, t := range l.tables {
		if id.table != table {
			continue
		}
		for _, o := range t.objects {
			out = append(out, Standing{id.source, Object{Path: o.path, Bytes: o.bytes, Rows: o.rows,
				MinTime: time.UnixMicro(o.span.from).UTC(), MaxTime: time.UnixMicro(o.span.to).UTC(), MinWallet: o.minW, MaxWallet: o.maxW}})
		}
	}
	slices.SortFunc(out, func(a, b Standing) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Object.Path, b.Object.Path))
	})
	return l.head, out, nil
}

// StandingAt lists the objects of a table, of all sources, that hold its rows as
// of manifest at: those that its commits wrote, whatever they were merged into
// since. ErrRange: there is no such manifest.
func (l *Lake) StandingAt(ctx context.Context, table string, at int64) (out []Standing, err error) {
	if at == 0 {
		return nil, nil
	}
	reached := int64(0)
	for e, err := range l.Manifests(ctx, 1) {
		if err != nil {
			return nil, err
		}
		if e.Sequence > at {
			break
		}
		reached = e.Sequence
		if e.Table != table || e.Kind == KindCompact {
			continue
		}
		for _, o := range e.Objects {
			out = append(out, Standing{e.Source, o})
		}
	}
	if reached != at {
		return nil, fmt.Errorf("the lake has no manifest %d: %w", at, ErrRange)
	}
	return out, nil
}
