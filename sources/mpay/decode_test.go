package mpay

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
)

var baku = must(time.LoadLocation("Asia/Baku"))

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func day(s string) time.Time { return must(time.ParseInLocation(time.DateOnly, s, baku)) }

var march = schemas.Window{From: day("2026-03-01"), To: day("2026-04-01")}

func pseudonyms() *schemas.Pseudonymizer {
	return must(schemas.NewPseudonymizer(1, bytes.Repeat([]byte("k"), 32)))
}

func ledgerDecoder(w schemas.Window, alloc memory.Allocator, keep ...string) *decoder {
	t := schemas.Ledger.Keep(keep...)
	c := newColumns(t, alloc)
	l := newLedgerRows(t, c, "mpay", "wlt_441b", baku, newPeople(pseudonyms()))
	l.window(w)
	return newDecoder(l, c)
}

// decodeText decodes one page of March 2026.
func decodeText(t *testing.T, text string, keep ...string) (answer, error) {
	t.Helper()
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	a, err := ledgerDecoder(march, alloc, keep...).page([]byte(text))
	t.Cleanup(func() {
		if a.rows != nil {
			a.rows.Release()
		}
		alloc.AssertSize(t, 0)
	})
	return a, err
}

// cells returns one row as name → text, empty ones left out.
func cells(rec arrow.Record, row int) map[string]string {
	out := map[string]string{}
	for c := range int(rec.NumCols()) {
		if v := rec.Column(c).ValueStr(row); v != "" && v != array.NullValueStr {
			out[rec.ColumnName(c)] = v
		}
	}
	return out
}

func TestSeedStatement(t *testing.T) {
	text := string(must(os.ReadFile("testdata/seed_statement.json")))
	a, err := decodeText(t, text)
	if err != nil {
		t.Fatal(err)
	}
	if a.next != "eyJpIjoyNTZ9" || a.rows.NumRows() != 1 || len(a.rejects) != 0 || len(a.unknown) != 0 {
		t.Fatalf("%+v", a)
	}
	want := map[string]string{
		"source": "mpay", "wallet_id": "wlt_441b", "entry_id": "txn_77aa", "posted_at": "2026-03-18 07:02:11Z",
		"posted_offset_s": "14400", "business_date": "2026-03-18", "type": "bill_pay", "amount_minor": "-3740",
		"currency": "AZN", "fee_minor": "0", "balance_after_minor": "21255", "provider_code": "AZERSU_RES",
		"subscriber_ref": "****821", "status": "posted",
	}
	equalCells(t, cells(a.rows, 0), want)
}

func equalCells(t *testing.T, got, want map[string]string) {
	t.Helper()
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s is %q, want %q", k, got[k], v)
		}
	}
	for k, v := range got {
		if _, ok := want[k]; !ok {
			t.Errorf("%s is %q, want nothing", k, v)
		}
	}
}

const goodRow = `{"id":"good","posted_at":"2026-03-18T11:02:11+04:00","type":"bill_pay","amount":-1.00}`

// row returns a valid row with fields in place of those of the same name.
func row(fields string) string {
	base := map[string]string{"id": `"bad"`, "posted_at": `"2026-03-18T11:02:11+04:00"`, "type": `"bill_pay"`, "amount": "-2.50"}
	parts := []string{}
	for _, k := range []string{"id", "posted_at", "type", "amount"} {
		if !strings.Contains(fields, `"`+k+`":`) {
			parts = append(parts, `"`+k+`":`+base[k])
		}
	}
	if fields != "" {
		parts = append(parts, fields)
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func page(rows ...string) string {
	return `{"currency":"AZN","rows":[` + strings.Join(rows, ",") + `],"next_cursor":"n"}`
}

func TestBadRowsAreRefusedAlone(t *testing.T) {
	long := strings.Repeat("9", maxText+1)
	cases := []struct {
		name, row string
		reason    schemas.Reason
		field     string
	}{
		{"exponent", row(`"amount":1e3`), schemas.ReasonAmount, "amount"},
		{"three digits", row(`"amount":37.405`), schemas.ReasonScale, "amount"},
		{"NaN literal", row(`"amount":NaN`), schemas.ReasonAmount, "amount"},
		{"-Infinity literal", row(`"balance_after":-Infinity`), schemas.ReasonAmount, "balance_after"},
		{"NaN text", row(`"amount":"NaN"`), schemas.ReasonAmount, "amount"},
		{"comma", row(`"amount":"12,50"`), schemas.ReasonAmount, "amount"},
		{"plus", row(`"amount":"+5"`), schemas.ReasonAmount, "amount"},
		{"leading zero", row(`"amount":007`), schemas.ReasonAmount, "amount"},
		{"beyond int64", row(`"amount":92233720368547758.08`), schemas.ReasonRange, "amount"},
		{"far beyond", row(`"amount":-100000000000000000000`), schemas.ReasonRange, "amount"},
		{"longest literal", row(`"amount":` + long), schemas.ReasonTooLong, "amount"},
		{"amount null", row(`"amount":null`), schemas.ReasonMissing, "amount"},
		{"amount empty", row(`"amount":""`), schemas.ReasonMissing, "amount"},
		{"amount true", row(`"amount":true`), schemas.ReasonType, "amount"},
		{"amount object", row(`"amount":{"value":1}`), schemas.ReasonType, "amount"},
		{"balance", row(`"balance_after":"1 000"`), schemas.ReasonAmount, "balance_after"},
		{"fee", row(`"fee":0.001`), schemas.ReasonScale, "fee"},
		{"two spellings", row(`"amount_azn":-2.51`), schemas.ReasonConflict, "amount_azn"},
		{"azn of dollars", row(`"amount_azn":-2.50,"currency":"USD"`), schemas.ReasonConflict, "amount_azn"},
		{"no such day", row(`"posted_at":"2026-02-30T10:00:00+04:00"`), schemas.ReasonTime, "posted_at"},
		{"no date", row(`"posted_at":"yesterday"`), schemas.ReasonTime, "posted_at"},
		{"date null", row(`"posted_at":null`), schemas.ReasonMissing, "posted_at"},
		{"date number", row(`"posted_at":1773817331`), schemas.ReasonType, "posted_at"},
		{"no id", `{"posted_at":"2026-03-18T11:02:11+04:00","type":"fee","amount":-1}`, schemas.ReasonMissing, "id"},
		{"id empty", row(`"id":""`), schemas.ReasonMissing, "id"},
		{"id fraction", row(`"id":7.5`), schemas.ReasonType, "id"},
		{"id exponent", row(`"id":1e3`), schemas.ReasonType, "id"},
		{"id negative", row(`"id":-7`), schemas.ReasonType, "id"},
		{"no type", row(`"type":null`), schemas.ReasonMissing, "type"},
		{"currency", row(`"currency":"XYZ"`), schemas.ReasonCurrency, "currency"},
		{"twice", row(`"amount":-2.50,"amount":-2.50`), schemas.ReasonDuplicate, "amount"},
		{"twice by escape", row(`"amount":-2.50,"\u0061mount":-9`), schemas.ReasonDuplicate, "amount"},
		{"unknown twice", row(`"x":1,"x":2`), schemas.ReasonDuplicate, "x"},
		{"twice inside", row(`"x":{"a":1,"a":2}`), schemas.ReasonDuplicate, "x"},
		{"not UTF-8", row("\"provider_code\":\"\xff\""), schemas.ReasonText, ""},
		{"half a pair", row(`"provider_code":"\ud800"`), schemas.ReasonText, "provider_code"},
		{"control", row(`"provider_code":"a\u0000b"`), schemas.ReasonText, "provider_code"},
		{"deep", row(`"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40)), schemas.ReasonTooLong, "x"},
		{"very deep", row(`"x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000)), schemas.ReasonType, "x"},
		{"not an object", `["bad"]`, schemas.ReasonType, ""},
		{"null row", `null`, schemas.ReasonType, ""},
		{"empty row", `{}`, schemas.ReasonMissing, "id"},
		{"broken inside", `{"id":"bad","amount" -2.50}`, schemas.ReasonAmount, "amount"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, text := range []string{page(goodRow, c.row, goodRow), page(c.row, goodRow, goodRow), page(goodRow, goodRow, c.row),
				`{"rows":[` + goodRow + "," + c.row + "," + goodRow + `],"next_cursor":"n","currency":"AZN"}`} {
				a, err := decodeText(t, text)
				if err != nil {
					t.Fatal(err)
				}
				if a.rows.NumRows() != 2 || len(a.rejects) != 1 || a.next != "n" {
					t.Fatalf("%d rows, rejects %+v, next %q", a.rows.NumRows(), a.rejects, a.next)
				}
				r := a.rejects[0]
				if r.Reason != c.reason || r.Field != c.field || string(r.Raw) != c.row {
					t.Errorf("refused as %s %s with %s", r.Reason, r.Field, r.Raw)
				}
			}
		})
	}
}

func TestRejectTellsWhatCouldBeRead(t *testing.T) {
	a, err := decodeText(t, page(row(`"type":null,"currency":"JPY","amount":-250`), row(`"posted_at":"never"`), row(`"amount":1e3`)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range a.rejects {
		amount := "none"
		if r.Amount != nil {
			amount = fmt.Sprint(*r.Amount)
		}
		got = append(got, r.RowID+" "+amount+" "+r.Currency)
	}
	if s := strings.Join(got, "; "); s != "bad -250 JPY; bad -250 AZN; bad none AZN" {
		t.Error(s)
	}
}

func TestManyBrokenRows(t *testing.T) {
	rows := []string{}
	for i := range 300 {
		rows = append(rows, goodRow, fmt.Sprintf(`{"id":"b%d","amount":NaN}`, i))
	}
	a, err := decodeText(t, page(rows...))
	if err != nil || a.rows.NumRows() != 300 || len(a.rejects) != 300 {
		t.Fatalf("%v, %d rejects", err, len(a.rejects))
	}
	if a.rejects[7].RowID != "b7" {
		t.Errorf("order of rejects: %+v", a.rejects[7])
	}
}

func TestPagesThatAreNone(t *testing.T) {
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	for name, text := range map[string]string{
		"empty": "", "html": "<html>oops</html>", "array": "[]", "text": `"x"`, "null": "null",
		"no rows": `{"currency":"AZN"}`, "rows null": `{"currency":"AZN","rows":null}`,
		"rows object": `{"currency":"AZN","rows":{}}`, "rows text before": `{"rows":"x","currency":"AZN"}`,
		"cut": page(goodRow)[:80], "cut late": strings.TrimSuffix(page(goodRow), "}"),
		"two": page(goodRow) + page(goodRow), "twice": `{"currency":"AZN","currency":"AZN","rows":[]}`,
		"rows twice": `{"currency":"AZN","rows":[],"rows":[]}`, "rows twice deferred": `{"rows":[],"rows":[],"currency":"AZN"}`,
		"escape twice":  `{"currency":"AZN","rows":[],"\u0072ows":[]}`,
		"cursor number": `{"currency":"AZN","rows":[],"next_cursor":5}`,
		"cursor long":   `{"currency":"AZN","rows":[],"next_cursor":"` + strings.Repeat("x", maxText+1) + `"}`,
		"cursor text":   "{\"currency\":\"AZN\",\"rows\":[],\"next_cursor\":\"\xff\"}",
		"deep":          `{"currency":"AZN","rows":[],"x":` + deep + `}`,
		"no comma":      `{"currency":"AZN","rows":[` + goodRow + goodRow + `]}`,
		"missing comma": `{"currency":"AZN" "rows":[]}`,
	} {
		a, err := decodeText(t, text)
		if !errors.Is(err, errPage) || a.rows != nil {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestErrorBodyIsNoPage(t *testing.T) {
	a, err := decodeText(t, `{"error":"temporarily_unavailable"}`)
	if err != nil || a.rows != nil || a.upstream != "temporarily_unavailable" {
		t.Errorf("%+v %v", a, err)
	}
	a, err = decodeText(t, `{"error":null,"currency":"AZN","rows":[]}`)
	if err != nil || a.rows == nil {
		t.Errorf("error null: %+v %v", a, err)
	}
}

func TestSpellings(t *testing.T) {
	for name, text := range map[string]string{
		"number":                  page(row(`"amount":-37.40`)),
		"text":                    page(row(`"amount":"-37.40"`)),
		"fewer digits":            page(row(`"amount":-37.4`)),
		"zeros":                   page(row(`"amount":-37.4000`)),
		"azn":                     page(row(`"amount":null,"amount_azn":-37.40`)),
		"both":                    page(row(`"amount":"-37.40","amount_azn":-37.4`)),
		"azn on a page of dollar": `{"currency":"USD","rows":[` + row(`"amount":null,"amount_azn":-37.40`) + `],"next_cursor":"n"}`,
		"row currency":            `{"currency":"USD","rows":[` + row(`"amount":-37.40,"currency":"AZN"`) + `]}`,
		"row currency first":      `{"rows":[` + row(`"currency":"AZN","amount":-37.40`) + `]}`,
		"page currency last":      `{"rows":[` + row(`"amount":-37.40`) + `],"currency":"AZN"}`,
		"spaces":                  " \n{ \"rows\" : [ " + row(`"amount":-37.40`) + " ] , \"x\":{\"rows\":[]} , \"currency\" : \"AZN\" } \n",
		"escaped names":           page(row(`"amount":"-37.4\u0030"`)),
	} {
		a, err := decodeText(t, text)
		if err != nil || a.rows.NumRows() != 1 {
			t.Errorf("%s: %v %+v", name, err, a.rejects)
			continue
		}
		got := cells(a.rows, 0)
		if got["amount_minor"] != "-3740" || got["currency"] != "AZN" {
			t.Errorf("%s: %s %s", name, got["amount_minor"], got["currency"])
		}
	}
	a, err := decodeText(t, `{"rows":[`+goodRow+`]}`)
	if err != nil || len(a.rejects) != 1 || a.rejects[0].Reason != schemas.ReasonMissing || a.rejects[0].Field != "currency" {
		t.Errorf("no currency anywhere: %v %+v", err, a.rejects)
	}
}

func TestPeopleTimeAndUnknown(t *testing.T) {
	a, err := decodeText(t, page(
		row(`"id":"1","counterparty_msisdn":"+994551234567","subscriber_ref":"+994 50 123 45 67","posted_at":"2026-03-18 11:02:11"`),
		row(`"id":"2","counterparty_msisdn":"055 123 45 67","subscriber_ref":"4111111111111111","type":"cashback","status":"held","category":"charity"`),
		row(`"id":"3","counterparty_msisdn":"+99455***4567","subscriber_ref":"12345","note":"call me","loyalty":5,"loyal":true`),
		row(`"id":"4","counterparty_msisdn":"189011234567","note":null,"tel":"0501234567"`)), "note", "tel", "loyal")
	if err != nil || len(a.rejects) != 0 {
		t.Fatal(err, a.rejects)
	}
	one, two, three, four := cells(a.rows, 0), cells(a.rows, 1), cells(a.rows, 2), cells(a.rows, 3)
	if !strings.HasPrefix(one["counterparty"], "p1_") || one["counterparty"] != two["counterparty"] {
		t.Errorf("pseudonyms %q and %q", one["counterparty"], two["counterparty"])
	}
	if one["counterparty_masked"] != "+99455•••••67" || one["subscriber_ref"] != "+99450•••••67" {
		t.Errorf("masked %q %q", one["counterparty_masked"], one["subscriber_ref"])
	}
	if two["subscriber_ref"] != "411••••••••••111" || two["type"] != "cashback" || two["status"] != "held" {
		t.Errorf("%v", two)
	}
	if three["counterparty"] != "" || three["counterparty_masked"] != "+99455***4567" || three["subscriber_ref"] != "12345" {
		t.Errorf("%v", three)
	}
	if three["note"] != "call me" || three["loyal"] != "true" || four["note"] != "" || four["tel"] != "+99450•••••67" {
		t.Errorf("kept: %v %v", three, four)
	}
	want := map[string]int64{"time_without_offset": 1, "type:cashback": 1, "status:held": 1, "category:charity": 1,
		"field:loyalty": 1, "counterparty:not_a_number": 1}
	if fmt.Sprint(a.unknown) != fmt.Sprint(want) {
		t.Errorf("unknown %v", a.unknown)
	}
	if one["posted_at"] != "2026-03-18 07:02:11Z" || one["posted_offset_s"] != "14400" {
		t.Errorf("time without offset: %s %s", one["posted_at"], one["posted_offset_s"])
	}
}

func TestWindowIsHalfOpen(t *testing.T) {
	at := func(s string) string { return row(`"posted_at":"` + s + `"`) }
	a, err := decodeText(t, page(at("2026-02-28T23:59:59.999999+04:00"), at("2026-03-01T00:00:00+04:00"),
		at("2026-03-31T19:59:59.999999Z"), at("2026-03-31T20:00:00Z"), `{"posted_at":"2026-05-01T00:00:00Z","amount":1e3}`))
	if err != nil || a.rows.NumRows() != 2 || a.outside != 3 || len(a.rejects) != 0 {
		t.Fatalf("%v: %d rows, %d outside, rejects %v", err, a.rows.NumRows(), a.outside, a.rejects)
	}
}

func TestCatalogueRows(t *testing.T) {
	c := newColumns(schemas.Providers, memory.DefaultAllocator)
	d := newDecoder(newProviderRows(schemas.Providers, c, "mpay", baku), c)
	a, err := d.page([]byte(`{"version":"7","rows":[
		{"provider_code":"AZERSU_RES","display_name":{"az":"Az\u0259rsu","en":"Azersu","ru":"Азерсу","tr":"x"},"category":"utilities","service_code":"water","status":"active","updated_at":"2026-03-01T00:00:00+04:00"},
		{"provider_code":"PLAIN","display_name":"Plain","status":"retired"},
		{"display_name":{}}, {"provider_code":"X","display_name":{"az":"a","az":"b"}}, {"provider_code":"Y","updated_at":"soon"},
		{"provider_code":"Z","category":"space","display_name":{"az":5}}],"next_cursor":null}`))
	if err != nil {
		t.Fatal(err)
	}
	defer a.rows.Release()
	equalCells(t, cells(a.rows, 0), map[string]string{"source": "mpay", "provider_code": "AZERSU_RES", "name_az": "Azərsu",
		"name_en": "Azersu", "name_ru": "Азерсу", "category": "utilities", "service_code": "water", "status": "active", "updated_at": "2026-02-28 20:00:00Z"})
	equalCells(t, cells(a.rows, 1), map[string]string{"source": "mpay", "provider_code": "PLAIN", "name_az": "Plain",
		"name_en": "Plain", "name_ru": "Plain", "status": "retired", "updated_at": "1970-01-01 00:00:00Z"})
	var got []string
	for _, r := range a.rejects {
		got = append(got, r.RowID+" "+string(r.Reason)+" "+r.Field)
	}
	want := " missing_field provider_code; X duplicate_key display_name; Y time_syntax updated_at; Z wrong_type display_name"
	if s := strings.Join(got, "; "); s != want {
		t.Errorf("rejects %s", s)
	}
	if a.unknown["field:display_name.tr"] != 1 {
		t.Errorf("unknown %v", a.unknown)
	}
}
