package lake

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
)

// Rows of tables with a Progress are merged with the current row of their key
// before it is decided whether they change anything: a report that comes late
// takes nothing back, and one that leaves something out empties nothing.

// advanceAll replaces the rows that say something else than the current row of
// their key by the two merged. Their entries point into records that it adds.
func (p *planner) advanceAll(ctx context.Context, recs []batchRec, rows []entry, ids []int32, known []current, objects []object) ([]batchRec, bool, error) {
	if p.lay.table.Progress == nil {
		return recs, false, nil
	}
	moving := movingRows(recs, rows, ids, known)
	if len(moving) == 0 {
		return recs, false, nil
	}
	now, err := p.currentRows(ctx, moving, known, objects)
	if err != nil {
		return recs, false, err
	}
	// Round by round: the first row of every key, then the second, …
	for round := 0; len(moving) > 0; round++ {
		if recs, err = p.advance1(recs, rows, moving, now, round); err != nil {
			return recs, false, err
		}
		for id, list := range moving {
			if len(list) == round+1 {
				delete(moving, id)
			}
		}
	}
	return recs, true, nil
}

// movingRows finds the keys of which the batch says something that the lake
// does not show, or more than one thing: their rows in reading order.
func movingRows(recs []batchRec, rows []entry, ids []int32, known []current) map[int32][]int {
	first := make([]int, len(known))
	moving := map[int32][]int{}
	for i, e := range rows {
		id, hash := ids[i], recs[e.rec].hashes[e.row]
		if first[id] == 0 {
			first[id] = i + 1
			if known[id].visible() && known[id].hash != hash {
				moving[id] = nil
			}
		} else if f := rows[first[id]-1]; recs[f.rec].hashes[f.row] != hash {
			moving[id] = nil
		}
	}
	for i := range rows {
		if list, ok := moving[ids[i]]; ok {
			moving[ids[i]] = append(list, i)
		}
	}
	return moving
}

// currentRows reads the rows that the lake shows for the keys.
func (p *planner) currentRows(ctx context.Context, moving map[int32][]int, known []current, objects []object) (map[int32]schemas.RowOf, error) {
	at := make([][]retraction, len(objects))
	whose := make([][]int32, len(objects))
	keys := make([]int32, 0, len(moving))
	for id := range moving {
		keys = append(keys, id)
	}
	slices.SortFunc(keys, func(a, b int32) int { return int(int64(known[a].row) - int64(known[b].row)) })
	for _, id := range keys {
		if c := &known[id]; c.visible() {
			at[c.object] = append(at[c.object], retraction{row: c.row})
			whose[c.object] = append(whose[c.object], id)
		}
	}
	now := map[int32]schemas.RowOf{}
	for n, list := range at {
		if len(list) == 0 {
			continue
		}
		rec, err := p.oldRows(ctx, objects[n], list)
		if err != nil {
			return nil, fmt.Errorf("read rows to go on from: %w", err)
		}
		for i, id := range whose[n] {
			now[id] = schemas.RowOf{Record: rec, Row: i}
		}
	}
	return now, nil
}

// advance1 merges the round-th row of every key with what is current by then.
func (p *planner) advance1(recs []batchRec, rows []entry, moving map[int32][]int, now map[int32]schemas.RowOf, round int) ([]batchRec, error) {
	t := p.lay.table
	b := array.NewRecordBuilder(memory.DefaultAllocator, t.ArrowSchema())
	defer b.Release()
	var merged []int32 // keys, by row of the new record
	var parts []int32
	for id, list := range moving {
		e := &rows[list[round]]
		report := schemas.RowOf{Record: recs[e.rec].rec, Row: int(e.row)}
		current, ok := now[id]
		if !ok {
			now[id] = report
			continue
		}
		part := recs[e.rec].partOf(e.row)
		stays := t.Advance(current, report, p.parts[part].in.Hint)
		for i := range t.Fields {
			from := report
			if stays[i] {
				from = current
			}
			appendValue(b.Field(i), from.Record.Column(i), from.Row)
		}
		e.rec, e.row = uint32(len(recs)), uint32(len(merged))
		merged, parts = append(merged, id), append(parts, part)
	}
	if len(merged) == 0 {
		return recs, nil
	}
	rec := b.NewRecord()
	for i, id := range merged {
		now[id] = schemas.RowOf{Record: rec, Row: i}
	}
	recs = append(recs, batchRec{rec: rec, parts: parts})
	return recs, hashAll(t, recs[len(recs)-1:], 1)
}
