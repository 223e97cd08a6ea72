-- Up to when every source, table and wallet is complete. Bound what you sum up by it.
SELECT source, `table`, wallet_id, complete_through, dateDiff('minute', complete_through, now64(6, 'UTC')) AS minutes_behind
FROM completeness ORDER BY minutes_behind DESC, source, `table`, wallet_id
