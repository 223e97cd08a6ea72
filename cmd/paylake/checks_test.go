package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// withChecks gives the ledger's pipeline checks of its own.
func (g *playground) withChecks(t *testing.T, checks string) {
	t.Helper()
	const ledger = "table: ledger, schedule"
	g.edit(t, ledger, "table: ledger, checks: ["+checks+"], schedule")
}

// checkedRows are a page on which every local kind finds a row.
var checkedRows = []string{
	`{"id":"good","posted_at":"POSTED","type":"bill_pay","amount":-10.00,"provider_code":"AZERSU_RES","channel":"card"}`,
	`{"id":"large","posted_at":"POSTED","type":"bill_pay","amount":-5000.01,"provider_code":"AZERSU_RES","channel":"card","counterparty_msisdn":"+994501234567"}`,
	`{"id":"nobody","posted_at":"POSTED","type":"bill_pay","amount":-7.00,"channel":"card"}`,
	`{"id":"moon","posted_at":"POSTED","type":"fee","amount":-1.00,"channel":"moon"}`,
	`{"id":"form","posted_at":"POSTED","type":"bill_pay","amount":-2.50,"provider_code":"azersu","channel":"card"}`,
	`{"id":"number","posted_at":"POSTED","type":"transfer_out","amount":-3.00,"channel":"balance","counterparty_msisdn":"189011234567"}`,
}

func checkedPage(posted string) string {
	return strings.ReplaceAll(`{"currency":"AZN","rows":[`+strings.Join(checkedRows, ",")+`],"next_cursor":null}`, "POSTED", posted)
}

// Checks of a pipeline through the commands: those that reject quarantine the
// row with its money, those that warn flag it, and the run says both.
func TestChecksOfAPipeline(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 60)
	g.holding(t)
	g.withChecks(t, `{field: amount_minor, kind: range, min: -500000, severity: reject}, `+
		`{field: provider_code, kind: required, when: {type: bill_pay}, severity: reject}, `+
		`{field: provider_code, kind: pattern, matches: "[A-Z_]+", severity: reject}, `+
		`{field: channel, kind: vocabulary, words: [card, balance, terminal]}, `+
		`{kind: freshness, max: 24h}`)
	g.intercept(firstDay(checkedPage))
	g.paylake(t, "run", "ledger").want(t, 3).
		says(t, "3 rows read, 3 inserted, 0 revised, 0 duplicates, 3 quarantined (-5009.51 AZN)", "check vocabulary_channel does not hold for 1 new rows of mpay/ledger, such as moon").
		says(t, "", "check not_a_number does not hold for 1 new rows of mpay/ledger, such as number").
		says(t, "", "check freshness does not hold for mpay/ledger on ")
	g.sameLines(t, "SELECT row_id, reason, field, amount_minor, currency FROM quarantine",
		[]string{"large,check_range,amount_minor,-500001,AZN", "nobody,check_required,provider_code,-700,AZN", "form,check_pattern,provider_code,-250,AZN"})
	g.sameLines(t, "SELECT check_name, row_id, observed, severity FROM alarms WHERE row_id != ''",
		[]string{"vocabulary_channel,moon,moon,warn", "not_a_number,number,189011••••67,warn"})
	g.sameLines(t, "SELECT entry_id, arrayStringConcat(flags) FROM ledger", []string{"good,", "moon,vocabulary_channel", "number,not_a_number"})
	if seen := g.paylake(t, "query", "--as", "analyst", "--format", "csv", "SELECT observed FROM alarms WHERE row_id = 'number'").want(t, 0); seen.stdout != "\"observed\"\n\"\"\n" {
		t.Errorf("the analyst sees a masked number: %s", seen.stdout)
	}

	var list []badRow
	g.paylake(t, "quarantine", "list", "--json").want(t, 0).json(t, &list)
	for _, r := range list {
		shown := g.paylake(t, "quarantine", "show", r.ID, "--raw").want(t, 0)
		if !strings.Contains(shown.stdout, `{"paylake_row":{"table":"ledger","columns":{`) || !strings.Contains(shown.stdout, `"`+r.RowID+`"`) || strings.Contains(shown.stdout, "994501234567") {
			t.Errorf("the sealed row is not the row as it was decoded:\n%s", shown.stdout)
		}
	}
	// Told once: neither counted nor told again.
	g.paylake(t, "run", "ledger").want(t, 0).says(t, "0 quarantined", "")
	g.paylake(t, "status").want(t, 0).says(t, "alarms: 3 rows: not_a_number × 1 in mpay/ledger, vocabulary_channel × 1 in mpay/ledger, freshness × 1 in mpay/ledger", "")
	g.paylake(t, "verify").want(t, 0)

	// A code that the catalogue lists twice is named; the last wording counts.
	g.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/catalog/providers") {
			return false
		}
		_, _ = io.WriteString(w, `{"version":"1","rows":[{"provider_code":"A","display_name":"one"},{"provider_code":"B","display_name":"b"},{"provider_code":"A","display_name":"two"},{"provider_code":"B","display_name":"b"}],"next_cursor":null}`)
		return true
	})
	g.paylake(t, "run", "providers").want(t, 3).says(t, "", "check listed_twice does not hold for 1 new rows of mpay/providers, such as A")
	g.sameLines(t, "SELECT provider_code, provider_name, arrayStringConcat(flags) FROM providers", []string{"A,two,listed_twice", "B,b,"})
	g.paylake(t, "run", "providers").want(t, 0)
}
