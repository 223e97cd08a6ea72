package reconcile

import "strings"

// Key is what sums are kept by.
type Key struct{ Wallet, Provider, Category, Currency string }

func (k Key) clone() Key {
	return Key{strings.Clone(k.Wallet), strings.Clone(k.Provider), strings.Clone(k.Category), strings.Clone(k.Currency)}
}

func (r *Row) key() Key { return Key{r.Wallet, r.Provider, r.Category, r.Currency} }

// mask says which parts of a key matter.
type mask uint8

const (
	byWallet mask = 1 << iota
	byProvider
	byCategory
	byCurrency
)

// of leaves the parts that matter.
func (m mask) of(k Key) Key {
	if m&byWallet == 0 {
		k.Wallet = ""
	}
	if m&byProvider == 0 {
		k.Provider = ""
	}
	if m&byCategory == 0 {
		k.Category = ""
	}
	if m&byCurrency == 0 {
		k.Currency = ""
	}
	return k
}

// pattern is what an expectation is about.
type pattern struct {
	mask mask
	key  Key
}

// patternOf reads a line: an empty value stands for all, None for the empty one.
func patternOf(l Line) (p pattern) {
	bind := func(m mask, text string, to *string) {
		if text == "" {
			return
		}
		p.mask |= m
		if text != None {
			*to = text
		}
	}
	bind(byWallet, l.Wallet, &p.key.Wallet)
	bind(byProvider, l.Provider, &p.key.Provider)
	bind(byCategory, l.Category, &p.key.Category)
	bind(byCurrency, l.Currency, &p.key.Currency)
	return p
}

// groups finds the expectations that a key is part of: by the few masks that
// there are, whatever the number of expectations.
type groups struct {
	masks []mask
	found map[pattern][]int
}

func newGroups(all []Expectation) groups {
	g := groups{found: map[pattern][]int{}}
	known := map[mask]bool{}
	for i, e := range all {
		if !known[e.about.mask] {
			known[e.about.mask] = true
			g.masks = append(g.masks, e.about.mask)
		}
		g.found[e.about] = append(g.found[e.about], i)
	}
	return g
}

// each hands out the expectations that a key is part of.
func (g groups) each(k Key, fn func(n int)) {
	for _, m := range g.masks {
		for _, n := range g.found[pattern{m, m.of(k)}] {
			fn(n)
		}
	}
}
