package api

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paylake/paylake/sinks/clickhouse"
)

// This file is pure: a list's question as SQL. Names are those of the views' own
// columns; everything that a caller has written is a parameter.

// sqlOf collects a query's parameters.
type sqlOf struct{ parameters map[string]string }

// bind makes a value a parameter and returns what stands for it.
func (s *sqlOf) bind(value, kind string) string {
	if s.parameters == nil {
		s.parameters = map[string]string{}
	}
	name := "p" + strconv.Itoa(len(s.parameters))
	s.parameters[name] = value
	return "{" + name + ":" + kind + "}"
}

func (s *sqlOf) bindAll(values []string, kind string) string {
	bound := make([]string, len(values))
	for i, v := range values {
		bound[i] = s.bind(v, kind)
	}
	return "(" + strings.Join(bound, ", ") + ")"
}

func quoted(name string) string { return "`" + name + "`" }

func quotedAll(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = quoted(n)
	}
	return out
}

// query is the question of one page, and the columns of its rows: those that are
// shown, and then the order.
func (a ask) query(c caller, at int64, after *cursor) (clickhouse.Question, []clickhouse.Column) {
	shown := a.shown(c)
	var s sqlOf
	where := a.where(c, &s)
	skip := 0
	if after != nil {
		where = append(where, a.from(after.After, &s))
		skip = after.Skip
	}
	text := "SELECT " + strings.Join(quotedAll(append(names(shown), a.list.order...)), ", ") + " FROM " + a.list.source(at)
	if len(where) > 0 {
		text += " WHERE " + strings.Join(where, " AND ")
	}
	text += " ORDER BY " + a.ordered() + fmt.Sprintf(" LIMIT %d", a.limit+1)
	if skip > 0 {
		text += fmt.Sprintf(" OFFSET %d", skip)
	}
	return clickhouse.Question{SQL: text, Snapshot: at, Parameters: s.parameters, Rows: a.limit + 1}, shown
}

// source is the view as of a manifest. Those without a parameter are asked by
// what comes with the question.
func (l rowList) source(at int64) string {
	if l.at() {
		return fmt.Sprintf("%s_at(snapshot = %d)", l.view, at)
	}
	return l.view
}

// shown are the columns of the answer.
func (a ask) shown(c caller) (out []clickhouse.Column) {
	if len(a.fields) == 0 {
		for _, col := range a.list.columns() {
			if !c.bound() || !slices.Contains(a.list.shared, col.Name) {
				out = append(out, col)
			}
		}
		return out
	}
	for _, name := range a.fields {
		col, _ := a.list.column(name)
		if !c.bound() || !slices.Contains(a.list.shared, name) {
			out = append(out, col)
		}
	}
	return out
}

func names(columns []clickhouse.Column) (out []string) {
	for _, c := range columns {
		out = append(out, c.Name)
	}
	return out
}

func (a ask) where(c caller, s *sqlOf) (where []string) {
	if c.bound() && !a.list.catalogue {
		where = append(where, onlyWallets(c, s))
	}
	for _, f := range a.filters {
		where = append(where, quoted(f.column)+" IN "+s.bindAll(f.values, "String"))
	}
	return append(where, a.days.where(a.list.dated(), s)...)
}

// onlyWallets keeps to the rows of a key's wallets.
func onlyWallets(c caller, s *sqlOf) string {
	pairs := make([]string, len(c.Wallets))
	for i, w := range c.Wallets {
		pairs[i] = "(" + s.bind(w[0], "String") + ", " + s.bind(w[1], "String") + ")"
	}
	return "(source, wallet_id) IN (" + strings.Join(pairs, ", ") + ")"
}

// where chooses days of a column: a day itself, or an instant of a day in UTC.
func (d days) where(column string, s *sqlOf) (where []string) {
	for _, end := range []struct {
		at   time.Time
		sign string
	}{{d.from, ">="}, {d.to, "<"}} {
		if end.at.IsZero() {
			continue
		}
		bound := s.bind(end.at.Format(time.DateOnly), "Date32")
		if column != "business_date" {
			bound = "toDateTime64(" + bound + ", 6, 'UTC')"
		}
		where = append(where, quoted(column)+" "+end.sign+" "+bound)
	}
	return where
}

// from begins at a place of the order, the rows of that place included.
func (a ask) from(after []string, s *sqlOf) string {
	bound := make([]string, len(after))
	for i, v := range after {
		c, _ := a.list.column(a.list.order[i])
		kind, _ := plain(c.Type)
		bound[i] = s.bind(asParameter(v, kind), kind)
	}
	sign := ">="
	if a.desc {
		sign = "<="
	}
	// The first column once more by itself: the server uses it to skip what it
	// need not read, and cannot do that with a list.
	first := quoted(a.list.order[0]) + " " + sign + " " + bound[0]
	return first + " AND (" + strings.Join(quotedAll(a.list.order), ", ") + ") " + sign + " (" + strings.Join(bound, ", ") + ")"
}

// ordered is the order of rows: total, or alike in every column.
func (a ask) ordered() string {
	columns := slices.Clone(a.list.order)
	if a.list.ties {
		for _, c := range a.list.columns() {
			if !slices.Contains(columns, c.Name) {
				columns = append(columns, c.Name)
			}
		}
	}
	columns = quotedAll(columns)
	if a.desc {
		for i := range columns {
			columns[i] += " DESC"
		}
	}
	return strings.Join(columns, ", ")
}
