-- What loading wallets by card costs, by card range (the first six digits) and month.
SELECT toStartOfMonth(business_date) AS month, substring(card_mask, 1, 6) AS card_range, currency, count() AS loads, sum(amount) AS loaded, sum(fee) AS fees,
  round(toFloat64(sum(fee_minor)) * 10000 / nullIf(sum(amount_minor), 0), 2) AS basis_points
FROM funding_events
WHERE method = 'card' AND status = 'completed' AND match(card_mask, '^[0-9]{6}')
GROUP BY month, card_range, currency
ORDER BY month, loaded DESC, card_range
