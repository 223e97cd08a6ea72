-- Usage and churn per service: subscribers that pay in a month, those that are new, and those that paid the month before and do not any more.
-- A subscriber is one reference at one provider's service, paid from one wallet. The month under way is left out: it is not over.
WITH paid AS (
  SELECT DISTINCT toStartOfMonth(business_date) AS month, provider_code, service_code, source, wallet_id, subscriber_ref
  FROM ledger
  WHERE type = 'bill_pay' AND amount_minor < 0 AND status = 'posted' AND subscriber_ref != '' AND business_date < toStartOfMonth(today())
),
marked AS (
  SELECT *, row_number() OVER (PARTITION BY provider_code, service_code, source, wallet_id, subscriber_ref ORDER BY month) = 1 AS first_time
  FROM paid
)
SELECT month, provider_code, service_code, sum(active) AS subscribers, sum(new) AS new_subscribers, sum(lost) AS churned,
  if(subscribers + churned - new_subscribers > 0, round(churned / (subscribers + churned - new_subscribers), 4), 0) AS churn_rate
FROM (
  SELECT month, provider_code, service_code, 1 AS active, toUInt8(first_time) AS new, 0 AS lost FROM marked
  UNION ALL
  SELECT toDate(month + INTERVAL 1 MONTH) AS month, provider_code, service_code, 0, 0, 1 FROM paid
  WHERE toDate(month + INTERVAL 1 MONTH) < toStartOfMonth(today())
    AND (toDate(month + INTERVAL 1 MONTH), provider_code, service_code, source, wallet_id, subscriber_ref)
      NOT IN (SELECT toDate(month), provider_code, service_code, source, wallet_id, subscriber_ref FROM paid)
)
GROUP BY month, provider_code, service_code
ORDER BY month, provider_code, service_code
