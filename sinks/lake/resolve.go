package lake

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// Rejected rows that come in after all.

// resolve notes which rejected rows the parts settle. One that is settled already
// is not said again; one that was never rejected is an error of the caller.
func (p *planner) resolve(seen map[string]struct{}) error {
	for i := range p.parts {
		pp := &p.parts[i]
		pp.out.Resolves = nil
		for _, id := range pp.in.Resolves {
			if _, known := seen[id]; !known {
				return fmt.Errorf("%s is not in quarantine", id)
			}
			if _, before := p.state.resolved[id]; !before {
				p.state.resolved[id] = struct{}{}
				pp.out.Resolves = append(pp.out.Resolves, id)
			}
		}
		slices.Sort(pp.out.Resolves)
	}
	return nil
}

var _ sinks.Comparer = (*Lake)(nil)

// Compare implements sinks.Comparer.
func (l *Lake) Compare(ctx context.Context, s schemas.Stream, rec arrow.Record) ([]sinks.Standing, error) {
	l.committing.Lock()
	defer l.committing.Unlock()
	b := sinks.Batch{Parts: []sinks.Part{{Stream: s}}}
	l.mu.Lock()
	err := l.refresh(ctx)
	state := l.state(tableID{s.Source, s.Table.Name}).snapshot(b)
	l.mu.Unlock()
	if err != nil {
		return nil, err
	}
	p := newPlanner(l, state, s.Table, b)
	recs, rows := []batchRec{{rec: rec}}, make([]entry, rec.NumRows())
	for i := range rows {
		rows[i].row = uint32(i)
	}
	if err := hashAll(s.Table, recs, 1); err != nil {
		return nil, err
	}
	index, ids := newKeyIndex(len(rows)), make([]int32, len(rows))
	for i := range rows {
		ids[i] = index.add(recs[0].keys[i])
	}
	known, _, err := p.lookup(ctx, orderOf(p.lay, recordsOf(recs), rows), rows, index)
	if err != nil {
		return nil, fmt.Errorf("compare rows of %s with the lake: %w", s, err)
	}
	alike := p.alike(recs, rows, ids, known)
	out := make([]sinks.Standing, len(rows))
	for i := range rows {
		c := &known[ids[i]]
		former, renamed := alike[i]
		switch {
		case !c.visible():
		case c.hash == recs[0].hashes[i], renamed && c.hash == former:
			out[i] = sinks.Same
		default:
			out[i] = sinks.Other
		}
	}
	return out, nil
}
