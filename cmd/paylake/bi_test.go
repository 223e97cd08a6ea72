package main

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// asked is a query's answer, a header and rows.
func (g *playground) asked(t *testing.T, sql string) [][]string {
	t.Helper()
	out := g.paylake(t, "query", "--format", "csv", "--", sql).want(t, 0).stdout
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(rows) == 0 {
		t.Fatalf("%v in %q", err, out)
	}
	return rows
}

// What deploy/ has for BI tools is asked of a real warehouse by the analyst: the
// queries for Metabase and Superset, and every panel and picker of the Grafana
// dashboards. What sums up agrees with the views.
func TestBI(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 2500)
	g.withFiles(t, 2500)
	defer g.holding(t)()
	g.paylake(t, "run").want(t, 0)
	t.Run("queries", func(t *testing.T) { testBIQueries(t, g) })
	t.Run("Grafana", func(t *testing.T) { testGrafana(t, g) })
}

func testBIQueries(t *testing.T, g *playground) {
	files, err := filepath.Glob("../../deploy/bi/sql/*.sql")
	if err != nil || len(files) < 13 {
		t.Fatalf("%d queries, %v", len(files), err)
	}
	mayBeEmpty := map[string]bool{"quarantine.sql": true, "findings.sql": true}
	for _, file := range files {
		sql, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if rows := g.asked(t, string(sql)); len(rows) < 2 && !mayBeEmpty[filepath.Base(file)] {
			t.Errorf("%s says nothing", file)
		}
	}
	query := func(name string) string {
		sql, _ := os.ReadFile("../../deploy/bi/sql/" + name + ".sql")
		return "(" + strings.TrimSpace(string(sql)) + "\n)"
	}
	const paid = "type = 'bill_pay' AND amount_minor < 0 AND status = 'posted'"
	for name, pair := range map[string][2]string{
		"spend_by_provider": {"SELECT sum(net_total) FROM " + query("spend_by_provider"), "SELECT sum(net) FROM spend_by_provider"},
		"wallet_cohorts":    {"SELECT sum(wallets) FROM " + query("wallet_cohorts") + " WHERE months_later = 0", "SELECT uniqExact(source, wallet_id) FROM ledger WHERE " + paid},
		"usage_and_churn": {"SELECT sum(new_subscribers) FROM " + query("usage_and_churn"),
			"SELECT uniqExact(provider_code, service_code, source, wallet_id, subscriber_ref) FROM ledger WHERE " + paid + " AND subscriber_ref != '' AND business_date < toStartOfMonth(today())"},
		"terminal_float": {"SELECT sum(credited) + sum(float_open) FROM " + query("terminal_float"), "SELECT sum(amount) FROM funding_events WHERE method = 'terminal' AND status = 'completed'"},
		"cashier_audit":  {"SELECT sum(credited) + sum(without_credit) FROM " + query("cashier_audit"), "SELECT sum(amount) FROM funding_events WHERE method = 'terminal' AND status = 'completed'"},
		"interchange":    {"SELECT sum(fees) FROM " + query("interchange_by_card_range"), "SELECT sum(fee) FROM funding_events WHERE method = 'card' AND status = 'completed'"},
		"unpaid score":   {"SELECT count() FROM " + query("unpaid_utility_score") + " WHERE unpaid_score < 0 OR unpaid_score > 1 OR paid_months > expected_months", "SELECT 0"},
	} {
		if got, want := g.asked(t, pair[0])[1][0], g.asked(t, pair[1])[1][0]; got != want {
			t.Errorf("%s: %s, the views say %s", name, got, want)
		}
	}
}

// grafanaMacros stand for what Grafana's ClickHouse plugin puts in.
var grafanaMacros = strings.NewReplacer("$__dateFilter(business_date)", "business_date >= toDate('2020-01-01') AND business_date <= toDate('2100-01-01')",
	"$__timeFilter(started_at)", "started_at >= toDateTime('2020-01-01 00:00:00')", "${currency}", "AZN")

func testGrafana(t *testing.T, g *playground) {
	files, _ := filepath.Glob("../../deploy/grafana/dashboards/*.json")
	asked := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var board any
		if err := json.Unmarshal(text, &board); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, sql := range rawSQL(board) {
			asked++
			if sql = grafanaMacros.Replace(sql); strings.Contains(sql, "$") {
				t.Errorf("%s: unknown macro in %q", file, sql)
			}
			g.asked(t, sql)
		}
	}
	if asked < 14 {
		t.Errorf("%d queries of %d dashboards", asked, len(files))
	}
}

// rawSQL are the queries anywhere in a dashboard.
func rawSQL(v any) (out []string) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if s, ok := x.(string); ok && k == "rawSql" {
				out = append(out, s)
				continue
			}
			out = append(out, rawSQL(x)...)
		}
	case []any:
		for _, x := range v {
			out = append(out, rawSQL(x)...)
		}
	}
	return out
}

// Alerts and dashboards ask for figures that exist.
func TestAlertsNameFigures(t *testing.T) {
	var known strings.Builder
	for _, file := range []string{"metrics.go", "metrics_check.go", "../internal/meters/meters.go", "../internal/meters/watch.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		known.Write(text)
	}
	files, _ := filepath.Glob("../../deploy/grafana/dashboards/*.json")
	names := 0
	for _, file := range append(files, "../../deploy/prometheus/paylake.rules.yaml") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`\bpaylake_[a-z_]+`).FindAllString(string(text), -1) {
			names++
			if short := strings.TrimPrefix(name, "paylake_"); !strings.Contains(known.String(), `"`+name+`"`) && !strings.Contains(known.String(), `add("`+short+`"`) {
				t.Errorf("%s: there is no figure %s", file, name)
			}
		}
	}
	if names < 14 {
		t.Errorf("only %d names were looked at", names)
	}
}
