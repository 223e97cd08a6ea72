package clickhouse

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/paylake/paylake/schemas"
)

// Checks that warn, as SQL: the view alarms and the flags of rows. Pure. Nothing
// is stored: an alarm is a visible row for which a check does not hold, so it
// follows corrections, retractions and time travel by itself.

// alarms: one line per row and check. id stays the same as long as the row, its
// content and the check do.
func (v viewer) alarms(at string) string {
	var parts []string
	for _, c := range schemas.Checks() {
		if c.Severity == schemas.SeverityWarn {
			parts = append(parts, v.alarm(c, at))
		}
	}
	return "SELECT lower(hex(sipHash128(check_name, source, `table`, wallet_id, row_id, row_hash))) AS id, * EXCEPT (row_hash) FROM (\n" +
		strings.Join(parts, "\nUNION ALL\n") + ")"
}

func (v viewer) alarm(c schemas.Check, at string) string {
	t, _ := schemas.ByName(c.Table)
	wallet := "''"
	if t.Has("wallet_id") {
		wallet = "toString(wallet_id)"
	}
	amount, currency := "CAST(NULL, 'Nullable(Int64)')", "''"
	if t.Amount != "" {
		amount, currency = "toNullable("+quote(t.Amount)+")", "toString("+quote(t.Currency)+")"
	}
	observed, expected := v.saw(c.Rule)
	return fmt.Sprintf("SELECT %s AS check_name, %s AS severity, toString(source) AS source, %s AS `table`, %s AS wallet_id, %s AS row_id, %s AS field, "+
		"%s AS observed, %s AS expected, %s AS amount_minor, %s AS currency, business_date, snapshot, %s AS detail, row_hash FROM %s.%s WHERE %s AND %s",
		literal(c.Name), literal(string(c.Severity)), literal(c.Table), wallet, rowName(t), literal(c.Field),
		observed, expected, amount, currency, literal(c.Doc), v.db, rowsTable(t), v.current(t, at), v.broken(c.Rule, at))
}

// rowName is what a person calls a row: the last column of its key.
func rowName(t *schemas.Table) string { return "toString(" + quote(t.Key[len(t.Key)-1]) + ")" }

// broken is the condition under which a rule does not hold.
func (v viewer) broken(r schemas.Rule, at string) string {
	switch r := r.(type) {
	case schemas.Capability:
		return v.incapable(r, at)
	case schemas.SameAmount:
		return differing(r)
	}
	return "0"
}

// saw is what the row says and what it should say.
func (v viewer) saw(r schemas.Rule) (observed, expected string) {
	switch r := r.(type) {
	case schemas.Capability:
		allowed := []string{}
		for _, method := range slices.Sorted(maps.Keys(schemas.Methods())) {
			allowed = append(allowed, method+": "+strings.Join(schemas.Methods()[method], ", "))
		}
		return fmt.Sprintf("concat(toString(%s), ' ', toString(%s))", quote(r.Method), typeOf(r)), literal(strings.Join(allowed, "; "))
	case schemas.SameAmount:
		return fmt.Sprintf("ifNull(toString(%s), '')", quote(r.Other)), fmt.Sprintf("toString(%s)", quote(r.Amount))
	}
	return "''", "''"
}

func typeOf(r schemas.Capability) string {
	if r.Type == "" {
		return literal(r.Always)
	}
	return quote(r.Type)
}

func (v viewer) incapable(r schemas.Capability, at string) string {
	var cases []string
	methods := schemas.Methods()
	for _, method := range slices.Sorted(maps.Keys(methods)) {
		cannot := fmt.Sprintf("%s NOT IN (%s)", typeOf(r), texts(methods[method]))
		cases = append(cases, fmt.Sprintf("lower(%s) = %s AND %s", quote(r.Method), literal(method), cannot))
		if r.Payment != "" {
			ops := schemas.Operations
			cases = append(cases, fmt.Sprintf("%s = '' AND %s AND (source, project_id, %s) IN (SELECT source, project_id, payment_id FROM %s.%s WHERE lower(method) = %s AND %s)",
				quote(r.Method), cannot, quote(r.Payment), v.db, rowsTable(ops), literal(method), v.current(ops, at)))
		}
	}
	return "(" + strings.Join(cases, " OR ") + ")"
}

// differing compares exactly: sums that are a power of ten apart are divided
// without a remainder by one of the eighteen powers that int64 has.
func differing(r schemas.SameAmount) string {
	a, b := quote(r.Amount), fmt.Sprintf("assumeNotNull(%s)", quote(r.Other))
	both := fmt.Sprintf("%s IS NOT NULL AND %s IN ('', %s) AND type IN (%s) AND %s != %s",
		quote(r.Other), quote(r.OtherIn), quote(r.Currency), texts(r.Types), a, b)
	powers := "arrayMap(k -> toInt128(concat('1', repeat('0', k))), range(1, 19))"
	scale := fmt.Sprintf("%[1]s != 0 AND %[2]s != 0 AND arrayExists(p -> toInt128(%[1]s) = p * toInt128(%[2]s) OR toInt128(%[2]s) = p * toInt128(%[1]s), %[3]s)", a, b, powers)
	if r.Scale {
		return "(" + both + " AND " + scale + ")"
	}
	return "(" + both + " AND NOT (" + scale + "))"
}

// flags lists the names of a table's checks that do not hold for a row.
func (v viewer) flags(t *schemas.Table, at string) string {
	var list []string
	for _, c := range schemas.ChecksOf(t.Name) {
		list = append(list, fmt.Sprintf("if(%s, %s, '')", v.broken(c.Rule, at), literal(c.Name)))
	}
	return "arrayFilter(name -> name != '', [" + strings.Join(list, ", ") + "]) AS flags"
}

func texts(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = literal(s)
	}
	return strings.Join(quoted, ", ")
}
