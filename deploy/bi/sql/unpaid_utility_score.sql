-- Unpaid-utility score per subscriber, across sources: of the last six whole months, those in which a bill was to be expected
-- (from the first payment on) and none was paid. 0 pays every month, 1 has not paid since. A subscriber is a reference at a provider, whoever pays.
WITH range AS (
  SELECT toStartOfMonth(today()) - INTERVAL 6 MONTH AS since, toStartOfMonth(today()) AS until
),
paid AS (
  SELECT provider_code, subscriber_ref, toString(source) AS paid_through, toStartOfMonth(business_date) AS month
  FROM ledger
  WHERE category = 'utilities' AND type = 'bill_pay' AND amount_minor < 0 AND status = 'posted' AND subscriber_ref != ''
  UNION ALL
  SELECT l.provider_code, l.subscriber_ref, toString(m.right_source), toStartOfMonth(l.business_date)
  FROM matches AS m INNER JOIN ledger AS l ON m.left_source = l.source AND m.left_account = l.wallet_id AND m.left_id = l.entry_id
  WHERE m.state = 'matched' AND m.left_table = 'ledger' AND l.category = 'utilities' AND l.subscriber_ref != ''
)
SELECT provider_code, subscriber_ref, arraySort(groupUniqArray(paid_through)) AS sources, min(month) AS first_month, max(month) AS last_month,
  dateDiff('month', greatest(min(month), toDate((SELECT since FROM range))), toDate((SELECT until FROM range))) AS expected_months,
  uniqExactIf(month, month >= (SELECT since FROM range) AND month < (SELECT until FROM range)) AS paid_months,
  if(expected_months > 0, round(1 - paid_months / expected_months, 4), 0) AS unpaid_score
FROM paid
GROUP BY provider_code, subscriber_ref
HAVING expected_months > 0
ORDER BY unpaid_score DESC, provider_code, subscriber_ref
