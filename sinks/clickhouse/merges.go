package clickhouse

import (
	"context"

	"github.com/paylake/paylake/sinks/lake"
)

// Objects that were merged into others. A warehouse that holds the old ones goes
// on with them until the manifest that merged them, and then changes over in one
// step. One that holds none of them yet, as in a rebuild, loads the merged object
// at once: every row of it names the manifest that it came with, so that readers
// see it row by row, as if the old objects had been loaded.

// mergeIndex knows which object stands for which.
type mergeIndex struct {
	read    int // manifests of kind compact
	into    map[string]merged
	from    map[string][]string // paths of a merged object's parts
	earlier map[string]int64    // the first manifest that a merged object has rows of
}

// merged is an object of a manifest of kind compact.
type merged struct {
	load
	kept []string
}

// readMerges reads what the lake says up to its newest manifest. It must be
// called with following held.
func (w *Warehouse) readMerges(ctx context.Context) error {
	entries, err := w.lake.Merges(ctx)
	if err != nil || len(entries) == w.merges.read {
		return err
	}
	x := mergeIndex{read: len(entries), into: map[string]merged{}, from: map[string][]string{}, earlier: map[string]int64{}}
	for i := range entries {
		loads, err := loadsOf(&entries[i])
		if err != nil {
			return err
		}
		byPath := map[string]load{}
		for _, l := range loads {
			byPath[l.object.Path] = l
		}
		for _, m := range entries[i].Merged {
			l := byPath[m.Object]
			for _, old := range m.From {
				first := old.Sequence
				if n, ok := x.earlier[old.Path]; ok { // merged itself
					first = n
				}
				l.first = min(l.first, first)
				x.from[m.Object] = append(x.from[m.Object], old.Path)
			}
			x.earlier[m.Object] = l.first
			for _, old := range m.From {
				x.into[old.Path] = merged{l, entries[i].Kept}
			}
		}
	}
	w.merges = x
	return nil
}

// chain lists what an object was merged into, and that into, to the last.
func (x *mergeIndex) chain(path string) (chain []merged) {
	for {
		m, ok := x.into[path]
		if !ok {
			return chain
		}
		chain, path = append(chain, m), m.object.Path
	}
}

// parts lists all that an object was merged from, directly or not.
func (x *mergeIndex) parts(path string) (all []string) {
	for _, p := range x.from[path] {
		all = append(append(all, p), x.parts(p)...)
	}
	return all
}

// groupPlan is what is done for a group of manifests.
type groupPlan struct {
	missing  []load  // to be loaded
	wanted   []load  // missing, and what is there already
	replaced [][]any // rows of load_replaced
	counts   []int64 // objects that each manifest shows
}

// planGroup decides what is loaded for a group of manifests: objects that are
// not there yet, each once, merged ones instead of their parts where that is
// possible.
func (w *Warehouse) planGroup(ctx context.Context, group []lake.Entry) (plan groupPlan, err error) {
	loads := make([][]load, len(group))
	var asked []string
	for i := range group {
		if loads[i], err = loadsOf(&group[i]); err != nil {
			return plan, err
		}
		if len(loads[i]) > 0 {
			if err := w.keep(ctx, loads[i][0].table, group[i].Kept); err != nil {
				return plan, err
			}
		}
		for _, l := range loads[i] {
			asked = append(asked, l.object.Path)
			if chain := w.merges.chain(l.object.Path); len(chain) > 0 {
				last := chain[len(chain)-1]
				for _, m := range chain {
					asked = append(asked, m.object.Path)
				}
				asked = append(asked, w.merges.parts(last.object.Path)...)
			}
		}
	}
	have, err := w.published(ctx, asked)
	if err != nil {
		return plan, err
	}
	plan.counts = make([]int64, len(group))
	for i := range group {
		for _, l := range loads[i] {
			one, counted := w.merges.choose(l, have)
			if counted {
				plan.counts[i]++
			}
			if one == nil {
				if counted {
					plan.wanted = append(plan.wanted, l)
				}
				continue
			}
			if one.merged {
				if err := w.keep(ctx, one.table, one.kept); err != nil {
					return plan, err
				}
			}
			have[one.object.Path] = true
			plan.missing, plan.wanted = append(plan.missing, one.load), append(plan.wanted, one.load)
		}
		for _, m := range group[i].Merged {
			for _, old := range m.From {
				plan.replaced = append(plan.replaced, []any{old.Path, group[i].Sequence, w.now().UTC()})
			}
		}
	}
	return plan, nil
}

// choose says what is loaded for one object of a manifest, given what there is:
// nothing, the object, or what it was merged into. Pure.
func (x *mergeIndex) choose(l load, have map[string]bool) (one *merged, counted bool) {
	chain := x.chain(l.object.Path)
	for _, m := range chain {
		if have[m.object.Path] { // its rows are there, or will be seen with the manifests they came with
			return nil, false
		}
	}
	if have[l.object.Path] {
		return nil, !l.merged
	}
	if l.merged { // of its own manifest, from which on it stands for its parts
		l.first = x.earlier[l.object.Path]
		return &merged{load: l}, true
	}
	if len(chain) == 0 {
		return &merged{load: l}, true
	}
	last := chain[len(chain)-1]
	for _, part := range x.parts(last.object.Path) {
		if have[part] { // then it changes over at its manifest
			return &merged{load: l}, true
		}
	}
	last.since = l.snapshot
	return &last, true
}
