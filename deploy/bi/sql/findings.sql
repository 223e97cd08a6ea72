-- Findings that are open, with their age.
SELECT kind, severity, business_date, source, wallet_id, provider_code, currency, amount_minor, dateDiff('day', opened_at, now64(6, 'UTC')) AS days_open, row_ids, evidence
FROM findings WHERE state = 'open' ORDER BY severity, opened_at
