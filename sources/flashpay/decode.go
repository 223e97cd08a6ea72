package flashpay

import (
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

// decoder turns rows into records of its table. Not for concurrent use.
type decoder struct {
	project int64
	zone    *schemas.Zone
	people  *schemas.Pseudonymizer
	read    rowReader
	out     *builder
	text    [fieldCount][]byte // unquoted, reused
	aliases map[string]string  // customer id → what is stored, for one page

	rejects []schemas.Reject
	unknown map[string]int64
}

func newDecoder(source string, project int64, table *schemas.Table, loc *time.Location,
	people *schemas.Pseudonymizer, mem memory.Allocator) *decoder {
	d := &decoder{project: project, zone: schemas.NewZone(loc), people: people, out: newBuilder(source, table, mem)}
	d.read.keep = map[string]int{}
	for _, f := range table.Fields {
		if f.Kept {
			d.read.keep[f.Name] = len(d.read.keep)
		}
	}
	d.read.row.kept = make([][]byte, len(d.read.keep))
	return d
}

func (d *decoder) release() { d.out.release() }

// decode turns the chosen rows of an answer into a Page without Next. Rows that
// cannot be read are Rejects; there is no other error.
func (d *decoder) decode(rows [][]byte, chosen []int, doubtful map[int]bool) sources.Page {
	d.rejects, d.unknown, d.aliases = nil, nil, map[string]string{}
	for _, i := range chosen {
		if p := d.row(rows[i], doubtful[i]); p != nil {
			d.reject(rows[i], p)
		}
	}
	return sources.Page{Rows: d.out.record(), Rejects: d.rejects, Unknown: d.unknown}
}

// row appends one row, or nothing and says why.
func (d *decoder) row(raw []byte, doubtful bool) *problem {
	if p := d.read.read(raw, false); p != nil {
		return p
	}
	if doubtful {
		return &problem{reason: schemas.ReasonText}
	}
	var o operation
	if p := d.fill(&o); p != nil {
		return p
	}
	d.count(&o)
	d.out.append(&o)
	return nil
}

// fill reads every field; the first problem is the row's.
func (d *decoder) fill(o *operation) *problem {
	if p := d.identity(o); p != nil {
		return p
	}
	if p := d.sums(o); p != nil {
		return p
	}
	if p := d.paid(o); p != nil {
		return p
	}
	if p := d.times(o); p != nil {
		return p
	}
	if p := d.words(o); p != nil {
		return p
	}
	return d.kept(o)
}

// operation is a row that has been read, on its way into the builders.
type operation struct {
	project                     int64
	id, payment, kind, status   []byte
	created, completed          int64
	pending                     bool
	date                        int32
	amount, converted           int64
	currency, convertedCurrency []byte
	paid                        int64 // the payment's sum, if hasPaid
	hasPaid                     bool
	paidCurrency                []byte
	method, code, message       []byte
	customer, account           string
	kept                        []string
	floating                    int // times without an offset
}

func (d *decoder) identity(o *operation) *problem {
	v, p := d.word(fieldProject, true)
	if p != nil {
		return p
	}
	o.project = d.project // only our project was asked for
	if len(v) > 0 {
		n, err := schemas.ParseMinorInteger(v)
		if err != nil {
			return bad(schemas.ReasonType, fieldProject)
		}
		if o.project = n; n != d.project {
			return bad(schemas.ReasonForeign, fieldProject)
		}
	}
	if o.id, p = d.word(fieldID, true); p != nil {
		return p
	}
	if len(o.id) == 0 {
		return bad(schemas.ReasonMissing, fieldID)
	}
	o.payment, p = d.word(fieldPayment, true)
	return p
}

func (d *decoder) sums(o *operation) (p *problem) {
	if d.read.row.values[fieldInitial] == nil {
		return bad(schemas.ReasonMissing, fieldInitial)
	}
	if o.amount, o.currency, p = d.sum(fieldInitial, fieldAmount, fieldCurrency); p != nil {
		return p
	}
	if absent(d.read.row.values[fieldConverted]) {
		return nil
	}
	// A conversion that was never made comes as {} or with empty values too.
	if absent(d.read.row.values[fieldConvertedAmount]) && absent(d.read.row.values[fieldConvertedCurrency]) {
		return d.nested(fieldConverted)
	}
	o.converted, o.convertedCurrency, p = d.sum(fieldConverted, fieldConvertedAmount, fieldConvertedCurrency)
	return p
}

// paid reads the payment's own sum where the record carries it. It is kept
// beside the operation's amount, to be compared, and never instead of it.
func (d *decoder) paid(o *operation) (p *problem) {
	if v := d.read.row.values[fieldPaid]; !absent(v) && v[0] != '{' {
		return bad(schemas.ReasonType, fieldPaid)
	}
	if o.paidCurrency, p = d.word(fieldPaidCurrency, false); p != nil {
		return p
	}
	if len(o.paidCurrency) > 0 {
		if _, err := schemas.Exponent(string(o.paidCurrency)); err != nil {
			return bad(schemas.ReasonCurrency, fieldPaidCurrency)
		}
	}
	if v := d.read.row.values[fieldPaidAmount]; absent(v) || string(v) == `""` {
		return nil
	}
	o.hasPaid = true
	o.paid, p = d.amount(fieldPaidAmount)
	return p
}

// nested refuses a sum that is not an object.
func (d *decoder) nested(whole field) *problem {
	switch v := d.read.row.values[whole]; {
	case absent(v):
		return bad(schemas.ReasonMissing, whole)
	case v[0] != '{':
		return bad(schemas.ReasonType, whole)
	}
	return nil
}

func (d *decoder) sum(whole, amount, currency field) (int64, []byte, *problem) {
	if p := d.nested(whole); p != nil {
		return 0, nil, p
	}
	code, p := d.word(currency, false)
	if p != nil {
		return 0, nil, p
	}
	if len(code) == 0 {
		return 0, nil, bad(schemas.ReasonMissing, currency)
	}
	if _, err := schemas.Exponent(string(code)); err != nil {
		return 0, nil, bad(schemas.ReasonCurrency, currency)
	}
	n, p := d.amount(amount)
	return n, code, p
}

// amount reads unsigned minor units, as a number or as a text.
func (d *decoder) amount(f field) (int64, *problem) {
	v := d.read.row.values[f]
	if absent(v) {
		return 0, bad(schemas.ReasonMissing, f)
	}
	if k := jsontext.Value(v).Kind(); k != jsontext.KindNumber && k != jsontext.KindString {
		return 0, bad(schemas.ReasonType, f)
	}
	lit := v
	if v[0] == '"' {
		var err error
		if lit, err = jsontext.AppendUnquote(d.text[f][:0], v); err != nil {
			return 0, bad(schemas.ReasonText, f)
		}
		d.text[f] = lit
	}
	if len(lit) > maxField {
		return 0, bad(schemas.ReasonTooLong, f)
	}
	n, err := schemas.ParseMinorInteger(lit)
	if err != nil {
		return 0, bad(schemas.AmountReason(err), f)
	}
	return n, nil
}

func (d *decoder) times(o *operation) (p *problem) {
	if o.created, p = d.instant(fieldCreated, o); p != nil {
		return p
	}
	o.date = d.zone.BusinessDate(o.created)
	if v := d.read.row.values[fieldCompleted]; absent(v) || string(v) == `""` {
		o.pending = true
		return nil
	}
	o.completed, p = d.instant(fieldCompleted, o)
	return p
}

func (d *decoder) instant(f field, o *operation) (int64, *problem) {
	v, p := d.word(f, false)
	if p != nil {
		return 0, p
	}
	if len(v) == 0 {
		return 0, bad(schemas.ReasonMissing, f)
	}
	micros, _, zoned, err := d.zone.Parse(v)
	if err != nil {
		return 0, bad(schemas.ReasonTime, f)
	}
	if !zoned {
		o.floating++
	}
	return micros, nil
}

// words reads the texts.
func (d *decoder) words(o *operation) *problem {
	for _, w := range []struct {
		to     *[]byte
		from   field
		number bool // a publication sends it as a number
	}{
		{&o.kind, fieldType, false}, {&o.status, fieldStatus, false}, {&o.method, fieldMethod, false},
		{&o.code, fieldCode, true}, {&o.message, fieldMessage, false},
	} {
		v, p := d.word(w.from, w.number)
		if p != nil {
			return p
		}
		*w.to = v
	}
	customer, p := d.word(fieldCustomer, true)
	if p != nil {
		return p
	}
	account, p := d.word(fieldAccount, true)
	if p != nil {
		return p
	}
	o.customer, o.account = d.alias(customer), schemas.MaskAccount(string(account))
	return nil
}

func bad(r schemas.Reason, f field) *problem { return &problem{reason: r, field: labels[f]} }

func absent(v []byte) bool { return v == nil || string(v) == "null" }
