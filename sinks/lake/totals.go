package lake

import (
	"cmp"
	"slices"
)

// tally adds up control totals; most rows have the provider and currency of a
// row shortly before.
type tally struct {
	providers, currencies *interner
	sums                  []Total
	at2                   map[[2]int32]int
	lastKey               [2]int32
	last                  int
}

func newTally() *tally {
	return &tally{providers: newInterner(), currencies: newInterner(), at2: map[[2]int32]int{}, last: -1}
}

func (t *tally) at(provider, currency string) *Total {
	k := [2]int32{t.providers.intern(provider), t.currencies.intern(currency)}
	if t.last >= 0 && k == t.lastKey {
		return &t.sums[t.last]
	}
	i, ok := t.at2[k]
	if !ok {
		i = len(t.sums)
		t.sums = append(t.sums, Total{Provider: string(t.providers.value(k[0])), Currency: string(t.currencies.value(k[1]))})
		t.at2[k] = i
	}
	t.last, t.lastKey = i, k
	return &t.sums[i]
}

func (t *tally) totals() map[[2]string]*Total {
	m := make(map[[2]string]*Total, len(t.sums))
	for i := range t.sums {
		m[[2]string{t.sums[i].Provider, t.sums[i].Currency}] = &t.sums[i]
	}
	return m
}

// sortedPairs lists totals by provider and currency.
func sortedPairs(m map[[2]string]*Total) []Total {
	out := make([]Total, 0, len(m))
	for _, t := range m {
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b Total) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Currency, b.Currency))
	})
	return out
}
