package mpay

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/paylake/paylake/schemas"
)

// field is one field of a row in the upstream's words. Text and null are always
// readable; also says which other JSON kinds are.
type field struct {
	name string
	also string
}

// fieldSet holds the fields of one row of a small table, strictly: one that
// comes twice, is too long or of another type refuses the row.
type fieldSet struct {
	fields []field
	values []value
	has    uint64
}

func newFieldSet(fields []field) fieldSet {
	return fieldSet{fields: fields, values: make([]value, len(fields))}
}

func (s *fieldSet) begin() { s.has = 0 }

func (s *fieldSet) set(d *decoder, name []byte, v value) bool {
	for i, f := range s.fields {
		if f.name != string(name) {
			continue
		}
		if s.has&(1<<i) != 0 {
			d.bad(schemas.ReasonDuplicate, f.name)
			return true
		}
		s.has |= 1 << i
		s.values[i] = v
		switch {
		case len(v.text) > maxText && v.kind != '[':
			d.bad(schemas.ReasonTooLong, f.name)
		case v.kind == '"' || v.kind == 'n':
		case f.also != "" && v.kind == jsontext.Kind(f.also[0]):
		default:
			d.bad(schemas.ReasonType, f.name)
		}
		return true
	}
	return false
}

// text returns a field's text or number; null, absent and unreadable ones are
// empty.
func (s *fieldSet) text(i int) []byte {
	if s.has&(1<<i) == 0 {
		return nil
	}
	if k := s.values[i].kind; k != '"' && k != '0' {
		return nil
	}
	return s.values[i].text
}

// required refuses a row without one of these fields.
func (s *fieldSet) required(d *decoder, fields ...int) {
	for _, i := range fields {
		if len(s.text(i)) == 0 {
			d.bad(schemas.ReasonMissing, s.fields[i].name)
		}
	}
}

// minor reads an amount in major units; an absent one is 0.
func (s *fieldSet) minor(d *decoder, i, digits int) int64 {
	text := s.text(i)
	if len(text) == 0 {
		return 0
	}
	v, err := schemas.ParseMinor(text, digits)
	if err != nil {
		d.bad(schemas.AmountReason(err), s.fields[i].name)
	}
	return v
}

// shelf is where a table's values go, and what all rows of a stream share.
type shelf struct {
	source, wallet string
	zone           *schemas.Zone
	people         *people
	cols           map[string]*column
}

func newShelf(t *schemas.Table, c *columns, source, wallet string, zone *time.Location, p *people) shelf {
	s := shelf{source: source, wallet: wallet, zone: schemas.NewZone(zone), people: p, cols: map[string]*column{}}
	for i, f := range t.Fields {
		s.cols[f.Name] = &c.cols[i]
	}
	return s
}

// moment is when a row happened.
type moment struct {
	at     int64 // microseconds
	offset int32
	zoned  bool
	err    error
}

func (s *shelf) moment(text []byte) (m moment) {
	m.at, m.offset, m.zoned, m.err = s.zone.Parse(text)
	return m
}

// putMoment appends an instant with its offset and business date.
func (s *shelf) putMoment(d *decoder, m moment, at, offset string) {
	if !m.zoned {
		d.counts.add("time_without_offset", nil)
	}
	s.cols[at].int64(m.at)
	s.cols[offset].int32(m.offset)
	s.cols["business_date"].int32(s.zone.BusinessDate(m.at))
}

// updated reads when a catalogue changed a row, which it need not say.
func (s *shelf) updated(d *decoder, text []byte) moment {
	if len(text) == 0 {
		return moment{zoned: true}
	}
	m := s.moment(text)
	if m.err != nil {
		d.bad(schemas.ReasonTime, "updated_at")
	} else if !m.zoned {
		d.counts.add("time_without_offset", nil)
	}
	return m
}

// status is the upstream's, or active where it names none.
func (s *shelf) status(d *decoder, text []byte) {
	if len(text) == 0 {
		text = []byte("active")
	}
	s.known(d, "status:", text, "active", "retired")
	s.cols["status"].text(text)
}

// known counts a word that this version does not know; it is kept all the same.
func (s *shelf) known(d *decoder, kind string, word []byte, words ...string) {
	if len(word) == 0 {
		return
	}
	for _, w := range words {
		if w == string(word) {
			return
		}
	}
	d.counts.add(kind, word)
}

// span is the window whose rows are wanted, in microseconds.
type span struct {
	from, to int64
	proof    int64 // a row at or after this instant shows that `to` is inclusive
}

func (s *span) window(w schemas.Window) {
	s.from, s.to, s.proof = w.From.UnixMicro(), w.To.UnixMicro(), 1<<62
}

func (s *span) proveAt(micros int64) { s.proof = max(micros, s.to) }

// outside reports whether a row is another window's.
func (s *span) outside(d *decoder, m moment) bool {
	if m.err != nil || m.at >= s.from && m.at < s.to {
		return false
	}
	if m.at >= s.proof {
		d.out.inclusive = true
	}
	return true
}

// currencyOf is the row's own currency, else the page's, else the one that the
// façade's field amount_azn implies, which is counted. ok is false for a code
// that is none.
func (s *shelf) currencyOf(d *decoder, own []byte, money bool) (code []byte, digits int, ok bool) {
	code = own
	if len(code) == 0 {
		code = d.currency
	}
	if len(code) == 0 {
		code = azn
		if money {
			d.counts.add("currency_not_named", nil)
		}
	}
	digits, err := exponent(code)
	if err != nil {
		d.bad(schemas.ReasonCurrency, "currency")
	}
	return code, digits, err == nil
}

// about fills id and money of a row that is refused.
func (s *fieldSet) aboutMoney(d *decoder, r *schemas.Reject, id, amount, currency int) {
	r.RowID = rowID(s.text(id))
	code := s.text(currency)
	if len(code) == 0 {
		code = d.currency
	}
	if len(code) == 0 {
		code = azn
	}
	digits, err := exponent(code)
	if err != nil {
		return
	}
	r.Currency = string(code)
	if v, err := schemas.ParseMinor(s.text(amount), digits); err == nil {
		r.Amount = &v
	}
}
