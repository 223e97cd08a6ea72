package lake

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// Quarantine files and balance chains.

// checkQuarantine reads every quarantine file and compares it with the parts of
// its manifest.
func (v *verifier) checkQuarantine(ctx context.Context) error {
	seen, resolved := map[tableID]map[string]QuarantineRow{}, map[tableID]map[string]bool{}
	for i := range v.manifests {
		m := &v.manifests[i]
		id := tableID{m.Source, m.Table}
		if seen[id] == nil {
			seen[id], resolved[id] = map[string]QuarantineRow{}, map[string]bool{}
		}
		totals := map[string]*Total{}
		rows, readable, err := v.quarantineRows(ctx, m, totals, seen[id])
		if err != nil {
			return err
		}
		if readable {
			v.compareQuarantine(m, rows, totals)
		}
		v.report.Quarantined += rows
		if readable {
			v.checkResolved(m, seen[id], resolved[id])
		}
	}
	left := map[string]*Total{}
	for id, rows := range seen {
		for _, r := range rows {
			if !resolved[id][r.ID] {
				addRejected(left, r)
			}
		}
	}
	v.report.Unresolved = sortedTotals(left)
	return nil
}

// checkResolved: a rejected row comes in once, and only after it was rejected.
func (v *verifier) checkResolved(m *Entry, seen map[string]QuarantineRow, resolved map[string]bool) {
	for _, p := range m.Parts {
		for _, id := range p.Resolves {
			if _, there := seen[id]; !there || resolved[id] {
				v.fault(manifestKey(m.Sequence), "part %s %s resolves %s, which is not in quarantine, or was resolved before", p.WalletID, p.Window, id)
			}
			resolved[id] = true
			v.report.Resolved++
		}
	}
}

func (v *verifier) quarantineRows(ctx context.Context, m *Entry, totals map[string]*Total, seen map[string]QuarantineRow) (n int64, readable bool, err error) {
	for _, q := range m.Quarantine {
		data, err := v.bucket.Read(ctx, q.Path, 0, -1)
		if errors.Is(err, errAbsent) {
			v.fault(q.Path, "manifest %d names it, but it is gone", m.Sequence)
			return n, false, nil
		}
		if err != nil {
			return n, false, err
		}
		if sha := digest(data); sha != q.SHA256 || int64(len(data)) != q.Bytes || q.Path != quarantineKey(m.Table, sha) {
			v.fault(q.Path, "its %d bytes have SHA-256 %s, the manifest says %d bytes and %s", len(data), sha, q.Bytes, q.SHA256)
			return n, false, nil
		}
		rows, err := decodeQuarantine(data)
		if err != nil || int64(len(rows)) != q.Rows {
			v.fault(q.Path, "it holds %d rows, the manifest says %d (%v)", len(rows), q.Rows, err)
			return n, false, nil
		}
		v.report.Bytes += q.Bytes
		for _, r := range rows {
			if _, twice := seen[r.ID]; twice || r.Source != m.Source || r.Table != m.Table {
				v.fault(q.Path, "row %s is counted twice or belongs elsewhere", r.ID)
			}
			seen[r.ID] = r
			addRejected(totals, r)
		}
		n += q.Rows
	}
	return n, true, nil
}

func (v *verifier) compareQuarantine(m *Entry, rows int64, totals map[string]*Total) {
	var said int64
	sums := map[[2]string]*Total{}
	for _, p := range m.Parts {
		said += p.Quarantined.Rows
		for _, t := range p.Quarantined.Totals {
			mergeTotals(sums, map[[2]string]*Total{{t.Provider, t.Currency}: &t})
		}
	}
	if said != rows || !reflect.DeepEqual(sortedPairs(sums), sortedTotals(totals)) {
		v.fault(manifestKey(m.Sequence), "its parts say %d quarantined rows, %v; its files hold %d, %v",
			said, sortedPairs(sums), rows, sortedTotals(totals))
	}
}

// verdictRef is a part whose verdict nothing later replaces.
type verdictRef struct {
	part     *Part
	manifest int
	boundary *point
}

// checkChains computes the newest verdict on every window again, from the rows
// that the lake showed at that manifest. Verdicts that a later one on the same
// window replaced are covered by the manifests' digests alone.
func (v *verifier) checkChains(ctx context.Context) error {
	states, verdicts := v.verdicts()
	for id, refs := range verdicts {
		t := v.tables[id]
		if t.Balance == "" {
			continue
		}
		slices.SortStableFunc(refs, func(a, b verdictRef) int { return a.part.Window.From.Compare(b.part.Window.From) })
		if err := v.checkVerdicts(ctx, layoutOf(t), states[id], refs); err != nil {
			return err
		}
	}
	return nil
}

// verifyCache holds the columns of a few full objects: neighbouring windows of
// all wallets lie in the same ones.
const verifyCache = 128 << 20

// checkVerdicts shares neighbouring windows, which lie in the same objects,
// among workers with a cache each.
func (v *verifier) checkVerdicts(ctx context.Context, lay layout, state *tableState, refs []verdictRef) error {
	g, ctx := errgroup.WithContext(ctx)
	step := (len(refs) + v.opts.Parallel - 1) / v.opts.Parallel
	for mine := range slices.Chunk(refs, max(step, 1)) {
		g.Go(func() error {
			f := &finder{bucket: v.bucket, cache: newCache(verifyCache), lay: lay}
			for _, ref := range mine {
				if err := v.checkChain(ctx, f, state, ref); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// verdicts replays the manifests: the objects of each table, the verdicts that
// stand at the end, and the boundary that each was entitled to.
func (v *verifier) verdicts() (map[tableID]*tableState, map[tableID][]verdictRef) {
	states, standing := map[tableID]*tableState{}, map[tableID][]verdictRef{}
	type stream struct {
		id     tableID
		wallet string
	}
	last := map[stream]map[int64]verdictRef{} // by window start
	ends := map[stream]map[int64]*Part{}      // final parts by window end
	for i := range v.manifests {
		m := &v.manifests[i]
		id := tableID{m.Source, m.Table}
		if states[id] == nil {
			states[id] = newTableState()
		}
		if m.Kind != KindCompact { // a verdict is about the objects that were there
			states[id].applyObjects(*m)
		}
		for _, p := range byWindow(m.Parts) {
			s := stream{id, p.WalletID}
			if last[s] == nil {
				last[s], ends[s] = map[int64]verdictRef{}, map[int64]*Part{}
			}
			if p.Window.IsZero() {
				continue
			}
			w := windowSpan(p.Window)
			ref := verdictRef{part: p, manifest: i}
			if before := ends[s][w.from]; before != nil && before.Chain.Closing != nil {
				ref.boundary = &point{balance: *before.Chain.Closing, time: micros(before.Chain.ClosedAt)}
			}
			last[s][w.from] = ref
			if p.Final {
				ends[s][w.to] = p
			}
		}
	}
	for s, refs := range last {
		for _, ref := range refs {
			standing[s.id] = append(standing[s.id], ref)
		}
	}
	return states, standing
}

func byWindow(parts []Part) []*Part {
	out := make([]*Part, len(parts))
	for i := range parts {
		out[i] = &parts[i]
	}
	slices.SortStableFunc(out, func(a, b *Part) int {
		return cmp.Or(cmp.Compare(a.WalletID, b.WalletID), a.Window.From.Compare(b.Window.From))
	})
	return out
}

func (v *verifier) checkChain(ctx context.Context, f *finder, state *tableState, ref verdictRef) error {
	p, m := ref.part, &v.manifests[ref.manifest]
	w := windowSpan(p.Window)
	boundary := ref.boundary
	if p.Chain.Boundary == nil {
		boundary = nil // not checked, which is allowed for old windows
	} else if boundary == nil || boundary.balance != *p.Chain.Boundary {
		v.fault(manifestKey(m.Sequence), "part %s %s begins at a balance that no window before it ended with", p.WalletID, p.Window)
		return nil
	}
	var objects []object
	for _, o := range state.touched([]need{{p.WalletID, span{w.from, w.to - 1}}}) {
		if o.sequence <= m.Sequence {
			objects = append(objects, o)
		}
	}
	rows, err := v.visibleRows(ctx, f, objects, p.WalletID, w)
	if rows == nil || err != nil {
		return err
	}
	walk := newWalker(boundary)
	for _, r := range *rows {
		walk.add(r)
	}
	got := walk.finish(p.Past)
	v.countChain(p.Chain.State)
	if !reflect.DeepEqual(got, normalChain(p.Chain)) {
		v.fault(manifestKey(m.Sequence), "part %s %s: the recorded balance chain is %+v, the rows give %+v", p.WalletID, p.Window, p.Chain, got)
	}
	return nil
}

func (v *verifier) countChain(state sinks.ChainState) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.report.Chains++
	switch state {
	case sinks.ChainOpen:
		v.report.Open++
	case sinks.ChainBroken:
		v.report.Broken++
	}
}

// visibleRows returns the rows in order of time; nil when an object is damaged,
// which has a finding of its own.
func (v *verifier) visibleRows(ctx context.Context, f *finder, objects []object, wallet string, w span) (*[]chainRow, error) {
	for _, o := range objects {
		if v.damaged(o.path) {
			return nil, nil
		}
	}
	answers, err := f.visible(ctx, objects, []question{{wallet, w}}, func(schemas.Key) bool { return false })
	if err != nil {
		return nil, err
	}
	rows := answers[0]
	byTime := func(a, b chainRow) int { return cmp.Compare(a.time, b.time) }
	if !slices.IsSortedFunc(rows, byTime) {
		slices.SortFunc(rows, byTime)
	}
	return &rows, nil
}

func (v *verifier) damaged(key string) bool {
	path := fullPath(v.url, key)
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.ContainsFunc(v.report.Findings, func(f Finding) bool { return f.Path == path })
}

// normalChain brings a decoded verdict into the shape of a computed one.
func normalChain(c BalanceChain) BalanceChain {
	utc := func(t time.Time) time.Time {
		if t.IsZero() {
			return time.Time{}
		}
		return time.UnixMicro(t.UnixMicro()).UTC()
	}
	c.ClosedAt = utc(c.ClosedAt)
	breaks := make([]Break, 0, len(c.Breaks))
	for _, b := range c.Breaks {
		b.From, b.To = utc(b.From), utc(b.To)
		breaks = append(breaks, b)
	}
	c.Breaks = breaks
	return c
}
