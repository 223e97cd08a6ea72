package clickhouse

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/clickhouse/embedded"
)

// This file is pure: the public views. All of them run as the loader (SQL
// SECURITY DEFINER), so that readers need no right to any table.

// The snapshot that a view shows: a parameter, or the one that the query's
// log_comment names. log_comment is the one setting that any read-only user
// may set on any server, that changes nothing else, and that a view can read.
const (
	atParameter = "{snapshot:Int64}"
	atComment   = "toInt64OrDefault(extract(getSetting('log_comment'), '^paylake snapshot ([0-9]{1,18})$'), 9223372036854775807::Int64)"
)

// commentFor is the log_comment that asks for a snapshot.
func commentFor(snapshot int64) string { return fmt.Sprintf("paylake snapshot %d", snapshot) }

// viewer renders views for one database and one owner.
type viewer struct {
	db, owner string
	kept      map[string][]string // by table
	checks    []schemas.Check     // nil: those of every user
	found     *schemas.Findings   // nil: the default thresholds
	untyped   bool                // columns are left to the server
}

// all returns every view's CREATE statement.
func (v viewer) all() []string {
	out := []string{
		v.plain("snapshots", v.snapshots()), v.plain("quarantine", v.quarantine()),
		v.plain("chain_breaks", v.chainBreaks()), v.plain("completeness", v.completenessView()), v.plain("pipeline_runs", v.runs()),
		v.plain("webhook_deliveries", v.deliveries()),
	}
	facts := slices.Concat(v.inFull("ledger", v.ledger), v.inFull("operations", v.operations), v.inFull("providers", v.providers), v.inFull("spend_by_provider", v.spend))
	more := []string{v.plain("provider_aliases", v.providerAliases()), v.plain("unknown_providers", v.unknownProviders()), v.plain("double_counts", v.doublesView())}
	return slices.Concat(out, facts, more, v.histories(), v.files(), v.wallets(), v.psp(), v.intents(), v.decided(), v.matches(), v.findings())
}

// pair is a view as of any snapshot, NAME_at, and the same as of the one that the
// query's log_comment names. The second is made of the first: every start of an
// embedded ClickHouse reads all views' text, and this is half of it.
func (v viewer) pair(name string, query func(at string) string) []string {
	return []string{v.plain(name+"_at", query(atParameter)),
		v.view(name, fmt.Sprintf("SELECT * FROM %s.%s_at(snapshot = %s)", v.db, name, atComment))}
}

// inFull is a pair, each written out: a view that is made of another one is worked
// out twice by every query, which people would feel in those that they ask most.
func (v viewer) inFull(name string, query func(at string) string) []string {
	return []string{v.plain(name+"_at", query(atParameter)), v.plain(name, query(atComment))}
}

func (v viewer) plain(name, query string) string {
	if heldBack(name) {
		query = fmt.Sprintf("SELECT * FROM (%s)\nWHERE %s", query, v.published())
	}
	return v.view(name, query)
}

func (v viewer) view(name, query string) string {
	return fmt.Sprintf("CREATE OR REPLACE VIEW %s.%s%s DEFINER = %s SQL SECURITY DEFINER AS\n%s", v.db, name, v.typed(name), quote(v.owner), query)
}

// upTo is the newest manifest that a query may see: the follower's last, or an
// older one that was asked for. One query evaluates it once, so rows and
// retractions always belong to the same moment.
func (v viewer) upTo(at string) string {
	return fmt.Sprintf("least(%s, %s)", at, v.head())
}

// visible are the loads that readers see: of each object the smallest one that
// is published and not abandoned.
//
// A merged object replaces older ones for readers of every snapshot, from the
// moment when its manifest is the follower's newest: in one step, which no query
// sees half of.
func (v viewer) visible(at string) string {
	return fmt.Sprintf("(SELECT min(load_id) FROM %[1]s.load_visibility WHERE snapshot <= %[2]s AND %[3]s AND load_id NOT IN (SELECT load_id FROM %[1]s.load_abandoned) GROUP BY object)",
		v.db, v.upTo(at), v.standing())
}

// standing leaves out loads that are not shown yet, and those that a merged
// object stands for.
func (v viewer) standing() string {
	return fmt.Sprintf("since <= %[1]s AND object NOT IN (SELECT object FROM %[2]s.load_replaced WHERE since <= %[1]s)", v.head(), v.db)
}

// head is the follower's newest manifest.
func (v viewer) head() string { return fmt.Sprintf("(SELECT max(sequence) FROM %s.manifests)", v.db) }

// loaded are the rows that readers may see: of a visible load, and committed by
// then, which a merged object's rows were one by one.
func (v viewer) loaded(at string) string {
	return fmt.Sprintf("load_id IN %s AND snapshot <= %s", v.visible(at), v.upTo(at))
}

// current is the filter of a fact view: visible, not withdrawn, and of a wallet
// that the reader may see.
func (v viewer) current(t *schemas.Table, at string) string {
	key := strings.Join(identity(t), ", ")
	consented := ""
	if t.Has("wallet_id") {
		consented = "\n  AND " + v.consented()
	}
	return fmt.Sprintf("sign = 1 AND %[1]s\n  AND (%[2]s) NOT IN (SELECT %[2]s FROM %[3]s.%[4]s WHERE sign = -1 AND %[1]s)%[5]s",
		v.loaded(at), key, v.db, rowsTable(t), consented)
}

// vocabulary is the catalogue as three arrays: codes, names, categories. A
// name is English, else Azerbaijani, else the code; where two sources have the
// same code the first source by name decides.
func (v viewer) vocabulary(at string) string {
	return fmt.Sprintf(`(SELECT (groupArray(code), groupArray(words.1), groupArray(words.2)) FROM (
    SELECT provider_code AS code, argMin((multiIf(name_en != '', name_en, name_az != '', name_az, provider_code), toString(category)), source) AS words
    FROM %s.providers_rows WHERE %s GROUP BY code ORDER BY code)) AS vocabulary`, v.db, v.current(schemas.Providers, at))
}

// Of a row's own words and the catalogue's, the row's go first.
const (
	nameOf     = "transform(toString(provider_code), vocabulary.1, vocabulary.2, toString(provider_code))"
	categoryOf = "if(own_category != '', own_category, transform(toString(provider_code), vocabulary.1, vocabulary.3, ''))"
)

// decimal turns minor units into Decimal(38,4), exactly.
func decimal(minor, currency string) string {
	return fmt.Sprintf("toDecimal128(%s, 4) / %s", minor, unitOf(currency))
}

// unitOf is the number of minor units in one unit of a currency.
func unitOf(currency string) string {
	var codes, units []string
	exponents := schemas.Exponents()
	names := make([]string, 0, len(exponents))
	for c := range exponents {
		names = append(names, c)
	}
	slices.Sort(names)
	for _, c := range names {
		if e := exponents[c]; e != 2 {
			codes = append(codes, literal(c))
			units = append(units, "1"+strings.Repeat("0", e))
		}
	}
	return fmt.Sprintf("transform(toString(%s), [%s], [%s], 100)", currency, strings.Join(codes, ", "), strings.Join(units, ", "))
}

// fields lists a table's columns, some replaced, some followed by others.
func (v viewer) fields(t *schemas.Table, replace map[string]string, after map[string]string) string {
	var out []string
	for _, f := range t.Fields {
		column := quote(f.Name)
		if r, ok := replace[f.Name]; ok {
			column = r + " AS " + quote(f.Name)
		}
		out = append(out, column)
		if a, ok := after[f.Name]; ok {
			out = append(out, a)
		}
	}
	out = append(out, "revision", "snapshot")
	for _, k := range v.kept[t.Name] {
		out = append(out, quote(k))
	}
	return strings.Join(out, ", ")
}

// shown is a column that stands for a person, for those who may see it; empty
// for everybody else. Column grants would not do: a filter by an ungranted
// column is let through where it is rewritten to the column's size.
func (v viewer) shown(column string) string { return v.forSome(v.person(column)) }

func (v viewer) forSome(expression string) string {
	return fmt.Sprintf("if(currentUser() IN (%s, 'auditor', 'accountant') OR hasAny(enabledRoles(), ['paylake_auditor', 'paylake_accountant']), %s, '')",
		literal(v.owner), expression)
}

// replaced are the columns of a view that are not the table's as they stand.
func (v viewer) replaced(view string, more map[string]string) map[string]string {
	out := map[string]string{}
	for _, h := range embedded.Hidden[view] {
		out[h] = v.shown(h)
	}
	maps.Copy(out, more)
	return out
}

// ledger: with the catalogue's category and what the assurance events say.
func (v viewer) ledger(at string) string {
	t := schemas.Ledger
	return fmt.Sprintf("WITH %s,\n%s\nSELECT %s, flags\nFROM (SELECT * EXCEPT (category), category AS own_category, %s FROM %s.%s WHERE %s)", v.vocabulary(at), v.proofs(at),
		v.fields(t, v.replaced("ledger", map[string]string{"category": "toLowCardinality(" + categoryOf + ")"}),
			map[string]string{"currency": decimal("amount_minor", "currency") + " AS amount",
				"session_id": v.assurance(at)}),
		v.flags(t, at), v.db, rowsTable(t), v.current(t, at))
}

// operations: provider_code is the crosswalk's word for the payment method, or
// the method itself where it has none.
func (v viewer) operations(at string) string {
	t := schemas.Operations
	return fmt.Sprintf("SELECT %s, flags\nFROM %s",
		v.fields(t, v.replaced("operations", nil), map[string]string{"currency": decimal("amount_minor", "currency") + " AS amount"}),
		v.aliased(v.currentRows(t, at)))
}

func (v viewer) providers(at string) string {
	t := schemas.Providers
	return fmt.Sprintf("SELECT %s, flags\nFROM %s",
		v.fields(t, nil, map[string]string{"name_ru": "multiIf(name_en != '', name_en, name_az != '', name_az, provider_code) AS provider_name"}),
		v.currentRows(t, at))
}
