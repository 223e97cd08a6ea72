package lake

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/paylake/paylake/sinks"
)

// What verify does with all objects together: control totals and counts of
// every manifest, and the revisions of every key.

// tallied collects what the objects of one manifest hold.
type tallied struct {
	mu                 sync.Mutex
	totals             map[[2]string]*Total
	inserted, retracts int64
	incomplete         bool // an object could not be examined; it has a finding of its own
}

// checkObjects examines objects table by table and month by month: a key's
// revisions lie in one month, so that only one month's keys are in memory, and of
// a large month a part at a time. Balance chains are walked as soon as the rows
// of their windows have gone by.
func (v *verifier) checkObjects(ctx context.Context) error {
	refs := v.objectRefs()
	v.refs = refs
	sums := make([]tallied, len(v.manifests))
	standing := v.verdicts()
	for from := 0; from < len(refs); {
		to := from + 1
		for to < len(refs) && refs[to].id == refs[from].id {
			to++
		}
		id := refs[from].id
		if err := v.checkTable(ctx, from, to, sums, v.newWindows(id, standing[id], from, to)); err != nil {
			return err
		}
		delete(standing, id)
		from = to
	}
	for id, verdicts := range standing { // of tables without a row
		if err := v.newWindows(id, verdicts, 0, 0).advance(ctx, 0); err != nil {
			return err
		}
	}
	v.checkManifests(sums)
	return nil
}

func (v *verifier) objectRefs() []objectRef {
	var refs []objectRef
	for i, m := range v.manifests {
		if m.Kind == KindCompact {
			continue // the rows are those of older objects; see checkMerges
		}
		for _, o := range m.Objects {
			refs = append(refs, objectRef{Object: o, id: tableID{m.Source, m.Table}, manifest: i})
		}
	}
	slices.SortStableFunc(refs, func(a, b objectRef) int {
		return cmp.Or(cmp.Compare(a.id.source, b.id.source), cmp.Compare(a.id.table, b.id.table), cmp.Compare(a.Month, b.Month), a.MinTime.Compare(b.MinTime))
	})
	return refs
}

// checkTable checks the objects from to to, which are those of one table.
func (v *verifier) checkTable(ctx context.Context, from, to int, sums []tallied, w *windows) error {
	var odd []keyRow // keys that one month does not explain
	for from < to {
		end := from + 1
		for end < to && v.refs[end].Month == v.refs[from].Month {
			end++
		}
		more, err := v.checkMonth(ctx, from, end, sums, w)
		if err != nil {
			return err
		}
		odd = append(odd, more...)
		from = end
	}
	v.checkRevisions(v.refs, odd)
	return nil
}

const (
	batchRows  = 1 << 19 // rows of the objects between which balance chains are walked
	pairedRows = 2 << 20 // rows whose keys are in memory at a time: some 33 bytes each
)

// checkMonth checks the objects of one month. Where it has more rows than there
// is room for, keys are read again, each time another part of them.
func (v *verifier) checkMonth(ctx context.Context, from, to int, sums []tallied, w *windows) (odd []keyRow, err error) {
	rows := int64(0)
	for _, ref := range v.refs[from:to] {
		rows += min(max(ref.Rows, 0), maxRows)
	}
	limit := int64(cmp.Or(v.pairedRows, pairedRows))
	passes := uint64((rows + limit - 1) / limit)
	p := newPairing(0, max(passes, 1), int(min(rows, limit)))
	for at := from; at < to; {
		end, batch := at, int64(0)
		for end < to && (batch < batchRows || end-at < v.opts.Parallel) {
			batch += v.refs[end].Rows
			end++
		}
		if err := v.examineAll(ctx, at, end, sums, p, w); err != nil {
			return nil, err
		}
		if err := w.advance(ctx, end); err != nil {
			return nil, err
		}
		at = end
	}
	odd, err = v.unpaired(p)
	for pass := uint64(1); pass < passes && err == nil; pass++ {
		var more []keyRow
		if p, err = v.readPart(ctx, from, to, newPairing(pass, passes, int(limit))); err == nil {
			more, err = v.unpaired(p)
		}
		odd = append(odd, more...)
	}
	return odd, err
}

func (v *verifier) examineAll(ctx context.Context, from, to int, sums []tallied, p *pairing, w *windows) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(v.opts.Parallel)
	for i := from; i < to; i++ {
		g.Go(func() error {
			ref := v.refs[i]
			facts, err := v.examine(ctx, ref, w.keeping(ref))
			if err != nil {
				return err
			}
			sums[ref.manifest].add(facts)
			p.add(int32(i), facts.rows)
			if !w.add(i, facts) {
				v.spare.put(facts.rows)
			}
			if facts.totals != nil {
				v.count(ref, facts)
			}
			return nil
		})
	}
	return g.Wait()
}

// readPart reads the keys of objects again, for another part of them.
func (v *verifier) readPart(ctx context.Context, from, to int, p *pairing) (*pairing, error) {
	lay := layoutOf(v.tables[v.refs[from].id])
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(v.opts.Parallel)
	for i := from; i < to; i++ {
		ref := v.refs[i]
		if v.damaged(ref.Path) {
			continue
		}
		g.Go(func() error {
			r, err := openObject(ctx, v.bucket, ref.Path, ref.Bytes)
			if err != nil {
				return err
			}
			k, err := readKeys(r, lay)
			p.add(int32(i), k)
			return err
		})
	}
	return p, g.Wait()
}

func (v *verifier) count(ref objectRef, facts objectFacts) {
	v.mu.Lock()
	defer v.mu.Unlock()
	r := &v.report
	r.Objects++
	r.Bytes += ref.Bytes
	r.Rows += ref.Rows
	r.Visible += facts.inserted - facts.retracts
	r.Retractions += facts.retracts
}

func (t *tallied) add(f objectFacts) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f.totals == nil {
		t.incomplete = true
		return
	}
	t.inserted += f.inserted
	t.retracts += f.retracts
	if t.totals == nil {
		t.totals = map[[2]string]*Total{}
	}
	mergeTotals(t.totals, f.totals)
}

func mergeTotals(into, from map[[2]string]*Total) {
	for k, t := range from {
		sum := into[k]
		if sum == nil {
			sum = &Total{Provider: k[0], Currency: k[1]}
			into[k] = sum
		}
		sum.Count += t.Count
		sum.Debit, sum.Credit = sum.Debit.Plus(t.Debit), sum.Credit.Plus(t.Credit)
	}
}

func compareKeyRows(a, b keyRow) int {
	return cmp.Or(cmp.Compare(a.key.Hi, b.key.Hi), cmp.Compare(a.key.Lo, b.key.Lo), cmp.Compare(a.revision, b.revision),
		-cmp.Compare(a.sign, b.sign))
}

// explained checks one key: revisions 1 to n, each but the last withdrawn by
// exactly one row of equal content. The last may be withdrawn without a
// successor by a manifest that may withdraw: a corrected file's. It returns the
// row at fault.
func explained(rows []keyRow, mayWithdraw func(object int32) bool) (keyRow, bool) {
	revision := int32(1)
	for i := 0; i < len(rows); i++ {
		r := rows[i]
		if r.sign < 0 || r.revision != revision {
			return r, false
		}
		if i == len(rows)-1 {
			return r, true
		}
		i++
		if w := rows[i]; w.sign > 0 || w.revision != revision || w.hash != r.hash {
			return w, false
		}
		if i == len(rows)-1 {
			return rows[i], mayWithdraw(rows[i].object) // without a successor
		}
		revision++
	}
	return keyRow{}, true
}

// consistent checks one key of which rows may be missing with a manifest: no
// revision comes or goes twice, and what goes is what came.
func consistent(rows []keyRow) (keyRow, bool) {
	for i := 1; i < len(rows); i++ {
		a, b := rows[i-1], rows[i]
		if a.revision == b.revision && (a.sign == b.sign || a.hash != b.hash) {
			return b, false
		}
	}
	return keyRow{}, true
}

// withdraws reports whether an object belongs to a manifest that states a
// corrected file anew.
func (v *verifier) withdraws(object int32) bool {
	for _, p := range v.manifests[v.refs[object].manifest].Parts {
		if p.File != nil && !p.File.Replaces.IsZero() {
			return true
		}
	}
	return false
}

// checkRevisions judges the keys that single months did not explain.
func (v *verifier) checkRevisions(refs []objectRef, rows []keyRow) {
	slices.SortFunc(rows, compareKeyRows)
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].key == rows[0].key {
			n++
		}
		bad, ok := explained(rows[:n], v.withdraws)
		if !ok && slices.ContainsFunc(rows[:n], func(r keyRow) bool { return v.behindGap(v.manifests[refs[r.object].manifest].Sequence) }) {
			bad, ok = consistent(rows[:n])
		}
		if !ok {
			v.fault(refs[bad.object].Path, "a row of revision %d, sign %d does not follow from the other rows of its key", bad.revision, bad.sign)
		}
		rows = rows[n:]
	}
}

// checkManifests compares what manifests say of their rows with the rows.
func (v *verifier) checkManifests(sums []tallied) {
	all := map[[2]string]*Total{}
	for i := range v.manifests {
		m, s := &v.manifests[i], &sums[i]
		if s.incomplete || m.Kind == KindCompact {
			continue
		}
		mergeTotals(all, s.totals)
		if got := sortedPairs(s.totals); !reflect.DeepEqual(got, m.Totals) && len(got)+len(m.Totals) > 0 {
			v.fault(manifestKey(m.Sequence), "its control totals are not those of its rows: it says %v, the rows say %v", m.Totals, got)
		}
		var inserted, retracted int64
		for _, p := range m.Parts {
			inserted += p.Inserted
			retracted += p.Retracted
			if open := p.Chain.State == sinks.ChainOpen || p.Chain.State == sinks.ChainBroken; open != (len(p.Chain.Breaks) > 0) ||
				open && p.Past != (p.Chain.State == sinks.ChainBroken) {
				v.fault(manifestKey(m.Sequence), "part %s %s: chain %s with %d breaks contradicts itself", p.WalletID, p.Window, p.Chain.State, len(p.Chain.Breaks))
			}
			if p.Rows != p.Inserted+p.Duplicates {
				v.fault(manifestKey(m.Sequence), "part %s %s: %d rows are not %d inserted and %d duplicates", p.WalletID, p.Window, p.Rows, p.Inserted, p.Duplicates)
			}
		}
		if inserted != s.inserted || retracted != s.retracts {
			v.fault(manifestKey(m.Sequence), "its parts say %d inserted and %d retracted, its objects hold %d and %d",
				inserted, retracted, s.inserted, s.retracts)
		}
	}
	v.report.Totals = sortedPairs(all)
}
