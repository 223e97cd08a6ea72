package main

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/sources/flashpay/flashpaytest"
)

// csvLines runs a query and returns its lines without the header.
func (g *playground) csvLines(t *testing.T, sql string) []string {
	t.Helper()
	r := g.paylake(t, "query", "--format", "csv", sql).want(t, 0)
	return strings.Split(strings.TrimSpace(strings.ReplaceAll(r.stdout, `"`, "")), "\n")[1:]
}

// sameLines compares a query with the truth, whatever the order.
func (g *playground) sameLines(t *testing.T, sql string, want []string) {
	t.Helper()
	got := g.csvLines(t, sql)
	slices.Sort(got)
	slices.Sort(want)
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("%s\ngot  %q\nwant %q", sql, got, want)
	}
}

// Every table of the payment platform, in the real warehouse, is what the
// sandbox knows it to be.
func TestPSPTablesEqualTheTruth(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 6000)
	g.holding(t)
	pipelines := []string{"operations", "fees", "chargebacks", "psp_balances", "rates"}
	g.paylake(t, append([]string{"run"}, pipelines...)...).want(t, 0)
	truth := g.truth(t).PSP
	var fees, disputes, payments, balances, rates []string
	for _, f := range truth.Fees {
		fees = append(fees, fmt.Sprint(f.Method, ",", f.Type, ",", f.Currency, ",", f.Rows, ",", f.FeeMinor))
	}
	for _, c := range truth.Chargebacks {
		disputes = append(disputes, fmt.Sprint(c.Method, ",", c.Status, ",", c.Currency, ",", c.Rows, ",", c.AmountMinor))
	}
	for _, p := range truth.Payments {
		payments = append(payments, fmt.Sprint(p.Method, ",", p.Status, ",", p.Currency, ",", p.Payments, ",", p.SaleMinor, ",", p.RefundsMinor, ",", p.NetMinor))
	}
	for _, b := range truth.Balances {
		balances = append(balances, fmt.Sprint(b.Name, ",", b.Currency, ",", b.AmountMinor))
	}
	for _, r := range truth.Rates {
		rates = append(rates, fmt.Sprint(r.Base, ",", r.Quote, ",", r.Rate, ",", strings.Replace(r.Rate, ".", "", 1), ",", r.ValidAt.Unix()))
	}
	for i := range rates { // the scaled integer has no leading zeros
		part := strings.Split(rates[i], ",")
		part[3] = strings.TrimLeft(part[3], "0")
		rates[i] = strings.Join(part, ",")
	}
	g.sameLines(t, "SELECT method, type, fee_currency, count(), sum(fee_minor) FROM operation_fees GROUP BY ALL", fees)
	g.sameLines(t, "SELECT method, status, currency, count(), sum(amount_minor) FROM chargebacks GROUP BY ALL", disputes)
	g.sameLines(t, "SELECT method, status, currency, count(), sum(sale_minor), sum(refunds_minor), sum(net_minor) FROM payments GROUP BY ALL", payments)
	g.sameLines(t, "SELECT name, currency, amount_minor FROM psp_balances", balances)
	g.sameLines(t, "SELECT base, quote, rate, rate_scaled, toUnixTimestamp(assumeNotNull(valid_at)) FROM currency_rates WHERE rate_scale = 4", rates)

	// The statement, from the warehouse's own rows: opening + pay-in − refunds −
	// chargebacks − fees is the balance that was observed.
	const closing = `SELECT (SELECT sum(sale_minor) - sum(refunds_minor) FROM payments) - (SELECT sum(amount_minor) FROM chargebacks WHERE status != 'won')
		- (SELECT sum(fee_minor) FROM operation_fees)`
	g.sameLines(t, closing, []string{fmt.Sprint(truth.Statement.Closing - truth.Statement.Opening)})
	g.sameLines(t, "SELECT amount_minor FROM psp_balances WHERE currency = 'KGS'", []string{fmt.Sprint(truth.Statement.Closing)})

	// Again: what was read is known, and so is what a world that stands still
	// shows: an answer's own date says which instant was observed.
	g.paylake(t, append([]string{"run"}, pipelines...)...).want(t, 0)
	g.sameLines(t, "SELECT name, currency, amount_minor FROM psp_balances", balances)
	g.sameLines(t, "SELECT method, type, fee_currency, count(), sum(fee_minor) FROM operation_fees GROUP BY ALL", fees)
	g.sameLines(t, "SELECT countIf(customer_id != '' OR account_masked != '') FROM chargebacks", []string{fmt.Sprint(len(g.csvLines(t, "SELECT 1 FROM chargebacks")))})
	seen := g.paylake(t, "query", "--as", "analyst", "--format", "csv", "SELECT countIf(customer_id != '' OR account_masked != '') AS n FROM chargebacks").want(t, 0)
	if seen.stdout != "\"n\"\n0\n" {
		t.Errorf("the analyst sees persons of chargebacks: %s", seen.stdout)
	}
	g.paylake(t, "verify").want(t, 0)
}

// A refund by a method that knows none, and a payment whose sum is ten times its
// operation's: both rows are kept and flagged, the run ends with 3, once, and
// status says what stands.
func TestAlarmsEndARunWithThree(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 40)
	g.holding(t)
	at := time.Now().Add(-48 * time.Hour).Truncate(time.Second)
	op := func(id, kind, method string, amount, payment int64) flashpaytest.Operation {
		return flashpaytest.Operation{ID: id, PaymentID: "p" + id, Type: kind, Status: "success", CreatedAt: at, CompletedAt: at, UpdatedAt: at,
			PaymentMethod: method, PaymentTypeID: 3, PaymentStatus: "success", ProjectID: 210, AmountMinor: amount, PaymentSumMinor: payment, Currency: "KGS"}
	}
	book := flashpaytest.Rows{op("1", "sale", "mbank", 7000, 7000), op("2", "refund", "mbank", 7000, 7000), op("3", "sale", "mbank", 5000, 50000)}
	fake := httptest.NewServer(flashpaytest.New(book, flashpaytest.Options{Token: "t", Secret: "s", Now: time.Now}))
	t.Cleanup(fake.Close)
	config := fmt.Sprintf(`lake: file://./lake
state: sqlite://./state.db
data_dir: data
listen: 127.0.0.1:0
secrets: base64key://%s
keys: {pseudonym: file:pseudonym.key}
sources:
  psp: {type: flashpay, data_url: %q, project_id: 210, data_token: file:token, data_secret: file:secret, time_zone: Asia/Bishkek}
pipelines:
  operations: {source: psp, table: operations, start: %s}
`, "c2FuZGJveC1zZWFsaW5nLWtleS1ub3QtYS1zZWNyZXQ=", fake.URL+"/v1", at.AddDate(0, 0, -1).Format(time.DateOnly))
	dir := t.TempDir()
	for name, text := range map[string]string{"paylake.yaml": config, "token": "t", "secret": "s", "pseudonym.key": strings.Repeat("k", 32)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	g.config, g.dir = filepath.Join(dir, "paylake.yaml"), dir

	g.paylake(t, "run").want(t, 3).says(t, "3 inserted", "check impossible_operation does not hold for 1 new rows of psp/operations, such as 2").
		says(t, "0 quarantined", "check amount_scale does not hold for 1 new rows of psp/operations, such as 3")
	g.sameLines(t, "SELECT check_name, row_id FROM alarms", []string{"impossible_operation,2", "amount_scale,3"})
	g.sameLines(t, "SELECT operation_id, amount_minor, payment_minor, arrayStringConcat(flags) FROM operations",
		[]string{"1,7000,7000,", "2,7000,7000,impossible_operation", "3,5000,50000,amount_scale"})
	g.paylake(t, "run").want(t, 0) // told once
	g.paylake(t, "status").want(t, 0).says(t, "alarms: 2 rows: amount_scale × 1 in psp/operations, impossible_operation × 1 in psp/operations", "")
	var s statusReport
	if err := json.Unmarshal([]byte(g.paylake(t, "status", "--json").want(t, 0).stdout), &s); err != nil || len(s.Alarms) != 2 {
		t.Errorf("%+v, %v", s.Alarms, err)
	}
}
