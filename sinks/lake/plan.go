package lake

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
)

// What a batch changes: rows compared with the lake, retractions for those that
// differ, and the verdict on each part's chain. A batch is planned in chunks: in
// one when it fits into memory, else in sorted ones (spill.go).

// planner plans one attempt to commit a batch. The lake's state does not move
// while it works.
type planner struct {
	lay      layout
	state    *tableState
	find     *finder
	parts    []partPlan
	parallel int
	former   func(pseudonym string, version int) (string, bool)
}

// partPlan is a part on its way into the manifest.
type partPlan struct {
	in     *sinks.Part
	out    Part
	window span
	walker *walker // nil before the first row and after the verdict
	upTo   int64   // the walker has seen rows before this time
	ended  bool
	// retired are rows that a catalogue's part no longer lists.
	retired []arrow.Record
	// withdrawn counts retractions without a successor.
	withdrawn int64
}

func newPlanner(l *Lake, state *tableState, t *schemas.Table, b sinks.Batch) *planner {
	lay := layoutOf(t)
	p := &planner{lay: lay, state: state, parallel: l.opts.Parallel, former: l.opts.Former,
		find: &finder{bucket: l.bucket, cache: l.cache, lay: lay}}
	for i := range b.Parts {
		in := &b.Parts[i]
		pp := partPlan{in: in, window: windowSpan(in.Window)}
		pp.out = Part{WalletID: in.Stream.Wallet, Window: in.Window, Final: in.Final, Past: in.Past, ConsentID: in.ConsentID, File: in.File, Hint: in.Hint, Asked: in.Asked,
			Unknown: in.Unknown, Chain: BalanceChain{State: sinks.ChainNone, Breaks: []Break{}}}
		pp.out.Window.From, pp.out.Window.To = in.Window.From.UTC(), in.Window.To.UTC()
		pp.upTo = pp.window.from
		p.parts = append(p.parts, pp)
	}
	return p
}

// planned is the outcome of one chunk: rows to store, over records of which
// the last few may be old rows read back.
type planned struct {
	recs    []batchRec
	entries []entry
	order   *order // of the entries; nil when withdrawn rows came after it was computed
}

// chunk compares rows, in reading order, with the lake and with each other.
// last says that no chunk follows.
func (p *planner) chunk(ctx context.Context, recs []batchRec, rows []entry, last bool) (planned, error) {
	if err := hashAll(p.lay.table, recs, p.parallel); err != nil {
		return planned{}, err
	}
	o := orderOf(p.lay, recordsOf(recs), rows)
	index := newKeyIndex(len(rows))
	ids := make([]int32, len(rows))
	for i, e := range rows {
		ids[i] = index.add(recs[e.rec].keys[e.row])
	}
	known, objects, err := p.lookup(ctx, o, rows, index)
	if err != nil {
		return planned{}, err
	}
	recs, merged, err := p.advanceAll(ctx, recs, rows, ids, known, objects)
	if err != nil {
		return planned{}, err
	}
	if p.lay.balance >= 0 {
		if err := p.chains(ctx, o, recs, finals(rows, ids, len(index.keys)), index, last); err != nil {
			return planned{}, err
		}
	}
	out := planned{recs: recs, order: o}
	var old map[int32][]retraction
	withdrawn := 0
	out.entries, withdrawn, old = p.decide(recs, rows, ids, known)
	if withdrawn > 0 || merged {
		out.order = nil // their entries say where the rows are, not yet where they belong
	}
	err = p.fetchOld(ctx, &out, objects, old)
	return out, err
}

// lookup finds the current row of every key that the lake holds.
func (p *planner) lookup(ctx context.Context, o *order, rows []entry, index *keyIndex) ([]current, []object, error) {
	known := make([]current, len(index.keys))
	objects := p.state.touched(append(p.near(o.needs(rows)), p.replaced()...))
	for n, obj := range objects {
		err := p.find.each(ctx, obj, false, func(from int, cols *keyColumns) error {
			for i, k := range cols.keys {
				if id, _ := index.find(k); id >= 0 {
					known[id].see(cols, i, int32(n), uint32(from+i))
				}
			}
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
	}
	return known, objects, nil
}

// retold is how far apart two reports of one row may say that it happened.
const retold = 48 * time.Hour

// near widens what is looked at for tables whose rows are told by several: a
// notice and the platform's list may round an instant, or take its zone, in two
// ways, and a row told under two instants must not become two.
func (p *planner) near(needs []need) []need {
	if p.lay.table.Progress == nil {
		return needs
	}
	for i := range needs {
		needs[i].span.from -= retold.Microseconds()
		needs[i].span.to += retold.Microseconds()
	}
	return needs
}

// see takes note of row i of cols, which is a row of an object.
func (c *current) see(cols *keyColumns, i int, object int32, row uint32) {
	if cols.sign[i] < 0 {
		c.gone = max(c.gone, cols.revision[i])
	} else if cols.revision[i] > c.revision {
		c.revision, c.hash, c.object, c.row = cols.revision[i], cols.hashes[i], object, row
	}
}

// needs returns the span of event times of each wallet's rows.
func (o *order) needs(rows []entry) []need {
	if len(rows) == 0 {
		return nil
	}
	needs := make([]need, len(o.wallets))
	seen := make([]bool, len(o.wallets))
	for i := range rows {
		e := &rows[i]
		n := &needs[e.wallet]
		if !seen[e.wallet] {
			seen[e.wallet] = true
			*n = need{o.wallets[e.wallet], span{e.time, e.time}}
		}
		n.span = span{min(n.span.from, e.time), max(n.span.to, e.time)}
	}
	return needs
}

// retraction is an old row of the lake that a revision withdraws.
type retraction struct {
	row      uint32
	revision int32
	hash     uint64
}

// decide goes through the rows in reading order. Equal content is dropped,
// other content becomes a revision; so a row that changes within one read
// leaves every step behind; here counts the rows of this batch that another one
// of it withdraws. A key that the lake shows already as the read
// leaves it is a duplicate whatever the read says in between: without this, the
// same batch twice would add its steps twice. The entries to store are written
// over the rows.
func (p *planner) decide(recs []batchRec, rows []entry, ids []int32, known []current) (stored []entry, here int, old map[int32][]retraction) {
	old = map[int32][]retraction{}
	alike := p.alike(recs, rows, ids, known)
	same := func(i int, e entry, c *current) bool {
		hash, renamed := alike[i]
		return c.visible() && (c.hash == recs[e.rec].hashes[e.row] || renamed && c.hash == hash)
	}
	settled := settledKeys(rows, ids, known, same)
	var withdrawn []entry
	out := rows[:0]
	for i, e := range rows {
		c, part := &known[ids[i]], &p.parts[recs[e.rec].partOf(e.row)].out
		part.Rows++
		e.hash = recs[e.rec].hashes[e.row]
		if settled[ids[i]] || same(i, e, c) {
			part.Duplicates++
			continue
		}
		if c.visible() {
			part.Retracted++
			if c.object >= 0 {
				old[c.object] = append(old[c.object], retraction{c.row, c.revision, c.hash})
			} else {
				withdrawn = append(withdrawn, entry{rec: c.rec, row: c.row, hash: c.hash, revision: c.revision, sign: -1})
			}
		}
		part.Inserted++
		e.revision, e.sign = max(c.revision, c.gone)+1, 1
		*c = current{hash: e.hash, revision: e.revision, gone: c.gone, object: -1, rec: e.rec, row: e.row}
		out = append(out, e)
	}
	return append(out, withdrawn...), len(withdrawn), old
}

// settledKeys finds the keys whose last row in the batch is what the lake shows.
func settledKeys(rows []entry, ids []int32, known []current, same func(int, entry, *current) bool) []bool {
	settled := make([]bool, len(known))
	for i, e := range rows {
		settled[ids[i]] = same(i, e, &known[ids[i]])
	}
	return settled
}

// fetchOld reads the rows to be withdrawn from the objects they lie in and adds
// them, with sign -1, as they are.
func (p *planner) fetchOld(ctx context.Context, out *planned, objects []object, old map[int32][]retraction) error {
	for n, obj := range objects {
		rows := old[int32(n)]
		if len(rows) == 0 {
			continue
		}
		slices.SortFunc(rows, func(a, b retraction) int { return cmp.Compare(a.row, b.row) })
		rec, err := p.oldRows(ctx, obj, rows)
		if err != nil {
			return fmt.Errorf("read rows to withdraw: %w", err)
		}
		at := uint32(len(out.recs))
		out.order = nil
		out.recs = append(out.recs, batchRec{rec: rec})
		for i, r := range rows {
			out.entries = append(out.entries, entry{rec: at, row: uint32(i), hash: r.hash, revision: r.revision, sign: -1})
		}
	}
	return nil
}

func (p *planner) oldRows(ctx context.Context, obj object, rows []retraction) (arrow.Record, error) {
	r, err := openObject(ctx, p.find.bucket, obj.path, obj.bytes)
	if err != nil {
		return nil, err
	}
	for name := range r.columns {
		if !p.lay.table.Has(name) && !slices.Contains(ownColumns, name) {
			return nil, fmt.Errorf("object %s keeps a field %q that the pipeline does not keep any more; add it to keep: again", obj.path, name)
		}
	}
	at := make([]int32, len(rows))
	for i, x := range rows {
		at[i] = int32(x.row)
	}
	arrays := make([]arrow.Array, len(p.lay.table.Fields))
	for i, f := range p.lay.table.Fields {
		a, err := r.read(f)
		if err != nil {
			return nil, err
		}
		arrays[i] = take(a, at)
	}
	return array.NewRecord(p.lay.table.ArrowSchema(), arrays, int64(len(rows))), nil
}
