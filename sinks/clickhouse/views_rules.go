package clickhouse

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paylake/paylake/schemas"
)

// Rules of checks as SQL, over the columns of a base table. Pure. What a Judge
// finds in Go is what these conditions find: a test compares the two.

// breaks is the condition under which a rule does not hold.
func (v viewer) breaks(c schemas.Check, at string) string {
	field := quote(c.Field)
	switch r := c.Rule.(type) {
	case schemas.Capability:
		return v.incapable(r, at)
	case schemas.SameAmount:
		return differing(r)
	case schemas.SameCurrency:
		return fmt.Sprintf("%[1]s != '' AND %[2]s != '' AND %[1]s != %[2]s", field, quote(r.As))
	case schemas.MethodCurrency:
		return foreign(c, r)
	case schemas.WalletCurrency:
		return v.unheld(c, r, at)
	case schemas.Required:
		if isText(c) {
			return field + " = ''"
		}
		return field + " IS NULL"
	case schemas.Range:
		return outside(c, r)
	case schemas.Pattern:
		return fmt.Sprintf("%[1]s != '' AND NOT match(%[1]s, %[2]s)", field, literal(r.WholeText()))
	case schemas.Vocabulary:
		return fmt.Sprintf("%[1]s != '' AND %[1]s NOT IN (%[2]s)", field, texts(r.Words))
	case schemas.Referential:
		return v.dangling(c, r, at)
	case schemas.Number:
		return noNumber(r)
	case schemas.Once:
		return v.worded(c, at)
	}
	return "0"
}

// saw is what the row says and what it should say.
func (v viewer) saw(c schemas.Check) (observed, expected string) {
	observed = fmt.Sprintf("ifNull(toString(%s), '')", quote(c.Field))
	switch r := c.Rule.(type) {
	case schemas.Capability:
		allowed := []string{}
		for _, method := range slices.Sorted(maps.Keys(schemas.Methods())) {
			allowed = append(allowed, method+": "+strings.Join(schemas.Methods()[method], ", "))
		}
		return fmt.Sprintf("concat(toString(%s), ' ', toString(%s))", quote(r.Method), typeOf(r)), literal(strings.Join(allowed, "; "))
	case schemas.SameAmount:
		return fmt.Sprintf("ifNull(toString(%s), '')", quote(r.Other)), fmt.Sprintf("toString(%s)", quote(r.Amount))
	case schemas.SameCurrency:
		return observed, fmt.Sprintf("toString(%s)", quote(r.As))
	case schemas.MethodCurrency:
		return observed, literal(methodCurrencies())
	case schemas.WalletCurrency:
		return observed, literal("a currency of the wallet's " + r.Table)
	case schemas.Required:
		return observed, literal("something")
	case schemas.Range:
		return observed, literal(between(c, r))
	case schemas.Pattern:
		return observed, literal(r.Matches)
	case schemas.Vocabulary:
		return observed, literal(strings.Join(r.Words, ", "))
	case schemas.Referential:
		return observed, literal(r.Source + "/" + r.Table + "." + r.Column)
	case schemas.Number:
		return observed, literal("a telephone number")
	case schemas.Once:
		return "concat('wording ', toString(revision))", literal("one wording")
	}
	return observed, "''"
}

func kindOf(c schemas.Check) schemas.Kind {
	t, _ := schemas.ByName(c.Table)
	if !t.Has(c.Field) {
		return schemas.String // kept by the pipeline
	}
	return t.Fields[t.Index(c.Field)].Kind
}

func isText(c schemas.Check) bool { return kindOf(c) <= schemas.Code }

// bound writes a bound as SQL and for people.
func bound(c schemas.Check, n int64) (sql, text string) {
	if kindOf(c) == schemas.Date {
		day := time.Unix(n*86400, 0).UTC().Format(time.DateOnly)
		return "toDate32(" + literal(day) + ")", day
	}
	return strconv.FormatInt(n, 10), strconv.FormatInt(n, 10)
}

func outside(c schemas.Check, r schemas.Range) string {
	var parts []string
	for _, one := range []struct {
		n  *int64
		op string
	}{{r.Min, "<"}, {r.Max, ">"}} {
		if one.n != nil {
			sql, _ := bound(c, *one.n)
			parts = append(parts, fmt.Sprintf("%s %s %s", quote(c.Field), one.op, sql))
		}
	}
	return "ifNull(" + strings.Join(parts, " OR ") + ", false)"
}

func between(c schemas.Check, r schemas.Range) string {
	var parts []string
	if r.Min != nil {
		_, text := bound(c, *r.Min)
		parts = append(parts, "at least "+text)
	}
	if r.Max != nil {
		_, text := bound(c, *r.Max)
		parts = append(parts, "at most "+text)
	}
	return strings.Join(parts, ", ")
}

// dangling: no visible row of the other table has the value.
func (v viewer) dangling(c schemas.Check, r schemas.Referential, at string) string {
	own, _ := schemas.ByName(c.Table)
	to, _ := schemas.ByName(r.Table)
	mine, theirs := "toString("+quote(c.Field)+")", "toString("+quote(r.Column)+")"
	if own.Has("wallet_id") && to.Has("wallet_id") && c.Source == r.Source {
		mine, theirs = "toString(wallet_id), "+mine, "toString(wallet_id), "+theirs
	}
	return fmt.Sprintf("%s != '' AND (%s) NOT IN (SELECT %s FROM %s.%s WHERE source = %s AND %s)",
		quote(c.Field), mine, theirs, v.db, rowsTable(to), literal(r.Source), v.current(to, at))
}

// worded: a manifest has brought several revisions of the row.
func (v viewer) worded(c schemas.Check, at string) string {
	t, _ := schemas.ByName(c.Table)
	key := "source, "
	for _, k := range t.Key {
		key += quote(k) + ", "
	}
	return fmt.Sprintf("(%[1]ssnapshot) IN (SELECT %[1]ssnapshot FROM %[2]s.%[3]s WHERE sign = 1 AND load_id IN %[4]s GROUP BY %[1]ssnapshot HAVING count() > 1)",
		key, v.db, rowsTable(t), v.visible(at))
}

// phoneLike is text that was sent where a telephone number is: with its +, or
// the digits of a full number. A number that is one has become a pseudonym.
const phoneLike = `\A(?:\+[0-9][0-9 ()-]{6,}|[1-9][0-9]{10,12})\z`

func noNumber(r schemas.Number) string {
	if r.Text != "" {
		return fmt.Sprintf("match(%s, %s)", quote(r.Text), literal(phoneLike))
	}
	return fmt.Sprintf("%s NOT IN ('', %s) AND NOT startsWith(%s, '+')", quote(r.Person), literal(schemas.Erased), quote(r.Masked))
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

// foreign: the method's money is of another currency.
func foreign(c schemas.Check, r schemas.MethodCurrency) string {
	var cases []string
	all := schemas.MethodCurrencies()
	for _, method := range slices.Sorted(maps.Keys(all)) {
		cases = append(cases, fmt.Sprintf("lower(%s) = %s AND %s NOT IN ('', %s)", quote(r.Method), literal(method), quote(c.Field), literal(all[method])))
	}
	return "(" + strings.Join(cases, " OR ") + ")"
}

func methodCurrencies() string {
	var out []string
	for method, currency := range schemas.MethodCurrencies() {
		out = append(out, method+": "+currency)
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

// unheld: the wallet has rows of the other table, and none of this currency.
func (v viewer) unheld(c schemas.Check, r schemas.WalletCurrency, at string) string {
	to, _ := schemas.ByName(r.Table)
	rows := fmt.Sprintf("FROM %s.%s WHERE %s", v.db, rowsTable(to), v.current(to, at))
	return fmt.Sprintf("(source, wallet_id) IN (SELECT source, wallet_id %[1]s) AND (source, wallet_id, toString(%[2]s)) NOT IN (SELECT source, wallet_id, toString(%[3]s) %[1]s)",
		rows, quote(c.Field), quote(r.Column))
}

// Checks of a table as a whole.

// clock is the instant that a view is about: now, or when the manifest after the
// snapshot that was asked for was written.
func (v viewer) clock(at string) string {
	later := fmt.Sprintf("FROM %s.manifests WHERE sequence > %s", v.db, at)
	return fmt.Sprintf("if((SELECT count() %[1]s) > 0, (SELECT min(created_at) %[1]s), now64(6, 'UTC'))", later)
}

func (v viewer) ofTable(c schemas.Check) line {
	return line{check: c, source: literal(c.Source), wallet: "''", row: "''", field: c.Field, amount: noAmount, currency: "''",
		snapshot: fmt.Sprintf("(SELECT max(sequence) FROM %s.manifests)", v.db)}
}

// stale: no row has come for too long.
func (v viewer) stale(c schemas.Check, r schemas.Freshness, at string) string {
	t, _ := schemas.ByName(c.Table)
	l := v.ofTable(c)
	l.field = t.Time
	l.observed = "if(n = 0, 'no row', toString(newest))"
	l.expected = literal("a row of the last " + span(r.Max))
	l.date, l.hash = "toDate32(newest)", "toUInt64(toUnixTimestamp64Micro(newest))"
	l.from = fmt.Sprintf("(SELECT *, %[1]s AS clock FROM (SELECT countIf(%[2]s <= %[1]s) AS n, maxIf(%[2]s, %[2]s <= %[1]s) AS newest FROM %[3]s.%[4]s WHERE source = %[5]s AND %[6]s)) "+
		"WHERE n = 0 OR toUnixTimestamp64Micro(clock) - toUnixTimestamp64Micro(newest) > %[7]d",
		v.clock(at), quote(t.Time), v.db, rowsTable(t), literal(c.Source), v.current(t, at), r.Max.Microseconds())
	return l.sql()
}

func span(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return strconv.Itoa(int(d/(24*time.Hour))) + " days"
	}
	return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m")
}

// unusual: a day that is over has not as many rows as its weekday usually has.
// twice is twice the median of the weeks before, which is a whole number.
func (v viewer) unusual(c schemas.Check, r schemas.Volume, at string) string {
	t, _ := schemas.ByName(c.Table)
	l := v.ofTable(c)
	l.field = "business_date"
	most := ""
	if r.Max > 0 {
		most = fmt.Sprintf(" OR 200 * n > %d * twice", r.Max)
	}
	share := fmt.Sprintf("%d %%", r.Min)
	if r.Max > 0 {
		share = fmt.Sprintf("%d to %d %%", r.Min, r.Max)
	} else {
		share += " or more"
	}
	l.observed = "concat(toString(n), ' rows')"
	l.expected = fmt.Sprintf("concat(%s, toString(twice / 2), ' rows')", literal(share+" of "))
	l.date, l.hash = "toDate32(day)", "toUInt64(day)"
	l.from = fmt.Sprintf(`(SELECT day, toInt64(counts[day]) AS n, arraySort(arrayMap(w -> toInt64(counts[day - 7 * w]), range(1, %[1]d))) AS before,
    before[%[2]d] + before[%[3]d] AS twice
  FROM (SELECT mapFromArrays(groupArray(d), groupArray(c)) AS counts, min(d) AS first,
      arrayJoin(arrayMap(back -> toInt32(toInt32(toDate32(toTimeZone(%[4]s, %[5]s))) - back), range(1, %[6]d))) AS day
    FROM (SELECT toInt32(business_date) AS d, count() AS c FROM %[7]s.%[8]s WHERE source = %[9]s AND %[10]s GROUP BY d))
  WHERE day - %[11]d >= first)
WHERE twice >= %[12]d AND (200 * n < %[13]d * twice%[14]s)`,
		r.Weeks+1, (r.Weeks+1)/2, r.Weeks/2+1, v.clock(at), literal(cmp.Or(r.Zone, "UTC")), schemas.VolumeDays+1,
		v.db, rowsTable(t), literal(c.Source), v.current(t, at), 7*r.Weeks, 2*r.Least, r.Min, most)
	return l.sql()
}

// brokenChains: the verdicts of the lake that stand, with each place where a
// balance does not follow.
func (v viewer) brokenChains(c schemas.Check, at string) string {
	l := line{check: c, source: "toString(p.source)", wallet: "toString(p.wallet_id)", field: c.Field, currency: "''",
		row:      "if(b.before_id = '', concat('window ', toString(p.window_from)), b.before_id)",
		observed: "if(b.before_id = '', 'broken', concat('after ', if(b.after_id = '', 'the window before', b.after_id)))",
		expected: "if(b.before_id = '', 'closed', concat('rows of ', toString(b.missing_minor), ' in between'))",
		amount:   "if(b.before_id = '', NULL, toNullable(b.missing_minor))",
		date:     "toDate32(p.middle)", snapshot: "p.at", hash: "sipHash64(b.after_id, b.missing_minor)"}
	t, _ := schemas.ByName(c.Table)
	own := append(v.about(c), "`table` = "+literal(t.Name), "window_from IS NOT NULL")
	l.from = fmt.Sprintf(`(SELECT source, wallet_id, window_from, max(sequence) AS at, argMax(part, sequence) AS n, argMax(balance_chain, sequence) AS state,
    addMicroseconds(assumeNotNull(window_from), intDiv(dateDiff('microsecond', assumeNotNull(window_from), assumeNotNull(argMax(window_to, sequence))), 2)) AS middle
  FROM %[1]s WHERE %[2]s GROUP BY source, wallet_id, window_from HAVING state = 'broken') AS p
LEFT JOIN (SELECT DISTINCT * FROM %[3]s.chain_break_rows) AS b ON b.sequence = p.at AND b.part = p.n`,
		v.partsAt(at), strings.Join(own, " AND "), v.db)
	return l.sql()
}
