package payplan

import "maps"

// Queries get these parameters: {day:Date}, the day that is planned for,
// {source:String}, {project_id:Int64} and {method:String}, those of the job. No
// query of ours asks for the time: the same day, rows and catalogue are the same
// plan.
const (
	paramDay     = "day"
	paramSource  = "source"
	paramProject = "project_id"
	paramMethod  = "method"
)

// dueBills: who paid a provider by the job's method in the month before, and has
// not in this one, owes the latest amount again. A purchase of this month that
// is under way, or was paid back, counts as one; one that failed does not.
// Providers that every catalogue calls retired are left out; a code that no
// catalogue has is taken.
const dueBills = `WITH toStartOfMonth({day:Date}) AS this_month
SELECT concat('bill:', provider_code, ':', customer_id, ':', formatDateTime(this_month, '%Y-%m')) AS key,
  provider_code, latest.1 AS amount_minor, latest.2 AS currency, customer_id
FROM (
  SELECT toString(provider_code) AS provider_code, customer_id, argMax((sale_minor, toString(currency)), (first_at, payment_id)) AS latest
  FROM payments
  WHERE source = {source:String} AND project_id = {project_id:Int64} AND method = {method:String} AND type = 'purchase' AND status = 'success'
    AND business_date >= addMonths(this_month, -1) AND business_date < this_month AND provider_code != '' AND customer_id NOT IN ('', 'erased')
  GROUP BY provider_code, customer_id)
WHERE (provider_code, customer_id) NOT IN (
    SELECT toString(provider_code), customer_id FROM payments
    WHERE source = {source:String} AND project_id = {project_id:Int64} AND type = 'purchase'
      AND business_date >= this_month AND business_date < addMonths(this_month, 1)
      AND status NOT IN ('decline', 'error', 'cancelled', 'canceled', 'expired', 'internal error', 'external error'))
  AND provider_code NOT IN (SELECT toString(provider_code) FROM providers GROUP BY provider_code HAVING countIf(status = 'active') = 0)
ORDER BY key`

// partnerPayouts: what a provider's sales of the month before come to, less what
// was paid back and the fees that are known.
//
// Mbank moves money one way, from a payer to the project. So this is no payout
// in the platform's sense, which no method here can do: the partner is the payer,
// and settles with one purchase what he has collected. His customer_id is his
// provider_code; the file of payers has his number under it. Where the money has
// to go the other way the net is negative, and that is a finding. Money in two
// currencies is two rows under one key, and so a finding as well.
const partnerPayouts = `WITH addMonths(toStartOfMonth({day:Date}), -1) AS last_month, toStartOfMonth({day:Date}) AS this_month
SELECT concat('payout:', provider_code, ':', formatDateTime(last_month, '%Y-%m')) AS key, provider_code, sum(minor) AS amount_minor, currency, provider_code AS customer_id
FROM (
  SELECT toString(provider_code) AS provider_code, toString(currency) AS currency,
    multiIf(type IN ('sale', 'capture', 'recurring', 'refund reverse'), toInt128(amount_minor), type IN ('refund', 'reversal'), -toInt128(amount_minor), toInt128(0)) AS minor
  FROM operations
  WHERE source = {source:String} AND project_id = {project_id:Int64} AND status = 'success' AND business_date >= last_month AND business_date < this_month
  UNION ALL
  SELECT toString(provider_code), toString(fee_currency), -toInt128(fee_minor)
  FROM operation_fees
  WHERE source = {source:String} AND project_id = {project_id:Int64} AND business_date >= last_month AND business_date < this_month)
WHERE provider_code != ''
GROUP BY provider_code, currency
HAVING amount_minor != 0
ORDER BY key, currency`

var templates = map[string]string{"due_bills": dueBills, "partner_payouts": partnerPayouts}

// Templates are the queries that need not be written, by name.
func Templates() map[string]string { return maps.Clone(templates) }
