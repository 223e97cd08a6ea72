-- Spend by provider and month, the last 13 months.
-- Spend is bill payments and fees, and successful sales of the platform; what two systems report counts once.
SELECT toStartOfMonth(business_date) AS month, provider_code, provider_name, category, currency,
  sum(entries) AS payments, sum(spend) AS spend_total, sum(refunds) AS refunds_total, sum(net) AS net_total
FROM spend_by_provider
WHERE business_date >= toStartOfMonth(today()) - INTERVAL 12 MONTH
GROUP BY month, provider_code, provider_name, category, currency
ORDER BY month, net_total DESC, provider_code
