package matching

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/paylake/paylake/cmd/internal/match"
	"github.com/paylake/paylake/sinks/clickhouse"
)

// Warehouse is asked for rows; *clickhouse.Warehouse is one.
type Warehouse interface {
	Records(ctx context.Context, sql string, q clickhouse.Query, each func(arrow.Record) error) error
}

// facts are the two sides of a rule as of a snapshot, sorted by the warehouse.
type facts struct {
	ctx   context.Context
	from  Warehouse
	query clickhouse.Query
	rule  *Rule
}

var errEnough = errors.New("no more rows are wanted")

// By implements match.Facts.
func (f facts) By(o match.Order) iter.Seq2[match.Entry, error] {
	return func(yield func(match.Entry, error) bool) {
		d := decoder{words: map[string]string{}}
		err := f.from.Records(f.ctx, f.sql(o), f.query, func(rec arrow.Record) error {
			return d.each(rec, func(e match.Entry) error {
				if !yield(e, nil) {
					return errEnough
				}
				return nil
			})
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(match.Entry{}, err)
		}
	}
}

// sql asks for both sides in an order.
func (f facts) sql(o match.Order) string {
	both := f.sides()
	class, sum, join := "''", "amount", ""
	switch o {
	case match.ByReference:
		class, sum, join = "ref", "0::Int64", " ARRAY JOIN arrayDistinct(arrayFilter(r -> r != '', refs)) AS ref"
	case match.ByNet:
		sum, join = "net", " ARRAY JOIN arrayDistinct(arrayMap(x -> amount - x, if(side = 1, [0, fee], "+f.fees()+"))) AS net"
	case match.ByGroup:
		class, sum, join = "grp", "0::Int64", fmt.Sprintf(" WHERE grp != '' AND side = %d", f.rule.Groups.Side())
	}
	return fmt.Sprintf("SELECT side, %s AS class, toInt64(%s) AS total, tab, src, account, id, cur, toInt64(amount) AS amount, toInt64(fee) AS fee, toInt64(at) AS at, toInt32(dated) AS dated, toInt32(day) AS day, person, provider, grp FROM %s%s ORDER BY cur, class, total, at, side, tab, src, account, id",
		class, sum, both, join)
}

// sides are all rows that the rule looks at.
func (f facts) sides() string {
	side := func(n int, name string, sources []string) string {
		return fmt.Sprintf("SELECT toInt32(%d) AS side, * FROM (%s)", n, kinds[name].query(sources, f.rule.Merchants))
	}
	return "(" + side(0, f.rule.Left, f.rule.LeftSources) + " UNION ALL " + side(1, f.rule.Right, f.rule.RightSources) + ")"
}

// count is how many rows each side has.
func (f facts) count() (left, right int64, err error) {
	err = texts(f.ctx, f.from, "SELECT toString(countIf(side = 0)), toString(countIf(side = 1)) FROM "+f.sides(), f.query, func(v []string) {
		_, _ = fmt.Sscan(v[0], &left)
		_, _ = fmt.Sscan(v[1], &right)
	})
	return left, right, err
}

func (f facts) fees() string {
	all := []string{"0", "fee"}
	for _, fee := range f.rule.Fees {
		all = append(all, strconv.FormatInt(fee, 10))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// decoder makes facts of records. Words that repeat are kept once.
type decoder struct{ words map[string]string }

func (d *decoder) word(s string) string {
	if s == "" {
		return ""
	}
	w, ok := d.words[s]
	if !ok {
		w = strings.Clone(s)
		if len(d.words) < 1<<16 {
			d.words[w] = w
		}
	}
	return w
}

func (d *decoder) each(rec arrow.Record, each func(match.Entry) error) error {
	text := func(i int) *array.String { c, _ := rec.Column(i).(*array.String); return c }
	number := func(i int) *array.Int64 { c, _ := rec.Column(i).(*array.Int64); return c }
	small := func(i int) *array.Int32 { c, _ := rec.Column(i).(*array.Int32); return c }
	side, class, sum := small(0), text(1), number(2)
	table, source, account, id, currency := text(3), text(4), text(5), text(6), text(7)
	amount, fee, at, dated, date := number(8), number(9), number(10), small(11), small(12)
	person, provider, group := text(13), text(14), text(15)
	for i, missing := range []bool{side == nil, class == nil, sum == nil, table == nil, source == nil, account == nil, id == nil, currency == nil,
		amount == nil, fee == nil, at == nil, dated == nil, date == nil, person == nil, provider == nil, group == nil} {
		if missing {
			return fmt.Errorf("column %s of facts is %s", rec.ColumnName(i), rec.Column(i).DataType())
		}
	}
	last := ""
	for i := range int(rec.NumRows()) {
		if c := class.Value(i); c != last {
			last = strings.Clone(c)
		}
		f := &match.Fact{Side: match.Side(side.Value(i)), Key: match.Key{Table: d.word(table.Value(i)), Source: d.word(source.Value(i)), Account: d.word(account.Value(i)), ID: strings.Clone(id.Value(i))},
			Currency: d.word(currency.Value(i)), Amount: amount.Value(i), Fee: fee.Value(i), At: at.Value(i), Dated: dated.Value(i) == 1, Date: date.Value(i),
			Person: strings.Clone(person.Value(i)), Provider: d.word(provider.Value(i)), Group: d.word(group.Value(i))}
		if err := each(match.Entry{Class: last, Sum: sum.Value(i), Fact: f}); err != nil {
			return err
		}
	}
	return nil
}
