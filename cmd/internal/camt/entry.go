package camt

import (
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/paylake/paylake/cmd/internal/account"
	"github.com/paylake/paylake/schemas"
)

// line reads one row of a record.
type line struct {
	text  map[string]*array.String
	minor map[string]*array.Decimal128
	row   int
}

var texts = strings.Fields(`source wallet_id currency entry_id posted_local type provider_name cost_centre channel subscriber_ref counterparty_masked
	external_reference vat_receipt reversal_of`)

func lineOf(rec arrow.Record) (*line, *array.Date32, error) {
	l := &line{text: map[string]*array.String{}, minor: map[string]*array.Decimal128{}}
	column := func(name string) arrow.Array {
		if at := rec.Schema().FieldIndices(name); len(at) == 1 {
			return rec.Column(at[0])
		}
		return nil
	}
	for _, name := range texts {
		c, ok := column(name).(*array.String)
		if !ok {
			return nil, nil, fmt.Errorf("a statement's line has no text %s", name)
		}
		l.text[name] = c
	}
	for _, name := range []string{"net_minor", "fee_named_minor"} {
		c, ok := column(name).(*array.Decimal128)
		if !ok {
			return nil, nil, fmt.Errorf("a statement's line has no amount %s", name)
		}
		l.minor[name] = c
	}
	day, ok := column("business_date").(*array.Date32)
	if !ok {
		return nil, nil, fmt.Errorf("a statement's line has no business_date")
	}
	return l, day, nil
}

func (l *line) get(name string) string { return l.text[name].Value(l.row) }

func (l *line) amount(name string) decimal128.Num { return l.minor[name].Value(l.row) }

// Write writes the entries of a record. It keeps nothing of it.
func (c *Writer) Write(rec arrow.Record) error {
	if rec.NumRows() == 0 {
		return c.err
	}
	l, day, err := lineOf(rec)
	if err != nil {
		return err
	}
	for l.row = range int(rec.NumRows()) {
		err := c.turn(func(a account.Account) bool {
			return a.Source == l.get("source") && a.Wallet == l.get("wallet_id") && a.Currency == l.get("currency")
		})
		if err != nil {
			return err
		}
		c.entry(l, day.Value(l.row).FormattedString())
		if c.err != nil {
			return fmt.Errorf("entry %s: %w", l.get("entry_id"), c.err)
		}
	}
	return nil
}

// entry writes one line.
func (c *Writer) entry(l *line, day string) {
	net := l.amount("net_minor").BigInt()
	c.entries++
	c.sum.Add(&c.sum, net)
	currency := l.get("currency")
	exponent, err := schemas.Exponent(currency)
	c.fails(err)
	sum, direction, err := decimal(net.String(), exponent)
	c.fails(err)
	id, whole := reference(l.get("entry_id"), 35)
	c.raw("\n<Ntry>")
	c.leaf("NtryRef", id)
	c.amount("Amt", currency, sum)
	c.leaf("CdtDbtInd", direction)
	if l.get("type") == "reversal" {
		c.leaf("RvslInd", "true")
	}
	c.raw("<Sts><Cd>BOOK</Cd></Sts><BookgDt>")
	c.leaf("DtTm", l.get("posted_local"))
	c.raw("</BookgDt><ValDt>")
	c.leaf("Dt", day)
	c.raw("</ValDt>")
	c.leaf("AcctSvcrRef", id)
	c.code(l, direction == "CRDT")
	c.charges(l, currency, exponent)
	c.details(l, sum, direction)
	c.additional(l, whole)
	c.close("Ntry")
}

func (c *Writer) code(l *line, credit bool) {
	code := account.CodeOf(l.get("type"), l.get("channel"), credit)
	c.raw("<BkTxCd><Domn>")
	c.leaf("Cd", code.Domain)
	c.raw("<Fmly>")
	c.leaf("Cd", code.Family)
	c.leaf("SubFmlyCd", code.SubFamily)
	c.raw("</Fmly></Domn>")
	if own, _ := reference(l.get("type"), 35); own != "" {
		c.raw("<Prtry>")
		c.leaf("Cd", own)
		issuer, _ := reference(l.get("source"), 35)
		c.leaf("Issr", issuer)
		c.close("Prtry")
	}
	c.close("BkTxCd")
}

// charges is the commission that the line names. It is not part of the entry's
// amount: its own entry moves it.
func (c *Writer) charges(l *line, currency string, exponent int) {
	fee := l.amount("fee_named_minor").BigInt()
	if fee.Sign() == 0 {
		return
	}
	sum, direction, err := decimal(fee.Neg(fee).String(), exponent)
	c.fails(err)
	c.raw("<Chrgs><Rcrd>")
	c.amount("Amt", currency, sum)
	c.leaf("CdtDbtInd", direction)
	c.raw("<ChrgInclInd>false</ChrgInclInd></Rcrd></Chrgs>")
}

// details: references, who was paid or paid, and what for. What is longer than
// its element, or has characters that a reference may not have, is in
// AddtlNtryInf as it was.
func (c *Writer) details(l *line, sum, direction string) {
	c.raw("<NtryDtls><TxDtls><Refs>")
	id, _ := reference(l.get("entry_id"), 35)
	c.leaf("AcctSvcrRef", id)
	if other := l.get("external_reference"); other != "" {
		ref, _ := reference(other, 35)
		c.leaf("EndToEndId", ref)
	}
	if of := l.get("reversal_of"); of != "" {
		ref, _ := reference(of, 35)
		c.property("REVERSAL_OF", ref)
	}
	if centre := l.get("cost_centre"); centre != "" {
		ref, _ := reference(centre, 35)
		c.property("COST_CENTRE", ref)
	}
	c.close("Refs")
	c.amount("Amt", l.get("currency"), sum)
	c.leaf("CdtDbtInd", direction)
	if name := strings.TrimSpace(escaped(l.get("provider_name") + l.get("counterparty_masked"))); name != "" {
		role := "Cdtr"
		if direction == "CRDT" {
			role = "Dbtr"
		}
		other := l.get("provider_name")
		if other == "" {
			other = l.get("counterparty_masked")
		}
		c.begins("RltdPties", role, "Pty")
		c.leaf("Nm", cut(other, 140))
		c.close("Pty", role, "RltdPties")
	}
	if l.get("subscriber_ref")+l.get("vat_receipt") != "" {
		c.begins("RmtInf")
		c.leaf("Ustrd", cut(l.get("subscriber_ref"), 140))
		if receipt := l.get("vat_receipt"); receipt != "" {
			c.leaf("Ustrd", cut("VAT receipt "+receipt, 140))
		}
		c.close("RmtInf")
	}
	c.close("TxDtls", "NtryDtls")
}

func (c *Writer) property(kind, ref string) {
	c.raw("<Prtry><Tp>" + kind + "</Tp>")
	c.leaf("Ref", ref)
	c.close("Prtry")
}

// additional has in full what other elements have in short.
func (c *Writer) additional(l *line, whole bool) {
	var parts []string
	if !whole {
		parts = append(parts, "entry_id: "+l.get("entry_id"))
	}
	for _, name := range []string{"external_reference", "reversal_of", "cost_centre", "type"} {
		if text := l.get(name); text != "" {
			if _, whole := reference(text, 35); !whole {
				parts = append(parts, name+": "+text)
			}
		}
	}
	c.leaf("AddtlNtryInf", cut(strings.Join(parts, "; "), 500))
}
