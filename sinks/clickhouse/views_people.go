package clickhouse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/paylake/paylake/schemas"
)

// What views owe to persons: wallets whose consent was withdrawn, and one name
// for one person whatever the key it was made with. Pure.

// peopleTables are filled from the state database, not from the lake: a
// rebuild leaves them alone. Only ever inserted into; the newest version
// counts.
func peopleTables(db string) []string {
	return []string{
		"CREATE TABLE IF NOT EXISTS " + db + ".hidden_wallets (source LowCardinality(String), wallet_id LowCardinality(String), hidden UInt8, version Int64, made_at DateTime64(6, 'UTC')) ENGINE = MergeTree ORDER BY (source, wallet_id)" + durable,
		"CREATE TABLE IF NOT EXISTS " + db + ".persons (pseudonym String, canonical String, version Int64) ENGINE = MergeTree ORDER BY pseudonym" + durable,
	}
}

// everything reports whether the reader sees what was committed, also of
// wallets whose consent was withdrawn.
func (v viewer) everything() string {
	return fmt.Sprintf("(currentUser() IN (%s, 'auditor') OR has(enabledRoles(), 'paylake_auditor'))", literal(v.owner))
}

func (v viewer) hidden() string {
	return "(SELECT source, wallet_id FROM " + v.db + ".hidden_wallets GROUP BY source, wallet_id HAVING argMax(hidden, version) = 1)"
}

// consented leaves out wallets whose consent was withdrawn. It begins with what
// is constant within a query, so that it costs nothing as long as nobody has
// withdrawn anything.
func (v viewer) consented() string { return v.consentedOf("") }

// consentedOf names the columns of one table among several.
func (v viewer) consentedOf(table string) string {
	return fmt.Sprintf("((SELECT count() FROM %[1]s.hidden_wallets) = 0 OR %[2]s OR (%[3]ssource, %[3]swallet_id) NOT IN %[4]s)", v.db, v.everything(), table, v.hidden())
}

// consentedAs is the same for rows that name their source and wallet otherwise.
func (v viewer) consentedAs(source, wallet string) string {
	return fmt.Sprintf("((SELECT count() FROM %[1]s.hidden_wallets) = 0 OR %[2]s OR (%[3]s, %[4]s) NOT IN %[5]s)", v.db, v.everything(), source, wallet, v.hidden())
}

// withdrawn is the opposite.
func (v viewer) withdrawn() string {
	return fmt.Sprintf("(SELECT count() FROM %s.hidden_wallets) > 0 AND NOT %s AND (source, wallet_id) IN %s", v.db, v.everything(), v.hidden())
}

// withdrawnSpend takes back what hidden wallets have in the rollups, which sum
// over wallets.
func (v viewer) withdrawnSpend(at string) string {
	t := schemas.Ledger
	return fmt.Sprintf(`SELECT business_date, provider_code, category, source, currency, -toInt64(sign),
      if(%[1]s, -toInt128(sign) * abs(toInt128(amount_minor)), 0), if(%[2]s, -toInt128(sign) * toInt128(amount_minor), 0)
    FROM %[3]s.%[4]s WHERE (%[1]s OR %[2]s) AND %[5]s AND %[6]s`,
		spendOf(t), refundOf(t), v.db, rowsTable(t), v.loaded(at), v.withdrawn())
}

// pseudonymColumns hold pseudonyms of persons.
var pseudonymColumns = []string{"counterparty", "customer_id", "member", "account"}

// person is a column under the newest key that is known for its pseudonym:
// rows from before and after a rotation join. Without a rotation there is
// nothing to look up.
func (v viewer) person(column string) string {
	if !slices.Contains(pseudonymColumns, column) {
		return quote(column)
	}
	known := "(SELECT (groupArray(p), groupArray(c)) FROM (SELECT pseudonym AS p, argMax(canonical, version) AS c FROM " + v.db + ".persons GROUP BY pseudonym ORDER BY p))"
	return strings.NewReplacer("COLUMN", quote(column), "KNOWN", known).Replace("transform(COLUMN, KNOWN.1, KNOWN.2, COLUMN)")
}
