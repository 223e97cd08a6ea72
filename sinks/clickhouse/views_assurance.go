package clickhouse

import (
	"fmt"

	"github.com/paylake/paylake/schemas"
)

// What a statement row's payment proved: from the assurance events that name
// the row, else from those of its session as a whole. Pure.
//
// A join would read its right side into memory for every query of the ledger,
// also for those that do not ask (four times the price of a year by provider
// over a million rows). So the events of rows become a set, built only when a
// query asks, and two maps that cost next to nothing while there are few events.

const isStepUp = "CAST(event, 'String') IN ('step_up_required', 'step_up_completed')"

func (v viewer) assuranceRows(at, columns, where string) string {
	t := schemas.AssuranceEvents
	return fmt.Sprintf("(SELECT %s FROM %s.%s WHERE %s AND %s)", columns, v.db, rowsTable(t), where, v.current(t, at))
}

// proofs are the two maps: levels by row, and what held in every session after
// each of its events. A session's events lie together in the flat arrays, from
// its start on.
func (v viewer) proofs(at string) string {
	own := v.assuranceRows(at, "*", "ledger_id != '' AND assurance_level != ''")
	session := v.assuranceRows(at, "*", "ledger_id = '' AND session_id != ''")
	return fmt.Sprintf(`(SELECT (groupArray(k), groupArray(l)) FROM (
    SELECT %s AS k, argMax(toString(assurance_level), (occurred_at, event_id)) AS l FROM %s GROUP BY k)) AS row_levels,
  (SELECT (groupArray(k), groupArray(times), arrayFlatten(groupArray(levels)), arrayFlatten(groupArray(steps)),
      arrayMap((c, n) -> c - n, arrayCumSum(groupArray(length(times))), groupArray(length(times)))) FROM (
    SELECT k, arrayMap(x -> toUnixTimestamp64Micro(x.1), e) AS times,
      arrayMap(i -> (arrayLast(x -> x.4 != '', arraySlice(e, 1, i))).4, arrayEnumerate(e)) AS levels,
      arrayMap(i -> toUInt8(arrayExists(x -> x.3, arraySlice(e, 1, i))), arrayEnumerate(e)) AS steps
    FROM (SELECT %s AS k, arraySort(groupArray((occurred_at, event_id, %s, toString(assurance_level)))) AS e FROM %s GROUP BY k))) AS sessions`,
		lineKey("ledger_id"), own, lineKey("session_id"), isStepUp, session)
}

// lineKey names something of a wallet in one text; no part holds a NUL.
func lineKey(id string) string { return `concat(source, '\0', wallet_id, '\0', ` + id + `)` }

// assurance are the ledger's two columns. Of a session count the events up to
// the row; all of them where none comes before it, since the clocks of the two
// lists may disagree.
func (v viewer) assurance(at string) string {
	line := "(source, wallet_id, entry_id)"
	named := v.assuranceRows(at, "source, wallet_id, ledger_id", "ledger_id != ''")
	signed := v.assuranceRows(at, "source, wallet_id, ledger_id", "ledger_id != '' AND "+isStepUp)
	session := fmt.Sprintf("transform(%s, sessions.1, range(1, length(sessions.1) + 1), 0)", lineKey("session_id"))
	before := fmt.Sprintf("arrayCount(t -> t <= toUnixTimestamp64Micro(posted_at), sessions.2[%s])", session)
	place := fmt.Sprintf("sessions.5[%[1]s] + if(%[2]s = 0, length(sessions.2[%[1]s]), %[2]s)", session, before)
	return fmt.Sprintf("toBool(if(%[1]s IN %[2]s, %[1]s IN %[3]s, sessions.4[%[4]s])) AS step_up_required, "+
		"if((transform(%[5]s, row_levels.1, row_levels.2, '') AS row_level_) != '', row_level_, sessions.3[%[4]s]) AS assurance_level",
		line, named, signed, place, lineKey("entry_id"))
}
