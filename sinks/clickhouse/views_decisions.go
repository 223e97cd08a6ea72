package clickhouse

import (
	"github.com/paylake/paylake/schemas"
)

// What persons decided. Pure.

// decided are the views of decisions, as they were taken.
func (v viewer) decided() []string {
	var out []string
	for _, at := range []struct{ suffix, as string }{{"", atComment}, {"_at", atParameter}} {
		out = append(out, v.plain("decisions"+at.suffix, v.rows(schemas.Decisions, at.as, map[string]string{"currency": decimal("amount_minor", "currency") + " AS amount"})))
	}
	return out
}
