-- Payment platform: why attempts were declined.
SELECT source, code, any(message) AS message, currency, count() AS declines, sum(amount) AS declined
FROM operations WHERE type IN ('sale', 'auth', 'recurring', 'payout') AND status = 'decline'
GROUP BY source, code, currency
ORDER BY declines DESC, code
