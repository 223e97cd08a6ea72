package flashpay

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/paylake/paylake/schemas"
)

// field is a value of a row that has a meaning here.
type field uint8

const (
	fieldNone field = iota // known and not needed
	fieldID
	fieldPayment
	fieldType
	fieldStatus
	fieldCreated
	fieldCompleted
	fieldProject
	fieldMethod
	fieldCustomer
	fieldAccount
	fieldCode
	fieldMessage
	fieldInitial
	fieldConverted
	fieldAmount
	fieldCurrency
	fieldConvertedAmount
	fieldConvertedCurrency
	fieldPaid // the payment's sum, in the record of its operation
	fieldPaidAmount
	fieldPaidCurrency
	fieldCount
)

// names maps the platform's words to fields. Where publications of the Data API
// disagree both words are here; spare words count only where the first one is
// absent.
var names = map[string]struct {
	field field
	spare bool
}{
	"operation_id":             {fieldID, false},
	"operation_type":           {fieldType, false},
	"operation_status":         {fieldStatus, false},
	"operation_created_at":     {fieldCreated, false},
	"operation_completed_at":   {fieldCompleted, false},
	"payment_id":               {fieldPayment, false},
	"project_id":               {fieldProject, false},
	"payment_method":           {fieldMethod, false},
	"payment_method_name":      {fieldMethod, true},
	"customer_id":              {fieldCustomer, false},
	"account_number":           {fieldAccount, false},
	"code":                     {fieldCode, false},
	"payment_provider_code":    {fieldCode, true},
	"message":                  {fieldMessage, false},
	"payment_provider_message": {fieldMessage, true},
	"sum_initial":              {fieldInitial, false},
	"sum_converted":            {fieldConverted, false},
	"payment_sum":              {fieldPaid, false},
	"payment_amount":           {fieldPaidAmount, true},
	"payment_currency":         {fieldPaidCurrency, true},
	"payment_type_id":          {},
	"payment_type":             {},
	"payment_status":           {},
	"transaction_status":       {},
	"provider_name":            {},
	"provider_payment_id":      {},
	"customer_ip":              {},
	"arn":                      {},
	"rrn":                      {},
}

// labels name fields in quarantine.
var labels = [fieldCount]string{
	fieldID: "operation_id", fieldPayment: "payment_id", fieldType: "operation_type", fieldStatus: "operation_status",
	fieldCreated: "operation_created_at", fieldCompleted: "operation_completed_at", fieldProject: "project_id",
	fieldMethod: "payment_method", fieldCustomer: "customer_id", fieldAccount: "account_number", fieldCode: "code",
	fieldMessage: "message", fieldInitial: "sum_initial", fieldConverted: "sum_converted",
	fieldAmount: "sum_initial.amount", fieldCurrency: "sum_initial.currency",
	fieldConvertedAmount: "sum_converted.amount", fieldConvertedCurrency: "sum_converted.currency",
	fieldPaid: "payment_sum", fieldPaidAmount: "payment_sum.amount", fieldPaidCurrency: "payment_sum.currency",
}

// row holds the raw JSON value of every field, cut out of the row's own bytes.
type row struct {
	raw     []byte
	values  [fieldCount][]byte // nil when absent
	spared  [fieldCount]bool   // came under its spare word
	kept    [][]byte           // per kept column
	unknown []string
}

// problem is why a row is refused.
type problem struct {
	reason schemas.Reason
	field  string
}

// rowReader cuts rows into fields. It keeps its buffers between rows.
type rowReader struct {
	dec  jsontext.Decoder
	keep map[string]int // kept field → index in row.kept
	row  row
	name []byte
}

// read cuts one row. With lenient it goes on where a key is named twice, the
// first one counting: what can be read of a bad row is for people to see.
func (r *rowReader) read(raw []byte, lenient bool) *problem {
	kept, unknown := r.row.kept, r.row.unknown
	clear(kept)
	r.row = row{raw: raw, kept: kept, unknown: unknown[:0]}
	if len(raw) == 0 || raw[0] != '{' {
		return &problem{reason: schemas.ReasonType}
	}
	r.dec.Reset(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(lenient))
	return r.object(r.member)
}

func (r *rowReader) object(member func(name []byte) *problem) *problem {
	if _, err := r.dec.ReadToken(); err != nil {
		return unreadable(err)
	}
	for r.dec.PeekKind() != jsontext.KindEndObject {
		raw, err := r.dec.ReadValue()
		if err != nil {
			return unreadable(err)
		}
		if r.name, err = jsontext.AppendUnquote(r.name[:0], raw); err != nil {
			return unreadable(err)
		}
		if p := member(r.name); p != nil {
			return p
		}
	}
	_, err := r.dec.ReadToken()
	if err != nil {
		return unreadable(err)
	}
	return nil
}

func (r *rowReader) member(name []byte) *problem {
	k, keeps := r.keep[string(name)]
	n, known := names[string(name)]
	nested := r.dec.PeekKind() == jsontext.KindBeginObject
	switch {
	case n.field == fieldInitial && nested:
		return r.sum(fieldInitial, fieldAmount, fieldCurrency)
	case n.field == fieldConverted && nested:
		return r.sum(fieldConverted, fieldConvertedAmount, fieldConvertedCurrency)
	case n.field == fieldPaid && nested:
		return r.sum(fieldPaid, fieldPaidAmount, fieldPaidCurrency)
	}
	if !known && !keeps {
		r.row.unknown = append(r.row.unknown, plain(string(name)))
	}
	v, err := r.value()
	if err != nil {
		return unreadable(err)
	}
	if keeps {
		r.row.kept[k] = v
	}
	if n.field != fieldNone {
		r.set(n.field, n.spare, v)
	}
	return nil
}

// set stores a value. The first word wins over the spare one, in either order.
func (r *rowReader) set(f field, spare bool, v []byte) {
	if r.row.values[f] != nil && (spare || !r.row.spared[f]) {
		return
	}
	r.row.values[f], r.row.spared[f] = v, spare
}

func (r *rowReader) sum(whole, amount, currency field) *problem {
	if r.row.values[whole] != nil { // named twice, read leniently
		_, _ = r.value()
		return nil
	}
	r.row.values[whole] = r.row.raw
	return r.object(func(name []byte) *problem {
		f := fieldNone
		switch string(name) {
		case "amount":
			f = amount
		case "currency":
			f = currency
		default:
			r.row.unknown = append(r.row.unknown, labels[whole]+"."+plain(string(name)))
		}
		v, err := r.value()
		if err != nil {
			return unreadable(err)
		}
		if f != fieldNone {
			r.set(f, false, v)
		}
		return nil
	})
}

// value cuts the next value out of the row's bytes: the decoder's own slice
// does not outlive its next call.
func (r *rowReader) value() ([]byte, error) {
	v, err := r.dec.ReadValue()
	if err != nil {
		return nil, err
	}
	end := r.dec.InputOffset()
	return r.row.raw[end-int64(len(v)) : end : end], nil
}

// unreadable names why the JSON reader stopped.
func unreadable(err error) *problem {
	if !errors.Is(err, jsontext.ErrDuplicateName) {
		return &problem{reason: schemas.ReasonType}
	}
	p := &problem{reason: schemas.ReasonDuplicate}
	var at *jsontext.SyntacticError
	if errors.As(err, &at) {
		p.field = plain(at.JSONPointer.LastToken())
	}
	return p
}

// plain returns a word that is safe to show and to count by: anything that is
// not a short plain name, or that holds a long number, is "(other)".
func plain(s string) string {
	digits := 0
	for _, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if isDigit(c) {
			digits++
		} else if !letter && c != '_' && c != '-' && c != '.' && c != ' ' {
			return "(other)"
		}
	}
	if s == "" || len(s) > 64 || digits > 6 {
		return "(other)"
	}
	return s
}
