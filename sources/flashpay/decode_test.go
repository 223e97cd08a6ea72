package flashpay

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

const testProject = 210

func people(t testing.TB) *schemas.Pseudonymizer {
	t.Helper()
	p, err := schemas.NewPseudonymizer(1, []byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// decodeBody decodes every row of a body without its signature.
func decodeBody(t testing.TB, mem memory.Allocator, body string, project int64, keep ...string) (sources.Page, error) {
	t.Helper()
	rows, err := operationsGet.split([]byte(body))
	if err != nil {
		return sources.Page{}, err
	}
	d := newDecoder("psp", project, schemas.Operations.Keep(keep...), zone(t, "Asia/Bishkek"), people(t), mem)
	defer d.release()
	all := make([]int, len(rows))
	for i := range all {
		all[i] = i
	}
	return d.decode(rows, all, nil), nil
}

// cells are a page's rows as text, by column.
func cells(p sources.Page) []map[string]string {
	defer p.Rows.Release()
	out := make([]map[string]string, p.Rows.NumRows())
	for i := range out {
		out[i] = map[string]string{}
		for c := range int(p.Rows.NumCols()) {
			v := p.Rows.Column(c).ValueStr(i)
			if p.Rows.Column(c).IsNull(i) {
				v = "NULL"
			}
			out[i][p.Rows.ColumnName(c)] = v
		}
	}
	return out
}

func decodeOne(t *testing.T, row string, keep ...string) (cell map[string]string, reject *schemas.Reject, unknown map[string]int64) {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	p, err := decodeBody(t, mem, `{"operations":[`+row+`,`+goodRow+`]}`, testProject, keep...)
	if err != nil {
		t.Fatal(err)
	}
	unknown, rejects := p.Unknown, p.Rejects
	got := cells(p)
	if len(got) == 0 || got[len(got)-1]["operation_id"] != "good" {
		t.Fatal("the good row of the same page did not arrive")
	}
	if len(got)+len(rejects) != 2 {
		t.Fatalf("%d rows and %d rejects of 2", len(got), len(rejects))
	}
	if len(rejects) == 1 {
		if string(rejects[0].Raw) != row {
			t.Errorf("raw text %s, want %s", rejects[0].Raw, row)
		}
		return nil, &rejects[0], unknown
	}
	return got[0], nil, unknown
}

const goodRow = `{"operation_id":"good","operation_created_at":"2026-01-01T00:00:00+06:00","operation_type":"sale",` +
	`"operation_status":"success","sum_initial":{"amount":1,"currency":"KGS"}}`

// fullRow has every field that we know, with the marks replaced in tests.
const fullRow = `{"operation_id":"6503010168993","operation_type":"sale","operation_status":"success",` +
	`"operation_created_at":"2026-03-01T20:13:50+0000","operation_completed_at":"2026-03-01T20:15:24+00:00",` +
	`"payment_id":"P-1","payment_type_id":3,"payment_method":"mbank","payment_status":"success","project_id":"210",` +
	`"sum_initial":{"amount":"5000","currency":"KGS"},"sum_converted":{"amount":55,"currency":"USD"},"provider_name":"x",` +
	`"provider_payment_id":"y","customer_id":"customer1","customer_ip":"192.0.2.1","account_number":"341234567554",` +
	`"code":"0","message":"Success","arn":"","rrn":"","payment_sum":{"amount":50000,"currency":"KGS"}}`

func TestDecodeFullRow(t *testing.T) {
	got, reject, unknown := decodeOne(t, fullRow)
	if reject != nil {
		t.Fatalf("rejected: %s %s", reject.Reason, reject.Field)
	}
	want := map[string]string{
		"source": "psp", "project_id": "210", "operation_id": "6503010168993", "payment_id": "P-1", "type": "sale",
		"status": "success", "created_at": "2026-03-01 20:13:50Z", "completed_at": "2026-03-01 20:15:24Z",
		"business_date": "2026-03-02", // 02:13 in Bishkek
		"amount_minor":  "5000", "currency": "KGS", "converted_minor": "55", "converted_currency": "USD",
		"provider_code": "mbank", "method": "mbank", "customer_id": "customer1", "account_masked": "341••••••554",
		"code": "0", "message": "Success", "payment_minor": "50000", "payment_currency": "KGS",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
	if len(unknown) != 0 {
		t.Errorf("known fields were counted: %v", unknown)
	}
}

// What the platform says of a payment that a paylake initiated does not repeat
// the payer's code; its codes, and what it says of others, stay as they are.
func TestDecodeTellsNoCodeOfOurPayers(t *testing.T) {
	for payment, want := range map[string]string{"pl_0123456789abcdef": "code *** was used, again ***", "P-1": "code 4711 was used, again 47 11 08"} {
		row := strings.Replace(strings.Replace(fullRow, `"P-1"`, `"`+payment+`"`, 1), `"code":"0","message":"Success"`, `"code":"20101","message":"code 4711 was used, again 47 11 08"`, 1)
		got, reject, _ := decodeOne(t, row)
		if reject != nil || got["message"] != want || got["code"] != "20101" || got["payment_id"] != payment {
			t.Errorf("%s: %v %v", payment, got, reject)
		}
	}
}

// replaced is fullRow with one member changed; empty takes it out.
func replaced(name, value string) string {
	var row map[string]json.RawMessage
	if err := json.Unmarshal([]byte(fullRow), &row); err != nil {
		panic(err)
	}
	delete(row, name)
	var b strings.Builder
	b.WriteByte('{')
	if value != "" {
		fmt.Fprintf(&b, "%q:%s,", name, value)
	}
	for _, k := range slices.Sorted(maps.Keys(row)) {
		fmt.Fprintf(&b, "%q:%s,", k, row[k])
	}
	return strings.TrimSuffix(b.String(), ",") + "}"
}

func TestDecodeAccepts(t *testing.T) {
	phone := people(t).Of("+996700123456")
	for name, c := range map[string]struct{ field, value, column, want string }{
		"id as a number":             {"operation_id", `6503010168993`, "operation_id", "6503010168993"},
		"project as a number":        {"project_id", `210`, "project_id", "210"},
		"project absent":             {"project_id", ``, "project_id", "210"},
		"amount as a number":         {"sum_initial", `{"amount":5000,"currency":"KGS"}`, "amount_minor", "5000"},
		"amount zero":                {"sum_initial", `{"amount":0,"currency":"KGS"}`, "amount_minor", "0"},
		"largest amount":             {"sum_initial", `{"amount":9223372036854775807,"currency":"KGS"}`, "amount_minor", "9223372036854775807"},
		"conversion absent":          {"sum_converted", ``, "converted_minor", "0"},
		"conversion null":            {"sum_converted", `null`, "converted_currency", ""},
		"conversion empty":           {"sum_converted", `{}`, "converted_minor", "0"},
		"conversion of nulls":        {"sum_converted", `{"amount":null,"currency":null}`, "converted_minor", "0"},
		"payment's sum absent":       {"payment_sum", ``, "payment_minor", "NULL"},
		"payment's sum empty":        {"payment_sum", `{}`, "payment_minor", "NULL"},
		"payment's sum null":         {"payment_sum", `null`, "payment_currency", ""},
		"payment's sum, flat":        {"payment_sum", `null,"payment_amount":"7","payment_currency":"KGS"`, "payment_minor", "7"},
		"payment's sum, no currency": {"payment_sum", `null,"payment_amount":7`, "payment_currency", ""},
		"time without colon":         {"operation_created_at", `"2025-01-27T08:13:50+0000"`, "created_at", "2025-01-27 08:13:50Z"},
		"time with colon":            {"operation_created_at", `"2025-01-27T08:13:50+06:00"`, "created_at", "2025-01-27 02:13:50Z"},
		"time without offset":        {"operation_created_at", `"2025-01-27 08:13:50"`, "created_at", "2025-01-27 02:13:50Z"},
		"pending":                    {"operation_completed_at", `""`, "completed_at", "NULL"},
		"pending null":               {"operation_completed_at", `null`, "completed_at", "NULL"},
		"pending absent":             {"operation_completed_at", ``, "completed_at", "NULL"},
		"code as a number":           {"code", `20000`, "code", "20000"},
		"other type":                 {"operation_type", `"tip"`, "type", "tip"},
		"other status":               {"operation_status", `"odd"`, "status", "odd"},
		"masked account":             {"account_number", `"341******554"`, "account_masked", "341******554"},
		"phone, international":       {"customer_id", `"+996700123456"`, "customer_id", phone},
		"phone, national":            {"customer_id", `"0700123456"`, "customer_id", phone},
		"phone with words":           {"customer_id", `"user 0700 123 456"`, "customer_id", phone},
		"phone as a number":          {"customer_id", `996700123456`, "customer_id", phone},
		"customer of another kind":   {"customer_id", `"c-12345678"`, "customer_id", "c-12345678"},
		"escaped text":               {"message", `"a\u0041\n\"b\""`, "message", "aA\n\"b\""},
		"spare word of the method":   {"payment_method", `"mbank","payment_method_name":"other"`, "method", "mbank"},
		"spare word before the word": {"arn", `"","payment_method_name":"other"`, "method", "mbank"},
	} {
		t.Run(name, func(t *testing.T) {
			got, reject, _ := decodeOne(t, replaced(c.field, c.value))
			if reject != nil {
				t.Fatalf("rejected: %s %s", reject.Reason, reject.Field)
			}
			if got[c.column] != c.want {
				t.Errorf("%s = %q, want %q", c.column, got[c.column], c.want)
			}
		})
	}
}

func TestDecodeSpareWords(t *testing.T) {
	got, reject, unknown := decodeOne(t, `{"operation_id":"1","operation_type":"refund","operation_status":"decline","operation_created_at":"2026-01-01 00:00:00",
		"payment_method_name":"mbank","payment_type":"3","transaction_status":"x","payment_provider_code":"20000","payment_provider_message":"General decline",
		"sum_initial":{"amount":"1","currency":"KGS"}}`)
	if reject != nil || got["method"] != "mbank" || got["provider_code"] != "mbank" || got["code"] != "20000" || got["message"] != "General decline" {
		t.Errorf("%v %v", got, reject)
	}
	if !maps.Equal(unknown, map[string]int64{"time_without_offset": 1}) {
		t.Errorf("unknown %v", unknown)
	}
}

func TestDecodeRefuses(t *testing.T) {
	sum := func(amount string) string { return `{"amount":` + amount + `,"currency":"KGS"}` }
	for name, c := range map[string]struct {
		row    string
		reason schemas.Reason
		field  string
	}{
		"no id":                 {replaced("operation_id", ``), schemas.ReasonMissing, "operation_id"},
		"empty id":              {replaced("operation_id", `""`), schemas.ReasonMissing, "operation_id"},
		"id of another type":    {replaced("operation_id", `{"a":1}`), schemas.ReasonType, "operation_id"},
		"id as a float":         {replaced("operation_id", `1.5`), schemas.ReasonType, "operation_id"},
		"id with an exponent":   {replaced("operation_id", `1e3`), schemas.ReasonType, "operation_id"},
		"id with a NUL":         {replaced("operation_id", `"a\u0000"`), schemas.ReasonText, "operation_id"},
		"long id":               {replaced("operation_id", `"`+strings.Repeat("a", maxField+1)+`"`), schemas.ReasonTooLong, "operation_id"},
		"no creation":           {replaced("operation_created_at", ``), schemas.ReasonMissing, "operation_created_at"},
		"creation empty":        {replaced("operation_created_at", `""`), schemas.ReasonMissing, "operation_created_at"},
		"a day that is not":     {replaced("operation_created_at", `"2026-02-30 00:00:00"`), schemas.ReasonTime, "operation_created_at"},
		"creation as a number":  {replaced("operation_created_at", `1700000000`), schemas.ReasonType, "operation_created_at"},
		"bad completion":        {replaced("operation_completed_at", `"soon"`), schemas.ReasonTime, "operation_completed_at"},
		"no sum":                {replaced("sum_initial", ``), schemas.ReasonMissing, "sum_initial"},
		"sum null":              {replaced("sum_initial", `null`), schemas.ReasonMissing, "sum_initial"},
		"sum as a number":       {replaced("sum_initial", `5000`), schemas.ReasonType, "sum_initial"},
		"no amount":             {replaced("sum_initial", `{"currency":"KGS"}`), schemas.ReasonMissing, "sum_initial.amount"},
		"no currency":           {replaced("sum_initial", `{"amount":5000}`), schemas.ReasonMissing, "sum_initial.currency"},
		"unknown currency":      {replaced("sum_initial", `{"amount":5000,"currency":"KGZ"}`), schemas.ReasonCurrency, "sum_initial.currency"},
		"negative amount":       {replaced("sum_initial", sum(`-1`)), schemas.ReasonAmount, "sum_initial.amount"},
		"float amount":          {replaced("sum_initial", sum(`50.00`)), schemas.ReasonAmount, "sum_initial.amount"},
		"exponent":              {replaced("sum_initial", sum(`1e3`)), schemas.ReasonAmount, "sum_initial.amount"},
		"exponent as text":      {replaced("sum_initial", sum(`"1e3"`)), schemas.ReasonAmount, "sum_initial.amount"},
		"NaN":                   {replaced("sum_initial", sum(`"NaN"`)), schemas.ReasonAmount, "sum_initial.amount"},
		"comma":                 {replaced("sum_initial", sum(`"12,50"`)), schemas.ReasonAmount, "sum_initial.amount"},
		"leading zero":          {replaced("sum_initial", sum(`"0500"`)), schemas.ReasonAmount, "sum_initial.amount"},
		"empty amount":          {replaced("sum_initial", sum(`""`)), schemas.ReasonAmount, "sum_initial.amount"},
		"amount true":           {replaced("sum_initial", sum(`true`)), schemas.ReasonType, "sum_initial.amount"},
		"amount beyond int64":   {replaced("sum_initial", sum(`9223372036854775808`)), schemas.ReasonRange, "sum_initial.amount"},
		"conversion refused":    {replaced("sum_converted", sum(`-1`)), schemas.ReasonAmount, "sum_converted.amount"},
		"conversion, no amount": {replaced("sum_converted", `{"currency":"USD"}`), schemas.ReasonMissing, "sum_converted.amount"},
		"payment's sum, number": {replaced("payment_sum", `5`), schemas.ReasonType, "payment_sum"},
		"payment's sum, signed": {replaced("payment_sum", sum(`-1`)), schemas.ReasonAmount, "payment_sum.amount"},
		"payment's currency":    {replaced("payment_sum", `{"amount":1,"currency":"som"}`), schemas.ReasonCurrency, "payment_sum.currency"},
		"conversion of a text":  {replaced("sum_converted", `"5"`), schemas.ReasonType, "sum_converted"},
		"another project":       {replaced("project_id", `211`), schemas.ReasonForeign, "project_id"},
		"project of letters":    {replaced("project_id", `"x"`), schemas.ReasonType, "project_id"},
		"type of another type":  {replaced("operation_type", `1`), schemas.ReasonType, "operation_type"},
		"status a list":         {replaced("operation_status", `[]`), schemas.ReasonType, "operation_status"},
		"key twice":             {strings.Replace(fullRow, `{`, `{"message":"x",`, 1), schemas.ReasonDuplicate, "message"},
		"key twice in the sum":  {replaced("sum_initial", `{"amount":1,"amount":1,"currency":"KGS"}`), schemas.ReasonDuplicate, "amount"},
		"unknown key twice":     {replaced("x", `1,"x":1`), schemas.ReasonDuplicate, "x"},
		"key twice in unknown":  {replaced("x", `{"y":1,"y":1}`), schemas.ReasonDuplicate, "y"},
		"a row that is null":    {`null`, schemas.ReasonType, ""},
		"a row that is a list":  {`[1]`, schemas.ReasonType, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, reject, _ := decodeOne(t, c.row)
			if reject == nil {
				t.Fatal("the row was accepted")
			}
			if reject.Reason != c.reason || reject.Field != c.field {
				t.Errorf("%s of %q, want %s of %q", reject.Reason, reject.Field, c.reason, c.field)
			}
		})
	}
}

func TestRejectShowsWhatCouldBeRead(t *testing.T) {
	_, r, _ := decodeOne(t, replaced("operation_created_at", ``))
	if r.RowID != "6503010168993" || r.Amount == nil || *r.Amount != 5000 || r.Currency != "KGS" {
		t.Errorf("%+v", r)
	}
	_, r, _ = decodeOne(t, strings.Replace(fullRow, `{`, `{"message":"x",`, 1))
	if r.RowID != "6503010168993" || r.Amount == nil || *r.Amount != 5000 {
		t.Errorf("%+v", r)
	}
	_, r, _ = decodeOne(t, strings.Replace(fullRow, `{`, `{"operation_id":"other",`, 1))
	if r.RowID != "" {
		t.Errorf("one of two ids was shown: %q", r.RowID)
	}
	_, r, _ = decodeOne(t, replaced("sum_initial", `{"amount":1e3,"currency":"KGS"}`))
	if r.Amount != nil || r.Currency != "KGS" {
		t.Errorf("%+v", r)
	}
}

func TestUnknownIsCountedAndKept(t *testing.T) {
	row := replaced("operation_type", `"tip","extra":{"a":1},"996700123456":1,"note":7`)
	got, reject, unknown := decodeOne(t, row, "note", "extra", "customer_ip", "payment_id", "absent")
	if reject != nil {
		t.Fatal(reject.Reason, reject.Field)
	}
	want := map[string]int64{"type:tip": 1, "field:extra": 1, "field:(other)": 1}
	if !maps.Equal(unknown, want) {
		t.Errorf("unknown %v, want %v", unknown, want)
	}
	if got["note"] != "7" || got["extra"] != "" || got["customer_ip"] != "192.0.2.1" || got["absent"] != "" || got["payment_id"] != "P-1" {
		t.Errorf("kept columns %v", got)
	}
	got, _, _ = decodeOne(t, replaced("note", `"+996700123456"`), "note")
	if got["note"] != "+99670•••••56" {
		t.Errorf("a telephone number was kept as %q", got["note"])
	}
}

func TestPageShape(t *testing.T) {
	for name, body := range map[string]string{
		"not JSON": `<html>`, "empty": ``, "a list": `[]`, "cut off": `{"operations":[{"a":1}`, "twice": `{"operations":[],"operations":[]}`,
		"twice elsewhere": `{"operations":[],"x":{"a":1,"a":1}}`, "null": `{"operations":null}`, "an object": `{"operations":{}}`,
		"nothing": `{}`, "other": `{"x":1}`, "more": `{"operations":[]} {}`, "not UTF-8": "{\"operations\":[{\"a\":\"\xff\"}]}",
	} {
		if _, err := operationsGet.split([]byte(body)); !errors.Is(err, sources.ErrShape) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, body := range []string{`{"name":"x","message":"y","code":1,"status":500}`, `{"error":"x"}`, `{"errors":[]}`} {
		if _, err := operationsGet.split([]byte(body)); !errors.Is(err, errBody) {
			t.Errorf("%s: %v", body, err)
		}
	}
}
