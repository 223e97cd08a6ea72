package lake

import (
	"context"
	"fmt"
	"iter"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// Catalogues: what an upstream no longer lists.

// retire finds, for every part that lists a catalogue whole, the rows that the
// lake shows and the listing lacks, and has the part state them as retired. From
// there on they are rows of the part like those that were read: revisions, with
// a successor each.
//
// A listing proves nothing about what it lacks when one of its rows was rejected
// (it may be that one), when it comes from quarantine, when it is a file, or when it is empty and belongs to no
// wallet: an owner may delete every favourite, a catalogue without a row is an
// outage.
func (p *planner) retire(ctx context.Context, b sinks.Batch) error {
	if !p.lay.table.Retires() {
		return nil
	}
	listing := map[string]int{} // parts by wallet
	var needs []need
	for i, part := range b.Parts {
		wallet := part.Stream.Wallet
		if part.File == nil && len(part.Rejects)+len(part.Resolves) == 0 && (wallet != "" || part.Rows.Len() > 0) {
			listing[wallet] = i
			needs = append(needs, need{wallet, span{}})
		}
	}
	objects := p.state.touched(needs)
	if len(objects) == 0 {
		return nil
	}
	stated, err := statedKeys(p.lay.table, b)
	if err != nil {
		return err
	}
	unlisted, err := p.gone(ctx, stated, objects, span{0, 1})
	if err != nil {
		return fmt.Errorf("find what is no longer listed: %w", err)
	}
	for _, r := range unlisted.recs {
		for wallet, rows := range p.unretired(r.rec) {
			if i, ok := listing[wallet]; ok {
				p.parts[i].retired = append(p.parts[i].retired, retiredRows(p.lay.table, r.rec, rows))
			}
		}
	}
	return nil
}

// unretired are the rows of a record that are not retired yet, by wallet.
func (p *planner) unretired(rec arrow.Record) map[string][]int32 {
	out := map[string][]int32{}
	status := rec.Column(p.lay.status).(*array.String)
	for i := range int(rec.NumRows()) {
		wallet := ""
		if p.lay.wallet >= 0 {
			wallet = rec.Column(p.lay.wallet).(*array.String).Value(i)
		}
		if status.Value(i) != schemas.StatusRetired {
			out[wallet] = append(out[wallet], int32(i))
		}
	}
	return out
}

// retiredRows copies rows as their upstream would list them, had it said that
// they are retired. Nobody knows since when: updated_at is the epoch.
func retiredRows(t *schemas.Table, rec arrow.Record, rows []int32) arrow.Record {
	columns := make([]arrow.Array, len(t.Fields))
	for i, f := range t.Fields {
		switch f.Name {
		case "status":
			b := array.NewStringBuilder(memory.DefaultAllocator)
			for range rows {
				b.Append(schemas.StatusRetired)
			}
			columns[i] = b.NewArray()
		case "updated_at":
			b := array.NewTimestampBuilder(memory.DefaultAllocator, f.Kind.Arrow().(*arrow.TimestampType))
			for range rows {
				b.Append(0)
			}
			columns[i] = b.NewArray()
		default:
			columns[i] = take(rec.Column(i), rows)
		}
	}
	return array.NewRecord(t.ArrowSchema(), columns, int64(len(rows)))
}

// rowsOf are the records of a part: as they were read, and what it no longer
// lists.
func (p *planner) rowsOf(i int) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		for rec, err := range p.parts[i].in.Rows.All() {
			if !yield(rec, err) {
				return
			}
		}
		for _, rec := range p.parts[i].retired {
			if !yield(rec, nil) {
				return
			}
		}
	}
}
