package mpay

import (
	"bytes"
	"time"

	"github.com/paylake/paylake/schemas"
)

// Fields of a statement row, in the upstream's words. The text fields from
// fProvider on go to columns as they came.
const (
	fID = iota
	fPostedAt
	fType
	fAmount
	fAmountAZN
	fCurrency
	fFee
	fBalance
	fSubscriber
	fCounterparty
	fStatus
	fProvider
	fCategory
	fService
	fChannel
	fExternal
	fVAT
	fReversalOf
	fReversalCode
	fSession
	fKept // the fields of keep: follow
)

var fieldNames = [fKept]string{
	"id", "posted_at", "type", "amount", "amount_azn", "currency", "fee", "balance_after", "subscriber_ref",
	"counterparty_msisdn", "status", "provider_code", "category", "service_code", "channel",
	"external_reference", "vat_receipt", "reversal_of", "reversal_code", "session_id",
}

// fieldOf finds a field by name; -1 for one that the table does not know.
func fieldOf(name []byte) int {
	switch string(name) {
	case "id":
		return fID
	case "posted_at":
		return fPostedAt
	case "type":
		return fType
	case "amount":
		return fAmount
	case "amount_azn":
		return fAmountAZN
	case "currency":
		return fCurrency
	case "fee":
		return fFee
	case "balance_after":
		return fBalance
	case "subscriber_ref":
		return fSubscriber
	case "counterparty_msisdn":
		return fCounterparty
	case "status":
		return fStatus
	case "provider_code":
		return fProvider
	case "category":
		return fCategory
	case "service_code":
		return fService
	case "channel":
		return fChannel
	case "external_reference":
		return fExternal
	case "vat_receipt":
		return fVAT
	case "reversal_of":
		return fReversalOf
	case "reversal_code":
		return fReversalCode
	case "session_id":
		return fSession
	}
	return -1
}

// ledgerColumns are the columns of schemas.Ledger by position, looked up once.
type ledgerColumns struct {
	source, wallet, id, at, offset, date, typ, amount, currency, fee, balance *column
	subscriber, counterparty, masked, status                                  *column
	text                                                                      [fKept]*column // from fProvider on
	kept                                                                      []*column
}

// ledgerRows reads statement rows.
type ledgerRows struct {
	source, wallet string
	keep           []string // sorted as the columns are
	zone           *schemas.Zone
	people         *people
	from, to       int64 // microseconds of the window
	proof          int64 // a row at or after this instant shows that `to` is inclusive
	cols           ledgerColumns

	values []value
	has    uint64
}

func newLedgerRows(t *schemas.Table, c *columns, source, wallet string, zone *time.Location, p *people) *ledgerRows {
	at := func(name string) *column { return &c.cols[t.Index(name)] }
	l := &ledgerRows{source: source, wallet: wallet, zone: schemas.NewZone(zone), people: p}
	l.cols = ledgerColumns{
		source: at("source"), wallet: at("wallet_id"), id: at("entry_id"), at: at("posted_at"),
		offset: at("posted_offset_s"), date: at("business_date"), typ: at("type"), amount: at("amount_minor"),
		currency: at("currency"), fee: at("fee_minor"), balance: at("balance_after_minor"),
		subscriber: at("subscriber_ref"), counterparty: at("counterparty"), masked: at("counterparty_masked"),
		status: at("status"),
	}
	for f := fProvider; f < fKept; f++ {
		l.cols.text[f] = at(fieldNames[f])
	}
	for i, f := range t.Fields {
		if f.Kept {
			l.keep = append(l.keep, f.Name)
			l.cols.kept = append(l.cols.kept, &c.cols[i])
		}
	}
	l.values = make([]value, fKept+len(l.keep))
	return l
}

func (l *ledgerRows) window(w schemas.Window) {
	l.from, l.to, l.proof = w.From.UnixMicro(), w.To.UnixMicro(), 1<<62
}

func (l *ledgerRows) begin() { l.has = 0 }

func (l *ledgerRows) set(d *decoder, name []byte, v value) bool {
	f := fieldOf(name)
	if f < 0 {
		if f = l.keptField(name); f < 0 {
			return false
		}
	}
	if l.has&(1<<f) != 0 {
		d.bad(schemas.ReasonDuplicate, label(name))
		return true
	}
	l.has |= 1 << f
	l.values[f] = v
	switch {
	case len(v.text) > maxText:
		d.bad(schemas.ReasonTooLong, label(name))
	case v.kind == '"' || v.kind == 'n' || f >= fKept:
	case v.kind == '0' && (f == fAmount || f == fAmountAZN || f == fFee || f == fBalance):
	case v.kind == '0' && f == fID && isInteger(v.text): // as its digits: the id 7 is the id "7"
	default:
		d.bad(schemas.ReasonType, label(name))
	}
	return true
}

// isInteger reports whether a number's literal is nothing but digits. Any other
// spelling of a number would be one row under two ids.
func isInteger(literal []byte) bool {
	for _, c := range literal {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(literal) > 0
}

func (l *ledgerRows) keptField(name []byte) int {
	for i, k := range l.keep {
		if string(name) == k {
			return fKept + i
		}
	}
	return -1
}

// text returns a field's text; null, absent and unreadable ones are empty.
func (l *ledgerRows) text(f int) []byte {
	if l.has&(1<<f) == 0 {
		return nil
	}
	if k := l.values[f].kind; k != '"' && k != '0' {
		return nil
	}
	return l.values[f].text
}

func (l *ledgerRows) end(d *decoder) (outside bool) {
	at, offset, zoned, err := l.zone.Parse(l.text(fPostedAt))
	if err == nil && (at < l.from || at >= l.to) {
		if at >= l.proof {
			d.out.inclusive = true
		}
		return true
	}
	if l.required(d); err != nil {
		d.bad(schemas.ReasonTime, "posted_at")
	}
	if d.row.reason != "" {
		return false
	}
	m := l.readMoney(d)
	if d.row.reason != "" {
		return false
	}
	c := &l.cols
	c.source.string(l.source)
	c.wallet.string(l.wallet)
	c.id.text(l.text(fID))
	c.at.int64(at)
	c.offset.int32(offset)
	c.date.int32(l.zone.BusinessDate(at))
	c.typ.text(l.text(fType))
	c.amount.int64(m.amount)
	c.currency.text(m.currency)
	c.fee.int64(m.fee)
	c.balance.maybe(m.balance, m.hasBalance)
	l.people.reference(c.subscriber, l.text(fSubscriber))
	l.counterparty(d)
	l.words(d, zoned)
	return false
}

func (l *ledgerRows) required(d *decoder) {
	for _, f := range [...]int{fID, fPostedAt, fType} {
		if len(l.text(f)) == 0 {
			d.bad(schemas.ReasonMissing, fieldNames[f])
		}
	}
	if len(l.text(fAmount)) == 0 && len(l.text(fAmountAZN)) == 0 {
		d.bad(schemas.ReasonMissing, "amount")
	}
}

func (l *ledgerRows) counterparty(d *decoder) {
	p, ok := l.people.number(l.text(fCounterparty))
	if !ok {
		d.counts.add("counterparty:", []byte("not_a_number"))
	}
	l.cols.counterparty.string(p.pseudonym)
	l.cols.masked.string(p.masked)
}

// words appends the columns of text, and counts what is new to us.
func (l *ledgerRows) words(d *decoder, zoned bool) {
	if !zoned {
		d.counts.add("time_without_offset", nil)
	}
	if t := l.text(fType); !knownType(t) {
		d.counts.add("type:", t)
	}
	if c := l.text(fCategory); !knownCategory(c) {
		d.counts.add("category:", c)
	}
	switch s := l.text(fStatus); string(s) {
	case "":
		l.cols.status.string("posted")
	case "posted", "pending", "reversed":
		l.cols.status.text(s)
	default:
		l.cols.status.text(s)
		d.counts.add("status:", s)
	}
	for f := fProvider; f < fKept; f++ {
		l.cols.text[f].text(l.text(f))
	}
	for i, col := range l.cols.kept {
		l.people.reference(col, l.scalar(fKept+i))
	}
}

// scalar is a kept field as text: numbers, true and false as they stand; null,
// objects and arrays are left out.
func (l *ledgerRows) scalar(f int) []byte {
	if l.has&(1<<f) != 0 && (l.values[f].kind == 't' || l.values[f].kind == 'f') {
		return l.values[f].text
	}
	return l.text(f)
}

func (l *ledgerRows) about(d *decoder, r *schemas.Reject) {
	r.RowID = rowID(l.text(fID))
	code, amount := l.currency(d), l.text(fAmount)
	if len(amount) == 0 {
		amount = l.text(fAmountAZN)
	}
	digits, err := exponent(code)
	if err != nil {
		return
	}
	r.Currency = string(code)
	if v, err := schemas.ParseMinor(amount, digits); err == nil {
		r.Amount = &v
	}
}

// rowID keeps a refused row's id readable and short.
func rowID(id []byte) string {
	if len(id) > 128 {
		id = id[:128]
	}
	return string(bytes.ToValidUTF8(id, []byte("?")))
}
