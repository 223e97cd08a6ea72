package clickhouse

import (
	"fmt"
	"strings"

	"github.com/paylake/paylake/schemas"
)

// quarantine: seen again, a row is not counted again. It is resolved when a
// manifest says so, or with the first visible row of its key that came with its
// own manifest or a later one. Files have no such rows: there row_id is a line.
func (v viewer) quarantine() string {
	columns, shown := []string{}, []string{"r.id AS id"}
	for _, c := range []string{"source", "table", "wallet_id", "row_id", "reason", "field", "amount_minor", "currency"} {
		columns = append(columns, fmt.Sprintf("argMin(tuple(q.%[1]s), q.snapshot).1 AS %[1]s", quote(c)))
		shown = append(shown, fmt.Sprintf("r.%[1]s AS %[1]s", quote(c)))
	}
	rejected := fmt.Sprintf("SELECT id, %s, min(q.first_seen) AS first_seen, min(q.snapshot) AS snapshot\n  FROM %s.quarantine_rows AS q WHERE q.snapshot <= %s AND %s GROUP BY id",
		strings.Join(columns, ", "), v.db, v.upTo(atComment), v.consentedOf("q."))
	return fmt.Sprintf("SELECT %s, r.first_seen AS first_seen, r.snapshot AS snapshot, if(s.at = 0, NULL, toNullable(m.created_at)) AS resolved_at FROM (%s) AS r\n"+
		"LEFT JOIN (SELECT id, min(at) AS at FROM (%s) GROUP BY id) AS s ON r.id = s.id\n"+
		"LEFT JOIN (SELECT sequence, min(created_at) AS created_at FROM %s.manifests GROUP BY sequence) AS m ON s.at = m.sequence",
		strings.Join(shown, ", "), rejected, v.settled(atComment), v.db)
}

// settled are the manifests that settle rejected rows: id, at. The base tables
// are looked at only where something was rejected.
func (v viewer) settled(at string) string {
	parts := []string{fmt.Sprintf("SELECT id, snapshot AS at FROM %s.quarantine_resolved WHERE snapshot <= %s", v.db, v.upTo(at))}
	for _, t := range schemas.All() {
		id := t.Fields[t.Index(t.Key[len(t.Key)-1])]
		if id.Kind > schemas.Code {
			continue // what is observed: an instant is its name
		}
		wallet := "''"
		if t.Has("wallet_id") {
			wallet = "toString(r.wallet_id)"
		}
		rejected := fmt.Sprintf("FROM %s.quarantine_rows WHERE `table` = %s AND row_id != ''", v.db, literal(t.Name))
		parts = append(parts, fmt.Sprintf("SELECT q.id AS id, r.snapshot AS at FROM %[1]s.%[2]s AS r INNER JOIN (SELECT DISTINCT id, toString(source) AS source, toString(wallet_id) AS wallet, row_id, snapshot %[3]s) AS q\n"+
			"  ON toString(r.source) = q.source AND %[4]s = q.wallet AND toString(r.%[5]s) = q.row_id\n"+
			"  WHERE (SELECT count() %[3]s) > 0 AND r.snapshot >= q.snapshot AND r.sign = 1 AND r.load_id IN %[6]s",
			v.db, rowsTable(t), rejected, wallet, quote(id.Name), v.visible(at)))
	}
	return strings.Join(parts, "\nUNION ALL ")
}
