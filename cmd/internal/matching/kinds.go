package matching

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// kind is a sort of row that can be a fact: a query over the warehouse's views
// with the columns tab, src, account, id, cur, amount, fee, at, dated, day, person,
// provider, grp and refs, in this order. Amounts have the sign that both sides of a
// rule share, and only rows of money that moved are facts.
type kind struct {
	table string
	sql   string // ends with its conditions
}

// Kinds names what rules can be about.
func Kinds() []string { return slices.Sorted(maps.Keys(kinds)) }

// TableOf is the table whose rows a kind reads; empty for none.
func TableOf(name string) string { return kinds[name].table }

func ledgerKind(where, amount, person, refs string) kind {
	return kind{"ledger", fmt.Sprintf("SELECT 'ledger' AS tab, toString(source) AS src, toString(wallet_id) AS account, entry_id AS id, toString(currency) AS cur, %s AS amount, -fee_minor AS fee, toUnixTimestamp64Micro(posted_at) AS at, 0 AS dated, toInt32(business_date) AS day, %s AS person, toString(provider_code) AS provider, '' AS grp, %s AS refs FROM ledger WHERE %s",
		amount, person, refs, where)}
}

func bankKind(where, amount, person, provider string) kind {
	return kind{"bank_entries", fmt.Sprintf("SELECT 'bank_entries' AS tab, toString(source) AS src, toString(account_id) AS account, entry_id AS id, toString(currency) AS cur, %s AS amount, toInt64(fee_minor) AS fee, toUnixTimestamp64Micro(booked_at) AS at, (toUnixTimestamp64Micro(booked_at) + booked_offset_s * 1000000) %% 86400000000 = 0 AS dated, toInt32(business_date) AS day, %s AS person, %s AS provider, '' AS grp, arrayConcat([external_reference, end_to_end_id, entry_id], arrayFilter(x -> length(x) > 5 AND match(x, '[0-9]'), splitByRegexp('[ ;,:/]+', remittance_information))) AS refs FROM bank_entries WHERE status = 'booked' AND %s",
		amount, person, provider, where)}
}

func operationKind(where, amount, fee, group, refs, from string) kind {
	return kind{"operations", fmt.Sprintf("SELECT 'operations' AS tab, toString(o.source) AS src, toString(o.project_id) AS account, o.operation_id AS id, toString(o.currency) AS cur, %s AS amount, %s AS fee, toUnixTimestamp64Micro(o.created_at) AS at, 0 AS dated, toInt32(o.business_date) AS day, '' AS person, '' AS provider, %s AS grp, %s AS refs FROM operations AS o %s WHERE o.status = 'success' AND %s",
		amount, fee, group, refs, from, where)}
}

var kinds = map[string]kind{
	"card_topup":     ledgerKind("type = 'topup' AND channel IN ('card', '') AND status = 'posted' AND amount_minor > 0", "amount_minor", "''", "[external_reference, entry_id]"),
	"terminal_topup": ledgerKind("type = 'topup' AND channel IN ('terminal', '') AND status = 'posted' AND amount_minor > 0", "amount_minor", "''", "[external_reference, entry_id]"),
	"payment":        ledgerKind("type = 'bill_pay' AND status = 'posted' AND amount_minor < 0", "-amount_minor", "''", "[external_reference]"),
	"card_payment":   ledgerKind("type = 'bill_pay' AND channel = 'card' AND status = 'posted' AND amount_minor < 0", "-amount_minor", "''", "[external_reference, entry_id]"),
	"transfer":       ledgerKind("type = 'transfer_out' AND status = 'posted' AND amount_minor < 0", "-amount_minor", "counterparty", "[external_reference, entry_id]"),

	"terminal_event": {"funding_events", "SELECT 'funding_events' AS tab, toString(source) AS src, toString(wallet_id) AS account, event_id AS id, toString(currency) AS cur, amount_minor AS amount, 0::Int64 AS fee, toUnixTimestamp64Micro(occurred_at) AS at, 0 AS dated, toInt32(business_date) AS day, '' AS person, '' AS provider, '' AS grp, [external_reference, ledger_id, event_id] AS refs FROM funding_events WHERE method = 'terminal' AND status = 'completed' AND amount_minor > 0 AND source NOT IN (SELECT DISTINCT source FROM ledger)"},

	"receipt":   operationKind("o.type = 'sale'", "o.amount_minor", "0::Int64", "''", "[o.payment_id, o.operation_id]", ""),
	"operation": operationKind("o.type IN ('sale', 'refund', 'reversal')", "if(o.type = 'sale', o.amount_minor, -o.amount_minor)", "f.fee", "concat(toString(o.source), ' ', toString(o.project_id), ' ', toString(o.business_date))", "[o.payment_id, o.operation_id]", "LEFT JOIN (SELECT source, project_id, operation_id, toString(fee_currency) AS money, sum(fee_minor) AS fee FROM operation_fees GROUP BY ALL) AS f ON o.source = f.source AND o.project_id = f.project_id AND o.operation_id = f.operation_id AND toString(o.currency) = f.money"),
	"report":    operationKind("o.type IN ('sale', 'refund', 'reversal')", "o.amount_minor", "0::Int64", "''", "[concat(toString(o.project_id), '/', o.operation_id, '/', o.payment_id, '/', toString(o.type))]", ""),

	"card_load":      bankKind("amount_minor < 0", "-amount_minor", "''", "''"),
	"merchant_debit": bankKind("amount_minor < 0 AND provider_code IN (SELECT provider_code FROM providers)", "-amount_minor", "''", "toString(provider_code)"),
	"bank_debit":     bankKind("amount_minor < 0", "-amount_minor", "counterparty", "''"),
	"bank_credit":    bankKind("amount_minor > 0", "amount_minor", "counterparty", "''"),
}

// query is a kind's query, limited to sources and merchants where they are
// named.
func (k kind) query(sources, merchants []string) string {
	column := "source"
	if k.table == "operations" {
		column = "o.source"
	}
	more := ""
	if len(sources) > 0 {
		more += " AND toString(" + column + ") IN (" + literals(sources) + ")"
	}
	if len(merchants) > 0 && k.table == "bank_entries" {
		more += " AND multiSearchAnyCaseInsensitiveUTF8(concat(toString(foreign_code), ' ', creditor_name, ' ', remittance_information), [" + literals(merchants) + "])"
	}
	return k.sql + more
}

func literals(values []string) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = "'" + strings.NewReplacer("\\", "\\\\", "'", "\\'").Replace(v) + "'"
	}
	return strings.Join(out, ", ")
}
