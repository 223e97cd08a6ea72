package clickhouse

import (
	"fmt"

	"github.com/paylake/paylake/schemas"
)

// One provider vocabulary: other systems' codes, read through the crosswalk.
// Pure.

// aliases is the crosswalk that counts.
func (v viewer) aliases() string {
	return fmt.Sprintf("(SELECT DISTINCT toString(source) AS alias_source, foreign_code AS alias_of, toString(provider_code) AS alias_code, valid_from AS alias_from FROM %[1]s.provider_aliases_rows WHERE digest = (SELECT argMax(digest, made_at) FROM %[1]s.alias_sets))", v.db)
}

// aliased joins rows, which have source, provider_code and business_date, with
// the alias of their day: own_code is what the source wrote, resolved is the
// provider's code, or the source's own where no alias is known.
func (v viewer) aliased(rows string) string {
	return fmt.Sprintf(`(SELECT r.* EXCEPT (provider_code), toString(r.provider_code) AS own_code, toLowCardinality(if(alias_code != '', alias_code, own_code)) AS provider_code
  FROM %s AS r LEFT ASOF JOIN %s AS a ON toString(r.source) = a.alias_source AND toString(r.provider_code) = a.alias_of AND r.business_date >= a.alias_from)`, rows, v.aliases())
}

// providerAliases shows the crosswalk.
func (v viewer) providerAliases() string {
	return "SELECT alias_source AS source, alias_of AS foreign_code, alias_code AS provider_code, if(alias_from = toDate32('1900-01-01'), NULL, toNullable(alias_from)) AS valid_from FROM " + v.aliases()
}

// coded are the tables whose rows name a provider in their source's own words.
func coded() []*schemas.Table {
	return []*schemas.Table{schemas.Ledger, schemas.Operations, schemas.BankEntries, schemas.LoyaltyEntries}
}

// unknownProviders lists codes that neither the catalogue nor the crosswalk
// knows, with the catalogue's nearest code by similarity of code and names: a
// suggestion for whoever edits the crosswalk, applied by nobody.
func (v viewer) unknownProviders() string {
	rows := ""
	for i, t := range coded() {
		if i > 0 {
			rows += "\n    UNION ALL "
		}
		days := fmt.Sprintf("(SELECT source, provider_code, business_date, currency, toInt64(count()) AS n, sum(abs(toInt128(amount_minor))) AS turnover FROM %s.%s WHERE provider_code != '' AND %s GROUP BY ALL)",
			v.db, rowsTable(t), v.current(t, atComment))
		rows += fmt.Sprintf("SELECT '%s' AS `table`, toString(source) AS source, own_code AS foreign_code, toString(currency) AS currency, sum(n) AS rows, sum(turnover) AS amount_minor, min(business_date) AS first_date, max(business_date) AS last_date\n"+
			"      FROM %s WHERE toString(provider_code) NOT IN (SELECT code FROM known) GROUP BY source, own_code, currency", t.Name, v.aliased(days))
	}
	return fmt.Sprintf(`WITH known AS (SELECT toString(provider_code) AS code, name_az, name_en, name_ru FROM %[1]s.providers_rows WHERE %[2]s)
SELECT %[4]s, round(best, 3) AS similarity, if(best >= 0.75, nearest, '') AS suggestion FROM (
  SELECT %[4]s, argMax(code, (likeness, code)) AS nearest, max(likeness) AS best FROM (
    SELECT %[4]s, code, arrayMax(n -> if(n = '', 0., jaroWinklerSimilarity(lowerUTF8(foreign_code), lowerUTF8(n))), [code, name_az, name_en, name_ru]) AS likeness
    FROM (%[3]s) AS u CROSS JOIN (SELECT * FROM known UNION ALL SELECT '', '', '', '') AS k)
  GROUP BY %[4]s)`, v.db, v.current(schemas.Providers, atComment), rows,
		"`table`, source, foreign_code, currency, rows, amount_minor, first_date, last_date")
}
