package csv

import (
	"github.com/paylake/paylake/schemas"
)

// treatment is what happens to a text before it may be stored.
type treatment uint8

const (
	asIs      treatment = iota // codes and ids
	freeText                   // telephone and card numbers in it are masked
	aCard                      // masked as a whole
	anAccount                  // an IBAN loses its middle
	aPerson                    // becomes a pseudonym, beside a masked column
)

// treatments are the columns that are more than codes and ids, by name: a name
// means the same in every table.
var treatments = map[string]treatment{
	"provider_code": freeText, "creditor_name": freeText, "debtor_name": freeText, "remittance_information": freeText,
	"description": freeText, "end_to_end_id": freeText, "external_reference": freeText, "signature_id": freeText,
	"name": freeText, "subscriber_ref": freeText, "message": freeText, "terminal_id": freeText, "bank_transaction_code": freeText,
	"card_masked": aCard, "card_mask": aCard, "account_masked": aCard, "account_id": anAccount,
	"counterparty": aPerson, "member": aPerson, "customer_id": aPerson,
}

// setter fills one column of the table from one field of the file.
type setter struct {
	field   int // of the table
	at      int // of the file; -1: constant
	name    string
	kind    schemas.Kind
	null    bool
	treat   treatment
	masked  int // column for the masked form; -1
	value   []byte
	values  *words
	hundred bool // hundredths of a point
	last    memo
}

// memo is what a column said last: very often it says the same again.
type memo struct {
	text   []byte
	known  bool
	masked []byte
	micros int64
}

func (m *memo) is(text []byte) bool { return m.known && string(m.text) == string(text) }

func (m *memo) keep(text []byte) { m.text, m.known = append(m.text[:0], text...), true }

// rowReader turns records into values of the table's columns. Not for
// concurrent use.
type rowReader struct {
	table   *schemas.Table
	head    *head
	zone    *schemas.Zone
	decoder *decoder
	split   splitter
	rows    *columns
	people  *people
	money   *money
	layouts []layout
	setters []setter
	signed  bool
	words   *words // of direction

	amount, debit, credit, direction, currency int // places in the file; -1
	known                                      currency
	constCurrency                              []byte
	constDirection                             string
	timeSetter                                 *setter
	fTime, fOffset, fDate, fAmount, fCurrency  int // of the table; -1
	fID, fSource, fBooking, fSide              int
	ids                                        []int // places in the file
	unsignedOnly                               bool

	numbers []int64
	nulls   []bool
	texts   [][]byte
	scratch []byte // texts that were made of several fields
	hashed  []byte
	keys    []int
	source  []byte
	dateBuf []byte
}

// read fills numbers, nulls and texts from the scanner's record. The money of a
// row that is bad elsewhere is still in amount.
func (r *rowReader) read(fields [][]byte) (amount *int64, currency string, bad *fault) {
	r.decoder.reset()
	r.scratch, r.people.scratch = r.scratch[:0], r.people.scratch[:0]
	for i := range r.texts {
		r.texts[i], r.numbers[i], r.nulls[i] = nil, 0, r.table.Fields[i].Nullable
	}
	if len(fields) != len(r.head.headings) {
		return nil, "", &fault{reason: schemas.ReasonColumns}
	}
	minor, currency, bad := r.readMoney(fields)
	if bad == nil && r.fAmount >= 0 {
		amount = &minor
	}
	if bad == nil {
		bad = r.readTime(fields)
	}
	for i := range r.setters {
		if bad != nil {
			return amount, currency, bad
		}
		if s := &r.setters[i]; s.field != r.fTime {
			bad = r.set(s, fields, currency)
		}
	}
	if bad != nil {
		return amount, currency, bad
	}
	r.texts[r.fSource] = r.source
	if r.fSide >= 0 && len(r.texts[r.fSide]) == 0 {
		r.texts[r.fSide] = side(minor)
	}
	if r.fBooking >= 0 && !r.maps(r.fBooking) {
		r.numbers[r.fBooking] = r.numbers[r.fDate]
	}
	return amount, currency, r.readID(fields)
}

func (r *rowReader) maps(field int) bool {
	for i := range r.setters {
		if r.setters[i].field == field {
			return true
		}
	}
	return false
}

// readID joins the id columns. Without any the row has no id of its own yet.
func (r *rowReader) readID(fields [][]byte) *fault {
	if len(r.ids) == 0 {
		return nil
	}
	from := len(r.scratch)
	for n, at := range r.ids {
		text, ok := r.decoder.text(trim(fields[at]))
		if !ok {
			return r.fault(schemas.ReasonText, at, "id")
		}
		if len(text) == 0 {
			return r.fault(schemas.ReasonMissing, at, r.table.Fields[r.fID].Name)
		}
		if n > 0 {
			r.scratch = append(r.scratch, '/')
		}
		r.scratch = append(r.scratch, text...)
	}
	r.texts[r.fID] = r.scratch[from:]
	return nil
}

func (r *rowReader) fault(reason schemas.Reason, at int, field string) *fault {
	return &fault{reason: reason, column: at + 1, field: field}
}

// readTime reads the event time.
func (r *rowReader) readTime(fields [][]byte) *fault {
	if r.fTime < 0 {
		return nil
	}
	s := r.timeSetter
	text := trim(fields[s.at])
	if len(text) == 0 {
		return r.fault(schemas.ReasonMissing, s.at, s.name)
	}
	micros, offset, ok := r.instant(text)
	if !ok {
		return r.fault(schemas.ReasonTime, s.at, s.name)
	}
	r.numbers[r.fTime] = micros
	if r.fOffset >= 0 {
		r.numbers[r.fOffset] = int64(offset)
	}
	if r.fDate >= 0 {
		r.numbers[r.fDate] = int64(r.zone.BusinessDate(micros))
	}
	return nil
}

func (r *rowReader) instant(text []byte) (micros int64, offset int32, ok bool) {
	for i := range r.layouts {
		if micros, offset, ok = r.layouts[i].parse(r.zone, text, r.dateBuf); ok {
			return micros, offset, true
		}
	}
	return 0, 0, false
}

// set fills one column that is neither money of the row nor its time.
func (r *rowReader) set(s *setter, fields [][]byte, currency string) *fault {
	text := s.value
	if s.at >= 0 {
		var ok bool
		if text, ok = r.decoder.text(trim(fields[s.at])); !ok {
			return r.fault(schemas.ReasonText, s.at, s.name)
		}
		if s.values != nil {
			text = s.values.of(text)
		}
	}
	if s.kind == schemas.String || s.kind == schemas.Code {
		r.setText(s, text)
		return nil
	}
	if len(text) == 0 {
		return nil // NULL, or 0 where absent means that
	}
	v, err := r.number(s, text, currency)
	if err != nil {
		reason := schemas.ReasonTime
		if s.kind != schemas.Instant && s.kind != schemas.Date {
			reason = schemas.AmountReason(err)
		}
		return r.fault(reason, s.at, s.name)
	}
	r.numbers[s.field], r.nulls[s.field] = v, false
	return nil
}

func (r *rowReader) number(s *setter, text []byte, currency string) (int64, error) {
	switch {
	case s.kind == schemas.Instant || s.kind == schemas.Date:
		micros, ok := s.last.micros, s.last.is(text)
		if !ok {
			if micros, _, ok = r.instant(text); !ok {
				return 0, schemas.ErrTime
			}
			s.last.keep(text)
			s.last.micros = micros
		}
		if s.kind == schemas.Date {
			return int64(r.zone.BusinessDate(micros)), nil
		}
		return micros, nil
	case s.hundred:
		return r.money.parse(text, 2)
	case s.kind == schemas.Minor:
		exponent, err := schemas.Exponent(currency)
		if err != nil {
			return 0, err
		}
		return r.money.parse(text, exponent)
	}
	return integer(text)
}

func (r *rowReader) setText(s *setter, text []byte) {
	switch s.treat {
	case freeText:
		text = r.people.free(text)
	case aCard:
		text = r.people.card(text)
	case anAccount:
		if !s.last.is(text) {
			s.last.masked = append(s.last.masked[:0], r.people.account(text)...)
			s.last.keep(text)
		}
		text = s.last.masked
	case aPerson:
		who := r.people.of(text)
		text = who.pseudonym
		if s.masked >= 0 {
			r.texts[s.masked] = who.masked
		}
	}
	r.texts[s.field] = text
}

// words turns the file's words into the table's. A word that it does not know
// stays as it came.
type words struct {
	plain map[string]string
	seen  map[string][]byte
}

func newWords(values map[string]string) *words {
	if len(values) == 0 {
		return nil
	}
	w := &words{plain: map[string]string{}, seen: map[string][]byte{}}
	for k, v := range values {
		w.plain[plainHeading(k)] = v
	}
	return w
}

func (w *words) of(text []byte) []byte {
	if w == nil {
		return text
	}
	if v, ok := w.seen[string(text)]; ok {
		return v
	}
	v, ok := w.plain[plainHeading(string(text))]
	if !ok {
		return text
	}
	if len(w.seen) < maxPeople && len(text) <= maxCached {
		w.seen[string(text)] = []byte(v)
	}
	return []byte(v)
}
