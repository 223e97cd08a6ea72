package clickhouse

import (
	"fmt"

	"github.com/paylake/paylake/schemas"
)

// Bills and sales that were paid twice. Pure.
//
// A key tells payments of one bill: provider, money, and the provider's reference
// or the subscriber. Keys are hashes at first, so that the pass over all rows is
// cheap; only rows whose key comes twice are looked at by themselves.

// maskedRef is a subscriber of whom only some digits are known: of two wallets
// it may be two people.
const maskedRef = "match(subscriber_ref, '[*•]')"

// duplicateFindings: each payment with the one before it of the same key.
func (v viewer) duplicateFindings(at string) []string {
	d := v.thresholds().Duplicates
	byReference := v.twice(at, "external_reference", "external_reference != ''", "''")
	bySubscriber := v.twice(at, "subscriber_ref", "subscriber_ref != ''", "if("+maskedRef+", toString(wallet_id), '')")
	apart := "toUnixTimestamp64Micro(this.1) - toUnixTimestamp64Micro(prior.1)"
	same := fmt.Sprintf("%s <= %d", apart, d.Reference.Microseconds())
	// Of one reference is what the first rule has found.
	near := fmt.Sprintf("NOT (prior.4 = this.4 AND this.4 != '') AND %s <= if(prior.4 != '' AND this.4 != '', %d, %d)", apart, d.Click.Microseconds(), d.Subscriber.Microseconds())
	return []string{v.paidTwice("same reference", byReference, same), v.paidTwice("same subscriber", bySubscriber, near), v.soldTwice(at, d)}
}

// paidBill is a payment that has moved money.
const paidBill = "type = 'bill_pay' AND amount_minor < 0 AND status = 'posted'"

// notReturned leaves out bills whose money came back: by a row that names the payment,
// or its reference, with the same amount.
func (v viewer) notReturned(at string) string {
	t := schemas.Ledger
	back := func(own, named string) string {
		return fmt.Sprintf("(source, wallet_id, %[1]s, -amount_minor) NOT IN (SELECT source, wallet_id, %[2]s, amount_minor FROM %[3]s.%[4]s WHERE type IN ('reversal', 'refund') AND amount_minor > 0 AND %[2]s != '' AND %[5]s)",
			own, named, v.db, rowsTable(t), v.current(t, at))
	}
	return back("entry_id", "reversal_of") + " AND " + back("external_reference", "external_reference")
}

// twice groups the bills that have one key: an array of (posted_at, wallet,
// entry, reference, date, subscriber) in the order of time.
func (v viewer) twice(at, by, has, whose string) string {
	key := fmt.Sprintf("sipHash64(source, provider_code, %s, %s, currency, amount_minor)", by, whose)
	keys := v.lineRows(key+" AS key", has+" AND "+paidBill, at)
	rows := v.lineRows("*, "+key+" AS key", fmt.Sprintf("%s AND %s AND key IN (SELECT key FROM %s GROUP BY key HAVING count() > 1) AND %s", has, paidBill, keys, v.notReturned(at)), at)
	return fmt.Sprintf(`(SELECT source, toString(provider_code) AS provider, %s AS named, %s AS whose, toString(currency) AS money, amount_minor AS amount,
      arraySort(groupArray((posted_at, toString(wallet_id), entry_id, external_reference, business_date, subscriber_ref))) AS list
    FROM %s GROUP BY source, provider, named, whose, money, amount HAVING count() > 1)`, by, whose, rows)
}

func (v viewer) paidTwice(rule, groups, apart string) string {
	return v.detect(detected{
		kind: schemas.DuplicatePayment, parts: []string{"source", "prior.2", "prior.3", "this.2", "this.3"}, severity: "'high'",
		date: "this.5", opened: "this.1", source: "source", wallet: "this.2", rows: "[prior.3, this.3]",
		provider: "provider", currency: "money", amount: "-amount",
		evidence: [][2]string{{"rule", literal(rule)}, {"first", "prior.3"}, {"first_wallet", "prior.2"}, {"first_at", "prior.1"}, {"second", "this.3"}, {"second_wallet", "this.2"}, {"second_at", "this.1"},
			{"first_reference", "prior.4"}, {"second_reference", "this.4"}, {"subscriber_ref", "this.6"}, {"amount_minor", "-amount"}},
		from: fmt.Sprintf("(SELECT *, list[i - 1] AS prior, list[i] AS this FROM (SELECT *, arrayJoin(range(2, length(list) + 1)) AS i FROM %s)) WHERE %s", groups, apart)})
}

// soldTwice: one payment of the platform with two successful sales of the same
// amount, and nothing given back.
func (v viewer) soldTwice(at string, d schemas.Duplicates) string {
	t := schemas.Operations
	ops := v.rowsOf(t, "source, project_id, payment_id, operation_id, type, toString(currency) AS money, amount_minor, coalesce(completed_at, created_at) AS at, business_date, toString(provider_code) AS own",
		"payment_id != '' AND status = 'success' AND type IN ('sale', 'refund', 'reversal')", at)
	groups := fmt.Sprintf(`(SELECT source, toString(project_id) AS project, payment_id, money, sumIf(toInt128(amount_minor), type != 'sale') AS back,
      arraySort(groupArrayIf((at, operation_id, amount_minor, business_date, own), type = 'sale')) AS list
    FROM %s GROUP BY source, project_id, payment_id, money HAVING countIf(type = 'sale') > 1)`, ops)
	return v.detect(detected{
		kind: schemas.DuplicatePayment, parts: []string{"source", "project", "prior.2", "this.2"}, severity: "'high'",
		date: "this.4", opened: "this.1", source: "source", account: "project", rows: "[prior.2, this.2]", provider: "this.5", currency: "money", amount: "this.3",
		evidence: [][2]string{{"rule", "'same payment'"}, {"payment_id", "payment_id"}, {"first", "prior.2"}, {"first_at", "prior.1"}, {"second", "this.2"}, {"second_at", "this.1"}, {"amount_minor", "this.3"}, {"given_back_minor", "back"}},
		from: fmt.Sprintf("(SELECT *, list[i - 1] AS prior, list[i] AS this FROM (SELECT *, arrayJoin(range(2, length(list) + 1)) AS i FROM %s)) WHERE prior.3 = this.3 AND back < this.3 AND toUnixTimestamp64Micro(this.1) - toUnixTimestamp64Micro(prior.1) <= %d",
			groups, d.Reference.Microseconds())})
}
