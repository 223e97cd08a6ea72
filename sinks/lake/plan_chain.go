package lake

import (
	"cmp"
	"context"
	"slices"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// finals returns the last row of every key, in reading order: what will be
// visible of the batch, whether it is new or not.
func finals(rows []entry, ids []int32, keys int) []entry {
	if keys == len(rows) {
		return slices.Clone(rows)
	}
	last := make([]int32, keys)
	for i, id := range ids {
		last[id] = int32(i)
	}
	out := make([]entry, 0, keys)
	for i, id := range ids {
		if last[id] == int32(i) {
			out = append(out, rows[i])
		}
	}
	return out
}

// chains advances the balance chain of every part over the rows of a chunk and
// the rows that the lake shows beside them.
func (p *planner) chains(ctx context.Context, o *order, recs []batchRec, rows []entry, index *keyIndex, last bool) error {
	byTime := func(a, b entry) int { return cmp.Or(cmp.Compare(a.wallet, b.wallet), cmp.Compare(a.time, b.time)) }
	if !slices.IsSortedFunc(rows, byTime) {
		slices.SortStableFunc(rows, byTime)
	}
	read := chainReader(p.lay, recs)
	due := p.due(o, rows, last)
	others, err := p.others(ctx, due, index)
	if err != nil {
		return err
	}
	for n, d := range due {
		pp := d.part
		p.advance(pp, between(d.mine, pp.upTo, d.to), others[n], read)
		pp.upTo = d.to
		if d.to == pp.window.to {
			pp.out.Chain, pp.ended, pp.walker = pp.walker.finish(pp.in.Past), true, nil
		}
	}
	return nil
}

// dueChain is a part whose chain advances to an instant in this chunk.
type dueChain struct {
	part *partPlan
	mine []entry // the wallet's rows of the chunk
	to   int64
}

// due lists the chains that advance, by wallet and time.
func (p *planner) due(o *order, rows []entry, last bool) []dueChain {
	var out []dueChain
	for _, i := range p.byWindow() {
		pp := &p.parts[i]
		if pp.ended || pp.in.Window.IsZero() {
			continue
		}
		d := dueChain{part: pp, mine: o.ofWallet(rows, pp.out.WalletID), to: pp.window.to}
		if !last {
			if len(d.mine) == 0 {
				continue
			}
			d.to = min(d.to, d.mine[len(d.mine)-1].time+1)
		}
		if d.to <= pp.upTo && !last {
			continue
		}
		out = append(out, d)
	}
	return out
}

// others reads the rows of the lake that the batch does not hold, for all
// chains at once.
func (p *planner) others(ctx context.Context, due []dueChain, index *keyIndex) ([][]chainRow, error) {
	asked, needs := make([]question, len(due)), make([]need, len(due))
	for i, d := range due {
		asked[i] = question{d.part.out.WalletID, span{d.part.upTo, d.to}}
		needs[i] = need{d.part.out.WalletID, span{d.part.upTo, d.to - 1}}
	}
	return p.find.visible(ctx, p.state.touched(needs), asked, index.has)
}

// byWindow lists the parts by wallet and time, so that a window is judged after
// the one before it.
func (p *planner) byWindow() []int {
	at := make([]int, len(p.parts))
	for i := range at {
		at[i] = i
	}
	slices.SortStableFunc(at, func(a, b int) int {
		x, y := &p.parts[a], &p.parts[b]
		return cmp.Or(cmp.Compare(x.out.WalletID, y.out.WalletID), cmp.Compare(x.window.from, y.window.from))
	})
	return at
}

func (o *order) ofWallet(rows []entry, wallet string) []entry {
	rank, ok := slices.BinarySearch(o.wallets, wallet)
	if !ok {
		return nil
	}
	lo, _ := slices.BinarySearchFunc(rows, int32(rank), func(e entry, r int32) int { return cmp.Compare(e.wallet, r) })
	hi, _ := slices.BinarySearchFunc(rows, int32(rank)+1, func(e entry, r int32) int { return cmp.Compare(e.wallet, r) })
	return rows[lo:hi]
}

func between(rows []entry, from, to int64) []entry {
	lo, _ := slices.BinarySearchFunc(rows, from, func(e entry, t int64) int { return cmp.Compare(e.time, t) })
	hi, _ := slices.BinarySearchFunc(rows, to, func(e entry, t int64) int { return cmp.Compare(e.time, t) })
	return rows[lo:hi]
}

// advance feeds the walker with the part's next rows: those of the batch and
// others, those of the lake that the batch does not hold.
func (p *planner) advance(pp *partPlan, mine []entry, others []chainRow, read func(*entry) chainRow) {
	if pp.walker == nil {
		pp.walker = newWalker(p.boundary(pp))
	}
	if len(others) == 0 {
		for i := range mine {
			pp.walker.add(read(&mine[i]))
		}
		return
	}
	for i := range mine {
		others = append(others, read(&mine[i]))
	}
	slices.SortFunc(others, func(a, b chainRow) int { return cmp.Compare(a.time, b.time) })
	for _, r := range others {
		pp.walker.add(r)
	}
}

// boundary returns the last balance of the final window that ends where this
// one begins: of this batch, else of the lake.
func (p *planner) boundary(pp *partPlan) *point {
	for i := range p.parts {
		o := &p.parts[i]
		if o.ended && o.in.Final && o.out.WalletID == pp.out.WalletID && o.window.to == pp.window.from {
			if o.out.Chain.Closing == nil {
				return nil
			}
			return &point{balance: *o.out.Chain.Closing, time: micros(o.out.Chain.ClosedAt)}
		}
	}
	if w, ok := p.state.streams[pp.out.WalletID].before(pp.window); ok && w.known {
		return &point{balance: w.balance, time: w.balanceAt}
	}
	return nil
}

func chainReader(lay layout, recs []batchRec) func(*entry) chainRow {
	if len(recs) == 0 {
		return nil
	}
	c := columns{recordsOf(recs)}
	amount, balance, null := c.number(lay.amount), c.number(lay.balance), c.null(lay.balance)
	currency := c.text(lay.currency)
	id := func(e *entry) string { return recs[e.rec].rec.Column(lay.id).ValueStr(int(e.row)) }
	if lay.table.Fields[lay.id].Kind <= schemas.Code {
		text := c.text(lay.id)
		id = func(e *entry) string { return text(e.rec, e.row) }
	}
	status := func(_, _ uint32) string { return "" }
	if lay.status >= 0 {
		status = c.text(lay.status)
	}
	return func(e *entry) chainRow {
		return chainRow{time: e.time, id: id(e), currency: currency(e.rec, e.row), amount: amount(e.rec, e.row),
			balance: balance(e.rec, e.row), balanced: !null(e.rec, e.row), pending: status(e.rec, e.row) == statusPending}
	}
}

// worthWriting reports whether a part says anything that the lake does not know
// yet.
func (p *planner) worthWriting(pp *partPlan) bool {
	o := &pp.out
	if o.Inserted+o.Retracted+o.Quarantined.Rows > 0 || len(o.Resolves) > 0 {
		return true
	}
	if o.File != nil {
		return p.state.newsOf(o)
	}
	if o.Window.IsZero() {
		return false
	}
	s := p.state.streams[o.WalletID]
	if o.Final && !s.covers(pp.window) {
		return true
	}
	if rec, ok := s.recorded(pp.window); ok {
		return rec.verdict != o.Chain.verdict()
	}
	return o.Chain.State == sinks.ChainOpen || o.Chain.State == sinks.ChainBroken
}
