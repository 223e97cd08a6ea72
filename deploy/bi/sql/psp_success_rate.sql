-- Payment platform: attempts, successes and declines by day and method. An attempt is a sale, an authorisation or a payout that has ended.
SELECT business_date, source, method, currency, count() AS attempts, countIf(status = 'success') AS successes, countIf(status = 'decline') AS declines,
  round(successes / attempts, 4) AS success_rate
FROM operations
WHERE type IN ('sale', 'auth', 'recurring', 'payout') AND status IN ('success', 'decline')
GROUP BY business_date, source, method, currency
ORDER BY business_date, source, method, currency
