package lake

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"slices"
	"time"

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
			if _, there := seen[id]; !there && !v.behindGap(m.Sequence) || resolved[id] {
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

// verdicts replays the manifests: the verdicts that stand at the end, by the
// start of their windows, and the boundary that each was entitled to. Verdicts
// that a later one on the same window replaced are covered by the manifests'
// digests alone.
func (v *verifier) verdicts() map[tableID][]verdictRef {
	standing := map[tableID][]verdictRef{}
	type stream struct {
		id     tableID
		wallet string
	}
	last := map[stream]map[int64]verdictRef{} // by window start
	ends := map[stream]map[int64]*Part{}      // final parts by window end
	for i := range v.manifests {
		m := &v.manifests[i]
		id := tableID{m.Source, m.Table}
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
	for id, refs := range standing {
		if v.tables[id].Balance == "" {
			delete(standing, id)
		}
		slices.SortFunc(refs, func(a, b verdictRef) int {
			return cmp.Or(a.part.Window.From.Compare(b.part.Window.From), cmp.Compare(a.part.WalletID, b.part.WalletID))
		})
	}
	return standing
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

func (v *verifier) damaged(key string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.report.Findings) == 0 {
		return false
	}
	path := fullPath(v.url, key)
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
