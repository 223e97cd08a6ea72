package flashpay_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/sources"
	"github.com/paylake/paylake/sources/flashpay"
	"github.com/paylake/paylake/sources/flashpay/flashpaytest"
	"github.com/paylake/paylake/sources/sourcetest"
)

// finances is a book with n rows in every list.
type finances struct {
	flashpaytest.Rows
	n int
}

func part[T any](all []T, skip, limit int) []T {
	all = all[min(skip, len(all)):]
	return all[:min(limit, len(all))]
}

func (f finances) Fees(_ int64, from, to, _ time.Time, skip, limit int) (out []flashpaytest.Fee) {
	for _, o := range f.Rows {
		if !o.UpdatedAt.Before(from) && !o.UpdatedAt.After(to) {
			out = append(out, flashpaytest.Fee{Operation: o, FeeMinor: o.AmountMinor / 40, FeeCurrency: "KGS"})
		}
	}
	return part(out, skip, limit)
}

func (f finances) Chargebacks(_ int64, from, to, _ time.Time, skip, limit int) (out []flashpaytest.Chargeback) {
	for i := range f.n {
		c := flashpaytest.Chargeback{ID: fmt.Sprint("cb", i), PaymentID: "p1", OperationID: id(1), ProjectID: project, Type: "chargeback",
			Status: "new", CreatedAt: day.Add(time.Duration(i) * time.Minute), UpdatedAt: day.Add(time.Duration(i) * time.Minute),
			DueAt: day.AddDate(0, 0, 30), AmountMinor: int64(100 + i), Currency: "KGS", PaymentMethod: "card", ReasonCode: "10.4",
			Reason: "Other fraud", CustomerID: "+996700123456", AccountNumber: "4111111111111111", ARN: "7"}
		if !c.UpdatedAt.Before(from) && !c.UpdatedAt.After(to) {
			out = append(out, c)
		}
	}
	return part(out, skip, limit)
}

// The platform's own sample has an amount in SGD under a name that ends in USD.
func (f finances) Balances(time.Time) []flashpaytest.Balance {
	return []flashpaytest.Balance{{Name: "Project_balance_USD", Currency: "SGD", Minor: 310099}, {Name: "Project_balance_KGS", Currency: "KGS", Minor: -5}}
}

func (f finances) Rates(time.Time) []flashpaytest.Rate {
	return []flashpaytest.Rate{{Base: "USD", Quote: "KGS", Rate: "87.4500", ValidAt: day}, {Base: "KGS", Quote: "RUB", Rate: "0.93", ValidAt: day}}
}

func TestContractOfEveryList(t *testing.T) {
	for name, list := range map[string]struct {
		of     func(*flashpay.Upstream) sources.Source
		single bool
	}{
		"fees":        {(*flashpay.Upstream).Fees, false},
		"chargebacks": {(*flashpay.Upstream).Chargebacks, false},
		"balances":    {(*flashpay.Upstream).Balances, true},
		"rates":       {(*flashpay.Upstream).Rates, true},
	} {
		t.Run(name, func(t *testing.T) {
			sourcetest.Run(t, func(t *testing.T) sourcetest.Subject {
				r := serve(t, fakeOf(finances{rows(37), 37}))
				w := window()
				if list.single {
					w = sources.Window{}
				}
				return sourcetest.Subject{
					Source: list.of(r.up), Window: w, Single: list.single, Allocator: r.mem,
					Requests: r.fake.Requests, InFlight: r.fake.InFlight, Idle: r.http.Client().CloseIdleConnections,
					Fail: func() {
						if err := r.fake.Inject(flashpaytest.BadSignature, flashpaytest.Plan{Every: 1}); err != nil {
							t.Error(err)
						}
					},
				}
			})
		})
	}
}

// table reads everything of a source as text.
func table(t *testing.T, src sources.Source, w sources.Window) (all []map[string]string, rejects []string, unknown map[string]int64) {
	t.Helper()
	unknown = map[string]int64{}
	for p, err := range src.Pages(t.Context(), w, "") {
		if err != nil {
			t.Fatal(err)
		}
		for i := range int(p.Rows.NumRows()) {
			row := map[string]string{}
			for c := range int(p.Rows.NumCols()) {
				row[p.Rows.ColumnName(c)] = p.Rows.Column(c).ValueStr(i)
			}
			all = append(all, row)
		}
		p.Rows.Release()
		for _, r := range p.Rejects {
			rejects = append(rejects, fmt.Sprintf("%s %s %s", r.RowID, r.Reason, r.Field))
		}
		maps.Copy(unknown, p.Unknown)
	}
	return all, rejects, unknown
}

func wantRow(t *testing.T, got map[string]string, want map[string]string) {
	t.Helper()
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s = %q, want %q", k, got[k], v)
		}
	}
}

func TestEveryListIsRead(t *testing.T) {
	r := serve(t, fakeOf(finances{rows(37), 23}))
	got, rejects, unknown := table(t, r.up.Fees(), window())
	if len(got) != 37 || len(rejects)+len(unknown) > 0 {
		t.Fatal(len(got), rejects, unknown)
	}
	wantRow(t, got[36], map[string]string{"operation_id": "op00036", "fee_minor": "0", "fee_currency": "KGS", "amount_minor": "36",
		"method": "mbank", "provider_code": "mbank", "project_id": "210", "type": "sale", "source": "psp", "business_date": "2026-03-02"})

	got, rejects, unknown = table(t, r.up.Chargebacks(), window())
	if len(got) != 23 || len(rejects)+len(unknown) > 0 {
		t.Fatal(len(got), rejects, unknown)
	}
	wantRow(t, got[22], map[string]string{"chargeback_id": "cb22", "amount_minor": "122", "account_masked": "411••••••••••111", "method": "card",
		"reason_code": "10.4", "due_at": "2026-03-31 18:00:00Z", "customer_id": config(t, "http://x").Pseudonyms.Of("+996700123456")})

	got, rejects, unknown = table(t, r.up.Balances(), sources.Window{})
	if len(got) != 2 || len(rejects)+len(unknown) > 0 {
		t.Fatal(got, rejects, unknown)
	}
	wantRow(t, got[0], map[string]string{"currency": "SGD", "name": "Project_balance_USD", "amount_minor": "310099", "observed_at": "2026-03-03 18:00:00Z"})
	wantRow(t, got[1], map[string]string{"currency": "KGS", "amount_minor": "-5"})

	got, rejects, unknown = table(t, r.up.Rates(), sources.Window{})
	if len(got) != 2 || len(rejects)+len(unknown) > 0 {
		t.Fatal(got, rejects, unknown)
	}
	wantRow(t, got[0], map[string]string{"base": "USD", "quote": "KGS", "rate": "87.4500", "rate_scaled": "874500", "rate_scale": "4",
		"valid_at": "2026-03-01 18:00:00Z"})
}

// Every list of every upstream of one token waits for its turn.
func TestOneRequestInFlightPerToken(t *testing.T) {
	turn := flashpay.NewTurn()
	fake := fakeOf(finances{rows(20), 20})
	if err := fake.Inject(flashpaytest.Slow, flashpaytest.Plan{Every: 1}); err != nil {
		t.Fatal(err)
	}
	share := func(c *flashpay.Config) { c.Turn, c.PageSize = turn, 1000 }
	a := serve(t, fake, share)
	b := serve(t, fake, share)
	done := make(chan error)
	list := []sources.Source{a.up.Operations(), a.up.Fees(), b.up.Chargebacks(), b.up.Operations()}
	for _, src := range list {
		go func() {
			for p, err := range src.Pages(t.Context(), window(), "") {
				if err != nil {
					done <- err
					return
				}
				p.Rows.Release()
			}
			done <- nil
		}()
	}
	for range list {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if fake.Most() != 1 || fake.Fired(flashpaytest.Slow) == 0 {
		t.Errorf("%d requests in flight at once, %d slow", fake.Most(), fake.Fired(flashpaytest.Slow))
	}
}

// listed answers every request with one signed text.
func listed(t *testing.T, text string) *rig {
	t.Helper()
	sig, err := flashpay.Sign([]byte(text), []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, handler(200, strings.TrimSuffix(text, "}")+`,"signature":"`+sig+`"}`))
}

func TestSpellingsOfLists(t *testing.T) {
	const base = `"operation_id":"1","operation_created_at":"2026-03-01 12:00:00","sum_initial":{"amount":"5000","currency":"KGS"}`
	for row, want := range map[string]string{
		base + `,"fee":{"amount":125,"currency":"KGS"}`:                                                "125 KGS",
		base + `,"fee_amount":"125","fee_currency":"KGS"`:                                              "125 KGS",
		base + `,"fees":[{"amount":"100","currency":"USD","type":"a"},{"amount":25,"currency":"USD"}]`: "125 USD",
		base + `,"fee":{"amount":"-125","currency":"KGS"}`:                                             "-125 KGS",
		base:                                   "0 KGS",
		base + `,"fees":[]`:                    "0 KGS",
		base + `,"fee":null,"fee_currency":""`: "0 KGS",
		base + `,"fee":{"sum":3,"currency":"KGS"}`:                                                       "1 wrong_type fee.sum",
		base + `,"total_fee":3`:                                                                          "1 wrong_type total_fee",
		base + `,"fee":{"amount":"1.25","currency":"KGS"}`:                                               "1 amount_syntax fee.amount",
		base + `,"fee_amount":"125"`:                                                                     "1 missing_field fee.currency",
		base + `,"fee":{"amount":1,"currency":"KGS"},"fee_amount":2`:                                     "1 field_conflict fee_amount",
		base + `,"fees":[{"amount":1,"currency":"USD"},{"amount":1,"currency":"KGS"}]`:                   "1 field_conflict fees",
		base + `,"fees":{"amount":1}`:                                                                    "1 wrong_type fees.amount",
		base + `,"project_id":211`:                                                                       "1 foreign_row project_id",
		base + `,"fee":{"amount":9223372036854775807,"currency":"KGS","x":1},"fees":[]`:                  "9223372036854775807 KGS",
		`"operation_id":"1","operation_created_at":"x","amount":1,"currency":"KGS"`:                      "1 time_syntax operation_created_at",
		`"id":"1","created_at":"2026-03-01 12:00:00","amount":1`:                                         "1 missing_field sum_initial.currency",
		`"operation_id":"1","operation_id":"2","amount":1`:                                               "",
		base + `,"fees":[{"amount":9223372036854775807,"currency":"KGS"},{"amount":1,"currency":"KGS"}]`: "1 amount_range fees",
	} {
		if want == "" {
			continue
		}
		got, rejects, _ := table(t, listed(t, `{"operations":[{`+row+`}]}`).up.Fees(), window())
		found := strings.Join(rejects, " ")
		if len(got) == 1 {
			found = got[0]["fee_minor"] + " " + got[0]["fee_currency"]
		}
		if found != want || len(got)+len(rejects) != 1 {
			t.Errorf("%s: %s, want %s", row, found, want)
		}
	}
}

func TestBalancesAreReadByTheirKeys(t *testing.T) {
	got, rejects, unknown := table(t, listed(t, `{"balance":[{"name":"EUR","USD":"7","KGS":8},{"name":"none"},{"name":"bad","XXZ":"1"},
		{"name":"EUR","USD":"7"},{"name":"half","USD":"1","KGS":"1.5"},{"name":"more","USD":"0","type":"OUT"},7]}`).up.Balances(), sources.Window{})
	var rows []string
	for _, r := range got {
		rows = append(rows, r["name"]+" "+r["amount_minor"]+" "+r["currency"])
	}
	if want := []string{"EUR 7 USD", "EUR 8 KGS", "more 0 USD"}; !slices.Equal(rows, want) {
		t.Errorf("%q, want %q", rows, want)
	}
	if want := []string{"none missing_field currency", "bad currency_unknown XXZ", "EUR duplicate_key USD", "half amount_syntax KGS", " wrong_type "}; !slices.Equal(rejects, want) {
		t.Errorf("%q, want %q", rejects, want)
	}
	if !maps.Equal(unknown, map[string]int64{"field:type": 1}) {
		t.Errorf("%v", unknown)
	}
}

// A rate is never a float: what cannot be kept digit by digit is refused.
func TestRatesAreExact(t *testing.T) {
	for value, want := range map[string]string{
		`"87.4500"`: "87.4500 874500 4", `87.4500`: "87.4500 874500 4", `"0.000001"`: "0.000001 1 6", `89`: "89 89 0",
		`"123456789012345678"`: "123456789012345678 123456789012345678 0", `"1234567890.123456789"`: "amount_range",
		`"1e2"`: "amount_syntax", `1e2`: "amount_syntax", `"87,45"`: "amount_syntax", `"-1"`: "amount_syntax", `"0"`: "amount_range", `"01"`: "amount_syntax",
		`"1."`: "amount_syntax", `".5"`: "amount_syntax", `true`: "wrong_type", `null`: "missing_field",
	} {
		got, rejects, _ := table(t, listed(t, `{"rates":[{"from":"USD","to":"KGS","rate":`+value+`}]}`).up.Rates(), sources.Window{})
		found := ""
		switch {
		case len(got) == 1:
			found = got[0]["rate"] + " " + got[0]["rate_scaled"] + " " + got[0]["rate_scale"]
		case len(rejects) == 1:
			found = strings.Fields(rejects[0])[1]
		}
		if found != want {
			t.Errorf("%s: %q, want %q", value, found, want)
		}
	}
}
