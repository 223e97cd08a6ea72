package clickhouse

import (
	"fmt"
	"slices"

	"github.com/paylake/paylake/schemas"
)

// Views of the payment platform beside operations. Pure.

func (v viewer) psp() []string {
	return slices.Concat(v.inFull("payments", v.payments), v.pair("operation_fees", v.fees), v.pair("chargebacks", v.chargebacks),
		v.pair("chargeback_hints", v.chargebackHints), v.pair("psp_balances", v.pspBalances), v.pair("currency_rates", v.rates), v.pair("alarms", v.alarms))
}

func (v viewer) fees(at string) string {
	t := schemas.OperationFees
	return fmt.Sprintf("SELECT %s, flags\nFROM %s", v.fields(t, nil, map[string]string{
		"fee_currency": decimal("fee_minor", "fee_currency") + " AS fee", "currency": decimal("amount_minor", "currency") + " AS amount"}),
		v.aliased(v.currentRows(t, at)))
}

func (v viewer) chargebacks(at string) string {
	t := schemas.Chargebacks
	return fmt.Sprintf("SELECT %s, flags\nFROM %s", v.fields(t, v.replaced("chargebacks", nil),
		map[string]string{"currency": decimal("amount_minor", "currency") + " AS amount"}),
		v.aliased(v.currentRows(t, at)))
}

// chargebackHints: with the chargeback of the platform's own list that confirms
// a hint; empty as long as none does.
func (v viewer) chargebackHints(at string) string {
	t := schemas.Chargebacks
	return fmt.Sprintf(`SELECT h.*, listed AS chargeback_id, toBool(listed != '') AS confirmed FROM (%s) AS h LEFT JOIN (
  SELECT source, project_id, payment_id, argMin(c.chargeback_id, c.created_at) AS listed FROM %s.%s AS c WHERE %s GROUP BY source, project_id, payment_id) AS l
USING (source, project_id, payment_id) SETTINGS join_use_nulls = 0`,
		v.rows(schemas.ChargebackHints, at, nil), v.db, rowsTable(t), v.current(t, at))
}

// currentRows are a table's own columns, with flags.
func (v viewer) currentRows(t *schemas.Table, at string) string {
	return fmt.Sprintf("(SELECT *, %s FROM %s.%s WHERE %s)", v.flags(t, at), v.db, rowsTable(t), v.current(t, at))
}

func (v viewer) pspBalances(at string) string {
	t := schemas.PSPBalances
	return fmt.Sprintf("SELECT %s, flags\nFROM %s", v.fields(t, nil, map[string]string{"amount_minor": decimal("amount_minor", "currency") + " AS amount"}), v.currentRows(t, at))
}

func (v viewer) rates(at string) string {
	t := schemas.CurrencyRates
	return fmt.Sprintf("SELECT %s, flags\nFROM %s", v.fields(t, nil, map[string]string{"rate_scaled": "toDecimal128(rate, 18) AS rate_decimal"}), v.currentRows(t, at))
}

// What operations do to a payment's money, once they succeed.
const (
	takes  = "('sale', 'capture', 'recurring')"
	tries  = "('sale', 'auth', 'recurring', 'payout')"
	gives  = "('refund', 'reversal')"
	retake = "'refund reverse'"
)

// payments rolls operations up: one row per payment. Its operations stand in one
// array in the order of their creation: 1 created_at, 2 operation_id, 3 type, 4
// status, 5 amount, 6 currency, 7 method, 8 completed_at, 9 customer, 10 account,
// 11 code, 12 message. An operation without a payment is a payment of its own.
//
// The status is what the operations add up to: later refunds and reversals turn
// a success into (partially) refunded or reversed, a purchase that was never
// paid has the status of its last operation. Sums are those of one currency,
// that of the first successful attempt; operations in another one are counted.
func (v viewer) payments(at string) string {
	t := schemas.Operations
	ours := "x.4 = 'success' AND x.6 = currency"
	sum := func(types string) string {
		return fmt.Sprintf("arraySum(x -> if(x.3 IN %s AND %s, toInt128(x.5), toInt128(0)), ops)", types, ours)
	}
	rollup := fmt.Sprintf(`SELECT source, project_id, payment_id,
  multiIf(opened.3 IN ('sale', 'auth', 'capture', 'recurring'), 'purchase', opened.3) AS type,
  multiIf(sale_minor > 0 AND refunds_minor >= sale_minor, if(back.3 = 'reversal', 'reversed', 'refunded'),
    sale_minor > 0 AND refunds_minor > 0, if(back.3 = 'reversal', 'partially reversed', 'partially refunded'),
    sale_minor > 0 OR payout_minor > 0 OR has(done, 'sale') OR has(done, 'payout'), 'success',
    has(done, 'auth') AND (has(done, 'cancel') OR has(done, 'reversal')), 'cancelled',
    has(done, 'auth'), 'awaiting capture',
    closed.4) AS status,
  paid_with.7 AS method, paid_with.7 AS provider_code, currency,
  opened.2 AS first_operation_id, closed.2 AS last_operation_id, opened.1 AS first_at, closed.1 AS last_at, closed.8 AS completed_at, business_date,
  toUInt32(length(ops)) AS operations, toUInt32(arrayCount(x -> x.3 IN %[1]s, ops)) AS attempts, toUInt32(arrayCount(x -> x.6 != currency, ops)) AS other_currency_operations,
  sale_minor, refunds_minor, payout_minor, sale_minor - refunds_minor - payout_minor AS net_minor,
  %[2]s AS sale, %[3]s AS refunds, %[4]s AS net,
  %[5]s AS %[15]s, %[6]s AS %[16]s, closed.11 AS code, closed.12 AS message, snapshot
FROM (SELECT *, %[7]s AS sale_minor, %[8]s - %[9]s AS refunds_minor, %[10]s AS payout_minor,
    arrayMap(x -> x.3, arrayFilter(x -> x.4 = 'success', ops)) AS done,
    arrayLast(x -> x.3 IN %[11]s AND x.4 = 'success', ops) AS back
  FROM (SELECT source, project_id, payment_id, snapshot, business_date, ops, ops[1] AS opened, ops[-1] AS closed,
      arrayLast(x -> x.7 != '', ops) AS paid_with, arrayLast(x -> x.9 != '', ops).9 AS customer_id, arrayLast(x -> x.10 != '', ops).10 AS account_masked,
      if(arrayExists(x -> x.4 = 'success', ops), arrayFirst(x -> x.4 = 'success', ops).6, ops[1].6) AS currency
    FROM (SELECT source, project_id, payment_id, max(snapshot) AS snapshot, argMin(business_date, (created_at, operation_id)) AS business_date,
        arraySort(x -> (x.1, x.2), groupArray((created_at, operation_id, toString(type), toString(status), amount_minor, toString(currency), toString(method), completed_at, customer_id, account_masked, toString(code), toString(message)))) AS ops
      FROM (SELECT * FROM %[12]s.%[13]s WHERE %[14]s)
      GROUP BY source, project_id, payment_id, if(payment_id = '', operation_id, ''))))`,
		tries, decimal("sale_minor", "currency"), decimal("refunds_minor", "currency"), decimal("sale_minor - refunds_minor - payout_minor", "currency"),
		v.shown("customer_id"), v.shown("account_masked"), sum(takes), sum(gives), sum("("+retake+")"), sum("('payout')"), gives,
		v.db, rowsTable(t), v.current(t, at), quote("customer_id"), quote("account_masked"))
	return "SELECT * EXCEPT (own_code) FROM " + v.aliased("("+rollup+")")
}
