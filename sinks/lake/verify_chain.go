package lake

import "sync"

// chainScan collects what balance chains need from the pages that are read
// anyway.
type chainScan struct {
	cols                chainColumns
	lay                 layout
	wallets, currencies codeNumbers
}

func newChainScan(lay layout, cols *chainColumns) *chainScan {
	c := &chainScan{lay: lay, cols: *cols}
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
	if cap(k.ids) == 0 { // the first page tells how long ids are
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

// spareColumns are columns that nobody needs any more: their memory is used
// again, because making and clearing it takes longer than filling it.
type spareColumns struct {
	mu     sync.Mutex
	keys   []*keyColumns
	chains []*chainColumns
}

func (s *spareColumns) take(rows int) *keyColumns {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.keys)
	if n == 0 {
		return newKeyColumns(rows)
	}
	k := s.keys[n-1]
	s.keys = s.keys[:n-1]
	return &keyColumns{keys: k.keys[:0], hashes: k.hashes[:0], revision: k.revision[:0], sign: k.sign[:0]}
}

func (s *spareColumns) takeChain(rows int) *chainColumns {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.chains)
	if n == 0 {
		return &chainColumns{time: make([]int64, 0, rows), amount: make([]int64, 0, rows), balance: make([]int64, 0, rows),
			balanced: make([]bool, 0, rows), pending: make([]bool, 0, rows), wallet: make([]int32, 0, rows), currency: make([]int32, 0, rows),
			idOffsets: make([]int32, 1, rows+1)}
	}
	c := s.chains[n-1]
	s.chains = s.chains[:n-1]
	return &chainColumns{time: c.time[:0], amount: c.amount[:0], balance: c.balance[:0], balanced: c.balanced[:0], pending: c.pending[:0],
		wallet: c.wallet[:0], currency: c.currency[:0], ids: c.ids[:0], idOffsets: c.idOffsets[:1]}
}

// put takes columns back. Nothing may point into them.
func (s *spareColumns) put(k *keyColumns) {
	if k == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if k.chain != nil {
		s.chains = append(s.chains, k.chain)
		k.chain = nil
	}
	s.keys = append(s.keys, k)
}
