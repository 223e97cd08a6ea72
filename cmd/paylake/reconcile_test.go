package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/reconcile"
	"github.com/paylake/paylake/cmd/internal/sandbox"
	"github.com/paylake/paylake/sinks/clickhouse/embedded"
)

// truthOf are the lines of the wallets' truth that belong to a month, summed up
// by wallet and provider.
func truthOf(t *testing.T, truth sandbox.Truth, month string) map[[2]string]sandbox.Spend {
	t.Helper()
	out := map[[2]string]sandbox.Spend{}
	for _, s := range truth.SpendByWallet {
		if s.Source != sandbox.SourceMPAY || !strings.HasPrefix(s.BusinessDate, month) {
			continue
		}
		k := [2]string{s.WalletID, s.ProviderCode}
		sum := out[k]
		sum.Entries, sum.SpendMinor, sum.RefundsMinor, sum.NetMinor = sum.Entries+s.Entries, sum.SpendMinor+s.SpendMinor, sum.RefundsMinor+s.RefundsMinor, sum.NetMinor+s.NetMinor
		out[k] = sum
	}
	if len(out) < 5 {
		t.Fatalf("the sandbox has %d groups in %s", len(out), month)
	}
	return out
}

// expectations writes the truth as a file of control totals.
func expectations(truth map[[2]string]sandbox.Spend) string {
	var b strings.Builder
	b.WriteString("wallet_id,provider_code,currency,what,amount_minor,count\n")
	for k, s := range truth {
		fmt.Fprintf(&b, "%[1]s,%[2]s,AZN,spend,%[3]d,\n%[1]s,%[2]s,AZN,refunds,%[4]d,\n%[1]s,%[2]s,AZN,net,%[5]d,%[6]d\n", k[0], orNone(k[1]), s.SpendMinor, s.RefundsMinor, s.NetMinor, s.Entries)
	}
	return b.String()
}

// A month of the sandbox reconciles with the sandbox's own truth, to the minor
// unit; a wrong total, a line too few and rows that the warehouse has otherwise
// are each found.
func TestReconcile(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 1500)
	g.holding(t)
	zone, err := time.LoadLocation("Asia/Baku")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().In(zone)
	month := now.AddDate(0, 0, -now.Day()).Format("2006-01") // the one before: the sandbox has 40 days
	file := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	g.paylake(t, "reconcile", "--period", month).want(t, 2).says(t, "", "there is no lake at")
	g.paylake(t, "run", "ledger", "--from", month+"-26", "--to", month+"-27").want(t, 0)
	g.paylake(t, "reconcile", "--period", month).want(t, 0).says(t, "not all of "+month+" is read: of ", "")
	g.paylake(t, "run", "ledger", "providers").want(t, 0)
	truth := truthOf(t, g.truth(t), month)
	right := expectations(truth)
	check := func(code int, args ...string) result {
		t.Helper()
		return g.paylake(t, append([]string{"reconcile", "--period", month}, args...)...).want(t, code)
	}

	t.Run("the truth", func(t *testing.T) {
		check(0, "--expect", file("totals.csv", right)).says(t, fmt.Sprintf("everything agrees: %d expectations", 3*len(truth)), "")
		if r := check(0).says(t, "lake and warehouse agree; nothing was expected", "").says(t, "days before "+g.world.Start().In(zone).Format(time.DateOnly)+" are not read", ""); strings.Contains(r.stdout, "not all of") {
			t.Errorf("all is read:\n%s", r.stdout)
		}
		// The sample month of a sign-off: what was spent in all, as a person writes it.
		spend := int64(0)
		for _, s := range truth {
			spend += s.SpendMinor
		}
		check(0, "--expect", file("month.yaml", fmt.Sprintf("- {currency: AZN, amount: %s}\n", inUnits(spend, "AZN")))).says(t, "everything agrees: 1 expectations", "")
	})
	t.Run("a wrong total", func(t *testing.T) {
		g.wrongTotals(t, truth, func(text string) result { return check(3, "--json", "--expect", file("totals.csv", text)) })
	})
	t.Run("files that cannot be used", func(t *testing.T) {
		for text, says := range map[string]string{
			"provider_code,amount\nAZERSU_RES,1\nAZERSU,1\n":    "totals.csv:3: provider_code AZERSU is not in the catalogue",
			"currency,amount\nUSD,1\n":                          "totals.csv:2: currency USD: the rows of the period are in AZN",
			"currency,amount\nAZN,1\n,2\n":                      "totals.csv:3: it says again what line 2 says",
			"currency,amount\nAZN,1.005\n":                      "totals.csv:2: amount 1.005 has more decimals than AZN, which has 2",
			"currency,amount\nAZN,1e3\n":                        "totals.csv:2: amount 1e3 is in float notation",
			"provider,amount\nAZERSU_RES,1\n":                   `totals.csv:1: there is no column "provider"`,
			"wallet_id,currency,amount\nwlt_unknown,AZN,1.00\n": "totals.csv:2: wallet wlt_unknown is not configured",
		} {
			r := check(2, "--expect", file("totals.csv", text)).says(t, "", says)
			if r.stdout != "" || strings.Count(strings.TrimSpace(r.stderr), "\n") != 0 {
				t.Errorf("more than one sentence:\n%s%s", r.stdout, r.stderr)
			}
		}
		check(2, "--expect", filepath.Join(t.TempDir(), "absent.csv")).says(t, "", "absent.csv")
		g.paylake(t, "reconcile", "--period", now.Format("2006-01")).want(t, 2).says(t, "", "is not over yet")
		g.paylake(t, "reconcile", "--period", "2026").want(t, 2).says(t, "", "is a whole year")
		g.paylake(t, "reconcile", "--expect", file("totals.csv", right)).want(t, 2).says(t, "", "which period?")
	})
	t.Run("rows that the warehouse has otherwise", func(t *testing.T) {
		g.tampered(t, month, func() result { return check(3, "--json") })
		g.paylake(t, "run", "ledger").want(t, 0) // loads again what is not the lake's
		check(0, "--expect", file("totals.csv", right))
	})
}

// wrongTotals plants one total that is a minor unit off, and one line too few.
func (g *playground) wrongTotals(t *testing.T, truth map[[2]string]sandbox.Spend, run func(text string) result) {
	t.Helper()
	var off, left [2]string
	changed := map[[2]string]sandbox.Spend{}
	for k, s := range truth {
		switch {
		case off == [2]string{} && s.SpendMinor > 0:
			off = k
			s.SpendMinor++
		case left == [2]string{} && s.SpendMinor > 0:
			left = k
			continue
		}
		changed[k] = s
	}
	var r reconcile.Report
	run(expectations(changed)).json(t, &r)
	wrong := 0
	for _, v := range r.Expectations {
		if v.Agrees {
			continue
		}
		wrong++
		if v.Wallet != off[0] || v.Provider != orNone(off[1]) || v.What != reconcile.Spend || v.Difference() != -1 || v.LakeMinor != truth[off].SpendMinor || len(v.Rows) == 0 || v.Unlisted+int64(len(v.Rows)) != v.LakeRows {
			t.Errorf("%+v, want %v", v, off)
		}
	}
	if wrong != 1 || r.Agrees || r.Differences.Count() != 0 {
		t.Errorf("%d wrong totals, want 1", wrong)
	}
	for _, u := range r.Unexpected {
		if u.Wallet != left[0] || u.Provider != left[1] || u.What == reconcile.Spend && u.LakeMinor != truth[left].SpendMinor {
			t.Errorf("%+v, want %v", u, left)
		}
	}
	if len(r.Unexpected) < 2 { // spend and net
		t.Errorf("money that no line is about: %+v", r.Unexpected)
	}
}

// tampered loses a row of the warehouse and alters another, behind its back.
func (g *playground) tampered(t *testing.T, month string, run func() result) {
	t.Helper()
	picked := g.rows(t, fmt.Sprintf("SELECT entry_id, amount_minor FROM ledger WHERE business_date >= '%s-01' AND type = 'bill_pay' AND status = 'posted' AND provider_code = 'AZERSU_RES' AND formatDateTime(business_date, '%%Y-%%m') = '%s' ORDER BY entry_id LIMIT 2", month, month))
	if len(picked) != 2 {
		t.Fatalf("%d rows to tamper with", len(picked))
	}
	lost, _, _ := strings.Cut(picked[0], "|")
	altered, _, _ := strings.Cut(picked[1], "|")
	server, err := embedded.Acquire(context.Background(), embedded.Options{DataDir: filepath.Join(g.dir, sandboxData), Command: []string{testExe(t), childCommand}})
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{server: server, client: &http.Client{}}
	for _, change := range []string{"DELETE WHERE entry_id = '" + lost + "'", "UPDATE amount_minor = amount_minor - 1 WHERE entry_id = '" + altered + "'"} {
		l.must(t, "ALTER TABLE ledger_rows "+change+" SETTINGS mutations_sync = 1")
	}
	l.release(t)

	var r reconcile.Report
	run().json(t, &r)
	d := r.Differences
	if d.OnlyLake != 1 || d.Changed != 1 || d.OnlyWarehouse != 0 || len(d.Rows) != 2 {
		t.Fatalf("%+v", d)
	}
	for _, one := range d.Rows {
		switch {
		case one.ID == lost && one.Lake != nil && one.Warehouse == nil:
		case one.ID == altered && one.Lake.AmountMinor == one.Warehouse.AmountMinor+1:
		default:
			t.Errorf("%+v", one)
		}
	}
	// Its figures were summed up before that, and are no longer those of its rows.
	if len(r.Published) == 0 || r.Published[0].Provider != "AZERSU_RES" {
		t.Errorf("%+v", r.Published)
	}
}
