package matching

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/paylake/paylake/cmd/internal/decisions"
	"github.com/paylake/paylake/cmd/internal/match"
	"github.com/paylake/paylake/sinks/clickhouse"
)

// ErrRefused is wrapped by what a person cannot decide about rows.
var ErrRefused = errors.New("refused")

// ParseKey reads a row's name, table:source:account:id.
func ParseKey(text string) (match.Key, error) {
	p := strings.SplitN(text, ":", 4)
	if len(p) != 4 || p[1] == "" || p[3] == "" {
		return match.Key{}, fmt.Errorf("%q names no row; write table:source:account:id, such as ledger:mpay:wlt_441b:txn_88a1", text)
	}
	if _, ok := looked[p[0]]; !ok {
		return match.Key{}, fmt.Errorf("%q: rows of %s cannot be matched; those of %s can", text, p[0], strings.Join(slices.Sorted(maps.Keys(looked)), ", "))
	}
	return match.Key{Table: p[0], Source: p[1], Account: p[2], ID: p[3]}, nil
}

// Desk is where people decide about rows: what they see is the warehouse as of
// a snapshot.
type Desk struct {
	Warehouse Warehouse
	Query     clickhouse.Query
	By        string
	Reason    string
}

func (d Desk) pair(kind decisions.Kind, a, b match.Key) decisions.Decision {
	l, r := Pair(a, b)
	return decisions.Decision{Kind: kind, By: d.By, Reason: d.Reason, Left: decisions.Row(l), Right: decisions.Row(r), AsOf: d.Query.Snapshot}
}

// Match decides that one row and its parts, of which there may be one, are the
// same money. ErrRefused, ErrMoney: they cannot be.
func (d Desk) Match(ctx context.Context, so *decisions.Ledger, one match.Key, parts []match.Key) ([]decisions.Decision, error) {
	if err := distinct(one, parts); err != nil {
		return nil, err
	}
	var out []decisions.Decision
	for _, k := range parts {
		out = append(out, d.pair(decisions.Match, one, k))
	}
	if err := free(so, out); err != nil {
		return nil, err
	}
	all := append([]match.Key{one}, parts...)
	rows, err := lookUp(ctx, d.Warehouse, d.Query, all)
	if err != nil {
		return nil, err
	}
	var right []*found
	for i, k := range all {
		if rows[k] == nil {
			return nil, fmt.Errorf("there is no row %s: %w", k, ErrRefused)
		}
		if i > 0 {
			right = append(right, rows[k])
		}
	}
	return out, Fits([]*found{rows[one]}, right)
}

// distinct refuses rows that are named twice, and rows of one source.
func distinct(one match.Key, parts []match.Key) error {
	for i, k := range parts {
		switch {
		case k == one || slices.Contains(parts[:i], k):
			return fmt.Errorf("%s is named twice: %w", k, ErrRefused)
		case k.Table == one.Table && k.Source == one.Source:
			return fmt.Errorf("%s and %s are both of %s of %s: one system does not tell one payment twice: %w", one, k, k.Table, k.Source, ErrRefused)
		case k.Table != parts[0].Table:
			return fmt.Errorf("%s and %s are parts of different tables: %w", parts[0], k, ErrRefused)
		}
	}
	return nil
}

// free refuses rows that a person has matched with others of the same table.
func free(so *decisions.Ledger, wanted []decisions.Decision) error {
	made, _ := inForce(so)
	same := func(a, b *decisions.Decision) bool { return a.Left == b.Left && a.Right == b.Right }
	for i := range made {
		m := &made[i]
		if slices.ContainsFunc(wanted, func(w decisions.Decision) bool { return same(m, &w) }) {
			continue
		}
		for _, w := range wanted {
			if m.Left.Table == w.Left.Table && m.Right.Table == w.Right.Table && (m.Left == w.Left || m.Right == w.Right) {
				return fmt.Errorf("%s matched %s and %s (%s); take them apart first: paylake unmatch %s %s: %w", m.By, keyOf(m.Left), keyOf(m.Right), m.ID, keyOf(m.Left), keyOf(m.Right), ErrRefused)
			}
		}
	}
	return nil
}

// Unmatch decides that two rows are not the same money. ErrRefused: nothing says
// that they are.
func (d Desk) Unmatch(ctx context.Context, so *decisions.Ledger, a, b match.Key) ([]decisions.Decision, error) {
	out := d.pair(decisions.Unmatch, a, b)
	_, apart := inForce(so)
	known := slices.ContainsFunc(apart, func(o decisions.Decision) bool { return o.Left == out.Left && o.Right == out.Right })
	if !known {
		var err error
		if known, err = d.paired(ctx, keyOf(out.Left), keyOf(out.Right)); err != nil {
			return nil, err
		}
	}
	if !known {
		return nil, fmt.Errorf("%s and %s are not matched: %w", a, b, ErrRefused)
	}
	return []decisions.Decision{out}, nil
}

// paired reports whether a rule, or the view double_counts, says that two rows
// are the same money.
func (d Desk) paired(ctx context.Context, l, r match.Key) (known bool, err error) {
	tuple := func(k match.Key) string { return "(" + literals([]string{k.Table, k.Source, k.Account, k.ID}) + ")" }
	both := fmt.Sprintf("IN ((%s, %s), (%s, %s))", tuple(l), tuple(r), tuple(r), tuple(l))
	sql := "SELECT toInt64(count()) AS n FROM (SELECT 1 FROM matches WHERE state != 'unmatched' AND ((toString(left_table), toString(left_source), left_account, left_id), (toString(right_table), toString(right_source), right_account, right_id)) " + both +
		" UNION ALL SELECT 1 FROM double_counts WHERE ((counted_table, counted_source, if(counted_table = 'operations', excluded_account, counted_wallet_id), counted_id), (excluded_table, excluded_source, excluded_account, excluded_id)) " + both + ")"
	err = d.Warehouse.Records(ctx, sql, d.Query, func(rec arrow.Record) error {
		known = known || rec.NumRows() > 0 && rec.Column(0).ValueStr(0) != "0"
		return nil
	})
	return known, err
}
