package csv

import (
	"encoding/binary"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/zeebo/xxh3"

	"github.com/paylake/paylake/schemas"
)

// newRowReader plans how rows under a heading become rows of the table.
func newRowReader(c *Config, t *schemas.Table, schema *arrow.Schema, h *head) *rowReader {
	m := c.Mapping
	r := &rowReader{table: t, head: h, zone: schemas.NewZone(c.Zone), decoder: newDecoder(h.encoding),
		split: splitter{delim: h.delim}, rows: newColumns(schema),
		people: newPeople(c.Pseudonyms, m.Region), money: newMoney(m), source: []byte(c.Name), dateBuf: make([]byte, 64),
		numbers: make([]int64, len(t.Fields)), nulls: make([]bool, len(t.Fields)), texts: make([][]byte, len(t.Fields))}
	for _, text := range m.Dates {
		l, _ := parseLayout(text) // validated
		r.layouts = append(r.layouts, l)
	}
	r.place(m)
	for _, name := range sortedKeys(m.Columns) {
		if at, ok := h.columns[name]; ok {
			r.addSetter(m, name, at, nil)
		}
	}
	for _, name := range sortedKeys(m.Constants) {
		if _, ok := h.columns[name]; !ok {
			r.addSetter(m, name, -1, []byte(m.Constants[name]))
		}
	}
	return r
}

// place finds the columns that rowReader treats by itself.
func (r *rowReader) place(m Mapping) {
	t := r.table
	field := func(name string) int {
		if name == "" || !t.Has(name) {
			return -1
		}
		return t.Index(name)
	}
	at := func(name string) int {
		if i, ok := r.head.columns[name]; ok {
			return i
		}
		return -1
	}
	r.fTime, r.fDate, r.fAmount, r.fCurrency = field(t.Time), field("business_date"), field(t.Amount), field(t.Currency)
	r.fSource, r.fID, r.fBooking, r.fSide = field("source"), field(t.Key[len(t.Key)-1]), field("booking_date"), field("credit_debit")
	r.fOffset = slices.IndexFunc(t.Fields, func(f schemas.Field) bool { return f.Kind == schemas.Int32 })
	r.amount, r.debit, r.credit, r.direction = at(colAmount), at(colDebit), at(colCredit), at(colDirection)
	r.currency = at(t.Currency)
	r.constCurrency = []byte(m.Constants[t.Currency])
	r.known.be(r.constCurrency)
	r.constDirection = m.Constants[colDirection]
	r.words = newWords(m.Values[colDirection])
	r.signed = m.Sign == "signed" || m.Sign == "" && r.amount >= 0
	for _, k := range t.Key {
		r.keys = append(r.keys, t.Index(k))
	}
	r.unsignedOnly = t.Name == "operations"
	for _, c := range m.ID {
		if i := at(c); i >= 0 {
			r.ids = append(r.ids, i)
		}
	}
}

func (r *rowReader) addSetter(m Mapping, name string, at int, value []byte) {
	real := column(r.table, name)
	if real == "" || real == r.table.Currency && r.fAmount >= 0 || len(r.ids) > 0 && real == r.table.Fields[r.fID].Name {
		return
	}
	i := r.table.Index(real)
	f := r.table.Fields[i]
	s := setter{field: i, at: at, name: name, kind: f.Kind, null: f.Nullable, treat: treatments[real], masked: -1, value: value,
		values: newWords(m.Values[name]), hundred: f.Name == "points_centi" || f.Name == "balance_after_centi"}
	if masked := real + "_masked"; s.treat == aPerson && r.table.Has(masked) {
		s.masked = r.table.Index(masked)
	}
	r.setters = append(r.setters, s)
	if i == r.fTime {
		r.timeSetter = &setter{field: i, at: at, name: name}
	}
}

// contentHash covers every value of the row but its id.
func (r *rowReader) contentHash() xxh3.Uint128 {
	b := r.hashed[:0]
	for i := range r.texts {
		if i == r.fID && len(r.ids) == 0 {
			continue
		}
		if r.nulls[i] {
			b = append(b, 0)
			continue
		}
		b = binary.LittleEndian.AppendUint64(append(b, 1), uint64(r.numbers[i]))
		b = append(binary.AppendUvarint(b, uint64(len(r.texts[i]))), r.texts[i]...)
	}
	r.hashed = b
	return xxh3.Hash128(b)
}

// keyHash covers what identifies the row in the table.
func (r *rowReader) keyHash() uint64 {
	b := r.hashed[:0]
	for _, i := range r.keys {
		b = binary.LittleEndian.AppendUint64(b, uint64(r.numbers[i]))
		b = append(binary.AppendUvarint(b, uint64(len(r.texts[i]))), r.texts[i]...)
	}
	r.hashed = b
	return xxh3.Hash(b)
}
