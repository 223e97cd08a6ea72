package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/sandbox"
	"github.com/paylake/paylake/sources/flashpay/flashpaytest"
)

// billBook is a platform with a few operations and fees.
type billBook struct {
	flashpaytest.Rows
	fees []flashpaytest.Fee
}

func (b billBook) Fees(project int64, from, to, now time.Time, skip, limit int) []flashpaytest.Fee {
	var out []flashpaytest.Fee
	for _, f := range b.fees {
		if !f.UpdatedAt.Before(from) && !f.UpdatedAt.After(to) {
			out = append(out, f)
		}
	}
	return out[min(skip, len(out)):]
}

func (billBook) Chargebacks(int64, time.Time, time.Time, time.Time, int, int) []flashpaytest.Chargeback {
	return nil
}
func (billBook) Balances(time.Time) []flashpaytest.Balance { return nil }
func (billBook) Rates(time.Time) []flashpaytest.Rate       { return nil }

// add adds an operation of a day at ten o'clock.
func (b *billBook) add(day time.Time, customer, kind, status, method string, minor int64) {
	id := fmt.Sprint("op", len(b.Rows)+1)
	at := day.Add(10 * time.Hour)
	b.Rows = append(b.Rows, flashpaytest.Operation{ID: id, PaymentID: "p-" + id, Type: kind, Status: status, PaymentStatus: status, CreatedAt: at, CompletedAt: at, UpdatedAt: at,
		PaymentMethod: method, PaymentTypeID: 3, ProjectID: sandbox.ProjectID, AmountMinor: minor, PaymentSumMinor: minor, Currency: "KGS", CustomerID: customer, AccountNumber: "996******123"})
}

// replaceAll changes lines of the configuration.
func (g *playground) replaceAll(t *testing.T, form, with string) {
	t.Helper()
	text, err := os.ReadFile(g.config)
	re := regexp.MustCompile("(?m)" + form)
	if err != nil || !re.Match(text) {
		t.Fatalf("%s is not in the configuration: %v", form, err)
	}
	write(t, g.config, re.ReplaceAllString(string(text), with))
}

const planPayers = `customer_id,account,ip
cust-1,+996555000011,192.0.2.1
cust-3,0555000013,192.0.2.3
cust-8,189011234567,192.0.2.8
+996555000001,996555000001,192.0.2.9
AZERSU_RES,996555000020,192.0.2.20
`

// planning is a playground whose platform has the operations of two months; the
// first day of the second one is returned.
func planning(t *testing.T) (g *playground, this time.Time) {
	t.Helper()
	g = newPlayground(t, 40)
	zone, err := time.LoadLocation("Asia/Bishkek")
	if err != nil {
		t.Fatal(err)
	}
	y, m, _ := time.Now().In(zone).AddDate(0, 0, -45).Date()
	this = time.Date(y, m, 1, 0, 0, 0, 0, zone)
	last := this.AddDate(0, -1, 0)
	var b billBook
	b.add(last, "cust-1", "sale", "success", "mbank", 60_00)
	b.add(last.AddDate(0, 0, 9), "cust-1", "sale", "success", "mbank", 80_00)
	b.add(last, "cust-2", "sale", "success", "mbank", 70_00) // paid again
	b.add(this.AddDate(0, 0, 24), "cust-2", "sale", "success", "mbank", 70_00)
	b.add(last, "cust-3", "sale", "success", "mbank", 90_00) // tried in vain
	b.add(this, "cust-3", "sale", "decline", "mbank", 90_00)
	b.add(last, "cust-5", "sale", "success", "mbank", 55_00) // under way
	b.add(this, "cust-5", "sale", "processing", "mbank", 55_00)
	b.add(last, "cust-6", "sale", "success", "card", 100_00) // by card
	b.add(last, "cust-6", "refund", "success", "card", 30_00)
	b.add(last, "+996555000001", "sale", "success", "mbank", 65_00)
	b.add(last, "cust-7", "sale", "success", "mbank", 75_00) // no payer
	b.add(last, "cust-8", "sale", "success", "mbank", 85_00) // no valid number
	b.add(last, "cust-9", "sale", "decline", "mbank", 95_00) // never paid
	b.add(last.AddDate(0, 0, -1), "cust-10", "sale", "success", "mbank", 95_00)
	b.fees = []flashpaytest.Fee{{Operation: b.Rows[0], FeeMinor: 2_00, FeeCurrency: "KGS"}, {Operation: b.Rows[1], FeeMinor: 1_00, FeeCurrency: "KGS"}}
	fake := httptest.NewServer(flashpaytest.New(b, flashpaytest.Options{Token: "t", Secret: "s", Now: time.Now}))
	t.Cleanup(fake.Close)
	for name, text := range map[string]string{"plan-token": "t", "plan-secret": "s", "payers.csv": planPayers, "aliases.csv": "source,foreign_code,provider_code,valid_from\npsp,mbank,AZERSU_RES,\n"} {
		write(t, filepath.Join(g.dir, name), text)
	}
	g.replaceAll(t, `data_url: .*`, "data_url: "+fake.URL+"/v1")
	g.replaceAll(t, `data_token: .*`, "data_token: file:plan-token")
	g.replaceAll(t, `data_secret: .*`, "data_secret: file:plan-secret")
	g.replaceAll(t, `^(  (operations|fees): .*start: )[0-9-]+.*$`, "${1}"+last.AddDate(0, 0, -2).Format(time.DateOnly)+", window: 31d, lookback: 0h}")
	verifier := strings.TrimSpace(g.paylake(t, "pay", "key", "aysel", "-o", filepath.Join(g.dir, "aysel.key")).want(t, 0).stdout)
	g.replaceAll(t, `(?s)^payments:$.*?^webhooks:`, `aliases: aliases.csv
payments:
  tenant: acme
  payers: payers.csv
  approvers: {aysel: "`+verifier+`"}
  jobs:
    bills: {source: psp, template: due_bills}
    partners: {source: psp, template: partner_payouts}
webhooks:`)
	// The warehouse has heard of nothing: whoever plans brings it up to date.
	g.replaceAll(t, `^warehouse: .*$`, "warehouse: clickhouse://nobody@127.0.0.1:1/paylake")
	g.paylake(t, "run", "operations", "fees", "providers").want(t, 1)
	g.replaceAll(t, `^warehouse: .*$`, "warehouse: embedded")
	return g, this
}

type plansJSON struct{ Plans []payPlan }

// told writes what a plan does: key, amount, state and outcome of each payment,
// and its findings.
func told(plan payPlan) (payments, findings []string) {
	for _, i := range plan.Payments {
		payments = append(payments, fmt.Sprint(i.Key, " ", i.AmountMinor, " ", i.Status, " ", i.Outcome))
	}
	for _, f := range plan.Findings {
		word, _, _ := strings.Cut(f.Text, " (")
		findings = append(findings, fmt.Sprint(f.Key, " ", f.Drafted, " ", word))
	}
	slices.Sort(payments)
	slices.Sort(findings)
	return payments, findings
}

func (g *playground) planned(t *testing.T, code int, args ...string) []payPlan {
	t.Helper()
	var out plansJSON
	g.paylake(t, append([]string{"pay", "plan", "--json"}, args...)...).want(t, code).json(t, &out)
	return out.Plans
}

// What is due comes out of the real warehouse, is drafted once however often it
// is planned, and follows the plan until it is sent.
func TestPayPlan(t *testing.T) {
	t.Parallel()
	g, this := planning(t)
	asOf, month, before := this.AddDate(0, 0, 19).Format(time.DateOnly), this.Format("2006-01"), this.AddDate(0, -1, 0).Format("2006-01")
	g.paylake(t, "pay", "plan", "--dry-run", "--by", "farid", "--as-of", asOf).want(t, 3).says(t, "it would be b_", "nothing was stored")
	if s := g.paylake(t, "pay", "status").want(t, 0); !strings.Contains(s.stdout, "no payments") {
		t.Errorf("a dry run stored something:\n%s", s.stdout)
	}
	person := strings.TrimSpace(g.ask(t, "auditor", "SELECT customer_id FROM operations WHERE startsWith(customer_id, 'p1_') LIMIT 1"))
	bill := func(customer string, rest string) string {
		return fmt.Sprint("bill:AZERSU_RES:", customer, ":", month, " ", rest)
	}

	plans := g.planned(t, 3, "--by", "farid", "--as-of", asOf)
	if len(plans) != 2 || plans[0].Job != "bills" || plans[0].AsOf != asOf || plans[0].Count != 4 || plans[0].Totals["KGS"] != 320_00 || plans[0].By != "farid" {
		t.Fatalf("%+v", plans)
	}
	payments, findings := told(plans[0])
	want := []string{bill("cust-1", "8000 draft new"), bill("cust-3", "9000 draft new"), bill("cust-8", "8500 draft new"), bill(person, "6500 draft new")}
	slices.Sort(want)
	if !slices.Equal(payments, want) {
		t.Errorf("due are\n%q\nwant\n%q", payments, want)
	}
	if len(findings) != 2 || !strings.HasPrefix(findings[0], bill("cust-7", "false the payer's number is not known")) || !strings.HasPrefix(findings[1], bill("cust-8", "true account is not a valid")) {
		t.Errorf("%q", findings)
	}
	payments, findings = told(plans[1])
	if fmt.Sprint(payments) != fmt.Sprint([]string{"payout:AZERSU_RES:" + before + " 57700 draft new"}) || len(findings) != 1 || !strings.HasPrefix(findings[0], "payout:card:"+before+" false the payer's number") {
		t.Errorf("%q %q", payments, findings)
	}

	t.Run("nothing shows a telephone number", func(t *testing.T) {
		for _, args := range [][]string{{"pay", "plan", "--by", "farid", "--as-of", asOf}, {"pay", "plan", "--json", "--by", "farid", "--as-of", asOf}, {"query", "SELECT * FROM payment_intents_history"}} {
			r := g.paylake(t, args...)
			for _, number := range []string{"555000011", "555000013", "555000001", "555000020", "189011234567"} {
				if strings.Contains(r.stdout+r.stderr, number) {
					t.Errorf("%v shows %s:\n%s%s", args, number, r.stdout, r.stderr)
				}
			}
		}
	})
	t.Run("again is the same", func(t *testing.T) {
		again := g.planned(t, 3, "bills", "--by", "nigar", "--as-of", asOf)
		if again[0].Batch != plans[0].Batch || again[0].Payments[0].Outcome != "same" || again[0].Payments[0].Maker != "farid" {
			t.Errorf("%+v", again[0])
		}
		g.sameLines(t, "SELECT status, count() FROM payment_intents GROUP BY status", []string{"draft,5"})
	})
	t.Run("the batch can be approved", func(t *testing.T) {
		key := []string{"--key", filepath.Join(g.dir, "aysel.key"), "--yes"}
		g.paylake(t, append([]string{"pay", "approve", plans[0].Batch, "--by", "aysel"}, key...)...).want(t, 0).says(t, "approved by aysel", "")
		after := g.planned(t, 3, "bills", "--by", "farid", "--as-of", asOf)
		if after[0].Batch != "" || after[0].Count != 0 || after[0].Payments[0].Status != "approved" {
			t.Errorf("%+v", after[0])
		}
	})
	t.Run("an edit voids its approval", func(t *testing.T) {
		write(t, filepath.Join(g.dir, "payers.csv"), strings.Replace(planPayers, "+996555000011", "+996555000012", 1))
		edited := g.planned(t, 3, "bills", "--by", "nigar", "--as-of", asOf)
		payments, _ := told(edited[0])
		if !slices.Contains(payments, bill("cust-1", "8000 draft edited")) || !slices.Contains(payments, bill("cust-3", "9000 approved same")) || edited[0].Count != 1 {
			t.Errorf("%q", payments)
		}
	})
	t.Run("nothing is planned for somebody who was erased", func(t *testing.T) {
		g.paylake(t, "erase", "--msisdn", "+996555000013", "--reason", "request 7").want(t, 0)
		payments, findings := told(g.planned(t, 3, "bills", "--by", "farid", "--as-of", asOf)[0])
		if slices.ContainsFunc(payments, func(s string) bool { return strings.HasPrefix(s, bill("cust-3", "")) }) || !slices.Contains(findings, bill("cust-3", "false the payer was erased; nothing is planned for him")) {
			t.Errorf("%q %q", payments, findings)
		}
	})
	t.Run("what is due no more is withdrawn", func(t *testing.T) {
		write(t, filepath.Join(g.dir, "aliases.csv"), "source,foreign_code,provider_code,valid_from\npsp,mbank,"+retiredProvider+",\n")
		gone := g.planned(t, 0, "bills", "--by", "farid", "--as-of", asOf)
		payments, _ := told(gone[0])
		if len(payments) != 3 || !slices.Contains(payments, bill("cust-1", "8000 withdrawn withdrawn")) || gone[0].Batch != "" {
			t.Errorf("bills of a retired provider: %q", payments)
		}
		g.paylake(t, "pay", "plan", "bills", "--by", "farid", "--as-of", asOf).want(t, 0).says(t, "nothing waits for an approval", "")
	})
}

const retiredProvider = "NET_AZTELEKOM_ADSL"

// What a job cannot be asked for is said before anything is drafted.
func TestPayPlanRefusals(t *testing.T) {
	t.Parallel()
	g, _ := planning(t)
	plan := func(code int, says string, args ...string) {
		t.Helper()
		r := g.paylake(t, append([]string{"pay", "plan"}, args...)...).want(t, code)
		if !strings.Contains(r.stderr, says) || strings.Count(strings.TrimSpace(r.stderr), "\n") > 1 {
			t.Errorf("%v says %q, want %q", args, r.stderr, says)
		}
	}
	plan(2, `has no payment job "bils"; did you mean bills?`, "bils", "--by", "farid")
	plan(2, "cannot be the name of a maker", "--by", "Farid")
	plan(2, "cannot be the name of a maker", "--by", "sender")
	plan(2, "is not a day of the calendar", "--by", "farid", "--as-of", "2026-02-30")
	// A bill that was paid meanwhile is not due: what a template goes by was read lately.
	g.at(t, 60*time.Hour, "", "pay", "plan", "--by", "farid").want(t, 3).says(t, "", "payments.jobs.bills: operations of psp were read last at ").says(t, "", "nothing is drafted; type: paylake run operations")
	configured := func(jobs string) { g.replaceAll(t, `(?s)^  jobs:.*?^webhooks:`, "  jobs:\n"+jobs+"webhooks:") }
	configured("    a: {source: psp, operation: payout, template: partner_payouts}\n    b: {source: psp, method: card, template: due_bills}\n    c: {source: psp, template: due_bills}\n")
	g.paylake(t, "pay", "plan", "--by", "farid").want(t, 2).says(t, "", `payments.jobs.a: mbank has no operation "payout"`).says(t, "", `payments.jobs.b: no payment can be initiated by "card"`)
	configured(`    a: {source: psp, sql: "SELECT name AS key FROM system.tables"}
    b: {source: psp, sql: "INSERT INTO ledger_rows (entry_id) VALUES ('x')"}
    c: {source: psp, sql: "SELECT 'k' AS key, 'p' AS provider_code, 1.5 AS amount, 'KGS' AS currency, 'c' AS customer_id"}
    d: {source: psp, sql: "SELECT toString(number) AS key, 'p' AS provider_code, 5000 AS amount_minor, 'KGS' AS currency, 'c' AS customer_id FROM numbers(10001)"}
    e: {source: psp, sql: "SELECT nothing_such AS key FROM operations"}
`)
	g.paylake(t, "pay", "plan", "--by", "farid").want(t, 2).says(t, "", "payments.jobs.a: system.tables is no view of the warehouse").says(t, "", "payments.jobs.b: a query that plans is one SELECT").
		says(t, "", "payments.jobs.c: not a query that plans payments: amount is Float64").says(t, "", "payments.jobs.d: the query gives more than 10000 rows").says(t, "", "UNKNOWN_IDENTIFIER")
	write(t, filepath.Join(g.dir, "payers.csv"), "customer_id,account,ip\nc,12,\n")
	plan(2, "payers.csv:2: account is not a telephone number", "--by", "farid")
	write(t, filepath.Join(g.dir, "payers.csv"), planPayers)
	if s := g.paylake(t, "pay", "status").want(t, 0); !strings.Contains(s.stdout, "no payments") {
		t.Errorf("something was drafted:\n%s", s.stdout)
	}
	configured(`    own: {source: psp, sql: "SELECT 'k' || toString(number) AS key, 'AZERSU_RES' AS provider_code, toDecimal64(50 + number, 2) AS amount, 'KGS' AS currency, 'cust-1' AS customer_id, {day:Date}::String AS description FROM numbers(2)"}
`)
	r := g.paylake(t, "pay", "plan", "own", "--by", "farid").want(t, 0).says(t, "2 new, 0 same", "pay approve b_")
	if !strings.Contains(r.stdout, "51.00 KGS") || !strings.Contains(r.stdout, "2 payments, 101.00 KGS") || !strings.Contains(r.stderr, "2 of 2 payments, 101.00 KGS, could not be sent today: above limits.payment of 0.00 KGS") {
		t.Errorf("%+v", r)
	}
	const enough = "limits: {payment: 60.00 KGS, beneficiary: 500.00 KGS, day: 500.00 KGS, tenant: 500.00 KGS}"
	g.edit(t, "  tenant: acme\n", "  tenant: acme\n  "+enough+"\n")
	if r := g.paylake(t, "pay", "plan", "own", "--by", "farid").want(t, 0); strings.Contains(r.stderr, "limits") {
		t.Error(r.stderr)
	}
	g.edit(t, "payment: 60.00 KGS", "payment: 50.50 KGS")
	for _, args := range [][]string{{}, {"--json"}, {"--dry-run"}} { // whoever approves should know
		r := g.paylake(t, append([]string{"pay", "plan", "own", "--by", "farid"}, args...)...).want(t, 0).
			says(t, "", "as limits stand, 1 of 2 payments, 51.00 KGS, could not be sent today: above limits.payment of 50.50 KGS; see payments.limits\n")
		if strings.Contains(r.stdout, "limits") {
			t.Error(r.stdout)
		}
	}
}
