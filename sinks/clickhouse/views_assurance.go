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

// proofs are the two maps: level by row, and by session its events in order.
func (v viewer) proofs(at string) string {
	own := v.assuranceRows(at, "*", "ledger_id != '' AND assurance_level != ''")
	session := v.assuranceRows(at, "*", "ledger_id = '' AND session_id != ''")
	return fmt.Sprintf(`(SELECT (groupArray(k), groupArray(l)) FROM (
    SELECT %s AS k, argMax(toString(assurance_level), (occurred_at, event_id)) AS l FROM %s GROUP BY k)) AS row_levels,
  (SELECT (groupArray(k), groupArray(e)) FROM (
    SELECT %s AS k, arraySort(groupArray((occurred_at, event_id, %s, toString(assurance_level)))) AS e FROM %s GROUP BY k)) AS sessions`,
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
	session := fmt.Sprintf("sessions.2[transform(%s, sessions.1, range(1, length(sessions.1) + 1), 0)]", lineKey("session_id"))
	upTo := fmt.Sprintf("if(arrayExists(e -> e.1 <= posted_at, %[1]s), arrayFilter(e -> e.1 <= posted_at, %[1]s), %[1]s)", session)
	return fmt.Sprintf("toBool(if(%[1]s IN %[2]s, %[1]s IN %[3]s, arrayExists(e -> e.3, %[4]s))) AS step_up_required, "+
		"if((transform(%[5]s, row_levels.1, row_levels.2, '') AS row_level_) != '', row_level_, (arrayLast(e -> e.4 != '', %[4]s)).4) AS assurance_level",
		line, named, signed, upTo, lineKey("entry_id"))
}
