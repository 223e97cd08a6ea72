-- Float of payment terminals: cash that was taken, by day, network and who tells it (the wallet's own list, a terminal operator's report):
-- what of it names a ledger line (credited), and what names none yet (float). Never add the sources up: they tell of the same money.
SELECT business_date, source, terminal_network, currency, count() AS events, sum(amount) AS taken, sum(fee) AS fees,
  sumIf(amount, ledger_id != '') AS credited, sumIf(amount, ledger_id = '') AS float_open
FROM funding_events
WHERE method = 'terminal' AND status = 'completed'
GROUP BY business_date, source, terminal_network, currency
ORDER BY business_date, source, terminal_network, currency
