package clickhouse

import (
	"fmt"
	"strings"

	"github.com/paylake/paylake/schemas"
)

// This file is pure: up to which instant everything is there, and where it is
// not.

// completeness is derived from proofs alone. Windows that were read to their
// end are joined from the earliest on, up to the first gap; a balance chain
// that does not close ends it at the row before the break, because what is
// missing may have been posted right after that row. What has no windows
// (catalogues, files) is complete as of its last commit. A notice of which no row
// was kept has no window either, and says nothing about what is complete: it is of
// no whole table, holds no row, and may belong to a stream that has windows.
func (v viewer) completenessAt(at string) string {
	return fmt.Sprintf("WITH %s\nSELECT source, wallet_id, `table`, if(broken_from = 0, through, least(through, broken_from)) AS complete_through FROM read LEFT JOIN broken USING (source, wallet_id, `table`) SETTINGS join_use_nulls = 0", v.stretchesAt(at))
}

// completenessView adds what the proofs cannot say: streams that were never read,
// complete up to their start (or to the beginning of time, where they have
// none), and up to where no run reads again. A window is read again for as long
// as the look-back reaches its end, counted from the instant up to which
// everything was read last.
func (v viewer) completenessView() string {
	return fmt.Sprintf(`WITH %s,
  expected AS %s
SELECT source, wallet_id, `+"`table`"+`, complete_through, settled_through FROM (
  SELECT source, wallet_id, `+"`table`"+`, if(broken_from = 0, through, least(through, broken_from)) AS complete_through,
    least(complete_through, if(lookback_us = 0, through, arrayMax(arrayPushFront(arrayFilter(e -> e <= through - toIntervalMicrosecond(lookback_us), ends), began)))) AS settled_through
  FROM read LEFT JOIN broken USING (source, wallet_id, `+"`table`"+`) LEFT JOIN expected USING (source, wallet_id, `+"`table`"+`)
  UNION ALL
  SELECT source, wallet_id, `+"`table`"+`, start_at AS complete_through, start_at AS settled_through FROM expected WHERE (source, wallet_id, `+"`table`"+`) NOT IN (SELECT source, wallet_id, `+"`table`"+` FROM read))
SETTINGS join_use_nulls = 0`, v.stretchesAt(atComment), v.expected())
}

// stretchesAt are common table expressions: read, up to where each stream was
// read without a gap, with the ends of its windows, and broken, where its
// balances cease to follow.
func (v viewer) stretchesAt(at string) string {
	var whole []string
	for _, t := range schemas.All() {
		if t.Whole() {
			whole = append(whole, "'"+t.Name+"'")
		}
	}
	return fmt.Sprintf(`
  parts AS %s,
  windows AS (SELECT source, wallet_id, `+"`table`"+`, assumeNotNull(window_from) AS from, assumeNotNull(window_to) AS to FROM parts WHERE final AND window_from IS NOT NULL),
  steps AS (SELECT *, toInt64(row_number() OVER w > 1 AND from > max(to) OVER (PARTITION BY source, wallet_id, `+"`table`"+` ORDER BY from, to ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS gap
    FROM windows WINDOW w AS (PARTITION BY source, wallet_id, `+"`table`"+` ORDER BY from, to)),
  stretches AS (SELECT *, sum(gap) OVER (PARTITION BY source, wallet_id, `+"`table`"+` ORDER BY from, to ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS gaps FROM steps),
  broken AS (SELECT source, wallet_id, `+"`table`"+`, min(from) AS broken_from FROM (%s) GROUP BY source, wallet_id, `+"`table`"+`),
  read AS (SELECT source, wallet_id, `+"`table`"+`, max(to) AS through, min(from) AS began, groupArray(to) AS ends FROM stretches WHERE gaps = 0 GROUP BY source, wallet_id, `+"`table`"+`
    UNION ALL
    SELECT source, wallet_id, `+"`table`"+`, max(created_at) AS through, through AS began, [through] AS ends FROM parts WHERE window_from IS NULL AND (`+"`table`"+` IN (%s) OR rows > 0 AND (source, wallet_id, `+"`table`"+`) NOT IN (SELECT source, wallet_id, `+"`table`"+` FROM windows)) GROUP BY source, wallet_id, `+"`table`"+`)`,
		v.partsAt(at), v.chainBreaksAt(at), strings.Join(whole, ", "))
}

// chainBreaks are the places where a balance does not follow from the one
// before it and no later reading of that place has closed the gap: the rows on
// both sides, their times, and the amount that is missing between them.
func (v viewer) chainBreaks() string { return v.chainBreaksAt(atComment) }

func (v viewer) chainBreaksAt(at string) string {
	return fmt.Sprintf(`WITH
  parts AS %s,
  failed AS (SELECT * FROM parts WHERE balance_chain IN ('open', 'broken') AND window_from IS NOT NULL),
  noted AS (SELECT sequence, part, after_id, before_id, broke_from, broke_to, missing_minor FROM %s.chain_break_rows ORDER BY ALL LIMIT 1 BY sequence, part, after_id, before_id, broke_from, broke_to, missing_minor),
  breaks AS (SELECT f.sequence AS sequence, f.part AS part, f.source AS source, f.wallet_id AS wallet_id, f.`+"`table`"+` AS `+"`table`"+`, f.balance_chain AS state, n.after_id AS after_id, n.before_id AS before_id,
      if(n.sequence = 0, assumeNotNull(f.window_from), n.broke_from) AS from, if(n.sequence = 0, assumeNotNull(f.window_to) - toIntervalMicrosecond(1), n.broke_to) AS to, n.missing_minor AS missing_minor
    FROM failed AS f LEFT JOIN noted AS n ON f.sequence = n.sequence AND f.part = n.part)
SELECT source, wallet_id, `+"`table`"+`, state, after_id, before_id, from, to, missing_minor, sequence AS snapshot FROM breaks
WHERE (sequence, part, to) NOT IN (
  SELECT b.sequence, b.part, b.to FROM breaks AS b INNER JOIN parts AS p ON b.source = p.source AND b.`+"`table`"+` = p.`+"`table`"+` AND b.wallet_id = p.wallet_id
  WHERE (p.sequence, p.part) > (b.sequence, b.part) AND assumeNotNull(p.window_from) <= b.to AND b.to < assumeNotNull(p.window_to) AND p.window_from IS NOT NULL)
SETTINGS join_use_nulls = 0`, v.partsAt(at), v.db)
}
