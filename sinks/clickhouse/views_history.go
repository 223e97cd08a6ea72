package clickhouse

import (
	"fmt"
	"strings"

	"github.com/paylake/paylake/schemas"
)

// histories are the views of every wording that a catalogue's row has had. Pure.
func (v viewer) histories() []string {
	named := map[string]string{"name_ru": "multiIf(name_en != '', name_en, name_az != '', name_az, provider_code) AS provider_name"}
	return []string{
		v.plain("providers_history", v.history(schemas.Providers, named)),
		v.plain("templates_history", v.history(schemas.Templates, nil)),
		v.plain("nfc_workflows_history", v.history(schemas.NFCWorkflows, nil)),
	}
}

// history: a version begins when the catalogue says that it changed, or, where it
// does not say (or names a time that an earlier version has), when it was first
// read. It ends where the next begins, or when it was withdrawn without one.
func (v viewer) history(t *schemas.Table, after map[string]string) string {
	key := strings.Join(append([]string{"source"}, t.Key...), ", ")
	rows := fmt.Sprintf("%s.%s", v.db, rowsTable(t))
	consented := ""
	if t.Has("wallet_id") {
		consented = " AND " + v.consented()
	}
	instant := func(micros string) string { return fmt.Sprintf("fromUnixTimestamp64Micro(%s, 'UTC')", micros) }
	return fmt.Sprintf(`SELECT * EXCEPT (next_, gone_), if(next_ > 0 OR gone_ > 0, toNullable(%[2]s), NULL) AS valid_to FROM (
  SELECT %[3]s, %[4]s AS valid_from,
    leadInFrame(from_, 1, 0) OVER (PARTITION BY %[5]s ORDER BY revision ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS next_, gone_
  FROM (SELECT *, if(stated_ > prior_, stated_, greatest(seen_, prior_)) AS from_ FROM (
    SELECT *, max(stated_) OVER (PARTITION BY %[5]s ORDER BY revision ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS prior_ FROM (
      SELECT *, if(toUnixTimestamp64Micro(updated_at) > 0, toUnixTimestamp64Micro(updated_at), seen_) AS stated_,
        maxIf(seen_, sign = -1) OVER (PARTITION BY %[5]s, revision) AS gone_
      FROM %[6]s AS r INNER JOIN (SELECT sequence, toUnixTimestamp64Micro(min(created_at)) AS seen_ FROM %[1]s.manifests GROUP BY sequence) AS m ON r.snapshot = m.sequence
      WHERE %[7]s%[8]s)
    WHERE sign = 1)))`,
		v.db, instant("if(next_ > 0, next_, gone_)"), v.fields(t, v.replaced(t.Name, nil), after), instant("from_"), key, rows, v.loaded(atComment), consented)
}
