package lake

import (
	"context"
	"slices"

	"github.com/paylake/paylake/schemas"
)

// Finding what the lake holds of the rows at hand, without reading history:
// only objects whose wallets and event times touch them, and of those only the
// columns that are needed.

// need is a stretch of event time of one wallet that somebody asks about.
type need struct {
	wallet string
	span   span
}

// touched returns the objects that may hold rows of any need, in commit order.
func (t *tableState) touched(needs []need) []object {
	if len(needs) == 0 {
		return nil
	}
	all := span{needs[0].span.from, needs[0].span.to}
	for _, n := range needs {
		all = span{min(all.from, n.span.from), max(all.to, n.span.to)}
	}
	var out []object
	for _, o := range t.objects {
		if o.span.from > all.to || all.from > o.span.to {
			continue
		}
		if slices.ContainsFunc(needs, func(n need) bool { return o.touches(n.wallet, n.span) }) {
			out = append(out, o)
		}
	}
	return out
}

// finder reads columns of objects, through the cache.
type finder struct {
	bucket bucket
	cache  *cache
	lay    layout
	kept   map[string]*keyColumns // whatever the caller has at hand; nil is fine
}

// columns returns the key columns of an object, and with chain those of the
// balance chain.
func (f *finder) columns(ctx context.Context, o object, chain bool) (*keyColumns, error) {
	cols := f.cache.get(o.path)
	if cols != nil && (!chain || cols.chain != nil) {
		return cols, nil
	}
	r, err := openObject(ctx, f.bucket, o.path, o.bytes)
	if err != nil {
		return nil, err
	}
	if cols == nil {
		if cols, err = readKeys(r, f.lay); err != nil {
			return nil, err
		}
	}
	if chain && cols.chain == nil {
		if cols.chain, err = readChain(r, f.lay); err != nil {
			return nil, err
		}
	}
	f.cache.put(o.path, cols)
	return cols, nil
}

// statusPending is the status of rows that stand outside the balance chain.
const statusPending = "pending"

func (l layout) field(i int) schemas.Field { return l.table.Fields[i] }

func (c *chainColumns) row(i int) chainRow {
	return chainRow{time: c.time[i], id: string(c.ids[c.idOffsets[i]:c.idOffsets[i+1]]), currency: c.currencies[c.currency[i]],
		amount: c.amount[i], balance: c.balance[i], balanced: c.balanced[i], pending: c.pending[i]}
}

// between returns the rows of a wallet in [w.from, w.to): objects are sorted by
// wallet, then time.
func (c *chainColumns) between(wallet string, w span) (from, to int) {
	at := int32(slices.Index(c.wallets, wallet))
	if at < 0 {
		return 0, 0
	}
	first, _ := slices.BinarySearch(c.wallet, at)
	end, _ := slices.BinarySearch(c.wallet, at+1)
	lo, _ := slices.BinarySearch(c.time[first:end], w.from)
	hi, _ := slices.BinarySearch(c.time[first:end], w.to)
	return first + lo, first + hi
}

// question asks for the rows of one wallet in [span.from, span.to).
type question need

// version is one row of an object beside what says whether it is visible.
type version struct {
	key            schemas.Key
	revision, sign int32
	row            chainRow
}

// visible answers each question with the rows that the objects show, in no
// order: of each key the newest row that no retraction names. skip says which
// keys the caller has itself. An object is decoded once, however many questions
// touch it: a batch that is read again asks about every window of a month.
func (f *finder) visible(ctx context.Context, objects []object, asked []question, skip func(schemas.Key) bool) ([][]chainRow, error) {
	found := make([][]version, len(asked))
	for _, o := range objects {
		touching := func(q question) bool { return o.touches(q.wallet, span{q.span.from, q.span.to - 1}) }
		if !slices.ContainsFunc(asked, touching) {
			continue
		}
		err := f.each(ctx, o, true, func(_ int, cols *keyColumns) error {
			for n, q := range asked {
				if touching(q) {
					found[n] = cols.versions(found[n], q, skip)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	answers := make([][]chainRow, len(asked))
	for n, versions := range found {
		answers[n] = newest(versions)
	}
	return answers, nil
}

// versions appends what an object has of one question.
func (k *keyColumns) versions(out []version, q question, skip func(schemas.Key) bool) []version {
	from, to := k.chain.between(q.wallet, q.span)
	for i := from; i < to; i++ {
		if !skip(k.keys[i]) {
			out = append(out, version{k.keys[i], k.revision[i], int32(k.sign[i]), k.chain.row(i)})
		}
	}
	return out
}

// newest leaves the visible rows.
func newest(versions []version) []chainRow {
	revised := slices.ContainsFunc(versions, func(v version) bool { return v.sign < 0 || v.revision > 1 })
	if !revised {
		rows := make([]chainRow, len(versions))
		for i, v := range versions {
			rows[i] = v.row
		}
		return rows
	}
	type current struct {
		row      chainRow
		revision int32 // of row
		gone     int32 // newest revision withdrawn
	}
	found := map[schemas.Key]current{}
	for _, v := range versions {
		cur := found[v.key]
		if v.sign < 0 {
			cur.gone = max(cur.gone, v.revision)
		} else if v.revision > cur.revision {
			cur.revision, cur.row = v.revision, v.row
		}
		found[v.key] = cur
	}
	var rows []chainRow
	for _, cur := range found {
		if cur.revision > cur.gone {
			rows = append(rows, cur.row)
		}
	}
	return rows
}
