package flashpay

import (
	"bytes"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
)

// builder fills the columns of schemas.Operations and the kept ones after them.
type builder struct {
	source string
	rb     *array.RecordBuilder
	kept   []*array.StringBuilder

	sourceName, id, payment, kind, status, currency, convertedCurrency,
	provider, method, customer, account, code, message, paidCurrency *array.StringBuilder
	project, amount, converted, paid *array.Int64Builder
	created, completed               *array.TimestampBuilder
	date                             *array.Date32Builder
}

func newBuilder(source string, t *schemas.Table, mem memory.Allocator) *builder {
	rb := array.NewRecordBuilder(mem, t.ArrowSchema())
	text := func(name string) *array.StringBuilder { return rb.Field(t.Index(name)).(*array.StringBuilder) }
	number := func(name string) *array.Int64Builder { return rb.Field(t.Index(name)).(*array.Int64Builder) }
	instant := func(name string) *array.TimestampBuilder { return rb.Field(t.Index(name)).(*array.TimestampBuilder) }
	b := &builder{
		source: source, rb: rb,
		sourceName: text("source"), id: text("operation_id"), payment: text("payment_id"), kind: text("type"),
		status: text("status"), currency: text("currency"), convertedCurrency: text("converted_currency"),
		provider: text("provider_code"), method: text("method"), customer: text("customer_id"),
		account: text("account_masked"), code: text("code"), message: text("message"),
		paid: number("payment_minor"), paidCurrency: text("payment_currency"),
		project: number("project_id"), amount: number("amount_minor"), converted: number("converted_minor"),
		created: instant("created_at"), completed: instant("completed_at"),
		date: rb.Field(t.Index("business_date")).(*array.Date32Builder),
	}
	for i, f := range t.Fields {
		if f.Kept {
			b.kept = append(b.kept, rb.Field(i).(*array.StringBuilder))
		}
	}
	return b
}

// append adds one row to every column.
func (b *builder) append(o *operation) {
	b.sourceName.Append(b.source)
	b.project.Append(o.project)
	b.id.BinaryBuilder.Append(o.id)
	b.payment.BinaryBuilder.Append(o.payment)
	b.kind.BinaryBuilder.Append(o.kind)
	b.status.BinaryBuilder.Append(o.status)
	b.created.Append(arrow.Timestamp(o.created))
	if o.pending {
		b.completed.AppendNull()
	} else {
		b.completed.Append(arrow.Timestamp(o.completed))
	}
	b.date.Append(arrow.Date32(o.date))
	b.amount.Append(o.amount)
	b.currency.BinaryBuilder.Append(o.currency)
	b.converted.Append(o.converted)
	b.convertedCurrency.BinaryBuilder.Append(o.convertedCurrency)
	b.provider.BinaryBuilder.Append(o.method) // the source's own code; the vocabulary is a view's business
	b.method.BinaryBuilder.Append(o.method)
	b.customer.Append(o.customer)
	b.account.Append(o.account)
	b.code.BinaryBuilder.Append(o.code)
	b.message.BinaryBuilder.Append(discreet(o.payment, o.message))
	if o.hasPaid {
		b.paid.Append(o.paid)
	} else {
		b.paid.AppendNull()
	}
	b.paidCurrency.BinaryBuilder.Append(o.paidCurrency)
	for i, k := range b.kept {
		k.Append(o.kept[i])
	}
}

// discreet is what is said of a payment, without a number that could be the
// payer's approval code where a paylake has asked him for one. A callback and the
// Data API's row are the same row all the same.
func discreet(payment, message []byte) []byte {
	if !bytes.HasPrefix(payment, []byte(schemas.InitiatedPrefix)) {
		return message
	}
	return []byte(schemas.HideCodes(string(message)))
}

func (b *builder) record() arrow.Record { return b.rb.NewRecord() }

func (b *builder) release() { b.rb.Release() }

// count adds up what is new to us in a row that was read.
func (d *decoder) count(o *operation) {
	for _, n := range d.read.row.unknown {
		d.add("field:"+n, 1)
	}
	if !types[string(o.kind)] {
		d.add("type:"+plain(string(o.kind)), 1)
	}
	if !statuses[string(o.status)] {
		d.add("status:"+plain(string(o.status)), 1)
	}
	if o.floating > 0 {
		d.add("time_without_offset", int64(o.floating))
	}
}

func (d *decoder) add(what string, n int64) {
	if d.unknown == nil {
		d.unknown = map[string]int64{}
	}
	d.unknown[what] += n
}

// reject keeps a row that was refused, with what can be read of it.
func (d *decoder) reject(raw []byte, p *problem) {
	r := schemas.Reject{Reason: p.reason, Field: p.field, Raw: bytes.Clone(raw)}
	if d.read.read(raw, true) == nil {
		// Of two ids neither is the row's.
		twoIDs := r.Reason == schemas.ReasonDuplicate && r.Field == labels[fieldID]
		if id, p := d.word(fieldID, true); p == nil && !twoIDs {
			r.RowID = rowID(id)
		}
		if n, p := d.amount(fieldAmount); p == nil {
			r.Amount = &n
		}
		if c, p := d.word(fieldCurrency, false); p == nil {
			if _, err := schemas.Exponent(string(c)); err == nil {
				r.Currency = string(c)
			}
		}
	}
	d.rejects = append(d.rejects, r)
}

// rowID shows an operation id if it looks like one, so that a row whose fields
// are mixed up does not show a person's number.
func rowID(id []byte) string {
	if len(id) > 64 {
		return ""
	}
	for _, c := range id {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && !isDigit(c) && c != '-' && c != '_' {
			return ""
		}
	}
	return string(id)
}

// types and statuses are the platform's words that we know. Others are kept as
// they came and counted.
var types = set("sale", "payout", "auth", "capture", "cancel", "incremental", "refund", "refund reverse", "reversal",
	"recurring", "recurring update", "recurring cancel", "account verification", "invoice", "customer action",
	"payment confirmation")

var statuses = set("processing", "success", "decline", "error", "expired", "cancelled", "canceled", "reversed",
	"partially reversed", "refunded", "partially refunded", "partially paid", "external processing", "internal error",
	"external error", "awaiting approval", "awaiting 3ds result", "awaiting merchant auth", "awaiting redirect result",
	"awaiting customer", "awaiting customer action", "awaiting clarification", "awaiting capture", "awaiting payment",
	"awaiting confirmation", "awaiting retry", "awaiting clearing")

func set(words ...string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}
