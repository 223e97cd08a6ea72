// Package account says what a statement of account is: the queries that give
// its lines and its balances, and the names that its columns have. Pure.
//
// A statement has what is booked: pending lines have moved no money and are in
// the ledger alone. Of every line gross + fee = net, and net is what moved the
// balance, so that the net amounts of a wallet add up to closing − opening. A
// commission has a line of its own (type fee); the one that a payment's line
// names as well is shown beside it (fee_named) and added up nowhere.
package account

import (
	"fmt"
	"strings"

	"github.com/paylake/paylake/cmd/internal/export"
	"github.com/paylake/paylake/sinks/clickhouse"
)

// Centre books a provider's payments to a cost centre.
type Centre struct {
	ProviderCode string `json:"provider_code"`
	CostCentre   string `json:"cost_centre"`
}

// Selection says which statement.
type Selection struct {
	From, To string // business dates YYYY-MM-DD, To is the first day after; empty: without limit
	Centres  []Centre
	Names    Names
}

// column is one column of the statement: how it is read out of the line and of
// its account.
type column struct {
	export.Column
	berlin     string
	expression string
}

// columnsOf lists the columns in the order of the own names.
func columnsOf(centres []Centre) []column {
	text := func(name, berlin, expression string) column {
		return column{export.Column{Name: name, Kind: export.Text}, berlin, "toString(" + expression + ")"}
	}
	minor := func(name, berlin, expression string, summed bool) column {
		c := column{export.Column{Name: name, Kind: export.Int}, berlin, "toDecimal128(" + expression + ", 0)"}
		if summed {
			c.Sums = "currency"
		}
		return c
	}
	money := func(name, berlin, expression string) column {
		return column{export.Column{Name: name, Kind: export.Decimal, Currency: "currency"}, berlin, clickhouse.Decimal(expression, "currency_")}
	}
	return []column{
		text("source", "source", "source_"), text("wallet_id", "accountId", "wallet_id_"), text("currency", "transactionAmount.currency", "currency_"),
		text("entry_id", "transactionId", "entry_id_"),
		{export.Column{Name: "business_date", Kind: export.Day}, "bookingDate", "toDate32(business_date_)"},
		{export.Column{Name: "posted_at", Kind: export.Instant}, "bookingDateTime", "toDateTime64(posted_at_, 6, 'UTC')"},
		{export.Column{Name: "posted_local", Kind: export.Text}, "bookingDateTimeLocal", local},
		text("type", "proprietaryBankTransactionCode", "type_"), text("status", "status", "status_"),
		minor("gross_minor", "grossAmountMinor", "gross_", true), money("gross", "grossAmount", "gross_"),
		minor("fee_minor", "feeMinor", "fee_", true), money("fee", "fee", "fee_"),
		minor("net_minor", "transactionAmountMinor", "amount_minor_", true), money("net", "transactionAmount.amount", "amount_minor_"),
		minor("fee_named_minor", "feeNamedMinor", "fee_minor_", false),
		minor("balance_before_minor", "balanceBeforeMinor", "toInt128(balance_after_minor_) - amount_minor_", false),
		minor("balance_after_minor", "balanceAfterMinor", "balance_after_minor_", false),
		money("balance_after", "balanceAfterTransaction.balanceAmount.amount", "balance_after_minor_"),
		minor("opening_balance_minor", "openingBalanceMinor", "opening_", false), money("opening_balance", "openingBalance", "opening_"),
		minor("closing_balance_minor", "closingBalanceMinor", "closing_", false), money("closing_balance", "closingBalance", "closing_"),
		text("provider_code", "providerCode", "provider_code_"), text("provider_name", "creditorName", "if(provider_name_ != '', provider_name_, provider_code_)"),
		text("category", "category", "category_"), {export.Column{Name: "cost_centre", Kind: export.Text}, "costCentre", centreOf("provider_code_", centres)},
		text("service_code", "serviceCode", "service_code_"), text("channel", "channel", "channel_"),
		text("subscriber_ref", "remittanceInformationUnstructured", "subscriber_ref_"),
		text("counterparty", "counterparty", "counterparty_"), text("counterparty_masked", "counterpartyMasked", "counterparty_masked_"),
		text("external_reference", "endToEndId", "external_reference_"), text("vat_receipt", "vatReceipt", "vat_receipt_"),
		text("reversal_of", "reversalOf", "reversal_of_"), text("reversal_code", "reversalCode", "reversal_code_"), text("session_id", "sessionId", "session_id_"),
		{export.Column{Name: "revision", Kind: export.Int}, "revision", "revision_"}, {export.Column{Name: "snapshot", Kind: export.Int}, "snapshot", "snapshot_"},
	}
}

// local is the instant as the source's clock showed it.
const local = `concat(formatDateTime(addSeconds(posted_at_, posted_offset_s_), '%Y-%m-%dT%H:%i:%S.%f', 'UTC'), if(posted_offset_s_ < 0, '-', '+'),
    leftPad(toString(intDiv(abs(posted_offset_s_), 3600)), 2, '0'), ':', leftPad(toString(intDiv(abs(posted_offset_s_) % 3600, 60)), 2, '0'))`

func centreOf(column string, centres []Centre) string {
	if len(centres) == 0 {
		return "''"
	}
	codes, names := make([]string, len(centres)), make([]string, len(centres))
	for i, c := range centres {
		codes[i], names[i] = clickhouse.Literal(c.ProviderCode), clickhouse.Literal(c.CostCentre)
	}
	return fmt.Sprintf("transform(toString(%s), [%s], [%s], '')", column, strings.Join(codes, ", "), strings.Join(names, ", "))
}

// days is the condition on business_date.
func days(from, to string) (where string) {
	if from != "" {
		where += " AND business_date >= toDate32(" + clickhouse.Literal(from) + ")"
	}
	if to != "" {
		where += " AND business_date < toDate32(" + clickhouse.Literal(to) + ")"
	}
	return where
}

// Lines is the query of the statement's lines and what its columns are, sorted
// by source, wallet, currency and time. The order among rows that are equal in
// everything is the only one that is left open.
func Lines(s Selection) ([]export.Column, string) {
	list := s.Names.arranged(columnsOf(s.Centres))
	columns := make([]export.Column, len(list))
	fields := make([]string, len(list))
	rest := make([]string, len(list))
	for i, c := range list {
		columns[i] = c.Column
		fields[i] = fmt.Sprintf("%s AS `%s`", c.expression, c.Name)
		rest[i] = fmt.Sprint(i + 1)
	}
	where := days(s.From, s.To)
	return columns, fmt.Sprintf(`SELECT %s FROM (
  SELECT %s, if(l.type = 'fee', 0, l.amount_minor) AS gross_, if(l.type = 'fee', l.amount_minor, 0) AS fee_, p.name AS provider_name_, a.opening AS opening_, a.closing AS closing_
  FROM (SELECT %s FROM ledger WHERE status != 'pending'%s) AS l
  LEFT ANY JOIN (SELECT provider_code AS code, argMin(provider_name, source) AS name FROM providers GROUP BY provider_code) AS p ON l.provider_code = p.code
  LEFT ANY JOIN (%s) AS a ON l.source = a.source AND l.wallet_id = a.wallet_id AND l.currency = a.currency)
ORDER BY source_, wallet_id_, currency_, posted_at_, entry_id_, %s`,
		strings.Join(fields, ", "), read("l.%[1]s AS %[1]s_"), read("%s"), where, balances(where), strings.Join(rest, ", "))
}

// read are the columns of the ledger that a statement goes by, each as a form
// says. In the statement they end in _: a query's own names would be taken for
// them otherwise.
func read(form string) string {
	list := strings.Fields(`source wallet_id currency entry_id business_date posted_at posted_offset_s type status amount_minor fee_minor balance_after_minor
		provider_code category service_code channel subscriber_ref counterparty counterparty_masked external_reference vat_receipt reversal_of reversal_code session_id revision snapshot`)
	for i, name := range list {
		list[i] = fmt.Sprintf(form, name)
	}
	return strings.Join(list, ", ")
}

// Unbooked is the query of the providers in a statement that have no cost
// centre: one row, one list.
func Unbooked(s Selection) string {
	return fmt.Sprintf("SELECT arraySort(groupUniqArrayIf(toString(provider_code), provider_code != '' AND %s = '')) AS codes FROM ledger WHERE status != 'pending'%s", centreOf("provider_code", s.Centres), days(s.From, s.To))
}
