-- Payments that two systems report: both rows stay, one counts.
SELECT toStartOfMonth(business_date) AS month, reason, counted_table, excluded_table, excluded_source, provider_code, currency, count() AS pairs, sum(amount_minor) AS not_counted_twice_minor
FROM double_counts GROUP BY month, reason, counted_table, excluded_table, excluded_source, provider_code, currency ORDER BY month, pairs DESC, provider_code
