package csv

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

var baku = func() *time.Location {
	loc, err := time.LoadLocation("Asia/Baku")
	if err != nil {
		panic(err)
	}
	return loc
}()

func shelfOf(t testing.TB, m Mapping, files map[string]string) (*Shelf, *blob.Bucket) {
	t.Helper()
	b := memblob.OpenBucket(nil)
	t.Cleanup(func() { b.Close() })
	for name, text := range files {
		if err := b.WriteAll(context.Background(), name, []byte(text), nil); err != nil {
			t.Fatal(err)
		}
	}
	p, err := schemas.NewPseudonymizer(1, []byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Name: "bank", URL: "mem://", Mapping: m, Zone: baku, Pseudonyms: p, Bucket: b,
		Now: func() time.Time { return time.Now().Add(time.Hour) }, Allocator: memory.DefaultAllocator})
	if err != nil {
		t.Fatal(err)
	}
	return s, b
}

// plainBank is a mapping for tests.
func plainBank() Mapping {
	return Mapping{Table: "bank_entries", Decimal: ",", Thousands: []string{" "}, Dates: []string{"dd.MM.yyyy HH:mm:ss", "dd.MM.yyyy"},
		Columns: map[string][]string{"entry_id": {"Ref"}, "account_id": {"Hesab"}, "booked_at": {"Tarix"}, "amount": {"Məbləğ"},
			"currency": {"Valyuta"}, "remittance_information": {"Təyinat"}, "provider_code": {"Satıcı"}, "counterparty": {"Kimə"}},
		ID: []string{"entry_id"}}
}

// outcome is what came of one file.
type outcome struct {
	rows    []map[string]string
	rejects []schemas.Reject
	outside int
	pages   int
	err     error
}

func readFile(t testing.TB, m Mapping, text string) outcome {
	t.Helper()
	s, _ := shelfOf(t, m, map[string]string{"f.csv": text})
	units, err := s.Files(t.Context(), nil, false)
	if err != nil || len(units) != 1 {
		t.Fatal(len(units), err)
	}
	return collect(t, units[0].Source)
}

func collect(t testing.TB, src sources.Source) (out outcome) {
	t.Helper()
	for p, err := range src.Pages(context.Background(), sources.Window{}, "") {
		if err != nil {
			out.err = err
			return out
		}
		out.pages++
		for i := range int(p.Rows.NumRows()) {
			row := map[string]string{}
			for c := range int(p.Rows.NumCols()) {
				row[p.Rows.ColumnName(c)] = p.Rows.Column(c).ValueStr(i)
			}
			out.rows = append(out.rows, row)
		}
		out.rejects = append(out.rejects, p.Rejects...)
		out.outside += p.Outside
		p.Rows.Release()
	}
	return out
}

const heading = "Ref;Hesab;Tarix;Məbləğ;Valyuta;Təyinat;Satıcı;Kimə\n"

func TestARowOfABankStatement(t *testing.T) {
	o := readFile(t, plainBank(), heading+
		"R1;AZ21NABZ00000000137010001944;18.03.2026 11:02:11;-1 237,40;AZN;zəng +994501234567 və kart 4111111111111111;Azersu;0501234567\r\n"+
		"R2;acc;01.04.2026;+5,00;AZN;\"a \"\"quoted\"\"; text\nof two lines\";=HYPERLINK(\"x\");\n")
	if o.err != nil || len(o.rows) != 1 || len(o.rejects) != 2 {
		t.Fatalf("%+v", o)
	}
	r := o.rows[0]
	for column, want := range map[string]string{"entry_id": "R1", "account_id": "AZ21NABZ••••1944", "booked_at": "2026-03-18 07:02:11Z",
		"amount_minor": "-123740", "currency": "AZN", "business_date": "2026-03-18", "booking_date": "2026-03-18", "credit_debit": "debit",
		"booked_offset_s": "14400", "provider_code": "Azersu", "counterparty_masked": "+99450•••••67", "source": "bank"} {
		if r[column] != want {
			t.Errorf("%s is %q, want %q", column, r[column], want)
		}
	}
	if strings.Contains(r["remittance_information"], "4567") || strings.Contains(r["remittance_information"], "1111111111") ||
		!strings.HasPrefix(r["remittance_information"], "zəng +99450") || !strings.HasPrefix(r["counterparty"], "p1_") {
		t.Errorf("not masked: %q %q", r["remittance_information"], r["counterparty"])
	}
	if x := o.rejects[0]; x.Reason != schemas.ReasonQuote || x.RowID != "f.csv:3" {
		t.Errorf("reject %+v", x)
	}
}
