package clickhouse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/paylake/paylake/schemas"
)

// This file is pure: from schemas to CREATE statements, no connection.

// durable makes an acknowledged INSERT survive a power cut.
const durable = " SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"

// compact keeps the columns of a fresh part in one file: writing and syncing
// sixty small ones takes as long as the rows do. Merges of a month's parts grow
// beyond the limit and give every column its own file again.
const compact = ", min_bytes_for_wide_part = 134217728"

// fenceIndex lets a query by load_id skip the other loads' parts. Without it
// each verification would read its whole month.
const fenceIndex = "INDEX by_load load_id TYPE minmax GRANULARITY 4"

// columnType is the ClickHouse type of a field.
func columnType(f schemas.Field) string {
	var t string
	switch f.Kind {
	case schemas.Code:
		t = "LowCardinality(String)"
	case schemas.Int32:
		t = "Int32"
	case schemas.Int64, schemas.Minor:
		t = "Int64"
	case schemas.Instant:
		t = "DateTime64(6, 'UTC')"
	case schemas.Date:
		t = "Date32"
	default:
		t = "String"
	}
	if f.Nullable {
		t = "Nullable(" + t + ")"
	}
	return t
}

// rowsTable names the base table of a table: private to the loader.
func rowsTable(t *schemas.Table) string { return t.Name + "_rows" }

// fenced are the columns after a table's own in its base table. load_id fences
// a load; snapshot is the manifest that the row came with.
var fenced = []string{"revision Int32", "sign Int8", "row_hash UInt64", "load_id UInt64", "snapshot Int64"}

// factTable is the base table's CREATE statement. One partition is one month
// of business_date, which is what one object holds.
func factTable(db string, t *schemas.Table) string {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE IF NOT EXISTS %s.%s (\n", db, rowsTable(t))
	for _, f := range t.Fields {
		if !f.Kept {
			fmt.Fprintf(&b, "  %s %s,\n", quote(f.Name), columnType(f))
		}
	}
	fmt.Fprintf(&b, "  %s,\n  %s\n) ENGINE = MergeTree", strings.Join(fenced, ",\n  "), fenceIndex)
	if t.Has("business_date") {
		b.WriteString(" PARTITION BY toYYYYMM(business_date)")
	}
	fmt.Fprintf(&b, " ORDER BY (%s)%s", strings.Join(sortKey(t), ", "), durable+compact)
	return b.String()
}

// laterColumns are the statements that bring a base table, made by an earlier
// version, up to this one.
func laterColumns(db string, t *schemas.Table) []string {
	var out []string
	for _, f := range t.Fields {
		if f.Since > 1 {
			out = append(out, fmt.Sprintf("ALTER TABLE %s.%s ADD COLUMN IF NOT EXISTS %s %s", db, rowsTable(t), quote(f.Name), columnType(f)))
		}
	}
	return out
}

// laterBookkeeping does the same for the tables beside the facts.
func laterBookkeeping(db string) []string {
	return []string{
		"ALTER TABLE " + db + ".load_visibility ADD COLUMN IF NOT EXISTS since Int64 DEFAULT snapshot",
		"ALTER TABLE " + db + ".spend_rollup ADD COLUMN IF NOT EXISTS snapshot Int64",
	}
}

// keptColumn adds a column that a pipeline keeps.
func keptColumn(db string, t *schemas.Table, name string) string {
	return fmt.Sprintf("ALTER TABLE %s.%s ADD COLUMN IF NOT EXISTS %s String", db, rowsTable(t), quote(name))
}

// sortKey begins with provider_code, because that is what people group by.
func sortKey(t *schemas.Table) []string {
	var key []string
	add := func(names ...string) {
		for _, n := range names {
			if n != "" && t.Has(n) && !slices.Contains(key, n) {
				key = append(key, n)
			}
		}
	}
	add(t.Provider, "business_date", "wallet_id", t.Time)
	add(t.Key...)
	return key
}

// identity are the columns that name one revision of a row across sources.
func identity(t *schemas.Table) []string {
	return append(append([]string{"source"}, t.Key...), "revision")
}

// bookkeeping are the tables beside the facts. Each is only ever inserted into;
// a row written twice (a crash between an INSERT and its answer) is one row to
// the views.
func bookkeeping(db string) []string {
	table := func(name, columns, rest string) string {
		return fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s.%s (%s) ENGINE = MergeTree %s%s", db, name, columns, rest, durable)
	}
	return []string{
		// What is about to be inserted, before it is: rows, hash_sum and sums are what the manifest says.
		table("loads", "load_id UInt64, object String, `table` LowCardinality(String), snapshot Int64, month UInt32, rows Int64, hash_sum UInt64, sums String, created_at DateTime64(6, 'UTC')", "ORDER BY load_id"),
		table("load_visibility", "load_id UInt64, object String, `table` LowCardinality(String), snapshot Int64, published_at DateTime64(6, 'UTC'), since Int64 DEFAULT snapshot", "ORDER BY (snapshot, object, load_id)"),
		// Objects that a merged one stands for, from this manifest on.
		table("load_replaced", "object String, since Int64, replaced_at DateTime64(6, 'UTC')", "ORDER BY object"),
		table("load_abandoned", "load_id UInt64, reason String, abandoned_at DateTime64(6, 'UTC')", "ORDER BY load_id"),
		table("load_swept", "load_id UInt64, swept_at DateTime64(6, 'UTC')", "ORDER BY load_id"),
		// The commit of the follower: a manifest is visible when it is here.
		table("manifests", "sequence Int64, sha256 String, kind LowCardinality(String), objects Int64, created_at DateTime64(6, 'UTC'), applied_at DateTime64(6, 'UTC')", "ORDER BY sequence"),
		table("snapshot_parts", "sequence Int64, part Int32, created_at DateTime64(6, 'UTC'), source LowCardinality(String), `table` LowCardinality(String), wallet_id LowCardinality(String), window_from Nullable(DateTime64(6, 'UTC')), window_to Nullable(DateTime64(6, 'UTC')), final Bool, rows Int64, inserted Int64, retracted Int64, duplicates Int64, quarantined Int64, balance_chain LowCardinality(String), sha256 String, published_at DateTime64(6, 'UTC')", "ORDER BY (sequence, part)"),
		// Where a part's balance chain does not close.
		table("chain_break_rows", "sequence Int64, part Int32, after_id String, before_id String, broke_from DateTime64(6, 'UTC'), broke_to DateTime64(6, 'UTC'), missing_minor Int64", "ORDER BY (sequence, part)"),
		// Rejected rows that came in after all, by a manifest's own word.
		table("quarantine_resolved", "id String, resolved_at DateTime64(6, 'UTC'), snapshot Int64", "ORDER BY id"),
		table("quarantine_rows", "id String, source LowCardinality(String), `table` LowCardinality(String), wallet_id LowCardinality(String), row_id String, reason LowCardinality(String), field LowCardinality(String), amount_minor Nullable(Int64), currency LowCardinality(String), first_seen DateTime64(6, 'UTC'), snapshot Int64", "ORDER BY id"),
		table("spend_rollup", "business_date Date32, provider_code LowCardinality(String), category LowCardinality(String), source LowCardinality(String), currency LowCardinality(String), entries Int64, spend_minor Int128, refunds_minor Int128, load_id UInt64, snapshot Int64, "+fenceIndex, "PARTITION BY toYYYYMM(business_date) ORDER BY (provider_code, business_date)"),
		// Which partitions were checked, for what, in which state.
		table("partition_checks", "kind LowCardinality(String), `table` LowCardinality(String), month UInt32, fingerprint UInt64, doubles Int64, checked_at DateTime64(6, 'UTC')", "ORDER BY (kind, `table`, month)"),
		table("pipeline_runs_rows", "pipeline LowCardinality(String), source LowCardinality(String), `table` LowCardinality(String), started_at DateTime64(6, 'UTC'), finished_at DateTime64(6, 'UTC'), outcome LowCardinality(String), windows Int64, rows Int64, inserted Int64, retracted Int64, duplicates Int64, quarantined Int64, bytes Int64, snapshot Int64, error String", "ORDER BY (started_at, pipeline)"),
		// How webhooks stand, as the state database told; the newest word counts.
		table("webhook_deliveries_rows", "endpoint LowCardinality(String), event_id String, event_type LowCardinality(String), event_at DateTime64(6, 'UTC'), status LowCardinality(String), tries Int64, code Int32, error String, first_at Nullable(DateTime64(6, 'UTC')), last_at Nullable(DateTime64(6, 'UTC')), delivered_at Nullable(DateTime64(6, 'UTC')), snapshot Int64, changed_at DateTime64(6, 'UTC')", "ORDER BY (endpoint, event_id, changed_at)"),
		table("schema_state", "digest String, made_at DateTime64(6, 'UTC')", "ORDER BY made_at"),
	}
}

// derived are the tables that a rebuild drops. manifests comes first: without
// it nothing is visible, and what follows may stop anywhere.
func derived() []string {
	names := []string{"manifests", "load_visibility", "loads", "load_abandoned", "load_replaced", "load_swept", "snapshot_parts", "chain_break_rows", "quarantine_rows", "quarantine_resolved", "spend_rollup", "partition_checks", "schema_state"}
	for _, t := range schemas.All() {
		names = append(names, rowsTable(t))
	}
	return names
}

func quote(name string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
}

func literal(s string) string {
	return "'" + strings.NewReplacer("\\", "\\\\", "'", "\\'").Replace(s) + "'"
}
