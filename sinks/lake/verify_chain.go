package lake

// chainScan collects what balance chains need from the pages that are read
// anyway.
type chainScan struct {
	cols                chainColumns
	lay                 layout
	wallets, currencies codeNumbers
}

func newChainScan(lay layout, rows int) *chainScan {
	c := &chainScan{lay: lay, cols: chainColumns{time: make([]int64, 0, rows), amount: make([]int64, 0, rows), balance: make([]int64, 0, rows),
		balanced: make([]bool, 0, rows), pending: make([]bool, 0, rows), wallet: make([]int32, 0, rows), currency: make([]int32, 0, rows),
		idOffsets: make([]int32, 1, rows+1)}}
	c.wallets.begin()
	c.currencies.begin()
	return c
}

// add adds the rows of a step.
func (c *chainScan) add(s *scanner, n int) {
	k, lay := &c.cols, c.lay
	t, a, b := &s.columns[lay.time], &s.columns[lay.amount], &s.columns[lay.balance]
	k.time = append(k.time, t.ints[t.at:t.at+n]...)
	k.amount = append(k.amount, a.ints[a.at:a.at+n]...)
	k.balance = append(k.balance, b.ints[b.at:b.at+n]...)
	k.wallet = append(k.wallet, c.wallets.of(s, lay.wallet, n)...)
	k.currency = append(k.currency, c.currencies.of(s, lay.currency, n)...)
	for r := range n {
		k.balanced = append(k.balanced, !b.nullAt(r))
	}
	for r := range n {
		k.pending = append(k.pending, lay.status >= 0 && string(s.columns[lay.status].textAt(r)) == statusPending)
	}
	c.addIDs(&s.columns[lay.id], n)
}

func (c *chainScan) addIDs(id *scanColumn, n int) {
	k := &c.cols
	if k.ids == nil { // the first page tells how long ids are
		size := 0
		for r := range n {
			size += len(id.textAt(r))
		}
		k.ids = make([]byte, 0, (size/max(n, 1)+1)*cap(k.time))
	}
	for r := range n {
		k.ids = append(k.ids, id.textAt(r)...)
		k.idOffsets = append(k.idOffsets, int32(len(k.ids)))
	}
}

func (c *chainScan) done() *chainColumns {
	k := c.cols
	k.wallets, k.currencies = c.wallets.names.names(), c.currencies.names.names()
	return &k
}
