-- Cohorts across wallets: wallets by the month of their first bill payment, and how many of them still pay so many months later.
WITH months AS (
  SELECT source, wallet_id, toStartOfMonth(business_date) AS month, currency, sum(-amount) AS paid
  FROM ledger WHERE type = 'bill_pay' AND amount_minor < 0 AND status = 'posted'
  GROUP BY source, wallet_id, month, currency
),
first AS (SELECT source, wallet_id, min(month) AS cohort FROM months GROUP BY source, wallet_id)
SELECT cohort, dateDiff('month', cohort, month) AS months_later, currency, uniqExact(m.source, m.wallet_id) AS wallets, sum(paid) AS paid_total
FROM months AS m INNER JOIN first AS f ON m.source = f.source AND m.wallet_id = f.wallet_id
GROUP BY cohort, months_later, currency
ORDER BY cohort, months_later, currency
