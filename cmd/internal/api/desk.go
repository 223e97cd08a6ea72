package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sync/singleflight"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paylake/paylake/sinks/clickhouse"
)

// desk takes questions to the warehouse: few at a time, equal ones once, and none
// twice while its answer still holds. Planning a question over the large views
// costs far more than giving an answer again.
type desk struct {
	warehouse Warehouse
	limits    Limits
	turns     chan struct{}
	same      singleflight.Group
	kept      *kept
	standing  fresh

	open  context.Context // questions belong to nobody who asks, and end with it
	close context.CancelFunc
	under sync.WaitGroup
}

func newDesk(o Options) *desk {
	d := &desk{warehouse: o.Warehouse, limits: o.Limits, turns: make(chan struct{}, o.Limits.AtOnce), kept: newKept(o.Limits.Cache)}
	d.open, d.close = context.WithCancel(context.Background())
	return d
}

// stand is where the warehouse stands, read after this call began.
func (d *desk) stand(ctx context.Context) (clickhouse.Standing, error) {
	return d.standing.get(ctx, d.open, d.warehouse.Standing)
}

// answer asks as user. What the warehouse stood at is part of the answer's name,
// so that no answer outlives anything that it depends on: a consent that is
// withdrawn, a period that is held, a match.
func (d *desk) answer(ctx context.Context, s clickhouse.Standing, user string, q clickhouse.Question) ([]byte, error) {
	if d.warehouse.OneUser() && user != "auditor" {
		return nil, huma.Error503ServiceUnavailable(oneUser)
	}
	q.User, q.Within, q.Memory = user, d.limits.Within, d.limits.Memory
	name := nameOf(s, q)
	if lines, ok := d.kept.get(name); ok {
		return lines, nil
	}
	// Who asked first may leave: the others still wait for the answer.
	answer := d.same.DoChan(name, func() (any, error) {
		d.under.Add(1)
		defer d.under.Done()
		ctx, cancel := context.WithTimeout(d.open, 2*d.limits.Within)
		defer cancel()
		return d.ask(ctx, name, q)
	})
	select {
	case r := <-answer:
		lines, _ := r.Val.([]byte)
		return lines, r.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (d *desk) ask(ctx context.Context, name string, q clickhouse.Question) ([]byte, error) {
	select {
	case d.turns <- struct{}{}:
		defer func() { <-d.turns }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	lines, err := d.warehouse.Answer(ctx, q)
	if err == nil && !q.Volatile {
		d.kept.put(name, lines)
	}
	return lines, err
}

// tagOf names a file for whoever has it already.
func tagOf(s clickhouse.Standing, at int64, what any) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %+v", s.Digest, what))
	return fmt.Sprintf(`W/"%d-%s"`, at, hex.EncodeToString(sum[:12]))
}

// nameOf names an answer: everything that decides it.
func nameOf(s clickhouse.Standing, q clickhouse.Question) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d %q %q %q %d %d %t", s.Snapshot, s.Digest, q.User, q.SQL, q.Snapshot, q.Rows, q.Volatile)
	for _, k := range slices.Sorted(maps.Keys(q.Parameters)) {
		fmt.Fprintf(h, " %q=%q", k, q.Parameters[k])
	}
	return hex.EncodeToString(h.Sum(nil))
}
