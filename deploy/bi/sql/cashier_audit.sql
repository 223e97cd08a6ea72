-- Cashier audit: for each terminal and day what it reported, what the wallets were credited for it, and what no credit was found for.
-- The pairs are those of the matching rule topup_terminal (paylake match list).
WITH paired AS (
  SELECT left_table, left_source, left_account, left_id, right_table, right_source, right_account, right_id
  FROM matches WHERE state = 'matched' AND rule IN ('topup_terminal', 'manual')
),
sides AS (
  SELECT left_source AS source, left_account AS account, left_id AS id FROM paired WHERE left_table = 'funding_events'
  UNION DISTINCT SELECT right_source, right_account, right_id FROM paired WHERE right_table = 'funding_events'
)
SELECT business_date, source, terminal_network, terminal_id, currency, count() AS receipts, sum(amount) AS reported,
  sumIf(amount, known) AS credited, countIf(NOT known) AS receipts_without_credit, sumIf(amount, NOT known) AS without_credit
FROM (
  SELECT *, ledger_id != '' OR (toString(source), toString(wallet_id), event_id) IN (SELECT toString(source), toString(account), id FROM sides) AS known
  FROM funding_events WHERE method = 'terminal' AND status = 'completed'
)
GROUP BY business_date, source, terminal_network, terminal_id, currency
ORDER BY without_credit DESC, business_date, source, terminal_id
