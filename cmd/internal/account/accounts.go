package account

import (
	"fmt"
	"strings"

	"github.com/paylake/paylake/sinks/clickhouse"
)

// Account is a wallet's period in one currency. Amounts are digits: sums may be
// wider than 64 bits. Balances are empty where the source names none.
type Account struct {
	Source   string `json:"source"`
	Wallet   string `json:"wallet_id"`
	Currency string `json:"currency"`
	Entries  int64  `json:"entries"`
	Credits  int64  `json:"credits"` // entries of 0 or more
	Credit   string `json:"credit_minor"`
	Debits   int64  `json:"debits"`
	Debit    string `json:"debit_minor"` // with its sign
	Opening  string `json:"opening_minor"`
	Closing  string `json:"closing_minor"`
}

// steps collects the lines at one end of a period that name a balance: before,
// after, entry_id. Lines of one instant are in no order of their own.
func steps(end, where string) string {
	return fmt.Sprintf("arraySort(s -> s.3, groupArrayArg%sIf((toInt128(assumeNotNull(balance_after_minor)) - amount_minor, toInt128(assumeNotNull(balance_after_minor)), entry_id), posted_at, balance_after_minor IS NOT NULL%s))",
		end, where)
}

// opening is the balance before the first of the lines: among those of one
// instant the one that no other leads to. Lines that come round to where they
// began have only their ids to go by.
func opening(steps string) string { return end(steps, 1, 2, "1") }

// closing is the balance after the last, from which no other goes on.
func closing(steps string) string { return end(steps, 2, 1, "-1") }

func end(steps string, own, other int, fallback string) string {
	lone := fmt.Sprintf("arrayFilter(x -> countEqual(%[1]s.%[2]d, x) > countEqual(%[1]s.%[3]d, x), %[1]s.%[2]d)", steps, own, other)
	return fmt.Sprintf("multiIf(empty(%[1]s), NULL, empty(%[2]s), toNullable(%[1]s[%[4]s].%[3]d), toNullable(%[2]s[1]))", steps, lone, own, fallback)
}

// balances gives opening and closing per wallet and currency.
func balances(where string) string {
	return fmt.Sprintf(`SELECT source, wallet_id, currency, %s AS opening, %s AS closing FROM (
    SELECT source, wallet_id, currency, %s AS first, %s AS last FROM ledger WHERE status != 'pending'%s GROUP BY source, wallet_id, currency)`,
		opening("first"), closing("last"), steps("Min", ""), steps("Max", ""), where)
}

// Accounts is the query of all accounts of a period, in the order of Lines:
// also those that had no line in it, whose balance is the one that the last line
// before it left.
func Accounts(s Selection) string {
	within, before := " AND 1"+days(s.From, ""), " AND 0"
	if s.From != "" {
		before = " AND business_date < toDate32(" + clickhouse.Literal(s.From) + ")"
	}
	in := strings.TrimPrefix(within, " AND ")
	return fmt.Sprintf(`SELECT toString(source) AS source, toString(wallet_id) AS wallet_id, toString(currency) AS currency, entries, credits, toString(credit) AS credit_minor, entries - credits AS debits, toString(debit) AS debit_minor,
  ifNull(toString(if(entries = 0, %[1]s, %[2]s)), '') AS opening_minor, ifNull(toString(if(entries = 0, %[1]s, %[3]s)), '') AS closing_minor
FROM (SELECT l.source AS source, l.wallet_id AS wallet_id, l.currency AS currency, toInt64(countIf(%[4]s)) AS entries, toInt64(countIf(amount_minor >= 0 AND %[4]s)) AS credits,
    sumIf(toInt128(amount_minor), amount_minor >= 0 AND %[4]s) AS credit, sumIf(toInt128(amount_minor), amount_minor < 0 AND %[4]s) AS debit,
    %[5]s AS first, %[6]s AS last, %[7]s AS former
  FROM ledger AS l WHERE status != 'pending'%[8]s GROUP BY source, wallet_id, currency)
ORDER BY source, wallet_id, currency`, closing("former"), opening("first"), closing("last"), in, steps("Min", within), steps("Max", within), steps("Max", before), days("", s.To))
}
