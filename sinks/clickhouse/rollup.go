package clickhouse

import (
	"context"
	"fmt"
	"math/big"
	"time"

	"github.com/paylake/paylake/fault"
	"github.com/paylake/paylake/schemas"
)

// The rollup of a load for spend_by_provider, and its verification. Both come
// from one pass over the rows that the server holds: what is summed up is what
// was read back.

// spends reports whether a table feeds spend_by_provider.
func spends(t *schemas.Table) bool { return t.Name == "ledger" || t.Name == "operations" }

// XX
// sign makes a retraction take back what its row had added.
func spendOf(t *schemas.Table) string {
	if t.Name == "operations" {
		return "(type = 'sale' AND status = 'success')"
	}
	return "(type IN ('bill_pay', 'fee') AND amount_minor < 0 AND status IN ('posted', 'reversed'))"
}

func refundOf(t *schemas.Table) string {
	if t.Name == "operations" {
		return "(type IN ('refund', 'reversal') AND status = 'success')"
	}
	return "(type IN ('refund', 'reversal') AND amount_minor > 0)"
}

// rollupSQL sums one load up by everything that the rollup keeps apart. Its
// groups cover all rows, those that are neither spend nor refund as well. Pure.
func rollupSQL(db string, t *schemas.Table, load string) string {
	category := "''"
	if t.Has("category") {
		category = "toString(category)"
	}
	spend, refund := spendOf(t), refundOf(t)
	return fmt.Sprintf("SELECT business_date, toString(provider_code), %[1]s AS category, toString(source), toString(currency), "+
		"toInt64(count()), sum(toInt128(sign) * toInt128(amount_minor)), sum(row_hash), toInt64(countIf(%[2]s OR %[3]s)), "+
		"sumIf(toInt64(sign), %[2]s OR %[3]s), sumIf(toInt128(sign) * abs(toInt128(amount_minor)), %[2]s), "+
		"sumIf(toInt128(sign) * toInt128(amount_minor), %[3]s), snapshot "+
		"FROM %[4]s.%[5]s WHERE %[6]s GROUP BY business_date, provider_code, category, source, currency, snapshot",
		category, spend, refund, db, rowsTable(t), load)
}

// group is one line of rollupSQL.
type group struct {
	date                                 time.Time
	provider, category, source, currency string
	rows                                 int64
	hash                                 uint64
	counted                              int64 // rows that are spend or refund
	entries                              int64 // of them, retractions taken off
	amount, spend, refunds               big.Int
	snapshot                             int64
}

// groups reads what a load holds, summed up.
func (w *Warehouse) groups(ctx context.Context, l load) ([]group, error) {
	var out []group
	err := w.each(ctx, "verify "+l.table.Name, rollupSQL(w.db, l.table, l.where()), func(scan func(...any) error) error {
		out = append(out, group{})
		g := &out[len(out)-1]
		return scan(&g.date, &g.provider, &g.category, &g.source, &g.currency,
			&g.rows, &g.amount, &g.hash, &g.counted, &g.entries, &g.spend, &g.refunds, &g.snapshot)
	})
	return out, err
}

// sumUp verifies a load of a table that feeds spend_by_provider, and writes its
// rollup under the same load_id.
func (w *Warehouse) sumUp(ctx context.Context, l load) error {
	groups, err := w.groups(ctx, l)
	if err != nil {
		return err
	}
	if got, want := contentOf(groups).String(), expected(l).String(); got != want {
		return w.differs(l, got, want)
	}
	fault.Point("load.compared")
	rows, total := rollupRows(l.id, groups)
	if err := w.insert(w.once(ctx, fmt.Sprintf("%d-spend", l.id)), "spend_rollup", rows); err != nil {
		return err
	}
	fault.Point("load.summed")
	written, err := w.spentOf(ctx, l.table, fmt.Sprintf("load_id = %d AND %s", l.id, inMonth(l.month())), false)
	if err != nil {
		return err
	}
	if written[l.id] != total {
		return fmt.Errorf("verify %s: its spend is %v, summed up as %v", w.full(l.object), total, written[l.id])
	}
	return nil
}

// contentOf adds the groups of one load up.
func contentOf(groups []group) content {
	c := content{money: map[string]money{}}
	sums := map[string]*big.Int{}
	for i := range groups {
		g := &groups[i]
		c.rows, c.hash = c.rows+g.rows, c.hash+g.hash
		if sums[g.currency] == nil {
			sums[g.currency] = new(big.Int)
		}
		sum := sums[g.currency].Add(sums[g.currency], &g.amount)
		c.money[g.currency] = money{c.money[g.currency].rows + g.rows, sum.String()}
	}
	return c
}

// rollupRows are the rows of spend_rollup, and what they come to.
func rollupRows(id uint64, groups []group) (rows [][]any, total spent) {
	var spend, refunds big.Int
	for i := range groups {
		g := &groups[i]
		if g.counted == 0 {
			continue
		}
		rows = append(rows, []any{g.date, g.provider, g.category, g.source, g.currency, g.entries, &g.spend, &g.refunds, id, g.snapshot})
		total.entries += g.entries
		total.spend = spend.Add(&spend, &g.spend).String()
		total.refunded = refunds.Add(&refunds, &g.refunds).String()
	}
	return rows, total
}
