package camt

import (
	"bytes"
	"encoding/xml"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/cmd/internal/account"
)

// entry is a line of a test.
type entry struct {
	wallet, id, currency, kind, provider, reference, receipt, subscriber, of, centre string
	net, fee                                                                         int64
}

func lines(entries ...entry) arrow.Record {
	var fields []arrow.Field
	for _, name := range texts {
		fields = append(fields, arrow.Field{Name: name, Type: arrow.BinaryTypes.String})
	}
	money := &arrow.Decimal128Type{Precision: 38}
	fields = append(fields, arrow.Field{Name: "net_minor", Type: money}, arrow.Field{Name: "fee_named_minor", Type: money}, arrow.Field{Name: "business_date", Type: arrow.FixedWidthTypes.Date32})
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	for _, e := range entries {
		values := map[string]string{"source": "mpay", "wallet_id": e.wallet, "currency": e.currency, "entry_id": e.id, "posted_local": "2026-03-02T12:00:00.000001+04:00", "type": e.kind,
			"provider_name": e.provider, "external_reference": e.reference, "vat_receipt": e.receipt, "subscriber_ref": e.subscriber, "reversal_of": e.of, "cost_centre": e.centre}
		for i, name := range texts {
			b.Field(i).(*array.StringBuilder).Append(values[name])
		}
		b.Field(len(texts)).(*array.Decimal128Builder).Append(decimal128.FromI64(e.net))
		b.Field(len(texts) + 1).(*array.Decimal128Builder).Append(decimal128.FromI64(e.fee))
		b.Field(len(texts) + 2).(*array.Date32Builder).Append(20514)
	}
	return b.NewRecord()
}

func message(t *testing.T, accounts []account.Account, recs ...arrow.Record) (string, error) {
	t.Helper()
	var out bytes.Buffer
	w, err := New(&out, Document{SHA256: "ab", Created: time.Date(2026, 4, 1, 2, 3, 4, 5, time.UTC), From: "2026-03-01", To: "2026-04-01", Accounts: accounts})
	if err != nil {
		return "", err
	}
	for _, r := range recs {
		if err := w.Write(r); err != nil {
			return out.String(), err
		}
	}
	err = w.Close()
	return out.String(), err
}

// sample has what is awkward: three currencies' decimals, an account without
// entries, long and foreign references, text that XML cannot hold.
func sample() ([]account.Account, []arrow.Record) {
	accounts := []account.Account{
		{Source: "mpay", Wallet: "idle", Currency: "AZN", Credit: "0", Debit: "0", Opening: "-5", Closing: "-5"},
		{Source: "mpay", Wallet: "wlt_1", Currency: "AZN", Entries: 3, Credits: 1, Credit: "290", Debits: 2, Debit: "-3790", Opening: "10000", Closing: "6500"},
		{Source: "mpay", Wallet: "wlt_1", Currency: "JPY", Entries: 1, Credits: 1, Credit: "7", Debit: "0", Opening: "0", Closing: "8"},
		{Source: "mpay", Wallet: "wlt_1", Currency: "KWD", Entries: 2, Credits: 1, Credit: "0", Debits: 1, Debit: "-1", Opening: "1", Closing: "0"},
		{Source: "mpay", Wallet: strings.Repeat("ə", 50), Currency: "AZN", Credit: "0", Debit: "0", Opening: "0", Closing: "0"},
	}
	first := lines(
		entry{wallet: "wlt_1", id: "a", currency: "AZN", kind: "bill_pay", provider: "Azərsu & <Bakı> \"1\"", reference: "inv-7", receipt: strings.Repeat("8s", 22), subscriber: "12*45", centre: "4711", net: -3740, fee: 50},
		entry{wallet: "wlt_1", id: strings.Repeat("x", 60), currency: "AZN", kind: "fee", net: -50, of: "//odd"})
	second := lines(
		entry{wallet: "wlt_1", id: "öz", currency: "AZN", kind: "reversal", provider: "bad \x00\x1b\ufffe\xff name", net: 290, of: "a"},
		entry{wallet: "wlt_1", id: "j", currency: "JPY", kind: "transfer_in", net: 7},
		entry{wallet: "wlt_1", id: "k1", currency: "KWD", kind: strings.Repeat("odd ", 20), net: 0},
		entry{wallet: "wlt_1", id: "k2", currency: "KWD", kind: "topup", provider: strings.Repeat("ж", 300), net: -1})
	return accounts, []arrow.Record{first, second}
}

type statementXML struct {
	Acct struct {
		ID  string `xml:"Id>Othr>Id"`
		Ccy string
	}
	Bal []struct {
		Code string `xml:"Tp>CdOrPrtry>Cd"`
		Amt  string
		Dir  string `xml:"CdtDbtInd"`
		Day  string `xml:"Dt>Dt"`
	}
	Entries string `xml:"TxsSummry>TtlNtries>NbOfNtries"`
	Sum     string `xml:"TxsSummry>TtlNtries>Sum"`
	Net     string `xml:"TxsSummry>TtlNtries>TtlNetNtry>Amt"`
	NetDir  string `xml:"TxsSummry>TtlNtries>TtlNetNtry>CdtDbtInd"`
	Ntry    []struct {
		NtryRef      string
		Amt          string
		CdtDbtInd    string
		RvslInd      string
		BookgDt      string   `xml:"BookgDt>DtTm"`
		ValDt        string   `xml:"ValDt>Dt"`
		Family       string   `xml:"BkTxCd>Domn>Fmly>Cd"`
		Sub          string   `xml:"BkTxCd>Domn>Fmly>SubFmlyCd"`
		Charge       string   `xml:"Chrgs>Rcrd>Amt"`
		EndToEnd     string   `xml:"NtryDtls>TxDtls>Refs>EndToEndId"`
		Name         string   `xml:"NtryDtls>TxDtls>RltdPties>Cdtr>Pty>Nm"`
		Ustrd        []string `xml:"NtryDtls>TxDtls>RmtInf>Ustrd"`
		AddtlNtryInf string
	}
	AddtlStmtInf string
}

func TestMessage(t *testing.T) {
	accounts, recs := sample()
	text, err := message(t, accounts, recs...)
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Created string         `xml:"BkToCstmrStmt>GrpHdr>CreDtTm"`
		Stmt    []statementXML `xml:"BkToCstmrStmt>Stmt"`
	}
	if err := xml.Unmarshal([]byte(text), &m); err != nil || len(m.Stmt) != 5 || m.Created != "2026-04-01T02:03:04.000Z" {
		t.Fatalf("%v %d %s", err, len(m.Stmt), m.Created)
	}
	s := m.Stmt[1]
	if s.Entries != "3" || s.Sum != "40.80" || s.Net != "35.00" || s.NetDir != "DBIT" || s.Bal[0].Amt != "100.00" || s.Bal[1].Amt != "65.00" || s.Bal[1].Code != "CLBD" || s.Bal[1].Day != "2026-03-31" || s.AddtlStmtInf != "" {
		t.Errorf("%+v", s)
	}
	if e := s.Ntry[0]; e.Amt != "37.40" || e.CdtDbtInd != "DBIT" || e.BookgDt != "2026-03-02T12:00:00.000001+04:00" || e.ValDt != "2026-03-02" || e.Family+e.Sub != "ICDTDMCT" || e.Charge != "0.50" ||
		e.EndToEnd != "inv-7" || e.Name != `Azərsu & <Bakı> "1"` || len(e.Ustrd) != 2 || e.Ustrd[1] != "VAT receipt "+strings.Repeat("8s", 22) {
		t.Errorf("%+v", e)
	}
	if e := s.Ntry[1]; len(e.NtryRef) != 35 || !strings.HasPrefix(e.NtryRef, "H") || !strings.Contains(e.AddtlNtryInf, strings.Repeat("x", 60)) || !strings.Contains(e.AddtlNtryInf, "reversal_of: //odd") {
		t.Errorf("%+v", e)
	}
	if e := s.Ntry[2]; e.RvslInd != "true" || e.NtryRef == "öz" || e.CdtDbtInd != "CRDT" {
		t.Errorf("%+v", e)
	}
	if idle := m.Stmt[0]; len(idle.Ntry) != 0 || idle.Bal[0].Amt != "0.05" || idle.Bal[0].Dir != "DBIT" {
		t.Errorf("%+v", idle)
	}
	if m.Stmt[2].Ntry[0].Amt != "7" || !strings.Contains(m.Stmt[2].AddtlStmtInf, "1 JPY is missing") || m.Stmt[3].Ntry[1].Amt != "0.001" || m.Stmt[3].Ntry[0].Family != "NTAV" {
		t.Errorf("%+v", m.Stmt[2:])
	}
}

// What cannot be a message is an error: no balances, an entry of nobody, totals
// that are not those of the entries, a sum that has no room.
func TestNoMessage(t *testing.T) {
	accounts, recs := sample()
	if text, err := message(t, []account.Account{{Wallet: "w", Currency: "AZN"}}); !errors.Is(err, ErrBalance) || text != "" {
		t.Errorf("%q %v", text, err)
	}
	for name, change := range map[string]func([]account.Account){
		"entries": func(a []account.Account) { a[1].Entries = 2 }, "debit": func(a []account.Account) { a[1].Debit = "-3791" },
		"account": func(a []account.Account) { a[2].Currency = "USD" }, "digits": func(a []account.Account) { a[0].Closing = "1" + strings.Repeat("0", 18) },
		"order": func(a []account.Account) { a[1], a[2] = a[2], a[1] },
	} {
		wrong := append([]account.Account(nil), accounts...)
		change(wrong)
		if _, err := message(t, wrong, recs...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
