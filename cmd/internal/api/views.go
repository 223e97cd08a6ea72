package api

import (
	"slices"
	"strings"

	"github.com/paylake/paylake/sinks/clickhouse"
	"github.com/paylake/paylake/sinks/clickhouse/embedded"
)

// rowList is a view as the API shows it, row by row.
type rowList struct {
	path, view, doc string
	order           []string // pages are in this order
	ties            bool     // rows may be alike in order: all other columns decide
	day             string   // the column that from, to and period choose by
	wallets         bool     // its rows belong to wallets, and say nothing about others
	catalogue       bool     // the same for everybody
	scopes          []string // instead of read or audit
	shared          []string // columns that say something about other wallets, too
}

// rowLists are all views that are listed. An order names a row, unless ties.
func rowLists() []rowList {
	timed := func(at string, more ...string) []string {
		return append([]string{"business_date", at, "source"}, more...)
	}
	return []rowList{
		{view: "ledger", doc: "Booked lines of wallets", order: timed("posted_at", "wallet_id", "entry_id"), wallets: true},
		{view: "operations", doc: "Operations of payment platforms", order: timed("created_at", "project_id", "operation_id")},
		{view: "payments", doc: "Operations rolled up: one row per payment", order: timed("first_at", "project_id", "payment_id", "first_operation_id")},
		{view: "operation_fees", doc: "Fees of payment platforms", order: timed("created_at", "project_id", "operation_id")},
		{view: "chargebacks", doc: "Chargebacks", order: timed("created_at", "project_id", "chargeback_id")},
		{view: "chargeback_hints", doc: "Callbacks that announce chargebacks", order: timed("received_at", "project_id", "payment_id")},
		{view: "psp_balances", doc: "Balances with payment platforms, as observed", order: timed("observed_at", "currency", "name")},
		{view: "currency_rates", doc: "Currency rates, as observed", order: timed("observed_at", "base", "quote")},
		{view: "balances", doc: "Balances of wallets, as observed", order: timed("as_of", "wallet_id"), wallets: true},
		{view: "providers", doc: "The catalogue of providers", order: []string{"source", "provider_code"}, catalogue: true},
		{view: "providers_history", doc: "Every wording that a provider code has had", order: []string{"source", "provider_code", "valid_from", "revision"}, catalogue: true},
		{view: "transfers", doc: "Transfers by wallet, person, direction, day and currency", order: []string{"business_date", "source", "wallet_id", "direction", "currency", "counterparty", "counterparty_masked"},
			ties: true, wallets: true, shared: []string{"person_entries", "person_minor", "person_wallets"}},
		{view: "settlements", doc: "Announcements that something was settled", order: timed("settled_at", "wallet_id", "idempotency_key"), wallets: true},
		{view: "funding_events", doc: "How wallets were topped up", order: timed("occurred_at", "wallet_id", "event_id"), wallets: true},
		{view: "assurance_events", doc: "How persons proved who they are", order: timed("occurred_at", "wallet_id", "event_id"), wallets: true},
		{view: "templates", doc: "Favourites", order: []string{"source", "wallet_id", "template_id"}, wallets: true},
		{view: "nfc_workflows", doc: "The catalogue of NFC workflows", order: []string{"source", "workflow_id"}, catalogue: true},
		{view: "bank_entries", doc: "Entries of bank statements", order: timed("booked_at", "account_id", "entry_id")},
		{view: "loyalty_entries", doc: "Entries of loyalty programs", order: timed("posted_at", "program", "entry_id")},
		{view: "double_counts", doc: "Payments that two systems report, and which row counts", order: []string{"business_date", "reason", "excluded_table", "excluded_source", "excluded_account", "excluded_id"}, ties: true},
		{view: "matches", doc: "Rows of two systems that belong together", order: timed("left_at", "link_id"), ties: true},
		{view: "findings", doc: "What reconciliation has found", order: []string{"business_date", "kind", "finding_id"}, ties: true},
		{view: "reconciliation", doc: "Periods compared: expected, lake, warehouse", order: []string{"period", "level", "subject", "wallet_id", "provider_code", "category", "currency", "measure"}, ties: true},
		{view: "decisions", doc: "What persons decided: closings, holds, matches, findings", order: []string{"number", "decision_id"}},
		{view: "completeness", doc: "How far each source has been read", order: []string{"source", "table", "wallet_id"}, wallets: true},
		{view: "chain_breaks", doc: "Where a chain of balances does not close", order: []string{"from", "source", "wallet_id", "table", "after_id", "before_id"}, ties: true, day: "from", wallets: true},
		{view: "alarms", doc: "Rows for which a check does not hold", order: []string{"business_date", "check_name"}, ties: true},
		{view: "quarantine", doc: "Rows that were not readable, masked", order: []string{"first_seen", "id"}, day: "first_seen", wallets: true},
		{path: "runs", view: "pipeline_runs", doc: "Runs of pipelines", order: []string{"started_at", "pipeline"}, ties: true, day: "started_at"},
		{view: "webhook_deliveries", doc: "Whether webhooks have arrived", order: []string{"event_at", "endpoint", "event_id"}, day: "event_at"},
		{view: "snapshots", doc: "Manifests of the lake, one row per part", order: []string{"sequence", "source", "table", "wallet_id"}, ties: true, day: "created_at", wallets: true},
		{view: "unknown_providers", doc: "Provider codes that neither catalogue nor crosswalk knows", order: []string{"table", "source", "foreign_code", "currency"}},
		{view: "provider_aliases", doc: "The crosswalk of provider codes", order: []string{"source", "foreign_code"}, ties: true, catalogue: true},
		{path: "intents", view: "payment_intents", doc: "Payments that are initiated from here, as the lake knows them", order: []string{"business_date", "changed_at", "source", "payment_id"},
			scopes: []string{ScopePay, ScopeApprove, ScopeAudit}},
	}
}

func (l rowList) name() string {
	if l.path != "" {
		return l.path
	}
	return strings.ReplaceAll(l.view, "_", "-")
}

func (l rowList) columns() []clickhouse.Column { return clickhouse.ViewColumns()[l.view] }

func (l rowList) column(name string) (clickhouse.Column, bool) {
	i := slices.IndexFunc(l.columns(), func(c clickhouse.Column) bool { return c.Name == name })
	if i < 0 {
		return clickhouse.Column{}, false
	}
	return l.columns()[i], true
}

func (l rowList) has(name string) bool { _, ok := l.column(name); return ok }

// dated is the column that days choose by; empty: none.
func (l rowList) dated() string {
	if l.day == "" && l.has("business_date") {
		return "business_date"
	}
	return l.day
}

// at reports whether the view can be asked as of a manifest by a parameter.
func (l rowList) at() bool { return slices.Contains(embedded.Views, l.view+"_at") }

// filters are the columns that can be asked for by value: all that hold text.
func (l rowList) filters() (names []string) {
	for _, c := range l.columns() {
		if isText(c.Type) && c.Name != "evidence" && c.Name != "detail" && c.Name != "steps" {
			names = append(names, c.Name)
		}
	}
	return names
}

func isText(kind string) bool { return kind == "String" || kind == "LowCardinality(String)" }
