package decisions

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/lake"
)

// Lake is where decisions are kept; *lake.Lake is one.
type Lake interface {
	Standing(ctx context.Context, table string) (head int64, out []lake.Standing, err error)
	EachRow(ctx context.Context, t *schemas.Table, o lake.Object, columns []string, fn func(arrow.Record) error) error
	Decide(ctx context.Context, plan func(ctx context.Context, head int64) (kind string, rows arrow.Record, err error)) (sinks.Receipt, error)
}

// Read reads every decision of the lake. sinks.ErrCorrupt: one is missing, or is
// not what it is called.
func Read(ctx context.Context, l Lake) (*Ledger, error) {
	_, objects, err := l.Standing(ctx, schemas.Decisions.Name)
	if err != nil {
		return nil, fmt.Errorf("read decisions: %w", err)
	}
	out := &Ledger{}
	for _, o := range objects {
		err := l.EachRow(ctx, schemas.Decisions, o.Object, columns(), func(rec arrow.Record) error {
			sign := rec.Column(1).(*array.Int32)
			for i := range int(rec.NumRows()) {
				d, err := decode(rec, 2, i)
				if err != nil {
					return err
				}
				if sign.Value(i) != 1 || d.name() != d.ID {
					return fmt.Errorf("decision %d is not what it is called, %s: %w", d.Number, d.ID, sinks.ErrCorrupt)
				}
				out.List = append(out.List, d)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read decisions: %w", err)
		}
	}
	slices.SortFunc(out.List, func(a, b Decision) int { return cmp.Compare(a.Number, b.Number) })
	for i := range out.List {
		if out.List[i].Number != int64(i)+1 {
			return nil, fmt.Errorf("read decisions: number %d is missing: %w", i+1, sinks.ErrCorrupt)
		}
	}
	return out, nil
}

// Recorded is what Record has done.
type Recorded struct {
	Made     []Decision // committed, in order
	Standing []Decision // asked for, and in force already
	Manifest int64      // 0 where nothing was committed
}

// Record commits what plan decides in view of everything decided so far, in one
// manifest. What is in force already is not said again. plan may be called
// several times: whatever is committed in between, it decides anew. Its own error
// is returned as it is.
func Record(ctx context.Context, l Lake, now func() time.Time, plan func(so *Ledger, head int64) ([]Decision, error)) (Recorded, error) {
	var r Recorded
	var refused error
	receipt, err := l.Decide(ctx, func(ctx context.Context, head int64) (string, arrow.Record, error) {
		r, refused = Recorded{}, nil
		ledger, err := Read(ctx, l)
		if err != nil {
			return "", nil, err
		}
		wanted, err := plan(ledger, head)
		if err != nil {
			refused = err
			return "", nil, err
		}
		kind := lake.KindDecision
		for _, d := range wanted {
			if err := d.check(); err != nil {
				return "", nil, err
			}
			d.At = now().UTC().Truncate(time.Microsecond)
			made, fresh := ledger.Add(d)
			if !fresh {
				r.Standing = append(r.Standing, made)
				continue
			}
			r.Made = append(r.Made, made)
			if d.Kind == Close {
				kind = lake.KindClose
			}
		}
		if len(r.Made) == 0 {
			return "", nil, nil
		}
		return kind, encode(r.Made), nil
	})
	switch {
	case refused != nil:
		return Recorded{}, refused
	case err != nil:
		return Recorded{}, fmt.Errorf("record the decision: %w", err)
	}
	r.Manifest = receipt.Sequence
	return r, nil
}
