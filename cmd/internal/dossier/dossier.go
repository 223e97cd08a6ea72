// Package dossier says which rows belong into the bundles for supervisors and
// disputes: conditions on the views, and nothing that is not a function of a
// snapshot. Pure.
package dossier

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/paylake/paylake/sinks/clickhouse"
)

// Section is one file of a bundle: the rows of a view that satisfy a condition.
type Section struct {
	Path   string // its ending is the format: csv or jsonl
	View   string
	Where  string
	Order  []string // of the rows, before all other columns
	Always bool     // false: left out where the view is not there or has no such row
}

// Entry is a ledger line, by what others know it by.
type Entry struct {
	Source    string `json:"source"`
	Wallet    string `json:"wallet_id"`
	ID        string `json:"entry_id"`
	Session   string `json:"-"`
	Reference string `json:"-"`
}

var text = clickhouse.Literal

func (e Entry) wallet() string {
	return fmt.Sprintf("source = %s AND wallet_id = %s", text(e.Source), text(e.Wallet))
}

// Find is the condition on the ledger for an entry by its id, in one wallet of
// one source where these are named.
func Find(e Entry) string {
	where := "entry_id = " + text(e.ID)
	if e.Wallet != "" {
		where += " AND wallet_id = " + text(e.Wallet)
	}
	if e.Source != "" {
		where += " AND source = " + text(e.Source)
	}
	return where
}

// Evidence is what there is about a line: the line itself, how its payer was
// identified, what paid for it, what the wallet's notices and the platform's
// operations of the same reference say, and what is odd about it.
func Evidence(e Entry) []Section {
	own := e.wallet() + " AND "
	events := own + "(ledger_id = " + text(e.ID)
	if e.Session != "" {
		events += " OR session_id = " + text(e.Session)
	}
	list := []Section{
		{Path: "entry.jsonl", View: "ledger", Where: own + "entry_id = " + text(e.ID), Always: true},
		{Path: "assurance_events.jsonl", View: "assurance_events", Where: events + ")", Order: []string{"occurred_at", "event_id"}, Always: true},
		{Path: "funding_events.jsonl", View: "funding_events", Where: own + "ledger_id = " + text(e.ID)},
		{Path: "reversals.jsonl", View: "ledger", Where: own + "reversal_of = " + text(e.ID), Order: []string{"posted_at", "entry_id"}},
		{Path: "double_counts.jsonl", View: "double_counts", Where: fmt.Sprintf("counted_source = %s AND counted_wallet_id = %s AND counted_id = %s", text(e.Source), text(e.Wallet), text(e.ID))},
		{Path: "alarms.jsonl", View: "alarms", Where: own + "row_id = " + text(e.ID)},
	}
	if e.Reference == "" {
		return list
	}
	same := text(e.Reference)
	return append(list,
		Section{Path: "callbacks_wallet.jsonl", View: "settlements", Where: own + "external_reference = " + same},
		Section{Path: "operations.jsonl", View: "operations", Where: fmt.Sprintf("payment_id = %[1]s OR operation_id = %[1]s", same), Order: []string{"source", "created_at", "operation_id"}},
		Section{Path: "payments.jsonl", View: "payments", Where: "payment_id = " + same},
		Section{Path: "payment_intents.jsonl", View: "payment_intents_history", Where: "payment_id = " + same})
}

// transfers are those of a period from a threshold on.
func transfers(from, to string, limits map[string]int64) string {
	var high []string
	for _, currency := range slices.Sorted(maps.Keys(limits)) {
		high = append(high, fmt.Sprintf("currency = %s AND abs(toInt128(amount_minor)) >= %d", text(currency), limits[currency]))
	}
	return fmt.Sprintf("type IN ('transfer_out', 'transfer_in') AND business_date >= toDate32(%s) AND business_date < toDate32(%s) AND (%s)", text(from), text(to), strings.Join(high, " OR "))
}

// proven are lines with a completed step-up, of their own or of their session.
const proven = `((source, wallet_id, entry_id) IN (SELECT source, wallet_id, ledger_id FROM assurance_events WHERE event = 'step_up_completed' AND ledger_id != '')
  OR (session_id != '' AND (source, wallet_id, session_id) IN (SELECT source, wallet_id, session_id FROM assurance_events WHERE event = 'step_up_completed' AND ledger_id = '' AND session_id != '')))`

// Archive is the compliance archive of a period: transfers of high value with
// their session and assurance, the events behind these, and those transfers for
// which there is no completed step-up.
func Archive(from, to string, limits map[string]int64) []Section {
	high := transfers(from, to, limits)
	order := []string{"business_date", "source", "wallet_id", "posted_at", "entry_id"}
	return []Section{
		{Path: "transfers.csv", View: "ledger", Where: high, Order: order, Always: true},
		{Path: "assurance_events.csv", View: "assurance_events", Where: fmt.Sprintf(`(source, wallet_id, session_id) IN (SELECT source, wallet_id, session_id FROM ledger WHERE session_id != '' AND %[1]s)
  OR (source, wallet_id, ledger_id) IN (SELECT source, wallet_id, entry_id FROM ledger WHERE %[1]s)`, high), Order: []string{"source", "wallet_id", "occurred_at", "event_id"}, Always: true},
		{Path: "without_step_up.csv", View: "ledger", Where: high + " AND NOT " + proven, Order: order, Always: true},
	}
}

// Totals is the query of an archive's sums: one row per currency, type and
// assurance level.
func Totals(from, to string, limits map[string]int64) string {
	return fmt.Sprintf(`SELECT toString(currency) AS currency, toString(type) AS type, toString(assurance_level) AS assurance_level, toInt64(count()) AS rows,
  toString(sum(toInt128(moved))) AS amount_minor, toInt64(countIf(required)) AS step_up_required, toInt64(countIf(%s)) AS step_up_completed
FROM (SELECT *, amount_minor AS moved, step_up_required AS required FROM ledger WHERE %s) GROUP BY currency, type, assurance_level ORDER BY currency, type, assurance_level`, proven, transfers(from, to, limits))
}
