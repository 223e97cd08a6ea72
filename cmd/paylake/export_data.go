package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/paylake/paylake/cmd/internal/account"
	"github.com/paylake/paylake/cmd/internal/export"
	"github.com/paylake/paylake/cmd/internal/partfile"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/clickhouse"
	"github.com/paylake/paylake/sinks/clickhouse/embedded"
)

// dataset is something that export can write.
type dataset struct {
	name, short string
	view        string   // whose rows they are; empty: the one of that name
	order       []string // columns that rows are sorted by before all others
	where       string   // a condition on the rows; empty: all
	days        bool     // rows have a business_date: --from and --to, or --period, choose
	formats     []string // the first is the default
	statement   bool     // names of columns and cost centres can be chosen
	// query gives columns and rows where they are not a view's as they stand.
	query func(from *shop) ([]export.Column, string)
	// own are formats that only this dataset has, or writes in its own way.
	own map[string]func(ctx context.Context, from *shop, out io.Writer) error
}

// datasets lists what can be exported: every view whose rows are a function of
// the snapshot.
func datasets() []dataset {
	list := []dataset{
		{name: "statement", view: "ledger", short: "booked lines with gross, fee, net, balances, provider name, receipt, reference and cost centre", days: true, statement: true, query: statementOf},
		{name: "spend", view: "spend_by_provider", short: "the same as spend_by_provider", days: true,
			order: []string{"business_date", "provider_code", "category", "source", "currency"}},
		{name: "spend_by_provider", short: "spend, refunds and net by day, provider and currency", days: true,
			order: []string{"business_date", "provider_code", "category", "source", "currency"}},
		{name: "payments", short: "operations rolled up, one row per payment", days: true,
			order: []string{"business_date", "source", "project_id", "payment_id", "first_operation_id"}},
		{name: "transfers", short: "transfers by wallet, person, direction, day and currency", days: true,
			order: []string{"business_date", "source", "wallet_id", "direction", "currency", "counterparty", "counterparty_masked"}},
		{name: "double_counts", short: "payments that two systems report, and which row counts", days: true,
			order: []string{"business_date", "reason", "excluded_table", "excluded_source", "excluded_account", "excluded_id"}},
		{name: "alarms", short: "rows for which a check does not hold", days: true, order: []string{"business_date", "check_name", "id"}},
		{name: "quarantine", short: "rows that were not readable, masked", order: []string{"source", "table", "id"}},
		{name: "providers_history", short: "every wording that a provider code has had", order: []string{"source", "provider_code", "revision"}},
		{name: "templates_history", short: "every wording that a favourite has had", order: []string{"source", "wallet_id", "template_id", "revision"}},
		{name: "nfc_workflows_history", short: "every wording that an NFC workflow has had", order: []string{"source", "workflow_id", "revision"}},
		{name: "completeness", short: "how far each source has been read", order: []string{"source", "table", "wallet_id"}},
	}
	for _, t := range schemas.All() {
		d := dataset{name: t.Name, short: "rows of " + t.Name, days: t.Has("business_date")}
		if d.days {
			d.order = append(d.order, "business_date")
		}
		for _, column := range slices.Concat([]string{"source", "wallet_id", t.Time}, t.Key) {
			if column != "" && t.Has(column) && !slices.Contains(d.order, column) {
				d.order = append(d.order, column)
			}
		}
		list = append(list, d)
	}
	for _, view := range embedded.Views { // whatever else readers see, by day where it has days
		known := slices.ContainsFunc(list, func(d dataset) bool { return d.name == view })
		if _, left := notExported[view]; !known && !left && !strings.HasSuffix(view, "_at") {
			list = append(list, dataset{name: view, short: "the view of that name", days: true})
		}
	}
	for i := range list {
		d := &list[i]
		if d.view == "" {
			d.view = d.name
		}
		d.formats = export.Formats
		if d.statement {
			d.formats = append(slices.Clone(export.Formats), camtFormat)
			d.own = map[string]func(context.Context, *shop, io.Writer) error{camtFormat: exportCamt}
		}
		if d.name == "nfc_workflows" {
			d.short = "NFC workflows; as json one bundle that a fleet of Android devices can prefetch"
			d.formats = []string{"json", "csv", "jsonl", "parquet"}
			d.own = map[string]func(context.Context, *shop, io.Writer) error{"json": exportWorkflows}
		}
	}
	slices.SortFunc(list, func(a, b dataset) int { return strings.Compare(a.name, b.name) })
	return list
}

// notExported are views whose rows are no function of the snapshot.
var notExported = map[string]string{
	"snapshots": "when the warehouse published them", "pipeline_runs": "the history of runs", "webhook_deliveries": "how far messages have come by now",
	"provider_aliases": "the configuration", "unknown_providers": "suggestions about the configuration",
}

// statementOf is the statement with the names and cost centres that were asked
// for.
func statementOf(s *shop) ([]export.Column, string) {
	return account.Lines(account.Selection{From: s.from, To: s.to, Names: s.names, Centres: s.centres})
}

// shop is where an export gets its rows: the warehouse as of one snapshot.
type shop struct {
	warehouse *clickhouse.Warehouse
	reader    string    // accountant, auditor or analyst
	snapshot  int64     // the newest manifest that is shown; 0: nothing is committed yet
	sha256    string    // of that manifest
	created   time.Time // when that was committed
	from, to  string    // days; empty: without limit
	names     account.Names
	centres   []account.Centre
	rows      int64          // written so far
	before    int64          // of these, by somebody whose file is gone on with
	resumed   []export.Total // of these
	part      *partfile.File // that is being written; nil: stdout, or a format that is written at once
	markEvery int64          // bytes
	totals    *export.Totals // of what is written
	head      int            // bytes at the beginning that name the snapshot rather than rows
	breaks    []string       // accounts whose balances do not follow from their lines
}

// write writes a dataset in a format.
func (s *shop) write(ctx context.Context, d dataset, format string, out io.Writer) error {
	if own := d.own[format]; own != nil {
		return own(ctx, s, out)
	}
	columns, sql, err := s.asked(ctx, d)
	if err != nil {
		return err
	}
	w, err := s.writer(d, format, out, columns)
	if err != nil {
		return err
	}
	if s.before > 0 {
		sql += fmt.Sprintf(" OFFSET %d", s.before)
	}
	q := clickhouse.Query{Snapshot: s.snapshot, User: s.reader}
	err = s.warehouse.Records(ctx, sql, q, func(rec arrow.Record) error {
		if err := errors.Join(s.totals.Add(rec), w.Write(rec)); err != nil {
			return err
		}
		s.rows += rec.NumRows()
		return s.mark(w)
	})
	if err != nil {
		return err
	}
	return w.Close()
}

// writer begins a file, or goes on with one that has rows already.
func (s *shop) writer(d dataset, format string, out io.Writer, columns []export.Column) (export.Writer, error) {
	s.totals = export.NewTotals(columns)
	if s.before > 0 {
		if err := s.totals.Resume(s.resumed); err != nil {
			return nil, err
		}
		return export.Resume(format, out, columns, s.before)
	}
	w, err := export.New(format, out, export.Meta{Dataset: d.name, Snapshot: s.snapshot, SHA256: s.sha256, From: s.from, To: s.to}, columns)
	if h, ok := w.(interface{ Head() int }); ok {
		s.head = h.Head()
	}
	return w, err
}

// mark notes now and then how far a file is good.
func (s *shop) mark(w export.Writer) error {
	f, ok := w.(export.Flusher)
	if s.part == nil || !ok || s.part.Since() < s.markEvery {
		return nil
	}
	if err := f.Flush(); err != nil {
		return err
	}
	return s.part.Mark(s.rows, s.totals.List())
}

// asked is what a dataset's columns are, and the query of its rows.
func (s *shop) asked(ctx context.Context, d dataset) ([]export.Column, string, error) {
	if d.query != nil {
		columns, sql := d.query(s)
		return columns, sql, nil
	}
	views, err := s.warehouse.Columns(ctx, d.view)
	if err != nil {
		return nil, "", err
	}
	if !slices.ContainsFunc(views, func(v clickhouse.ViewColumn) bool { return v.Name == "business_date" }) && s.from+s.to != "" {
		return nil, "", usagef("%s has no days; leave out --from, --to and --period", d.name)
	}
	columns, sql := selection(d, views, s.from, s.to)
	return columns, sql, nil
}

// selection is the query of an export and what its columns are. The order is
// that of the dataset's own columns and then of all others: rows that are equal
// in everything are the only ones whose order is left open. Pure.
func selection(d dataset, views []clickhouse.ViewColumn, from, to string) ([]export.Column, string) {
	var columns []export.Column
	var fields []string
	order := slices.Clone(d.order)
	if len(order) == 0 && slices.ContainsFunc(views, func(v clickhouse.ViewColumn) bool { return v.Name == "business_date" }) {
		order = []string{"business_date"}
	}
	for _, v := range views {
		c, expression := asExported(v, views)
		columns = append(columns, c)
		fields = append(fields, fmt.Sprintf("%s AS `%s`", expression, v.Name))
		if !slices.Contains(order, v.Name) {
			order = append(order, v.Name)
		}
	}
	where := ""
	for _, limit := range []struct{ op, day string }{{">=", from}, {"<", to}} {
		if limit.day != "" {
			where += fmt.Sprintf(" AND business_date %s toDate32('%s')", limit.op, limit.day)
		}
	}
	if d.where != "" {
		where += " AND (" + d.where + ")"
	}
	return columns, fmt.Sprintf("SELECT %s FROM (SELECT * FROM `%s` WHERE 1%s) ORDER BY `%s`",
		strings.Join(fields, ", "), d.view, where, strings.Join(order, "`, `"))
}

// asExported says how a column of a ClickHouse type is read and written.
func asExported(v clickhouse.ViewColumn, all []clickhouse.ViewColumn) (export.Column, string) {
	c, name := export.Column{Name: v.Name}, "`"+v.Name+"`"
	t := v.Type
	for _, wrap := range []string{"LowCardinality(", "Nullable("} {
		t = strings.TrimPrefix(t, wrap)
	}
	kind, _, _ := strings.Cut(strings.TrimRight(t, ")"), "(")
	switch {
	case kind == "Array" || kind == "Tuple" || kind == "Map":
		c.Kind, name = export.JSON, "toJSONString("+name+")"
	case kind == "Int128" || kind == "UInt128" || kind == "Int256" || kind == "UInt256": // wider than Arrow's integers
		c.Kind, c.Sums, name = export.Int, sumsIn(v.Name, all), "toDecimal128("+name+", 0)"
	case strings.HasPrefix(kind, "Int") || strings.HasPrefix(kind, "UInt"):
		c.Kind, c.Sums = export.Int, sumsIn(v.Name, all)
	case strings.HasPrefix(kind, "Decimal"):
		c.Kind = export.Decimal
		c.Currency = currencyOf(v.Name, all)
	case strings.HasPrefix(kind, "Float"):
		c.Kind, name = export.Float, "toFloat64("+name+")"
	case kind == "Bool":
		c.Kind = export.Bool
	case kind == "Date" || kind == "Date32":
		c.Kind, name = export.Day, "toDate32("+name+")"
	case kind == "DateTime" || kind == "DateTime64":
		c.Kind, name = export.Instant, "toDateTime64("+name+", 6, 'UTC')"
	default:
		name = "toString(" + name + ")"
	}
	return c, name
}

// currencyOf finds the column that an amount's currency stands in: its own, or
// the row's.
func currencyOf(amount string, all []clickhouse.ViewColumn) string {
	for _, name := range []string{amount + "_currency", "currency"} {
		if slices.ContainsFunc(all, func(v clickhouse.ViewColumn) bool { return v.Name == name }) &&
			slices.ContainsFunc(all, func(v clickhouse.ViewColumn) bool { return v.Name == amount+"_minor" }) {
			return name
		}
	}
	return ""
}

// sumsIn is the currency in which a column of minor units is added up; empty for
// what says something about a moment, such as a balance, or about other rows.
func sumsIn(column string, all []clickhouse.ViewColumn) string {
	money, isMinor := strings.CutSuffix(column, "_minor")
	if !isMinor || money == "available" || money == "reserved" || strings.Contains(money, "balance") || strings.HasPrefix(money, "person") {
		return ""
	}
	for _, name := range []string{money + "_currency", "currency"} {
		if slices.ContainsFunc(all, func(v clickhouse.ViewColumn) bool { return v.Name == name }) {
			return name
		}
	}
	return ""
}
