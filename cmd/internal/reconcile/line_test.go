package reconcile

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func n(v int64) *int64 { return &v }

func TestReadLines(t *testing.T) {
	want := []Line{
		{Wallet: "wlt_1", Provider: "AZERSU_RES", Currency: "AZN", What: Spend, Amount: "1310.20", Count: n(17)},
		{Category: "mobile", What: Refunds, Amount: "0.50"},
	}
	for file, text := range map[string]string{
		"a.csv": "wallet_id,provider_code,category,currency,what,amount,count\nwlt_1,AZERSU_RES,,AZN,,1310.20,17\n,,mobile,,refunds,0.50,\n",
		"b.csv": "\ufeffwallet,provider_code,category,currency,what,amount,count\r\nwlt_1, AZERSU_RES ,,AZN,spend,1310.20,17\r\n\r\n,,mobile,,refunds,0.50,\r\n",
		"c.yaml": "- {wallet: wlt_1, provider_code: AZERSU_RES, currency: AZN, amount: 1310.20, count: 17}\n" +
			"- category: mobile\n  what: refunds\n  amount: \"0.50\"\n  wallet_id: null\n",
		"d.YML": "expect:\n- {wallet_id: wlt_1, provider_code: AZERSU_RES, currency: AZN, amount: 1310.20, count: 17}\n- {category: mobile, what: refunds, amount: 0.50}\n",
	} {
		got, err := ReadLines("/some/folder/"+file, []byte(text))
		for i := range got {
			if got[i].At == 0 {
				t.Errorf("%s: a line without its number", file)
			}
			got[i].At = 0
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v %v", file, got, err)
		}
	}
}

func TestReadLinesRefuses(t *testing.T) {
	for name, c := range map[string]struct{ file, text, says string }{
		"no file of a kind":   {"a.xlsx", "x", "neither .csv nor .yaml"},
		"nothing":             {"a.csv", "", "a.csv expects nothing"},
		"a header alone":      {"a.csv", "amount\n", "a.csv expects nothing"},
		"an empty list":       {"a.yaml", "expect: []\n", "a.yaml expects nothing"},
		"a misspelt column":   {"a.csv", "provider,amount\nX,1\n", `a.csv:1: there is no column "provider"`},
		"a column twice":      {"a.csv", "wallet,wallet_id,amount\n,,1\n", "a.csv:1: two columns are called wallet_id"},
		"no amount":           {"a.csv", "provider_code,currency\nX,AZN\n", "a.csv:1: it has no column amount"},
		"semicolons":          {"a.csv", "provider_code;amount\nX;1\n", "a.csv:1: its columns are not separated by commas"},
		"a short line":        {"a.csv", "currency,amount\nAZN,1\nAZN\n", "a.csv:3: it has 1 columns, and the header has 2"},
		"a decimal comma":     {"a.csv", "currency,amount\nAZN,37,40\n", "a.csv:2: it has 3 columns, and the header has 2"},
		"a quote":             {"a.csv", "currency,amount\nAZN,\"1\n", "it is not CSV"},
		"another encoding":    {"a.csv", "currency,amount\nAZN,\xff\n", "not text in UTF-8"},
		"an amount missing":   {"a.csv", "currency,amount\nAZN,\n", "a.csv:2: it needs an amount, or amount_minor"},
		"two amounts":         {"a.csv", "amount,amount_minor\n1,100\n", "a.csv:2: it needs an amount, or amount_minor"},
		"another word":        {"a.csv", "what,amount\nturnover,1\n", `a.csv:2: what is "turnover"`},
		"a count that is not": {"a.csv", "amount,count\n1,2.0\n", `a.csv:2: count is "2.0"`},
		"a negative count":    {"a.csv", "amount,count\n1,-2\n", `a.csv:2: count is "-2"`},
		"a wallet of none":    {"a.csv", "wallet,amount\n-,1\n", "a.csv:2: every row has a wallet"},
		"no YAML":             {"a.yaml", "- {a: [\n", "it is not YAML"},
		"a mapping":           {"a.yaml", "amount: 1\n", "a.yaml:1: it must be a list"},
		"a text":              {"a.yaml", "amount\n", "a.yaml:1: it must be a list"},
		"a key twice":         {"a.yaml", "- amount: 1\n  amount: 2\n", "a.yaml:2: amount is set twice"},
		"an unknown key":      {"a.yaml", "- amount: 1\n  provider: X\n", `a.yaml:2: there is no key "provider"`},
		"an item of no keys":  {"a.yaml", "- 12\n", "a.yaml:1: an expectation is a mapping"},
		"a value of many":     {"a.yaml", "- amount: [1]\n", "a.yaml:1: amount must be a single value"},
		"two documents":       {"a.yaml", "- amount: 1\n---\n- amount: 2\n", "a second document"},
		"an alias":            {"a.yaml", "- &x {amount: 1}\n- *x\n", "a.yaml:2: an expectation is a mapping"},
		"a comment alone":     {"a.yaml", "# nothing yet\n", "a.yaml expects nothing"},
		"an empty document":   {"a.yaml", "---\n", "it must be a list"},
		"a mapping as a key":  {"a.yaml", "- {{a: b}: 1}\n", "a.yaml:1: there is no key"},
		"a merge":             {"a.yaml", "- &x {amount: 1}\n- {<<: *x}\n", "a.yaml:2: there is no key"},
		"a key under expect":  {"a.yaml", "expect: [{amount: 1}]\nperiod: 2026-03\n", "a.yaml:1: it must be a list of expectations, or one under"},
		"too many lines":      {"a.csv", "amount\n" + strings.Repeat("1\n", MaxLines+1), "it has more than 100000 lines"},
		"very many problems":  {"a.csv", "amount\n" + strings.Repeat("\"\"\n", 500), "and 480 problems more"},
	} {
		if _, err := ReadLines(c.file, []byte(c.text)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %.300v, want %q", name, err, c.says)
		}
	}
}

func TestResolveRefuses(t *testing.T) {
	k := known()
	k.Currencies[""] = map[string]bool{"AZN": true, "USD": true}
	k.Currencies["wlt_1"] = map[string]bool{"AZN": true}
	for says, lines := range map[string][]Line{
		"f.csv:2: provider_code AZERSU is not in the catalogue":                 {{Provider: "AZERSU", Currency: "AZN", Amount: "1"}},
		"f.csv:2: category utilites is none":                                    {{Category: "utilites", Currency: "AZN", Amount: "1"}},
		"f.csv:2: wallet wlt_9 is not configured":                               {{Wallet: "wlt_9", Currency: "AZN", Amount: "1"}},
		"f.csv:2: currency USD: wallet wlt_1 is in AZN":                         {{Wallet: "wlt_1", Currency: "USD", Amount: "1"}},
		"f.csv:2: currency EUR: the rows of the period are in AZN, USD":         {{Currency: "EUR", Amount: "1"}},
		"f.csv:2: which currency? There are rows in AZN, USD; name one of them": {{Amount: "1"}},
		"f.csv:2: amount 37.405 has more decimals than AZN, which has 2":        {{Currency: "AZN", Amount: "37.405"}},
		"f.csv:2: amount 1.31e3 is in float notation":                           {{Currency: "AZN", Amount: "1.31e3"}},
		"f.csv:2: amount 1E+3 is in float notation":                             {{Currency: "AZN", Amount: "1E+3"}},
		`f.csv:2: amount "37,40" is not an exact decimal`:                       {{Currency: "AZN", Amount: "37,40"}},
		`f.csv:2: amount "1 310.20" is not an exact decimal`:                    {{Currency: "AZN", Amount: "1 310.20"}},
		`f.csv:2: amount "+1" is not an exact decimal`:                          {{Currency: "AZN", Amount: "+1"}},
		`f.csv:2: amount ".5" is not an exact decimal`:                          {{Currency: "AZN", Amount: ".5"}},
		`f.csv:2: amount ".inf" is not an exact decimal`:                        {{Currency: "AZN", Amount: ".inf"}},
		`f.csv:2: amount "0x10" is not an exact decimal`:                        {{Currency: "AZN", Amount: "0x10"}},
		"f.csv:2: amount 99999999999999999 is out of range":                     {{Currency: "AZN", Amount: "99999999999999999"}},
		`f.csv:2: amount_minor "12.5" is not a whole number`:                    {{Currency: "AZN", AmountMinor: "12.5"}},
		`f.csv:2: amount_minor "1e3" is not a whole number`:                     {{Currency: "AZN", AmountMinor: "1e3"}},
		`f.csv:2: amount_minor "007" is not a whole number`:                     {{Currency: "AZN", AmountMinor: "007"}},
		`f.csv:2: amount_minor "9223372036854775808" is not a whole number`:     {{Currency: "AZN", AmountMinor: "9223372036854775808"}},
		"f.csv:2: spend -37.40 AZN: only net can be below zero":                 {{Currency: "AZN", Amount: "-37.40"}},
		"f.csv:3: it says again what line 2 says":                               {{Wallet: "wlt_1", Amount: "1"}, {Wallet: "wlt_1", Currency: "AZN", AmountMinor: "100"}},
	} {
		for i := range lines {
			lines[i].At = 2 + i
			lines[i].What = Spend
		}
		_, err := resolve("f.csv", lines, k)
		if err == nil || !strings.HasPrefix(err.Error(), says) || !errors.Is(err, ErrExpectations) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want one line %q", err, says)
		}
	}
	if _, err := resolve("f.csv", []Line{{At: 2, Currency: "AZN", What: Net, Amount: "-1.50"}, {At: 3, Currency: "AZN", What: Spend, Amount: "1.500"},
		{At: 4, Currency: "USD", What: Spend, Amount: "0"}}, k); err != nil {
		t.Error(err)
	}
	if _, err := resolve("f.csv", []Line{{At: 2, Currency: "ZZZ", What: Net, Amount: "1"}}, NewKnown()); err == nil || !strings.Contains(err.Error(), "not a currency of ISO 4217") {
		t.Error(err)
	}
	if e, err := resolve("f.csv", []Line{{At: 2, What: Spend, Amount: "1.5"}}, NewKnown()); err != nil || e[0].Line.Currency != "AZN" || e[0].Minor != 150 {
		t.Error(e, err)
	}
}

// Whatever a file holds, reading it ends with lines or with a sentence.
func FuzzReadLines(f *testing.F) {
	f.Add("a.csv", []byte("wallet,amount,count\nwlt_1,1.5,2\n"))
	f.Add("a.yaml", []byte("expect:\n- {provider_code: AZERSU_RES, amount: 1310.20}\n"))
	f.Add("a.yaml", []byte("- &a [*a]\n"))
	f.Fuzz(func(t *testing.T, file string, text []byte) {
		lines, err := ReadLines(file, text)
		if err == nil && len(lines) == 0 {
			t.Error("neither lines nor an error")
		}
		if _, err := resolve("f", lines, known()); err != nil && !errors.Is(err, ErrExpectations) {
			t.Error(err)
		}
	})
}
