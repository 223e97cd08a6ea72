package clickhouse

import (
	"fmt"

	"github.com/paylake/paylake/schemas"
)

// The scale sentinel: amounts that are a power of ten away from where another
// amount, or the provider's history, says they should be. Pure.

// scaleFindings compare amounts of one record with each other exactly, and with
// what is usual by quantiles. A row has one finding: what is exact goes first.
func (v viewer) scaleFindings(at string) []string {
	var exact []string
	for _, c := range v.allChecks() {
		if r, ok := c.Rule.(schemas.SameAmount); ok && r.Scale {
			exact = append(exact, v.checkedScale(c, r, at))
		}
	}
	exact = append(exact, v.convertedScale(at), v.feeListScale(at), v.balanceScale(at))
	ranked := ""
	for i, one := range append(exact, v.unusualAmounts(at)...) {
		if i > 0 {
			ranked += "\nUNION ALL "
		}
		ranked += fmt.Sprintf("SELECT *, toUInt8(%d) AS rank_ FROM (%s)", i, one)
	}
	return []string{"SELECT * EXCEPT (rank_) FROM (SELECT * FROM (" + ranked + ") ORDER BY rank_ LIMIT 1 BY source, wallet_id, account, row_ids)"}
}

// powerApart: two numbers, none of them zero, of which one is the other times a
// power of ten.
func powerApart(a, b string) string {
	return fmt.Sprintf("(%[1]s != %[2]s AND %[1]s != 0 AND %[2]s != 0 AND arrayExists(p -> toInt128(%[1]s) = p * toInt128(%[2]s) OR toInt128(%[2]s) = p * toInt128(%[1]s), %[3]s))", a, b, powersOfTen)
}

// powersOfTen are those that an Int64 has.
const powersOfTen = "arrayMap(k -> toInt128(concat('1', repeat('0', k))), range(1, 19))"

// operationScale is a finding about one operation, of whose sums two differ.
func operationScale(rule, other, otherName, from string) detected {
	return detected{
		kind: schemas.ScaleFinding, parts: []string{"source", noText, "project_id", "operation_id"}, severity: "'high'", date: "business_date", opened: "created_at",
		source: "source", account: "project_id", rows: "[operation_id]", provider: "provider_code", currency: "currency", amount: "amount_minor",
		evidence: [][2]string{{"rule", literal(rule)}, {"amount_minor", "amount_minor"}, {otherName, other}, {"type", "type"}, {"status", "status"}, {"payment_id", "payment_id"}},
		from:     from,
	}
}

// checkedScale tells the alarm amount_scale as a finding: the same condition, so
// that who switches the check off hears nothing here either.
func (v viewer) checkedScale(c schemas.Check, r schemas.SameAmount, at string) string {
	t, _ := schemas.ByName(c.Table)
	return v.detect(operationScale(c.Name, "assumeNotNull("+r.Other+")", r.Other, fmt.Sprintf("%s.%s WHERE %s AND %s", v.db, rowsTable(t), v.current(t, at), v.broken(c, at))))
}

// convertedScale: both sums in one currency.
func (v viewer) convertedScale(at string) string {
	t := schemas.Operations
	return v.detect(operationScale("converted_scale", "converted_minor", "converted_minor", fmt.Sprintf("%s.%s WHERE converted_currency IN ('', currency) AND %s AND %s",
		v.db, rowsTable(t), powerApart("amount_minor", "converted_minor"), v.current(t, at))))
}

// feeListScale: the list of operations and the list of fees name an operation's
// amount.
func (v viewer) feeListScale(at string) string {
	ops := v.rowsOf(schemas.Operations, "source, project_id, operation_id, payment_id, type, status, created_at, business_date, provider_code, currency, amount_minor", "amount_minor != 0", at)
	fees := v.rowsOf(schemas.OperationFees, "source, project_id, operation_id, currency, amount_minor AS listed_minor", "amount_minor != 0", at)
	return v.detect(operationScale("fee_list_scale", "listed_minor", "listed_minor", fmt.Sprintf("(SELECT * FROM %s AS o INNER JOIN %s AS f USING (source, project_id, operation_id, currency) WHERE %s)",
		ops, fees, powerApart("amount_minor", "listed_minor"))))
}

// balanceScale: a balance moved by a power of ten of the row's amount, or stands
// at a power of ten of what it should be. The chain is broken there, too; this
// says that no row is missing.
func (v viewer) balanceScale(at string) string {
	step := "(toInt128(next.3) + missing_minor)"
	expected := "(reached + next.3)"
	moved := powerApart("next.3", step)
	return v.detect(detected{
		kind: schemas.ScaleFinding, parts: []string{"source", "wallet_id", noText, "before_id"}, severity: "'high'", date: "next.6", opened: "to", source: "source", wallet: "wallet_id",
		rows: "[before_id]", provider: "next.5", currency: "next.4", amount: "next.3",
		evidence: [][2]string{{"rule", "if(" + moved + ", 'balance_step', 'balance')"}, {"amount_minor", "next.3"}, {"balance_moved_minor", step}, {"balance_after_minor", "next.2"}, {"balance_expected_minor", expected}, {"row_before", "last.1"}},
		from:     fmt.Sprintf("%s WHERE next.1 != '' AND (%s OR %s)", v.chainSides(at), moved, powerApart("next.2", expected))})
}
