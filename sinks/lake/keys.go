package lake

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/paylake/paylake/schemas"
)

// Which columns of an object say which rows the lake holds, and how they are
// read: page by page, because their texts are needed for a moment only.

// keyTable is the part of a table that its keys are made of; the key of a
// record of it is the key of the whole row.
func keyTable(t *schemas.Table) *schemas.Table {
	k := &schemas.Table{Name: t.Name, Version: t.Version, Key: t.Key}
	k.Fields = append(k.Fields, t.Fields[t.Index("source")])
	for _, name := range t.Key {
		if name != "source" {
			k.Fields = append(k.Fields, t.Fields[t.Index(name)])
		}
	}
	return k
}

func newKeyColumns(n int) *keyColumns {
	return &keyColumns{revision: make([]int32, 0, n), hashes: make([]uint64, 0, n), sign: make([]int8, 0, n), keys: make([]schemas.Key, 0, n)}
}

// addOwn adds the lake's own columns, which rec begins with.
func (k *keyColumns) addOwn(rec arrow.Record) {
	k.revision = append(k.revision, int32s(rec.Column(0))...)
	for _, s := range int32s(rec.Column(1)) {
		k.sign = append(k.sign, int8(s))
	}
	k.hashes = append(k.hashes, castSlice[uint64](int64s(rec.Column(2)))...)
}

func readKeys(r *objectReader, lay layout) (*keyColumns, error) {
	k := newKeyColumns(r.rows())
	err := r.chunks(lakeFields(), func(own arrow.Record) error {
		k.addOwn(own)
		return nil
	})
	if err != nil {
		return nil, err
	}
	kt := keyTable(lay.table)
	h := schemas.NewHasher(kt)
	unused := make([]uint64, 0, pageRows)
	err = r.chunks(kt.Fields, func(keys arrow.Record) error {
		k.keys, _ = h.Rows(keys, k.keys, unused)
		return nil
	})
	return k, err
}

// chainFields are the columns that a balance chain needs, by position; -1 for
// those that the table does not have.
func (l layout) chainFields() (fields []schemas.Field, wallet, status int) {
	for _, i := range []int{l.time, l.amount, l.balance, l.id, l.currency} {
		fields = append(fields, l.field(i))
	}
	wallet, status = -1, -1
	if l.wallet >= 0 {
		wallet = len(fields)
		fields = append(fields, l.field(l.wallet))
	}
	if l.status >= 0 {
		status = len(fields)
		fields = append(fields, l.field(l.status))
	}
	return fields, wallet, status
}

// chainBuilder collects the columns of a balance chain.
type chainBuilder struct {
	chainColumns
	lay                 layout
	wallet, status      int // places among the chain's fields, or -1
	currencies, wallets *interner
}

func newChainBuilder(lay layout, n int) *chainBuilder {
	b := &chainBuilder{lay: lay, currencies: newInterner(), wallets: newInterner()}
	_, b.wallet, b.status = lay.chainFields()
	b.chainColumns = chainColumns{time: make([]int64, 0, n), amount: make([]int64, 0, n), balance: make([]int64, 0, n),
		balanced: make([]bool, 0, n), pending: make([]bool, 0, n), wallet: make([]int32, 0, n), currency: make([]int32, 0, n),
		ids: make([]byte, 0, n*usualID), idOffsets: make([]int32, 1, n+1)}
	return b
}

// add adds n rows of the chain's fields.
func (b *chainBuilder) add(cols []arrow.Array, n int) {
	c := &b.chainColumns
	c.time = append(c.time, int64s(cols[0])...)
	c.amount = append(c.amount, int64s(cols[1])...)
	c.balance = append(c.balance, int64s(cols[2])...)
	text := func(column, row int) string {
		if column < 0 {
			return ""
		}
		return cols[column].(*array.String).Value(row)
	}
	for i := range n {
		c.balanced = append(c.balanced, cols[2].IsValid(i))
		c.pending = append(c.pending, text(b.status, i) == statusPending)
		c.ids = append(c.ids, text(3, i)...)
		c.idOffsets = append(c.idOffsets, int32(len(c.ids)))
		c.currency = append(c.currency, b.currencies.intern(text(4, i)))
		c.wallet = append(c.wallet, b.wallets.intern(text(b.wallet, i)))
	}
}

func (b *chainBuilder) done() *chainColumns {
	c := b.chainColumns
	c.currencies, c.wallets = b.currencies.names(), b.wallets.names()
	return &c
}

func readChain(r *objectReader, lay layout) (*chainColumns, error) {
	fields, _, _ := lay.chainFields()
	b := newChainBuilder(lay, r.rows())
	err := r.chunks(fields, func(rec arrow.Record) error {
		b.add(rec.Columns(), int(rec.NumRows()))
		return nil
	})
	return b.done(), err
}

// usualID is how long ids are as a rule; longer ones cost a copy.
const usualID = 20
