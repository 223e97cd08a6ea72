package clickhouse

import (
	"context"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/paylake/paylake/schemas"
)

// content is what a load holds, or should hold: rows, the sum of row hashes
// modulo 2^64 (a sum, since XOR would cancel rows that came twice) and signed
// money by currency.
type content struct {
	rows  int64
	hash  uint64
	money map[string]money
}

type money struct {
	rows   int64
	amount string // decimal digits: a sum may not fit 64 bits
}

// expected is what the manifest says. Pure.
func expected(l load) content {
	c := content{rows: l.object.Rows, hash: l.object.HashSum, money: map[string]money{}}
	if l.table.Amount == "" {
		return c
	}
	for _, s := range l.object.Sums {
		c.money[s.Currency] = money{s.Rows, s.Amount.String()}
	}
	return c
}

// sums is the money of a content as text, in one spelling.
func (c content) sums() string {
	var out []string
	for _, currency := range slices.Sorted(maps.Keys(c.money)) {
		m := c.money[currency]
		out = append(out, fmt.Sprintf("%s:%d:%s", currency, m.rows, m.amount))
	}
	return strings.Join(out, " ")
}

func (c content) String() string {
	return fmt.Sprintf("%d rows, hash sum %d, money %q", c.rows, c.hash, c.sums())
}

// contentSQL reads contents by load_id; the WHERE clause follows.
func contentSQL(db string, t *schemas.Table) string {
	currency, amount := "''", "toInt128(0)"
	if t.Amount != "" {
		currency, amount = "toString("+t.Currency+")", "toInt128(sign) * toInt128("+t.Amount+")"
	}
	return fmt.Sprintf("SELECT load_id, %s AS c, toInt64(count()), sum(%s), sum(row_hash) FROM %s.%s WHERE ", currency, amount, db, rowsTable(t))
}

// contents reads what loads hold.
func (w *Warehouse) contents(ctx context.Context, t *schemas.Table, where string) (map[uint64]content, error) {
	out := map[uint64]content{}
	err := w.each(ctx, "verify "+t.Name, contentSQL(w.db, t)+where+" GROUP BY load_id, c", func(scan func(...any) error) error {
		var id, hash uint64
		var currency string
		var rows int64
		var sum big.Int
		if err := scan(&id, &currency, &rows, &sum, &hash); err != nil {
			return err
		}
		c := out[id]
		c.rows, c.hash = c.rows+rows, c.hash+hash
		if c.money == nil {
			c.money = map[string]money{}
		}
		if t.Amount != "" {
			c.money[currency] = money{rows, sum.String()}
		}
		out[id] = c
		return nil
	})
	return out, err
}

// spent is what a load adds to spend_by_provider.
type spent struct {
	entries         int64
	spend, refunded string
}

// spentOf reads it from the rollup, or from the rows themselves.
func (w *Warehouse) spentOf(ctx context.Context, t *schemas.Table, where string, fromRows bool) (map[uint64]spent, error) {
	sql := fmt.Sprintf("SELECT load_id, sum(entries), sum(spend_minor), sum(refunds_minor) FROM %s.spend_rollup WHERE %s GROUP BY load_id", w.db, where)
	if fromRows {
		sql = fmt.Sprintf("SELECT load_id, sum(toInt64(sign)), sumIf(toInt128(sign) * abs(toInt128(amount_minor)), %[1]s), sumIf(toInt128(sign) * toInt128(amount_minor), %[2]s) FROM %[3]s.%[4]s WHERE %[5]s AND (%[1]s OR %[2]s) GROUP BY load_id",
			spendOf(t), refundOf(t), w.db, rowsTable(t), where)
	}
	out := map[uint64]spent{}
	err := w.each(ctx, "verify spend", sql, func(scan func(...any) error) error {
		var id uint64
		var s spent
		var spend, refunded big.Int
		err := scan(&id, &s.entries, &spend, &refunded)
		s.spend, s.refunded = spend.String(), refunded.String()
		out[id] = s
		return err
	})
	return out, err
}

// differing lists the loads whose rows, or rollups, are not what was committed.
func (w *Warehouse) differing(ctx context.Context, t *schemas.Table, where string, want map[uint64]content) (map[uint64]string, error) {
	got, err := w.contents(ctx, t, where)
	if err != nil {
		return nil, err
	}
	bad := map[uint64]string{}
	for id, c := range want {
		if g := got[id]; g.String() != c.String() {
			bad[id] = fmt.Sprintf("the warehouse holds %s, the manifest says %s", g, c)
		}
	}
	if !spends(t) {
		return bad, nil
	}
	rows, err := w.spentOf(ctx, t, where, true)
	if err != nil {
		return nil, err
	}
	sums, err := w.spentOf(ctx, t, where, false)
	if err != nil {
		return nil, err
	}
	for id := range want {
		if rows[id] != sums[id] && bad[id] == "" {
			bad[id] = fmt.Sprintf("its spend is %v, summed up as %v", rows[id], sums[id])
		}
	}
	return bad, nil
}

// verify compares a load with its manifest before anybody may see it.
func (w *Warehouse) verify(ctx context.Context, l load) error {
	held, err := w.contents(ctx, l.table, l.where())
	if err != nil {
		return err
	}
	if got, want := held[l.id].String(), expected(l).String(); got != want {
		return w.differs(l, got, want)
	}
	return nil
}

func (w *Warehouse) differs(l load, got, want string) error {
	return fmt.Errorf("verify %s: the warehouse holds %s, the manifest says %s", w.full(l.object), got, want)
}
