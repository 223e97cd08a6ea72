package main

import (
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"github.com/paylake/paylake/cmd/internal/sandbox"
	"github.com/paylake/paylake/schemas"
)

// rows asks the warehouse and returns its lines, the columns joined by a bar.
func (g *playground) rows(t testing.TB, sql string) []string {
	t.Helper()
	r := g.paylake(t, "query", "--format", "csv", sql).want(t, 0)
	records, err := csv.NewReader(strings.NewReader(r.stdout)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, rec := range records[1:] {
		out = append(out, strings.Join(rec, "|"))
	}
	return out
}

// bag counts lines, so that two lists compare whatever their order.
func bag(lines []string) map[string]string {
	out, n := map[string]string{}, map[string]int{}
	for _, l := range lines {
		n[l]++
		out[l] = fmt.Sprint(n[l])
	}
	return out
}

func spelled[T any](list []T, line func(T) string) []string {
	var out []string
	for _, v := range list {
		out = append(out, line(v))
	}
	return out
}

// line joins values as rows does.
func line(values ...any) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = fmt.Sprint(v)
	}
	return strings.Join(words, "|")
}

// Everything that the wallets' other endpoints serve stands in the real
// warehouse as the sandbox's own truth says, late rows and faults of paging
// notwithstanding.
func TestWalletTablesAreTheTruth(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 1500, "duplicate-page", "expiry", "error-200")
	g.holding(t)
	g.paylake(t, "run").want(t, 0)
	truth := g.truth(t)
	flag := map[bool]string{true: "true", false: "false"}
	const utc = "2006-01-02 15:04:05.000000"
	pseudonyms, err := schemas.NewPseudonymizer(1, []byte(sandbox.PseudonymKey))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, sql string
		want      []string
	}{
		{"balances", "SELECT source, wallet_id, currency, as_of, available_minor, reserved_minor FROM balances",
			spelled(truth.Observed, func(o sandbox.Observation) string {
				return line(o.Source, o.WalletID, o.Currency, o.AsOf.Format(utc), o.AvailableMinor, o.ReservedMinor)
			})},
		{"balances and the chain", "SELECT wallet_id, available_minor + reserved_minor FROM balances",
			spelled(truth.Balances, func(b sandbox.Balance) string { return line(b.WalletID, b.BalanceMinor) })},
		{"funding_events", `SELECT source, wallet_id, business_date, method, terminal_network, status, currency, count(), countIf(ledger_id != ''), sum(amount_minor), sum(fee_minor)
			FROM funding_events GROUP BY source, wallet_id, business_date, method, terminal_network, status, currency`,
			spelled(truth.Funding, func(f sandbox.FundingSum) string {
				return line(f.Source, f.WalletID, f.BusinessDate, f.Method, f.TerminalNetwork, f.Status, f.Currency, f.Events, f.WithLedger, f.AmountMinor, f.FeeMinor)
			})},
		{"assurance_events", `SELECT source, wallet_id, business_date, event, assurance_level, count(), sum(amount_minor)
			FROM assurance_events GROUP BY source, wallet_id, business_date, event, assurance_level`,
			spelled(truth.Assurance, func(a sandbox.AssuranceSum) string {
				return line(a.Source, a.WalletID, a.BusinessDate, a.Event, a.AssuranceLevel, a.Events, a.AmountMinor)
			})},
		{"what the ledger knows", `SELECT source, wallet_id, business_date, step_up_required, assurance_level, count(), sum(amount_minor)
			FROM ledger GROUP BY source, wallet_id, business_date, step_up_required, assurance_level`,
			spelled(truth.LedgerAssurance, func(a sandbox.LedgerAssurance) string {
				return line(a.Source, a.WalletID, a.BusinessDate, flag[a.StepUpRequired], a.AssuranceLevel, a.Rows, a.AmountMinor)
			})},
		{"transfers by person", `SELECT source, wallet_id, counterparty, direction, currency, sum(entries), sum(amount_minor) FROM transfers GROUP BY source, wallet_id, counterparty, direction, currency`,
			spelled(truth.TransferEdges, func(e sandbox.TransferEdge) string {
				return line(e.Source, e.WalletID, pseudonyms.Of(e.MSISDN), e.Direction, e.Currency, e.Entries, e.AmountMinor)
			})},
		{"transfers by day", `SELECT source, wallet_id, business_date, direction, currency, count(), sum(entries), sum(amount_minor) FROM transfers GROUP BY source, wallet_id, business_date, direction, currency`,
			spelled(truth.TransferDays, func(d sandbox.TransferDay) string {
				return line(d.Source, d.WalletID, d.BusinessDate, d.Direction, d.Currency, d.Counterparties, d.Entries, d.AmountMinor)
			})},
		{"templates", "SELECT source, wallet_id, template_id, provider_code FROM templates",
			spelled(truth.Templates, func(f sandbox.TemplateLine) string {
				return line(f.Source, f.WalletID, f.TemplateID, f.ProviderCode)
			})},
		{"nfc_workflows", "SELECT source, workflow_id, provider_code, platform, supported, arrayStringConcat(step_list.name, '>') FROM nfc_workflows",
			spelled(truth.Workflows, func(f sandbox.WorkflowLine) string {
				return line(f.Source, f.WorkflowID, f.ProviderCode, f.Platform, flag[f.Supported], strings.Join(f.Steps, ">"))
			})},
		{"events and their rows", `SELECT countIf(f.amount_minor != l.amount_minor OR f.method != l.channel), count() > 50 FROM funding_events AS f INNER JOIN ledger AS l ON f.source = l.source AND f.wallet_id = l.wallet_id AND f.ledger_id = l.entry_id`,
			[]string{"0|1"}},
	} {
		t.Run(c.name, func(t *testing.T) { same(t, bag(g.rows(t, c.sql)), bag(c.want)) })
	}
	t.Run("nobody's number", func(t *testing.T) {
		for _, n := range g.world.Wallets() {
			if got := g.rows(t, "SELECT count() FROM templates WHERE position(name, '"+n.MSISDN[4:]+"') > 0"); got[0] != "0" {
				t.Errorf("a telephone number is in %s templates", got)
			}
		}
	})
	t.Run("observations accumulate", func(t *testing.T) {
		before := len(g.rows(t, "SELECT 1 FROM balances"))
		g.paylake(t, "run", "balances").want(t, 0).says(t, "0 rows moved", "") // a world that stands still
		if after := len(g.rows(t, "SELECT 1 FROM balances")); after != before || before != 6 {
			t.Errorf("%d observations, then %d", before, after)
		}
	})
}
