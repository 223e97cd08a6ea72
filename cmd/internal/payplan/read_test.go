package payplan

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/paylake/paylake/config"
)

// answer has the columns that a plan needs, amount as Decimal, and the optional
// ones, and rows that hold the given values in place of good ones.
func answer(rows ...map[string]any) Answer {
	good := map[string]any{"key": "k", "provider_code": "azersu", "amount": "120.5", "currency": "KGS", "customer_id": "cust-1", "account": "996555123456", "ip": "192.0.2.7", "description": ""}
	a := Answer{Names: slices.Sorted(maps.Keys(good))}
	for _, n := range a.Names {
		a.Types = append(a.Types, map[bool]string{true: "Nullable(Decimal(38, 4))", false: "LowCardinality(Nullable(String))"}[n == "amount"])
	}
	for i, r := range rows {
		var cells []any
		for _, n := range a.Names {
			v, ok := r[n]
			if !ok {
				v = good[n]
				if n == "key" {
					v = fmt.Sprint("k", i)
				}
			}
			cells = append(cells, v)
		}
		a.Rows = append(a.Rows, cells)
	}
	return a
}

func TestReadRows(t *testing.T) {
	rows, findings, err := Read(answer(map[string]any{}, map[string]any{"account": nil, "ip": nil, "description": nil, "amount": "50", "currency": "USD"}))
	if err != nil || len(findings) != 0 || len(rows) != 2 {
		t.Fatalf("%+v %+v %v", rows, findings, err)
	}
	if rows[0] != (Row{"k0", "azersu", "cust-1", 120_50, "KGS", "996555123456", "192.0.2.7", ""}) || rows[1] != (Row{"k1", "azersu", "cust-1", 50_00, "USD", "", "", ""}) {
		t.Errorf("%+v", rows)
	}
	minor := Answer{Names: []string{"key", "provider_code", "amount_minor", "currency", "customer_id"}, Types: []string{"String", "String", "Int128", "String", "String"},
		Rows: [][]any{{"a", "p", "12050", "KGS", "c"}, {"b", "p", json.Number("7"), "KGS", "c"}}}
	if rows, findings, err := Read(minor); err != nil || len(findings) != 0 || rows[0].AmountMinor != 12050 || rows[1].AmountMinor != 7 {
		t.Errorf("%+v %+v %v", rows, findings, err)
	}
}

// One bad row is a finding under its key, and the others go on.
func TestBadRowsAreFindings(t *testing.T) {
	for says, bad := range map[string]map[string]any{
		"amount is NULL":                              {"amount": nil},
		"customer_id is NULL":                         {"customer_id": nil},
		"provider_code is empty":                      {"provider_code": ""},
		"currency is empty":                           {"currency": ""},
		"more fraction digits than the currency has":  {"amount": "1.005"},
		"not a plain decimal amount":                  {"amount": "1e3"},
		"the amount is -1 KGS; only what is more":     {"amount": "-1"},
		"the amount is 0.00 KGS; only what is more":   {"amount": "0.00"},
		`"SOM" is not a currency`:                     {"currency": "SOM"},
		"amount out of range":                         {"amount": "99999999999999999999"},
		"description is not text in UTF-8":            {"description": "\uFFFD"},
		"customer_id is empty; provider_code is NULL": {"provider_code": nil, "customer_id": ""},
	} {
		bad["key"] = "bad"
		rows, findings, err := Read(answer(map[string]any{}, bad, map[string]any{}))
		if err != nil || len(rows) != 2 || len(findings) != 1 || findings[0].Key != "bad" || findings[0].Drafted || !strings.Contains(findings[0].Text, says) {
			t.Errorf("%s: %d rows, %+v, %v", says, len(rows), findings, err)
		}
	}
	a := Answer{Names: []string{"key", "provider_code", "amount_minor", "currency", "customer_id"}, Types: []string{"String", "String", "UInt256", "String", "String"}, Rows: [][]any{{"a", "p", "9223372036854775808", "KGS", "c"}}}
	if rows, findings, _ := Read(a); len(rows) != 0 || len(findings) != 1 || !strings.Contains(findings[0].Text, "out of range") {
		t.Errorf("%+v %+v", rows, findings)
	}
	if _, findings, _ := Read(answer(map[string]any{"key": nil}, map[string]any{"key": nil})); len(findings) != 2 || findings[1] != (Finding{Text: "row 2: key is NULL"}) {
		t.Errorf("%+v", findings)
	}
}

// Of rows with one key none is taken, also where one of them is bad.
func TestDoubledKeys(t *testing.T) {
	twin := map[string]any{"key": "twin"}
	rows, findings, err := Read(answer(twin, map[string]any{}, twin))
	if err != nil || len(rows) != 1 || rows[0].Key != "k1" || len(findings) != 1 || findings[0].Key != "twin" || !strings.Contains(findings[0].Text, "2 rows") {
		t.Errorf("%+v %+v %v", rows, findings, err)
	}
	if rows, findings, _ := Read(answer(twin, map[string]any{"key": "twin", "amount": nil})); len(rows) != 0 || len(findings) != 2 {
		t.Errorf("%+v %+v", rows, findings)
	}
}

func TestColumnsAreChecked(t *testing.T) {
	change := func(f func(*Answer)) Answer {
		a := answer(map[string]any{})
		f(&a)
		return a
	}
	typed := func(name, t string) Answer {
		return change(func(a *Answer) { a.Types[slices.Index(a.Names, name)] = t })
	}
	without := func(name string) Answer {
		return change(func(a *Answer) {
			i := slices.Index(a.Names, name)
			a.Names, a.Types, a.Rows = slices.Delete(a.Names, i, i+1), slices.Delete(a.Types, i, i+1), nil
		})
	}
	with := func(name, t string) Answer {
		return change(func(a *Answer) { a.Names, a.Types, a.Rows = append(a.Names, name), append(a.Types, t), nil })
	}
	for says, a := range map[string]Answer{
		"amount is Float64; an amount must be Decimal or String": typed("amount", "Float64"),
		"amount is Nullable(Float32); an amount":                 typed("amount", "Nullable(Float32)"),
		"amount is Int64; an amount must be":                     typed("amount", "Int64"),
		"amount_minor is Decimal(18, 2); it must be a whole":     with("amount_minor", "Decimal(18, 2)"),
		"amount_minor is Float64; it must be a whole":            with("amount_minor", "Float64"),
		"one of the two": with("amount_minor", "Int64"),
		"needs amount (Decimal or String) or amount_minor": without("amount"),
		"customer_id is missing":                           without("customer_id"),
		"key is UInt64; it must be text":                   typed("key", "UInt64"),
		"account is UInt64; it must be text":               typed("account", "UInt64"),
		`there is no column "amout" in a plan`:             with("amout", "String"),
		"two columns are called key":                       with("key", "String"),
		"more than 10000 rows":                             answer(make([]map[string]any, MaxRows+1)...),
	} {
		rows, findings, err := Read(a)
		if !errors.Is(err, ErrColumns) || !strings.Contains(err.Error(), says) || len(rows)+len(findings) > 0 {
			t.Errorf("%s: %v", says, err)
		}
	}
	// All of it at once.
	_, _, err := Read(Answer{Names: []string{"id", "amount"}, Types: []string{"String", "Float64"}})
	if err == nil || strings.Count(err.Error(), ";") < 6 || strings.Count(err.Error(), "is missing") != 4 {
		t.Error(err)
	}
}

// The configuration knows the templates by name.
func TestTemplatesAreThoseOfTheConfiguration(t *testing.T) {
	names := slices.Sorted(maps.Keys(Templates()))
	if !slices.Equal(names, slices.Sorted(slices.Values(config.PaymentTemplates))) {
		t.Errorf("%q, the configuration knows %q", names, config.PaymentTemplates)
	}
	for name, sql := range Templates() {
		for _, word := range []string{"now(", "today(", "rand", "yesterday("} {
			if strings.Contains(strings.ToLower(sql), word) {
				t.Errorf("%s is not a function of its day: %s", name, word)
			}
		}
	}
}
