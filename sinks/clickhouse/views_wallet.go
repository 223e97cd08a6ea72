package clickhouse

import (
	"fmt"
	"slices"

	"github.com/paylake/paylake/schemas"
)

// Views of what wallets have beside their statements. Pure.

// wallets are the views of balances, events, templates, workflows and
// transfers.
func (v viewer) wallets() []string {
	return slices.Concat(v.inFull("balances", v.balances), v.pair("funding_events", v.funding), v.pair("assurance_events", v.assuranceEvents),
		v.pair("templates", v.templates), v.pair("nfc_workflows", v.workflows), v.pair("transfers", v.transfers), v.pair("settlements", v.settlements))
}

// rows is a filter over one table with columns after some of its own.
func (v viewer) rows(t *schemas.Table, at string, after map[string]string) string {
	return fmt.Sprintf("SELECT %s, flags\nFROM %s", v.fields(t, v.replaced(t.Name, nil), after), v.currentRows(t, at))
}

// balances: every observation.
func (v viewer) balances(at string) string {
	return v.rows(schemas.Balances, at, map[string]string{
		"reserved_minor": decimal("available_minor", "currency") + " AS available, " + decimal("reserved_minor", "currency") + " AS reserved"})
}

func (v viewer) funding(at string) string {
	return v.rows(schemas.FundingEvents, at, map[string]string{
		"currency": decimal("amount_minor", "currency") + " AS amount", "fee_minor": decimal("fee_minor", "currency") + " AS fee"})
}

func (v viewer) assuranceEvents(at string) string {
	return v.rows(schemas.AssuranceEvents, at, map[string]string{"currency": decimal("amount_minor", "currency") + " AS amount"})
}

// templates: with the provider's name.
func (v viewer) templates(at string) string {
	return fmt.Sprintf("WITH %s\n%s", v.vocabulary(at),
		v.rows(schemas.Templates, at, map[string]string{"provider_code": nameOf + " AS provider_name"}))
}

// workflows: only Android telephones can write the meters' cards. What another
// platform's row says is kept and marked.
func (v viewer) workflows(at string) string {
	return fmt.Sprintf("WITH %s\n%s", v.vocabulary(at), v.rows(schemas.NFCWorkflows, at, map[string]string{
		"provider_code": nameOf + " AS provider_name", "platform": "toBool(CAST(platform, 'String') = 'android') AS supported",
		"steps": "JSONExtract(steps, 'Array(Tuple(seq Int32, name String))') AS step_list"}))
}

// settlements: with the statement row that a notice announced, once it is there.
// Rows of one wallet, reference, amount and currency are told apart by nothing,
// so the earliest stands for them.
func (v viewer) settlements(at string) string {
	t := schemas.Ledger
	return fmt.Sprintf(`SELECT s.*, announced AS entry_id, announced_at AS posted_at FROM (%s) AS s LEFT JOIN (
  SELECT source, wallet_id, external_reference, amount_minor, currency, argMin(r.entry_id, r.posted_at) AS announced, toNullable(min(r.posted_at)) AS announced_at
  FROM %s.%s AS r WHERE external_reference != '' AND %s GROUP BY source, wallet_id, external_reference, amount_minor, currency) AS l
USING (source, wallet_id, external_reference, amount_minor, currency) SETTINGS join_use_nulls = 0`,
		v.rows(schemas.Settlements, at, map[string]string{"currency": decimal("amount_minor", "currency") + " AS amount"}),
		v.db, rowsTable(t), v.current(t, at))
}

// transfers are edges: one line for what a wallet and a person moved on one day
// in one direction. The columns person_… look at all wallets together: how
// often, how much and from how many wallets that person was paid, or paid, on
// that day. Pending rows have moved nothing and are only counted; a transfer
// whose number the source masks has no person.
func (v viewer) transfers(at string) string {
	t := schemas.Ledger
	person := func(what string) string {
		return fmt.Sprintf("%s OVER (PARTITION BY person, if(person = '', wallet_id, ''), direction, business_date, currency)", what)
	}
	return fmt.Sprintf(`SELECT source, wallet_id, %[1]s AS %[11]s, %[2]s AS %[12]s, direction, business_date, currency,
  entries, amount_minor, %[3]s AS amount, fee_minor, pending_entries, reversed_entries, reversed_minor, reversal_codes, first_at, last_at,
  person_entries, person_minor, person_wallets
FROM (SELECT *, %[4]s AS person_entries, %[5]s AS person_minor, %[6]s AS person_wallets FROM (
  SELECT source, wallet_id, %[7]s AS person, any(counterparty_masked) AS masked, if(type = 'transfer_in', 'in', 'out') AS direction, business_date, currency,
    toInt64(countIf(status != 'pending')) AS entries, sumIf(abs(toInt128(r.amount_minor)), status != 'pending') AS amount_minor,
    sumIf(toInt128(r.fee_minor), status != 'pending') AS fee_minor, toInt64(countIf(status = 'pending')) AS pending_entries,
    toInt64(countIf(status = 'reversed')) AS reversed_entries, sumIf(abs(toInt128(r.amount_minor)), status = 'reversed') AS reversed_minor,
    arraySort(groupUniqArrayIf(toString(reversal_code), reversal_code != '')) AS reversal_codes, min(posted_at) AS first_at, max(posted_at) AS last_at
  FROM %[8]s.%[9]s AS r WHERE type IN ('transfer_out', 'transfer_in') AND %[10]s
  GROUP BY source, wallet_id, person, if(person = '', counterparty_masked, ''), direction, business_date, currency))`,
		v.forSome("person"), v.forSome("masked"), decimal("amount_minor", "currency"),
		person("sum(entries)"), person("sum(amount_minor)"), person("count(DISTINCT source, wallet_id)"),
		v.person("counterparty"), v.db, rowsTable(t), v.current(t, at), quote("counterparty"), quote("counterparty_masked"))
}
