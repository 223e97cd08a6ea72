package clickhouse

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/paylake/paylake/schemas"
)

// Too many transfers, or too much, between the wallets and one person. Pure.
//
// A transfer enters the span at its instant and leaves it a span later, so the
// running sum over both events is what the span holds: linear after sorting,
// whatever lies in one span.

// velocityFindings: one for each time that a person gets above a limit, with the
// transfers of the span at which it begins, and all that follow as long as it
// stays above.
func (v viewer) velocityFindings(at string) []string {
	var out []string
	for _, limit := range v.thresholds().Velocity {
		out = append(out, v.velocity(limit, at))
	}
	return out
}

// above is the condition under which a span holds too much.
func above(l schemas.Velocity, count, sum string) string {
	var parts []string
	if l.Count > 0 {
		parts = append(parts, fmt.Sprintf("%s >= %d", count, l.Count))
	}
	for _, currency := range slices.Sorted(maps.Keys(l.Sum)) {
		parts = append(parts, fmt.Sprintf("money = %s AND %s >= %d", literal(currency), sum, l.Sum[currency]))
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// limitOf is the limit of the row's currency as a text; empty without one.
func limitOf(limits map[string]int64, currency string) string {
	var names, values []string
	for _, c := range slices.Sorted(maps.Keys(limits)) {
		names, values = append(names, literal(c)), append(values, fmt.Sprintf("'%d'", limits[c]))
	}
	if len(names) == 0 {
		return noText
	}
	return fmt.Sprintf("transform(toString(%s), [%s], [%s], '')", currency, strings.Join(names, ", "), strings.Join(values, ", "))
}

func (v viewer) velocity(l schemas.Velocity, at string) string {
	person := v.person("counterparty")
	who := fmt.Sprintf("counterparty NOT IN ('', %s) AND type IN ('transfer_out', 'transfer_in') AND status = 'posted'", literal(schemas.Erased))
	columns := fmt.Sprintf("%s AS person, toString(type) AS direction, toString(currency) AS money, toUnixTimestamp64Micro(posted_at) AS t, toInt128(abs(amount_minor)) AS a", person)
	enough := strings.TrimSuffix(v.lineRows(columns, who, at), ")") + ")"
	some := fmt.Sprintf("(person, direction, money) IN (SELECT person, direction, money FROM %s GROUP BY person, direction, money HAVING %s)", enough, above(l, "count()", "sum(a)"))
	rows := v.lineRows(columns+", toString(source) AS held, toString(wallet_id) AS wallet, entry_id, business_date AS day, posted_at AS instant", who+" AND "+some, at)
	span := l.Window.Microseconds()
	swept := fmt.Sprintf(`(SELECT *, sum(step) OVER w AS n, sum(step * a) OVER w AS s
      FROM (SELECT *, arrayJoin([toInt8(1), toInt8(-1)]) AS step, t + if(step = 1, 0, %d) AS moment FROM %s)
      WINDOW w AS (PARTITION BY person, direction, money ORDER BY moment, step, held, wallet, entry_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW))`, span, rows)
	// Only arrivals are judged; a run of them above the limit is one episode.
	marked := fmt.Sprintf(`(SELECT *, sum(begins) OVER (PARTITION BY person, direction, money ORDER BY moment, held, wallet, entry_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS episode
      FROM (SELECT *, over_ AND NOT lagInFrame(over_, 1, false) OVER (PARTITION BY person, direction, money ORDER BY moment, held, wallet, entry_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS begins
        FROM (SELECT *, %s AS over_ FROM %s WHERE step = 1)))`, above(l, "n", "s"), swept)
	episodes := fmt.Sprintf(`(SELECT person, direction, money, episode, argMin((held, wallet, entry_id, day, instant), (moment, held, wallet, entry_id)) AS first, min(moment) - %d AS since, max(moment) AS until, max(n) AS most, max(s) AS most_minor
      FROM %s WHERE over_ GROUP BY person, direction, money, episode)`, span, marked)
	joinedRows := fmt.Sprintf(`(SELECT person, direction, money, first, most, most_minor, count() AS transfers, sum(a) AS moved, uniqExact(wallet) AS wallets, any(wallet) AS some_wallet, any(held) AS some_source,
      arrayMap(x -> x.2, arraySort(groupArray((t, entry_id)))) AS ids
    FROM %s AS e INNER JOIN %s AS r USING (person, direction, money) WHERE t > since AND t <= until GROUP BY person, direction, money, episode, first, most, most_minor)`, episodes, rows)
	return v.detect(detected{
		kind: schemas.VelocityFinding, parts: []string{fmt.Sprint(span), "first.1", "first.2", "first.3"}, severity: "'medium'", date: "first.4", opened: "first.5",
		source: "some_source", wallet: "if(wallets = 1, some_wallet, '')", person: "person", rows: "ids", currency: "money", amount: "moved",
		evidence: [][2]string{{"direction", "if(direction = 'transfer_in', 'in', 'out')"}, {"window_seconds", fmt.Sprintf("'%d'", int64(l.Window.Seconds()))}, {"transfers", "transfers"}, {"amount_minor", "moved"},
			{"most_transfers_in_window", "most"}, {"most_minor_in_window", "most_minor"}, {"count_limit", fmt.Sprintf("'%d'", l.Count)}, {"sum_limit_minor", limitOf(l.Sum, "money")}, {"wallets", "wallets"}, {"crossed_by", "first.3"}},
		from: joinedRows})
}
