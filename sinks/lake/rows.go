package lake

import (
	"cmp"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/paylake/paylake/schemas"
)

// Rows on their way into objects: records stay where they are, and an order of
// small entries points into them. Nothing is copied before encoding.

// entry is one row with what the lake adds to it.
type entry struct {
	time     int64 // event time; 0 for a catalogue
	hash     uint64
	rec, row uint32
	month    int32 // year*12 + month - 1 of the business date; 0 for a catalogue
	wallet   int32 // rank of the wallet among those of the batch
	revision int32
	sign     int32
}

// layout finds a table's special columns.
type layout struct {
	table                      *schemas.Table
	wallet, time, date         int // -1 where the table has none
	amount, currency, provider int
	balance, status            int
	key                        []int
	source                     int
	id                         int // the last key column: what a person calls the row
}

func layoutOf(t *schemas.Table) layout {
	at := func(name string) int {
		if name == "" || !t.Has(name) {
			return -1
		}
		return t.Index(name)
	}
	l := layout{table: t, wallet: at("wallet_id"), time: at(t.Time), date: at("business_date"), amount: at(t.Amount),
		currency: at(t.Currency), provider: at(t.Provider), balance: at(t.Balance), status: at("status"), source: at("source")}
	for _, k := range t.Key {
		l.key = append(l.key, t.Index(k))
	}
	l.id = l.key[len(l.key)-1]
	if t.Catalogue {
		l.time, l.date = -1, -1 // one partition, compared whole
	}
	return l
}

// columns gives typed access to the same column of several records.
type columns struct {
	recs []arrow.Record
}

// texts is a text column of several records.
type texts []textColumn

type textColumn struct {
	offsets []int32
	values  []byte
}

// at returns a value without copying it.
func (t texts) at(rec, row uint32) string {
	c := &t[rec]
	return viewText(c.values[c.offsets[row]:c.offsets[row+1]])
}

func (c columns) texts(col int) texts {
	out := make(texts, len(c.recs))
	for i, r := range c.recs {
		a := r.Column(col).(*array.String)
		out[i] = textColumn{offsets: a.ValueOffsets(), values: a.ValueBytes()}
		if n := len(out[i].offsets); n > 0 && out[i].offsets[0] != 0 { // a slice of a longer array
			out[i].values = wholeText(a)
		}
	}
	return out
}

// wholeText returns all bytes that the offsets of a sliced array count from.
func wholeText(a *array.String) []byte { return a.Data().Buffers()[2].Bytes() }

func (t texts) empty() bool {
	for i := range t {
		if o := t[i].offsets; len(o) > 0 && o[len(o)-1] != o[0] {
			return false
		}
	}
	return true
}

func (c columns) text(col int) func(rec, row uint32) string { return c.texts(col).at }

// number reads any integer column as int64; NULL reads as whatever lies there.
func (c columns) number(col int) func(rec, row uint32) int64 {
	if col < 0 {
		return func(_, _ uint32) int64 { return 0 }
	}
	switch c.recs[0].Column(col).(type) {
	case *array.Int32, *array.Date32:
		v := make([][]int32, len(c.recs))
		for i, r := range c.recs {
			v[i] = int32s(r.Column(col))
		}
		return func(rec, row uint32) int64 { return int64(v[rec][row]) }
	}
	v := make([][]int64, len(c.recs))
	for i, r := range c.recs {
		v[i] = int64s(r.Column(col))
	}
	return func(rec, row uint32) int64 { return v[rec][row] }
}

func (c columns) null(col int) func(rec, row uint32) bool {
	arrays := make([]arrow.Array, len(c.recs))
	some := false
	for i, r := range c.recs {
		arrays[i] = r.Column(col)
		some = some || arrays[i].NullN() > 0
	}
	if !some {
		return func(_, _ uint32) bool { return false }
	}
	return func(rec, row uint32) bool { return arrays[rec].IsNull(int(row)) }
}

func int32s(a arrow.Array) []int32 {
	switch a := a.(type) {
	case *array.Int32:
		return a.Int32Values()
	case *array.Date32:
		return castSlice[int32](a.Date32Values())
	}
	return nil
}

func int64s(a arrow.Array) []int64 {
	switch a := a.(type) {
	case *array.Int64:
		return a.Int64Values()
	case *array.Timestamp:
		return castSlice[int64](a.TimestampValues())
	}
	return nil
}

// order computes what entries are sorted by. Records may come from several
// pages; only the ranks of their wallets depend on the whole.
type order struct {
	lay     layout
	wallets []string // ascending
	keys    []func(rec, row uint32) int64
	texts   []func(rec, row uint32) string
}

// orderOf prepares the sort order of the records and fills time, month and
// wallet of the entries.
func orderOf(lay layout, recs []arrow.Record, entries []entry) *order {
	o := &order{lay: lay}
	if len(recs) == 0 {
		return o
	}
	c := columns{recs}
	for _, k := range lay.key {
		if lay.table.Fields[k].Kind <= schemas.Code {
			o.texts, o.keys = append(o.texts, c.text(k)), append(o.keys, nil)
		} else {
			o.texts, o.keys = append(o.texts, nil), append(o.keys, c.number(k))
		}
	}
	time, date := c.number(lay.time), c.number(lay.date)
	for i := range entries {
		e := &entries[i]
		e.time = time(e.rec, e.row)
		if lay.date >= 0 {
			e.month = monthOf(int32(date(e.rec, e.row)))
		}
	}
	o.rankWallets(c, entries)
	return o
}

func (o *order) rankWallets(c columns, entries []entry) {
	if o.lay.wallet < 0 {
		o.wallets = []string{""}
		return
	}
	wallet := c.text(o.lay.wallet)
	index := map[string]int32{}
	last, lastAt := "", int32(-1)
	for i := range entries {
		e := &entries[i]
		w := wallet(e.rec, e.row)
		if lastAt < 0 || w != last {
			at, ok := index[w]
			if !ok {
				at = int32(len(o.wallets))
				w = strings.Clone(w)
				index[w] = at
				o.wallets = append(o.wallets, w)
			}
			last, lastAt = w, at
		}
		e.wallet = lastAt
	}
	sorted := slices.Sorted(slices.Values(o.wallets))
	rank := make([]int32, len(sorted))
	for r, w := range sorted {
		rank[index[w]] = int32(r)
	}
	for i := range entries {
		entries[i].wallet = rank[entries[i].wallet]
	}
	o.wallets = sorted
}

// compare orders rows by month, wallet, event time, key columns, revision and
// sign, so a retraction stands before a row of the same revision.
func (o *order) compare(a, b *entry) int {
	switch {
	case a.month != b.month:
		return cmp.Compare(a.month, b.month)
	case a.wallet != b.wallet:
		return cmp.Compare(a.wallet, b.wallet)
	case a.time != b.time:
		return cmp.Compare(a.time, b.time)
	}
	if c := o.compareKeys(a, b); c != 0 {
		return c
	}
	if a.revision != b.revision {
		return cmp.Compare(a.revision, b.revision)
	}
	return cmp.Compare(a.sign, b.sign)
}

func (o *order) compareKeys(a, b *entry) int {
	for i, text := range o.texts {
		c := 0
		if text != nil {
			c = strings.Compare(text(a.rec, a.row), text(b.rec, b.row))
		} else {
			c = cmp.Compare(o.keys[i](a.rec, a.row), o.keys[i](b.rec, b.row))
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// sort brings entries into order, cheaply when they are in order already, as
// pages of one wallet often are.
func (o *order) sort(entries []entry) {
	by := func(a, b entry) int { return o.compare(&a, &b) }
	if !slices.IsSortedFunc(entries, by) {
		slices.SortStableFunc(entries, by)
	}
}

// monthOf turns days since 1970-01-01 into year*12 + month - 1.
func monthOf(days int32) int32 {
	z := int64(days) + 719468
	era := z / 146097
	if z < 0 {
		era = (z - 146096) / 146097
	}
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	y, m := yoe+era*400, (mp+2)%12 // m: 0 is January
	if m < 2 {
		y++
	}
	return int32(y*12 + m)
}
