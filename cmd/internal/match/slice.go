package match

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// Slice are facts in memory, for those of one run: nets depend on the rule.
type Slice struct {
	Rule  Rule
	Facts []*Fact
}

// By implements Facts.
func (s Slice) By(o Order) iter.Seq2[Entry, error] {
	var out []Entry
	for _, f := range s.Facts {
		switch o {
		case ByReference:
			for _, ref := range f.Refs {
				out = append(out, Entry{Class: ref, Fact: f})
			}
		case ByGroup:
			if f.Group != "" {
				out = append(out, Entry{Class: f.Group, Fact: f})
			}
		case ByNet:
			for _, net := range s.Rule.nets(f) {
				out = append(out, Entry{Sum: net, Fact: f})
			}
		default:
			out = append(out, Entry{Sum: f.Amount, Fact: f})
		}
	}
	slices.SortFunc(out, func(a, b Entry) int {
		return cmp.Or(strings.Compare(a.Fact.Currency, b.Fact.Currency), strings.Compare(a.Class, b.Class), cmp.Compare(a.Sum, b.Sum), a.Fact.compare(b.Fact))
	})
	return func(yield func(Entry, error) bool) {
		for _, e := range out {
			if !yield(e, nil) {
				return
			}
		}
	}
}
