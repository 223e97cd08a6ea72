package lake

import (
	"cmp"
	"slices"
)

// moneySums adds up an object's money by provider and currency.
type moneySums struct {
	lay                   layout
	providers, currencies codeNumbers
	slots                 [][]int32 // by provider and currency: index into sums, plus one
	sums                  []moneySum
}

// moneySum is what the rows of one provider and currency add up to.
type moneySum struct {
	Total
	currency int32
	rows     int64
	signed   Amount // Σ sign·amount
}

func (m *moneySums) begin(lay layout) {
	*m = moneySums{lay: lay}
	m.providers.begin()
	m.currencies.begin()
}

// add adds the rows of a step.
func (m *moneySums) add(s *scanner, signs []int32, n int) {
	providers, currencies := m.providers.of(s, m.lay.provider, n), m.currencies.of(s, m.lay.currency, n)
	var amounts *scanColumn
	if m.lay.amount >= 0 {
		amounts = &s.columns[m.lay.amount]
	}
	for r := range n {
		sum := m.at(providers[r], currencies[r])
		amount := int64(0)
		if amounts != nil {
			amount = amounts.intAt(r)
		}
		sum.rows++
		sum.add(amount, signs[r])
		if signs[r] < 0 {
			sum.signed = sum.signed.Minus(Amount{}.Add(amount))
		} else {
			sum.signed = sum.signed.Add(amount)
		}
	}
}

func (m *moneySums) at(provider, currency int32) *moneySum {
	for int(provider) >= len(m.slots) {
		m.slots = append(m.slots, nil)
	}
	for int(currency) >= len(m.slots[provider]) {
		m.slots[provider] = append(m.slots[provider], 0)
	}
	slot := &m.slots[provider][currency]
	if *slot == 0 {
		m.sums = append(m.sums, moneySum{currency: currency, Total: Total{Provider: m.providers.name(provider), Currency: m.currencies.name(currency)}})
		*slot = int32(len(m.sums))
	}
	return &m.sums[*slot-1]
}

func (m *moneySums) totals() map[[2]string]*Total {
	out := make(map[[2]string]*Total, len(m.sums))
	for i := range m.sums {
		t := &m.sums[i].Total
		out[[2]string{t.Provider, t.Currency}] = t
	}
	return out
}

func (m *moneySums) perCurrency() []Sum {
	var sums []Sum
	at := map[int32]int{}
	for i := range m.sums {
		s := &m.sums[i]
		n, ok := at[s.currency]
		if !ok {
			n = len(sums)
			at[s.currency] = n
			sums = append(sums, Sum{Currency: s.Currency})
		}
		sums[n].Rows += s.rows
		sums[n].Amount = sums[n].Amount.Plus(s.signed)
	}
	slices.SortFunc(sums, func(a, b Sum) int { return cmp.Compare(a.Currency, b.Currency) })
	return sums
}

// codeNumbers numbers the texts of a column, those of a dictionary once.
type codeNumbers struct {
	names   *interner
	entries []int32 // of the dictionary: number plus one
	out     []int32
}

func (c *codeNumbers) begin() {
	c.names, c.entries, c.out = newInterner(), c.entries[:0], c.out[:0]
}

func (c *codeNumbers) name(i int32) string { return string(c.names.value(i)) }

// of returns the number of each row's text; a column of -1 is empty.
func (c *codeNumbers) of(s *scanner, column, n int) []int32 {
	c.out = slices.Grow(c.out[:0], n)[:n]
	if column < 0 {
		empty := c.names.intern("")
		for r := range c.out {
			c.out[r] = empty
		}
		return c.out
	}
	col := &s.columns[column]
	if !col.dictionary {
		for r := range c.out {
			c.out[r] = c.names.intern(viewText(col.textAt(r)))
		}
		return c.out
	}
	if len(c.entries) != col.entries.len() {
		c.entries = make([]int32, col.entries.len())
	}
	for r, i := range col.index[col.at : col.at+n] {
		if c.entries[i] == 0 {
			c.entries[i] = c.names.intern(viewText(col.entries.at(int(i)))) + 1
		}
		c.out[r] = c.entries[i] - 1
	}
	return c.out
}
