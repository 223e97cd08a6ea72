package lake

import (
	"cmp"
	"context"
	"math"
	"reflect"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/paylake/paylake/schemas"
)

// windows computes the newest verdict on every window of one table again, from
// the rows that the lake showed at that manifest. Objects go by in the order of
// time; of each only those columns are kept that windows still wait for, as far
// as there is room: what does not fit is read again.
type windows struct {
	*verifier
	lay    layout
	refs   []verdictRef // by the start of their windows, those that are done taken off
	from   int          // index of the table's first object
	unread []int64      // by object: the earliest row of it and of those after it

	mu   sync.Mutex
	live []liveObject // that a window may still ask about
	used int64        // bytes of their columns
}

// liveObject is an object that was examined.
type liveObject struct {
	object
	cols *keyColumns // nil: not kept
}

const (
	keptColumns  = 64 << 20 // bytes of columns that wait for their windows
	windowsCache = 32 << 20 // of columns that were read again, each worker
)

func (v *verifier) newWindows(id tableID, refs []verdictRef, from, to int) *windows {
	w := &windows{verifier: v, refs: refs, from: from, lay: layoutOf(v.tables[id]), unread: make([]int64, to-from+1)}
	w.unread[to-from] = math.MaxInt64
	for i := to - 1; i >= from; i-- {
		w.unread[i-from] = min(w.unread[i-from+1], micros(v.refs[i].MinTime))
	}
	return w
}

// keeping says what of an object's rows will be needed, and reserves room.
func (w *windows) keeping(ref objectRef) keeping {
	w.mu.Lock()
	defer w.mu.Unlock()
	size := min(max(ref.Rows, 0), maxRows) * rowBytes
	if len(w.refs) == 0 || w.used+size > cmp.Or(w.keptBytes, keptColumns) {
		return keepKeys
	}
	w.used += size
	return keepChain
}

// add takes an object that was examined, and reports whether it keeps its
// columns.
func (w *windows) add(i int, facts objectFacts) (keeps bool) {
	if len(w.refs) == 0 {
		return false
	}
	ref := &w.verifier.refs[i]
	o := liveObject{object: object{path: ref.Path, rows: ref.Rows, bytes: ref.Bytes, sequence: w.manifests[ref.manifest].Sequence,
		span: span{micros(ref.MinTime), micros(ref.MaxTime)}, minW: ref.MinWallet, maxW: ref.MaxWallet}}
	w.mu.Lock()
	defer w.mu.Unlock()
	if facts.rows != nil && facts.rows.chain != nil {
		o.cols = facts.rows
	}
	w.live = append(w.live, o)
	return o.cols != nil
}

// advance walks the windows that no object from next on has rows of.
func (w *windows) advance(ctx context.Context, next int) error {
	n := 0
	for n < len(w.refs) && micros(w.refs[n].part.Window.To) <= w.unread[next-w.from] {
		n++
	}
	ready := w.refs[:n]
	slices.SortFunc(w.live, func(a, b liveObject) int { return cmp.Compare(a.sequence, b.sequence) })
	kept := map[string]*keyColumns{}
	for _, o := range w.live {
		if o.cols != nil {
			kept[o.path] = o.cols
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	step := (n + w.opts.Parallel - 1) / w.opts.Parallel
	for mine := range slices.Chunk(ready, max(step, 1)) {
		g.Go(func() error {
			f := &finder{bucket: w.bucket, cache: newCache(windowsCache), lay: w.lay, kept: kept}
			for _, ref := range mine {
				if err := w.checkChain(ctx, f, ref); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := g.Wait()
	w.refs = w.refs[n:]
	w.forget()
	return err
}

// forget lets go of objects that no window asks about any more.
func (w *windows) forget() {
	first := int64(math.MaxInt64)
	if len(w.refs) > 0 {
		first = micros(w.refs[0].part.Window.From)
	}
	w.live = slices.DeleteFunc(w.live, func(o liveObject) bool {
		if o.span.to < first {
			w.spare.put(o.cols)
		}
		return o.span.to < first
	})
	w.used = 0
	for _, o := range w.live {
		if o.cols != nil {
			w.used += o.cols.bytes()
		}
	}
}

func (w *windows) checkChain(ctx context.Context, f *finder, ref verdictRef) error {
	p, m := ref.part, &w.manifests[ref.manifest]
	boundary := ref.boundary
	if p.Chain.Boundary == nil {
		boundary = nil // not checked, which is allowed for old windows
	} else if boundary == nil || boundary.balance != *p.Chain.Boundary {
		if w.unrecounted(m) {
			return nil
		}
		w.fault(manifestKey(m.Sequence), "part %s %s begins at a balance that no window before it ended with", p.WalletID, p.Window)
		return nil
	}
	walk := newWalker(boundary)
	readable, err := w.walk(ctx, f, walk, ref)
	if !readable || err != nil {
		return err
	}
	got := walk.finish(p.Past)
	same := reflect.DeepEqual(got, normalChain(p.Chain))
	if !same && w.unrecounted(m) {
		return nil
	}
	w.countChain(p.Chain.State)
	if !same {
		w.fault(manifestKey(m.Sequence), "part %s %s: the recorded balance chain is %+v, the rows give %+v", p.WalletID, p.Window, p.Chain, got)
	}
	return nil
}

// unrecounted counts a verdict that may rest on rows of a missing manifest, if
// this can be one.
func (v *verifier) unrecounted(m *Entry) bool {
	if !v.behindGap(m.Sequence) {
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.report.Unrecounted++
	return true
}

// walk takes the walker over the rows that the lake showed of a part's window at
// its manifest. readable is false when an object is damaged, which has a finding
// of its own.
func (w *windows) walk(ctx context.Context, f *finder, walk *walker, ref verdictRef) (readable bool, err error) {
	span, wallet := windowSpan(ref.part.Window), ref.part.WalletID
	var touched []object
	var pieces []stretchOf
	plain := true
	for _, o := range w.live {
		if !o.touches(wallet, spanBefore(span)) || o.sequence > w.manifests[ref.manifest].Sequence {
			continue
		}
		if w.damaged(o.path) {
			return false, nil
		}
		touched = append(touched, o.object)
		if o.cols == nil {
			plain = false
			continue
		}
		from, to := o.cols.chain.between(wallet, span)
		plain = plain && !o.cols.revised(from, to)
		if from < to {
			pieces = append(pieces, stretchOf{o.cols.chain, from, to})
		}
	}
	if plain && len(pieces) == 1 { // nearly always: in order of time already
		for i := pieces[0].from; i < pieces[0].to; i++ {
			walk.add(pieces[0].of.view(i))
		}
		return true, nil
	}
	rows := rowsOf(pieces)
	if !plain {
		answers, err := f.visible(ctx, touched, []question{{wallet, span}}, func(schemas.Key) bool { return false })
		if err != nil {
			return false, err
		}
		rows = answers[0]
	}
	slices.SortFunc(rows, func(a, b chainRow) int { return cmp.Compare(a.time, b.time) })
	for _, r := range rows {
		walk.add(r)
	}
	return true, nil
}

// spanBefore is a half-open span as its first and last microsecond.
func spanBefore(s span) span { return span{s.from, s.to - 1} }

// stretchOf is some rows of an object.
type stretchOf struct {
	of       *chainColumns
	from, to int
}

func rowsOf(pieces []stretchOf) []chainRow {
	var rows []chainRow
	for _, p := range pieces {
		for i := p.from; i < p.to; i++ {
			rows = append(rows, p.of.view(i))
		}
	}
	return rows
}

// view is a row whose id is not copied: it is valid as long as the columns are.
func (c *chainColumns) view(i int) chainRow {
	return chainRow{time: c.time[i], id: viewText(c.ids[c.idOffsets[i]:c.idOffsets[i+1]]), currency: c.currencies[c.currency[i]],
		amount: c.amount[i], balance: c.balance[i], balanced: c.balanced[i], pending: c.pending[i]}
}

// revised reports whether a row among these is a later revision or a withdrawal.
func (k *keyColumns) revised(from, to int) bool {
	for i := from; i < to; i++ {
		if k.revision[i] != 1 || k.sign[i] < 0 {
			return true
		}
	}
	return false
}
