-- Rows that could not be read, and the money that waits with them.
SELECT source, `table`, reason, currency, count() AS rows, sum(q.amount_minor) AS waiting_minor, countIf(q.amount_minor IS NULL) AS without_amount, min(first_seen) AS oldest
FROM quarantine AS q WHERE resolved_at IS NULL
GROUP BY source, `table`, reason, currency ORDER BY rows DESC, source, `table`, reason
