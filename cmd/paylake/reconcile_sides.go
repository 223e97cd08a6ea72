package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/paylake/paylake/cmd/internal/reconcile"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/clickhouse"
	"github.com/paylake/paylake/sinks/lake"
)

// openExisting opens the lake for reading; one that is not there is an error.
func (h *house) openExisting(ctx context.Context) error {
	if err := h.readLake(ctx); err != nil {
		return err
	}
	if h.lake == nil {
		return usagef("there is no lake at %s yet; paylake run makes it", h.cfg.Lake)
	}
	return nil
}

// openSides opens the warehouse beside the open lake, as the sides of a comparison,
// and returns the manifests as of which they are read. The warehouse is asked as the auditor:
// a month's money does not become less because a consent was withdrawn since.
func (h *house) openSides(ctx context.Context, period reconcile.Period, in *reconcile.Input) (snapshots [2]int64, err error) {
	head, objects, err := h.lake.Standing(ctx, schemas.Ledger.Name)
	if err != nil {
		return snapshots, err
	}
	h.store = h.newWarehouse()
	ch, err := h.store.get(ctx)
	if err != nil {
		return snapshots, err
	}
	if err := h.holdsLake(ctx, ch, 0, nil); err != nil {
		return snapshots, err
	}
	if err := h.store.tellAliases(ctx, ch); err != nil {
		return snapshots, err
	}
	shown, err := ch.Newest(ctx, 0)
	if err != nil {
		return snapshots, err
	}
	in.Known = reconcile.NewKnown()
	categories, err := h.catalogue(ctx)
	if err != nil {
		return snapshots, err
	}
	for code, category := range categories {
		in.Known.Providers[code], in.Known.Categories[category] = true, true
	}
	for _, s := range h.cfg.Sources {
		for _, w := range s.Wallets {
			in.Known.Wallets[w.ID] = true
		}
	}
	side := &warehouseSide{ch: ch, query: clickhouse.Query{Snapshot: min(head, shown.Sequence), User: "auditor",
		Parameters: map[string]string{"from": period.From.Format(time.DateOnly), "to": period.To.Format(time.DateOnly)}}}
	in.Lake = &lakeSide{lake: h.lake, objects: objects, period: period, categories: categories}
	in.Warehouse, in.Published = side, side.published
	return [2]int64{head, side.query.Snapshot}, nil
}

// catalogue is the category of every provider code that the lake's catalogues
// list; of two sources with the same code the first by name decides, as it does
// in the warehouse.
func (h *house) catalogue(ctx context.Context) (map[string]string, error) {
	_, objects, err := h.lake.Standing(ctx, schemas.Providers.Name)
	if err != nil {
		return nil, err
	}
	type version struct {
		source, code, category string
		revision               int32
	}
	shown := map[version]int{}
	for _, o := range objects {
		err := h.lake.EachRow(ctx, schemas.Providers, o.Object, []string{"provider_code", "category"}, func(rec arrow.Record) error {
			revision, sign := rec.Column(0).(*array.Int32), rec.Column(1).(*array.Int32)
			code, category := rec.Column(2).(*array.String), rec.Column(3).(*array.String)
			for i := range int(rec.NumRows()) {
				v := version{o.Source, strings.Clone(code.Value(i)), strings.Clone(category.Value(i)), revision.Value(i)}
				shown[v] += int(sign.Value(i))
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read the catalogue: %w", err)
		}
	}
	out, first := map[string]string{}, map[string]string{}
	for v, n := range shown {
		if before, ok := first[v.code]; n > 0 && (!ok || v.source < before) {
			out[v.code], first[v.code] = v.category, v.source
		}
	}
	return out, nil
}

// unread lists the wallets whose ledger is not known to be whole in the period:
// both sides agree on rows that are still to come.
func (h *house) unread(ctx context.Context, period reconcile.Period, r *reconcile.Report) error {
	for _, q := range h.cfg.Pipelines {
		s, ok := h.cfg.SourceNamed(q.Source)
		if !ok || q.Table != schemas.Ledger.Name {
			continue
		}
		midnight := func(day time.Time) time.Time {
			return pipeline.StartOfDay(time.Date(day.Year(), day.Month(), day.Day(), 12, 0, 0, 0, s.Zone), s.Zone).UTC()
		}
		whole := schemas.Window{From: midnight(period.From), To: midnight(period.To)}
		if start := h.spec(q).Start; start.After(whole.From) {
			whole.From = start.UTC()
			r.ReadFrom = max(r.ReadFrom, start.In(s.Zone).Format(time.DateOnly))
		}
		for _, w := range s.Wallets {
			done, err := h.lake.Done(ctx, schemas.Stream{Source: s.Name, Wallet: w.ID, Table: schemas.Ledger})
			if err != nil {
				return err
			}
			if gap, some := reconcile.FirstGap(whole, done.Complete, done.Owed); some {
				r.Unread = append(r.Unread, reconcile.Unread{Source: s.Name, Wallet: w.ID, Window: gap})
			}
		}
	}
	return nil
}

// lakeSide reads the lake's own objects.
type lakeSide struct {
	lake       *lake.Lake
	objects    []lake.Standing
	period     reconcile.Period
	categories map[string]string
}

// zones is how far a business date may be from the day in UTC.
const zones = 15 * time.Hour

var reconciled = []string{"wallet_id", "entry_id", "business_date", "type", "status", "currency", "provider_code", "category", "reversal_of", "amount_minor"}

// Rows implements reconcile.Side.
func (s *lakeSide) Rows(ctx context.Context, each func(*reconcile.Row, int) error) error {
	from, to := s.period.Days()
	for _, o := range s.objects {
		if o.Object.MaxTime.Before(s.period.From.Add(-zones)) || o.Object.MinTime.After(s.period.To.Add(zones)) {
			continue
		}
		err := s.lake.EachRow(ctx, schemas.Ledger, o.Object, reconciled, func(rec arrow.Record) error {
			sign := rec.Column(1).(*array.Int32)
			return eachLedgerRow(rec, 2, func(i int, r *reconcile.Row) error {
				if r.Date < from || r.Date >= to {
					return nil
				}
				r.Source = o.Source
				if r.Category == "" {
					r.Category = s.categories[r.Provider]
				}
				return each(r, int(sign.Value(i)))
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Reversals implements reconcile.Side.
func (s *lakeSide) Reversals(ctx context.Context, each func(reconcile.RowID, int) error) error {
	for _, o := range s.objects {
		err := s.lake.EachRow(ctx, schemas.Ledger, o.Object, []string{"wallet_id", "reversal_of"}, func(rec arrow.Record) error {
			sign, wallet, of := rec.Column(1).(*array.Int32), rec.Column(2).(*array.String), rec.Column(3).(*array.String)
			for i := range int(rec.NumRows()) {
				if of.Value(i) == "" {
					continue
				}
				if err := each(reconcile.RowID{Source: o.Source, Wallet: wallet.Value(i), ID: of.Value(i)}, int(sign.Value(i))); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// eachLedgerRow hands out rows of a record whose columns, from one on, are those
// of reconciled.
func eachLedgerRow(rec arrow.Record, first int, each func(i int, r *reconcile.Row) error) error {
	var texts []*array.String
	for n, name := range reconciled {
		if name != "business_date" && name != "amount_minor" {
			column, ok := rec.Column(first + n).(*array.String)
			if !ok {
				return fmt.Errorf("column %s is %s and no text", name, rec.Column(first+n).DataType())
			}
			texts = append(texts, column)
		}
	}
	dates, ok := rec.Column(first + 2).(*array.Date32)
	amounts, fine := rec.Column(first + 9).(*array.Int64)
	if !ok || !fine {
		return fmt.Errorf("business_date and amount_minor are %s and %s", rec.Column(first+2).DataType(), rec.Column(first+9).DataType())
	}
	var r reconcile.Row
	for i := range int(rec.NumRows()) {
		r = reconcile.Row{RowID: reconcile.RowID{Wallet: texts[0].Value(i), ID: texts[1].Value(i)}, Date: int32(dates.Value(i)),
			Type: texts[2].Value(i), Status: texts[3].Value(i), Currency: texts[4].Value(i), Provider: texts[5].Value(i), Category: texts[6].Value(i),
			ReversalOf: texts[7].Value(i), Amount: amounts.Value(i)}
		if err := each(i, &r); err != nil {
			return err
		}
	}
	return nil
}

// warehouseSide asks the warehouse, as readers do.
type warehouseSide struct {
	ch    *clickhouse.Warehouse
	query clickhouse.Query
}

const inPeriod = "business_date >= {from:Date32} AND business_date < {to:Date32}"

// Rows implements reconcile.Side.
func (s *warehouseSide) Rows(ctx context.Context, each func(*reconcile.Row, int) error) error {
	columns := []string{"toString(source)"}
	for _, name := range reconciled {
		switch name {
		case "business_date":
			name = "toDate32(business_date)"
		case "amount_minor":
		default:
			name = "toString(" + name + ")"
		}
		columns = append(columns, name)
	}
	sql := "SELECT " + strings.Join(columns, ", ") + " FROM ledger WHERE " + inPeriod
	return s.ch.Records(ctx, sql, s.query, func(rec arrow.Record) error {
		source, ok := rec.Column(0).(*array.String)
		if !ok {
			return fmt.Errorf("column source is %s and no text", rec.Column(0).DataType())
		}
		return eachLedgerRow(rec, 1, func(i int, r *reconcile.Row) error {
			r.Source = source.Value(i)
			return each(r, 1)
		})
	})
}

// Reversals implements reconcile.Side.
func (s *warehouseSide) Reversals(ctx context.Context, each func(reconcile.RowID, int) error) error {
	const sql = "SELECT toString(source), toString(wallet_id), toString(reversal_of) FROM ledger WHERE reversal_of != ''"
	return s.texts(ctx, sql, func(v []string) error { return each(reconcile.RowID{Source: v[0], Wallet: v[1], ID: v[2]}, 1) })
}

// texts runs a query whose columns are all texts.
func (s *warehouseSide) texts(ctx context.Context, sql string, each func([]string) error) error {
	return s.ch.Records(ctx, sql, s.query, func(rec arrow.Record) error {
		values := make([]string, rec.NumCols())
		for i := range int(rec.NumRows()) {
			for n := range values {
				column, ok := rec.Column(n).(*array.String)
				if !ok {
					return fmt.Errorf("column %d is %s and no text", n+1, rec.Column(n).DataType())
				}
				values[n] = column.Value(i)
			}
			if err := each(values); err != nil {
				return err
			}
		}
		return nil
	})
}

// published is what spend_by_provider shows of the sources that have a ledger.
// It has sums of 128 bits, which are taken as digits: one that does not fit is an
// error and never another number.
func (s *warehouseSide) published(ctx context.Context) (map[reconcile.Key]reconcile.Sums, error) {
	const sql = `SELECT toString(provider_code), toString(category), toString(currency), toString(sum(entries)), toString(sum(spend_minor)), toString(sum(refunds_minor))
FROM spend_by_provider WHERE ` + inPeriod + ` AND source IN (SELECT source FROM ledger WHERE ` + inPeriod + `)
GROUP BY provider_code, category, currency`
	out := map[reconcile.Key]reconcile.Sums{}
	err := s.texts(ctx, sql, func(v []string) error {
		var sums reconcile.Sums
		for n, to := range []*int64{&sums.SpendRows, &sums.Spend, &sums.Refunds} {
			var err error
			if *to, err = strconv.ParseInt(v[3+n], 10, 64); err != nil {
				return fmt.Errorf("spend_by_provider has %s for %s: %w", v[3+n], v[0], schemas.ErrAmountRange)
			}
		}
		out[reconcile.Key{Provider: strings.Clone(v[0]), Category: strings.Clone(v[1]), Currency: strings.Clone(v[2])}] = sums
		return nil
	})
	return out, err
}
