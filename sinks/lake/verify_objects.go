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
// revisions lie in one month, so that only one month's keys are in memory.
func (v *verifier) checkObjects(ctx context.Context) error {
	refs := v.objectRefs()
	v.refs = refs
	sums := make([]tallied, len(v.manifests))
	var odd []keyRow // keys that one month does not explain
	for from := 0; from < len(refs); {
		to := from + 1
		for to < len(refs) && refs[to].id == refs[from].id && refs[to].Month == refs[from].Month {
			to++
		}
		rows, err := v.examineAll(ctx, refs, from, to, sums)
		if err != nil {
			return err
		}
		odd = append(odd, v.unpaired(rows)...)
		if to == len(refs) || refs[to].id != refs[from].id {
			v.checkRevisions(refs, odd)
			odd = nil
		}
		from = to
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
		return cmp.Or(cmp.Compare(a.id.source, b.id.source), cmp.Compare(a.id.table, b.id.table), cmp.Compare(a.Month, b.Month))
	})
	return refs
}

func (v *verifier) examineAll(ctx context.Context, refs []objectRef, from, to int, sums []tallied) ([]keyRow, error) {
	var rows []keyRow
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(v.opts.Parallel)
	for i := from; i < to; i++ {
		g.Go(func() error {
			facts, err := v.examine(ctx, refs[i], int32(i))
			if err != nil {
				return err
			}
			sums[refs[i].manifest].add(facts)
			mu.Lock()
			defer mu.Unlock()
			rows = append(rows, facts.rows...)
			if facts.totals != nil {
				v.count(refs[i], facts)
			}
			return nil
		})
	}
	return rows, g.Wait()
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

// unpaired returns the rows of keys whose revisions do not explain each other.
// Nearly every key has one row, which needs no sorting.
func (v *verifier) unpaired(rows []keyRow) []keyRow {
	index := newKeyIndex(len(rows))
	ids := make([]int32, len(rows))
	count := make([]int32, len(rows))
	for i, r := range rows {
		ids[i] = index.add(r.key)
		count[ids[i]]++
	}
	several := rows[:0]
	for i, r := range rows {
		if count[ids[i]] > 1 || r.revision != 1 || r.sign < 0 {
			several = append(several, r)
		}
	}
	slices.SortFunc(several, compareKeyRows)
	var odd []keyRow
	for len(several) > 0 {
		n := 1
		for n < len(several) && several[n].key == several[0].key {
			n++
		}
		if _, ok := explained(several[:n], v.withdraws); !ok {
			odd = append(odd, several[:n]...)
		}
		several = several[n:]
	}
	return odd
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
		if bad, ok := explained(rows[:n], v.withdraws); !ok {
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
