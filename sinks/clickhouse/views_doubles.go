package clickhouse

import (
	"fmt"

	"github.com/paylake/paylake/schemas"
)

// A payment that two systems report: both rows stay, one counts. Pure. What
// people and matches add is in views_matches.go.
//
// Three rules, each only where the rows themselves leave no choice:
//   - same reference: a wallet's bill payment names, as its external reference,
//     the payment or operation of a successful sale of the same currency and
//     amount. The operation does not count.
//   - same operation: two sources hold one operation of a platform (its API and a
//     report of its dashboard): project, operation, payment, type, currency and
//     amount agree. That of the first source by name counts; an amount below
//     zero is a refund that does not count twice.
//   - card statement: a booked debit whose merchant is a known provider, and a
//     wallet's bill payment by card to that provider, of the same currency and
//     amount, at most three days apart, each being the other's nearest. The bank
//     entry does not count.

// doubleColumns are those of the view double_counts.
const doubleColumns = "reason, score, counted_table, counted_source, counted_wallet_id, counted_id, excluded_table, excluded_source, excluded_account, excluded_id, business_date, provider_code, currency, amount_minor"

// doubleCounts are the pairs that the three rules find, less what people took
// apart, and what matches add. The rules stay in the view, because a row counts
// once from the moment when it is there, and not from the end of the next
// matching. A row is excluded once: by a person, by a rule, by a match.
func (v viewer) doubleCounts(at string) string {
	return fmt.Sprintf("SELECT %[1]s FROM (SELECT 1 AS rank, %[1]s FROM (%[2]s\nUNION ALL\n%[3]s\nUNION ALL\n%[4]s) WHERE %[5]s\nUNION ALL\n%[6]s)\nORDER BY excluded_table, excluded_source, excluded_account, excluded_id, rank, counted_table, counted_source, counted_wallet_id, counted_id LIMIT 1 BY excluded_table, excluded_source, excluded_account, excluded_id",
		doubleColumns, v.sameReference(at), v.sameOperation(at), v.cardStatement(at), v.undisputed(at), v.matchedTwice(at))
}

// doublesView shows them under the provider's code; sums are made of the excluded
// source's own words, which they resolve like every other row's.
func (v viewer) doublesView() string {
	return fmt.Sprintf("SELECT %s\nFROM %s", doubleColumns, v.aliased("(SELECT *, excluded_source AS source FROM ("+v.doubleCounts(atComment)+"))"))
}

// paid are a wallet's bill payments that count as spend.
func (v viewer) paid(at, more string) string {
	t := schemas.Ledger
	return fmt.Sprintf("(SELECT source, wallet_id, entry_id, posted_at, business_date, toString(provider_code) AS provider, toString(currency) AS money, -amount_minor AS amount, external_reference FROM %s.%s WHERE type = 'bill_pay' AND amount_minor < 0 AND status = 'posted' AND %s AND %s)",
		v.db, rowsTable(t), more, v.current(t, at))
}

func (v viewer) sameReference(at string) string {
	t := schemas.Operations
	sales := fmt.Sprintf("(SELECT source, toString(project_id) AS project, operation_id, business_date, provider_code, toString(currency) AS money, amount_minor AS amount, arrayJoin(arrayDistinct([payment_id, operation_id])) AS reference FROM %s.%s WHERE type = 'sale' AND status = 'success' AND %s)",
		v.db, rowsTable(t), v.current(t, at))
	return fmt.Sprintf(`SELECT 'same reference' AS reason, 1. AS score, 'ledger' AS counted_table, toString(min(l.source)) AS counted_source, toString(argMin(l.wallet_id, l.entry_id)) AS counted_wallet_id, min(l.entry_id) AS counted_id,
    'operations' AS excluded_table, toString(o.source) AS excluded_source, o.project AS excluded_account, o.operation_id AS excluded_id,
    any(o.business_date) AS business_date, toString(any(o.provider_code)) AS provider_code, o.money AS currency, any(o.amount) AS amount_minor
  FROM %s AS l INNER JOIN %s AS o ON l.external_reference = o.reference AND l.money = o.money AND l.amount = o.amount
  GROUP BY o.source, o.project, o.operation_id, o.money`, v.paid(at, "external_reference != ''"), sales)
}

// sameOperation looks at nothing as long as one source alone has operations.
func (v viewer) sameOperation(at string) string {
	t := schemas.Operations
	rows := fmt.Sprintf(`SELECT toString(source) AS held, toString(project_id) AS project, operation_id, business_date, toString(provider_code) AS own, toString(currency) AS money,
      if(type = 'sale', amount_minor, -amount_minor) AS amount, min(toString(source)) OVER (PARTITION BY project_id, operation_id, payment_id, type, currency, amount_minor) AS first
    FROM %[1]s.%[2]s WHERE (%[3]s OR %[4]s) AND (SELECT uniqExact(source) FROM %[1]s.%[2]s) > 1 AND %[5]s`,
		v.db, rowsTable(t), spendOf(t), refundOf(t), v.current(t, at))
	return fmt.Sprintf(`SELECT 'same operation' AS reason, 1. AS score, 'operations' AS counted_table, first AS counted_source, '' AS counted_wallet_id, operation_id AS counted_id,
    'operations' AS excluded_table, held AS excluded_source, project AS excluded_account, operation_id AS excluded_id,
    business_date, own AS provider_code, money AS currency, amount AS amount_minor
  FROM (%s) WHERE held != first AND (held, project, operation_id) NOT IN (SELECT excluded_source, excluded_account, excluded_id FROM (%s))`, rows, v.sameReference(at))
}

func (v viewer) cardStatement(at string) string {
	return fmt.Sprintf(`SELECT 'card statement' AS reason, 0.8 AS score, 'ledger' AS counted_table, toString(l_source) AS counted_source, toString(l_wallet) AS counted_wallet_id, l_id AS counted_id,
    'bank_entries' AS excluded_table, b_source AS excluded_source, b_account AS excluded_account, b_id AS excluded_id,
    b_date AS business_date, b_own AS provider_code, money AS currency, b_amount AS amount_minor
  FROM (SELECT *, row_number() OVER (PARTITION BY l_source, l_wallet, l_id ORDER BY apart, b_source, b_account, b_id) AS of_paid,
      row_number() OVER (PARTITION BY b_source, b_account, b_id ORDER BY apart, l_source, l_wallet, l_id) AS of_bank
    FROM (SELECT l.source AS l_source, l.wallet_id AS l_wallet, l.entry_id AS l_id, toString(b.source) AS b_source, toString(b.account_id) AS b_account, b.entry_id AS b_id,
        b.business_date AS b_date, b.own_code AS b_own, l.money AS money, l.amount AS b_amount, abs(dateDiff('second', l.posted_at, b.booked_at)) AS apart
      FROM %s AS l INNER JOIN %s AS b ON l.provider = toString(b.provider_code) AND l.money = toString(b.currency) AND l.amount = -b.amount_minor
      WHERE abs(dateDiff('day', l.business_date, b.business_date)) <= 3))
  WHERE of_paid = 1 AND of_bank = 1`, v.paid(at, "channel = 'card' AND "+v.someBank()), v.bankSpend(at))
}

// bankSpend are the booked entries whose merchant is a known provider: the
// crosswalk names it, or it is written in the catalogue's own word.
func (v viewer) bankSpend(at string) string {
	t := schemas.BankEntries
	rows := fmt.Sprintf("(SELECT source, account_id, entry_id, booked_at, business_date, provider_code, currency, amount_minor FROM %s.%s WHERE status = 'booked' AND %s AND ((toString(source), toString(provider_code)) IN (SELECT alias_source, alias_of FROM %s) OR toString(provider_code) IN %s) AND %s)",
		v.db, rowsTable(t), v.someBank(), v.aliases(), v.catalogue(at), v.current(t, at))
	return fmt.Sprintf("(SELECT * FROM %s WHERE own_code != toString(provider_code) OR own_code IN %s)", v.aliased(rows), v.catalogue(at))
}

// catalogue are the codes of the vocabulary itself.
func (v viewer) catalogue(at string) string {
	return fmt.Sprintf("(SELECT toString(provider_code) FROM %s.%s WHERE provider_code != '' AND %s)", v.db, rowsTable(schemas.Providers), v.current(schemas.Providers, at))
}

// someBank is constant within a query: without bank entries no wallet's row is
// looked at for their sake.
func (v viewer) someBank() string {
	return fmt.Sprintf("(SELECT count() FROM %s.%s) > 0", v.db, rowsTable(schemas.BankEntries))
}

// bankTurnover is what bank entries add to spend_by_provider: a merchant that
// is a known provider was paid without a wallet.
func (v viewer) bankTurnover(at string) string {
	return fmt.Sprintf("SELECT business_date, own_code, '', source, currency, 1::Int64, toInt128(greatest(-amount_minor, 0)), toInt128(greatest(amount_minor, 0)) FROM %s", v.bankSpend(at))
}

// countedTwice takes the excluded side of every double count back.
func (v viewer) countedTwice(at string) string {
	return fmt.Sprintf("SELECT business_date, provider_code, '', excluded_source, currency, -1::Int64, -toInt128(greatest(amount_minor, 0)), -toInt128(greatest(-amount_minor, 0)) FROM (%s)", v.doubleCounts(at))
}
