package lake

import (
	"context"
	"reflect"

	"golang.org/x/sync/errgroup"

	"github.com/paylake/paylake/schemas"
)

// What verify does with manifests of kind compact: each of their objects holds
// exactly the rows of the objects that it is read instead of.

// committed is an object and the manifest that published it.
type committed struct {
	Object
	manifest int // index into verifier.manifests
}

func (v *verifier) checkMerges(ctx context.Context) error {
	objects := map[string]committed{} // as published first
	replaced := map[string]bool{}
	for i := range v.manifests {
		m := &v.manifests[i]
		if m.Kind == KindCompact {
			if err := v.checkMerge(ctx, i, objects, replaced); err != nil {
				return err
			}
		}
		for _, o := range m.Objects {
			if _, twice := objects[o.Path]; !twice {
				objects[o.Path] = committed{o, i}
			}
		}
	}
	return nil
}

func (v *verifier) checkMerge(ctx context.Context, index int, objects map[string]committed, replaced map[string]bool) error {
	m := &v.manifests[index]
	key := manifestKey(m.Sequence)
	byPath := map[string]Merge{}
	for _, merge := range m.Merged {
		if _, twice := byPath[merge.Object]; twice {
			v.fault(key, "it names %s twice", merge.Object)
		}
		byPath[merge.Object] = merge
		for _, old := range merge.From {
			o, known := objects[old.Path]
			switch {
			case !known && v.behindGap(m.Sequence) && !v.isThere(old.Sequence): // published by a missing manifest
			case !known || v.manifests[o.manifest].Sequence != old.Sequence || o.SHA256 != old.SHA256 || o.Rows != old.Rows || o.HashSum != old.HashSum:
				v.fault(key, "it merges %s of manifest %d, which did not publish that", old.Path, old.Sequence)
				return nil
			case v.manifests[o.manifest].Source != m.Source || v.manifests[o.manifest].Table != m.Table || replaced[old.Path]:
				v.fault(key, "it merges %s, which belongs elsewhere or was merged before", old.Path)
				return nil
			}
			replaced[old.Path] = true
		}
	}
	if len(byPath) != len(m.Objects) {
		v.fault(key, "it has %d objects and says of %d what they hold", len(m.Objects), len(byPath))
		return nil
	}
	sums := tallied{}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(v.opts.Parallel)
	for _, o := range m.Objects {
		merge, ok := byPath[o.Path]
		if !ok {
			v.fault(key, "it does not say what %s holds", o.Path)
			continue
		}
		g.Go(func() error {
			facts, err := v.checkMerged(ctx, index, o, merge, objects)
			sums.add(facts)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if got := sortedPairs(sums.totals); !sums.incomplete && !reflect.DeepEqual(got, m.Totals) && len(got)+len(m.Totals) > 0 {
		v.fault(key, "its control totals are not those of its rows: it says %v, the rows say %v", m.Totals, got)
	}
	return nil
}

// checkMerged compares one merged object, row by row, with what it was made of.
func (v *verifier) checkMerged(ctx context.Context, index int, o Object, merge Merge, objects map[string]committed) (objectFacts, error) {
	ref := objectRef{Object: o, id: tableID{v.manifests[index].Source, v.manifests[index].Table}, manifest: index}
	facts, err := v.examine(ctx, ref, 0)
	if err != nil || facts.totals == nil {
		return facts, err
	}
	var before []mergedRow
	for _, old := range merge.From {
		if _, known := objects[old.Path]; !known { // published by a missing manifest: there is nothing to compare with
			return facts, nil
		}
		w, err := v.whole(ctx, objects[old.Path])
		if err != nil {
			return facts, err
		}
		if w == nil { // damaged, which has a finding of its own
			return facts, nil
		}
		before = w.rows(before)
	}
	w, err := v.whole(ctx, committed{o, index})
	if err != nil || w == nil {
		return facts, err
	}
	if err := sameRows(before, w.rows(nil)); err != nil {
		v.fault(o.Path, "it does not hold the rows that it was merged from: %v", err)
		return facts, nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.report.Merged++
	v.report.Bytes += o.Bytes
	return facts, nil
}

// whole reads an object of a manifest; nil when it is damaged.
func (v *verifier) whole(ctx context.Context, o committed) (w *wholeObject, err error) {
	if v.damaged(o.Path) {
		return nil, nil
	}
	m := &v.manifests[o.manifest]
	t, _ := schemas.ByName(m.Table)
	defer func() {
		if r := recover(); r != nil {
			v.fault(o.Path, "it is not a readable Parquet file: %v", r)
			w, err = nil, nil
		}
	}()
	data, err := v.bucket.Read(ctx, o.Path, 0, -1)
	if err != nil {
		return nil, err
	}
	w, problem := readWhole(data, t.AsOf(m.SchemaVersion).Keep(m.Kept...), o.Path, m.Sequence)
	if problem != nil {
		v.fault(o.Path, "%v", problem)
		return nil, nil
	}
	return w, nil
}
