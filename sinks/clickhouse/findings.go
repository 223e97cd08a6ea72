package clickhouse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/paylake/paylake/schemas"
)

// Findings as SQL: the view findings. Pure. Nothing is stored: a finding is
// what a detector says of the visible rows, so it follows corrections,
// retractions and time travel by itself. Each detector is a file of its own,
// find_….go, and gives the columns of detected.

// detected is one detector's SELECT. Every field is an SQL expression over the
// columns of from.
type detected struct {
	kind     string   // a word of schemas.FindingKinds, as it is
	parts    []string // texts that tell this finding from others of its kind, whenever it is looked at
	severity string   // a text: high, medium, low
	date     string   // Date32: the business date that it belongs to
	opened   string   // DateTime64: when it came about, from the rows
	source   string
	wallet   string
	account  string // project or account, for what has no wallet
	person   string // pseudonym; shown to those who may see it
	rows     string // Array(String)
	provider string
	currency string
	amount   string      // Int128, minor units
	evidence [][2]string // name and text, of what was compared
	from     string      // where rows come from, with all that follows
}

// noText is an empty column.
const noText = "''"

func (v viewer) detect(d detected) string {
	pairs := make([]string, 0, 2*len(d.evidence))
	for _, e := range d.evidence {
		pairs = append(pairs, literal(e[0]), fmt.Sprintf("toString(%s)", e[1]))
	}
	or := func(text string) string {
		if text == "" {
			return noText
		}
		return "toString(" + text + ")"
	}
	// Under names of their own at first: an alias would hide the column that it is
	// called after from the other expressions.
	columns := [][2]string{{"kind", literal(d.kind)}, {"parts_", "[" + joined(d.parts) + "]"}, {"severity", d.severity}, {"business_date", d.date}, {"opened_at", d.opened}, {"source", "toString(" + d.source + ")"},
		{"wallet_id", or(d.wallet)}, {"account", or(d.account)}, {"person_", or(d.person)}, {"row_ids", d.rows}, {"provider_code", or(d.provider)}, {"currency", or(d.currency)},
		{"amount_minor", "toInt128(" + d.amount + ")"}, {"evidence", "toJSONString(map(" + strings.Join(pairs, ", ") + "))"}}
	var inner, outer []string
	for _, c := range columns {
		inner, outer = append(inner, c[1]+" AS f_"+c[0]), append(outer, "f_"+c[0]+" AS "+c[0])
	}
	return fmt.Sprintf("SELECT %s FROM (SELECT %s\nFROM %s)", strings.Join(outer, ", "), strings.Join(inner, ", "), d.from)
}

func joined(texts []string) string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = "toString(" + t + ")"
	}
	return strings.Join(out, ", ")
}

// findings are the views of what was detected.
func (v viewer) findings() []string {
	return v.pair("findings", v.allFindings)
}

// thresholds are those of the configuration.
func (v viewer) thresholds() schemas.Findings {
	if v.found == nil {
		return schemas.DefaultFindings()
	}
	return *v.found
}

// detectors are the SELECTs of every kind that is wanted.
func (v viewer) detectors(at string) []string {
	f := v.thresholds()
	var out []string
	for _, d := range []struct {
		kind string
		sql  func(at string) []string
	}{
		{schemas.ChainBreak, v.chainFindings}, {schemas.PSPBalance, v.pspFindings}, {schemas.DuplicatePayment, v.duplicateFindings}, {schemas.VelocityFinding, v.velocityFindings},
		{schemas.StepUpMissing, v.stepUpFindings}, {schemas.ScaleFinding, v.scaleFindings}, {schemas.PaymentDifference, v.paymentFindings},
	} {
		if !slices.Contains(f.Off, d.kind) {
			out = append(out, d.sql(at)...)
		}
	}
	return out
}

// findingColumns are those of the view.
const findingColumns = "finding_id, kind, severity, business_date, opened_at, source, wallet_id, account, counterparty, row_ids, provider_code, currency, amount_minor, evidence, state, decided_by, reason"

// allFindings names every finding and says what was decided about it. The id is
// a function of what the finding is about; persons stand in no part of it.
func (v viewer) allFindings(at string) string {
	parts := v.detectors(at)
	if len(parts) == 0 {
		parts = []string{v.detect(detected{kind: "", severity: noText, date: "toDate32('1970-01-01')", opened: "toDateTime64(0, 6, 'UTC')", source: noText,
			rows: "CAST([], 'Array(String)')", amount: "0", evidence: [][2]string{{"", noText}}, from: "(SELECT 1 WHERE 0)"})}
	}
	all := "(" + strings.Join(parts, "\nUNION ALL\n") + ")"
	named := fmt.Sprintf("(SELECT concat('fnd_', substring(lower(hex(SHA256(concat(kind, '\\n', arrayStringConcat(parts_, '\\n'))))), 1, 16)) AS finding_id, * EXCEPT (parts_, person_), %s AS %s\n  FROM %s)",
		v.forSome("person_"), quote("counterparty"), v.aliased(all))
	return fmt.Sprintf("SELECT %s FROM %s", findingColumns, v.judged(named, at))
}

// judged adds the newest decision about a finding: explained away (by its reason,
// or with the difference accepted), or confirmed. Who decided and why is for
// auditors and accountants, as in the view decisions.
func (v viewer) judged(found, at string) string {
	newest := fmt.Sprintf("(SELECT subject, argMax((toString(kind), toString(decided_by), reason), number) AS last FROM %s GROUP BY subject)",
		v.rowsOf(schemas.Decisions, "*", "subject != '' AND kind IN ('accept', 'explain', 'confirm')", at))
	return fmt.Sprintf("(SELECT f.*, multiIf(d.last.1 = 'confirm', 'confirmed', d.last.1 != '', 'explained', 'open') AS state, %s AS %s, %s AS %s\n  FROM %s AS f LEFT JOIN %s AS d ON f.finding_id = d.subject SETTINGS join_use_nulls = 0)",
		v.forSome("d.last.2"), quote("decided_by"), v.forSome("d.last.3"), quote("reason"), found, newest)
}

// lineRows are the visible rows of the ledger.
func (v viewer) lineRows(columns, where, at string) string {
	return v.rowsOf(schemas.Ledger, columns, where, at)
}

func (v viewer) rowsOf(t *schemas.Table, columns, where, at string) string {
	return fmt.Sprintf("(SELECT %s FROM %s.%s WHERE %s AND %s)", columns, v.db, rowsTable(t), where, v.current(t, at))
}
