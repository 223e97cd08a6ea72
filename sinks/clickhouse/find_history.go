package clickhouse

import (
	"fmt"
	"strings"

	"github.com/paylake/paylake/schemas"
)

// Amounts against what their provider usually sees. Pure.
//
// The fence lies as far beyond the 99th percentile as that lies beyond the
// median, and at least at its double: where amounts lie close together a jump
// of ten is seen at once, where they are spread out over orders of magnitude
// only one that cannot be a large amount. A jump inside the usual range cannot
// be told from a large bill.

// usual is what history compares.
type usual struct {
	rule, number string // name, and the compared number, above zero
	table        *schemas.Table
	columns      string // named as below; number comes last
	where        string
	ratio        bool // number is a share, not an amount
}

func (v viewer) unusualAmounts(at string) []string {
	const line = "source, toString(wallet_id) AS wallet, '' AS account, toString(entry_id) AS id, posted_at AS moment, business_date, toString(provider_code) AS own, toString(type) AS kind_, toString(currency) AS money, amount_minor AS shown"
	const operation = "source, '' AS wallet, toString(project_id) AS account, toString(operation_id) AS id, created_at AS moment, business_date, toString(provider_code) AS own, toString(type) AS kind_, toString(currency) AS money, amount_minor AS shown"
	var out []string
	for _, u := range []usual{
		{"provider_history", "toFloat64(abs(amount_minor))", schemas.Ledger, line, "type = 'bill_pay' AND amount_minor < 0 AND status != 'pending' AND provider_code != ''", false},
		{"ledger_fee_history", "fee_minor / abs(amount_minor)", schemas.Ledger, line, "fee_minor > 0 AND amount_minor != 0 AND status != 'pending'", true},
		{"method_history", "toFloat64(amount_minor)", schemas.Operations, operation, "type IN ('sale', 'recurring', 'payout') AND amount_minor > 0 AND status = 'success'", false},
		{"conversion_history", "converted_minor / amount_minor", schemas.Operations, operation + ", toString(converted_currency) AS pair", "amount_minor > 0 AND converted_minor > 0 AND converted_currency NOT IN ('', currency)", true},
		{"fee_history", "fee_minor / amount_minor", schemas.OperationFees, operation, "fee_minor > 0 AND amount_minor > 0 AND fee_currency = currency AND status = 'success'", true},
	} {
		out = append(out, v.beyondUsual(u, at))
	}
	return out
}

// quantilesOf picks quantiles of a sorted array: the same whatever the order in
// which the server read the rows.
func quantilesOf(sorted string, levels ...float64) string {
	out := make([]string, len(levels))
	for i, level := range levels {
		out[i] = fmt.Sprintf("%[1]s[greatest(1, toUInt64(ceil(length(%[1]s) * %[2]g)))]", sorted, level)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// beyondUsual has the quantiles of what lies near the others: rows that are
// themselves wrong must not make more of their kind look usual.
func (v viewer) beyondUsual(u usual, at string) string {
	columns, group := u.columns, "source, own, kind_, money"
	if u.rule == "conversion_history" {
		group += ", pair"
	}
	rows := func() string { return v.rowsOf(u.table, columns+", "+u.number+" AS x", u.where, at) }
	// A level for each step: an alias that another one of the same SELECT uses is
	// written out wherever it stands, and here that would be hundreds of times.
	known := fmt.Sprintf(`(SELECT %[1]s, n, q, q[3] * greatest(2, q[3] / q[2]) AS most, q[1] / greatest(2, q[2] / q[1]) AS least
    FROM (SELECT %[1]s, n, %[3]s AS q
      FROM (SELECT %[1]s, n, arrayFilter(x -> x >= from_ AND x <= to_, xs) AS ys
        FROM (SELECT %[1]s, n, xs, rough[1] / greatest(3, pow(rough[2] / rough[1], 2)) AS from_, rough[3] * greatest(3, pow(rough[3] / rough[2], 2)) AS to_
          FROM (SELECT %[1]s, length(xs) AS n, xs, %[2]s AS rough
            FROM (SELECT %[1]s, arraySort(groupArray(x)) AS xs FROM %[4]s GROUP BY %[1]s HAVING count() >= %[5]d))))))`,
		group, quantilesOf("xs", 0.1, 0.5, 0.9), quantilesOf("ys", 0.01, 0.5, 0.99), rows(), v.thresholds().History.Least)
	inside := func(x string) string { return fmt.Sprintf("%s >= least AND %s <= most", x, x) }
	factor := "multiIf(x > most AND " + inside("x / 10") + ", 10, x > most AND " + inside("x / 100") + ", 100, x > most AND " + inside("x / 1000") + ", 1000, x < least AND " +
		inside("x * 10") + ", 0.1, x < least AND " + inside("x * 100") + ", 0.01, x < least AND " + inside("x * 1000") + ", 0.001, 0)"
	names := [2]string{"amount_minor", "usual_minor"}
	number := func(x string) string { return "toInt128(round(" + x + "))" }
	if u.ratio {
		names = [2]string{"share", "usual_share"}
		number = func(x string) string { return "round(" + x + ", 6)" }
	}
	return v.detect(detected{
		kind: schemas.ScaleFinding, parts: []string{"source", "wallet", "account", "id"}, severity: "'medium'", date: "business_date", opened: "moment", source: "source", wallet: "wallet", account: "account",
		rows: "[id]", provider: "own", currency: "money", amount: "shown",
		evidence: [][2]string{{"rule", literal(u.rule)}, {names[0], number("x")}, {names[1], number("q[2]")}, {"usual_up_to", number("q[3]")}, {"usual_from", number("q[1]")}, {"factor", "factor"}, {"of_rows", "n"}, {"row_amount_minor", "shown"}},
		from:     fmt.Sprintf("(SELECT *, %s AS factor FROM %s AS r INNER JOIN %s AS k USING (%s) WHERE (x > most OR x < least) AND factor != 0)", factor, rows(), known, group)})
}
