package clickhouse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paylake/paylake/sinks/clickhouse/embedded"
)

// Selection bounds a SELECT whose rows decide something.
type Selection struct {
	Parameters map[string]string // of {name:Type} in the query
	Rows       int               // more are refused
	Within     time.Duration     // [1 min]
	Memory     int64             // bytes [512 MiB]
}

// Selected is the whole answer. Values are strings, json.Number or bool; nil for
// NULL. Decimals and integers of 64 bits and more are strings, digit for digit.
type Selected struct {
	Columns []ViewColumn
	Rows    [][]any
}

// Select runs one SELECT of somebody who is not trusted with the warehouse: it
// reads the public views and nothing else, whatever the user of the server may
// do. The statement is looked at as the server's own parser reads it, before
// anything of it runs. Errors that its author can mend wrap ErrQuery.
func (w *Warehouse) Select(ctx context.Context, sql string, s Selection) (out Selected, err error) {
	if s.Within == 0 {
		s.Within = time.Minute
	}
	if s.Memory == 0 {
		s.Memory = 512 << 20
	}
	if readsFiles(sql) {
		return out, fmt.Errorf("the function file() is not for readers (the word is refused anywhere in a query): %w", ErrQuery)
	}
	err = w.surviving(ctx, func() error {
		if err := w.ensure(ctx); err != nil {
			return err
		}
		if err := w.onlyReads(ctx, sql, s); err != nil {
			return err
		}
		out, err = w.selected(ctx, sql, s)
		return err
	})
	return out, err
}

// bounds are the settings of a selection.
func (w *Warehouse) bounds(s Selection) func(url.Values) {
	return func(v url.Values) {
		if w.embedded == nil {
			v.Set("readonly", "1") // the embedded readers' profile forbids to change it, and 2 is what they have
		}
		for name, value := range map[string]string{
			"default_format": "JSONCompactEachRowWithNamesAndTypes", "output_format_json_quote_64bit_integers": "1", "output_format_json_quote_decimals": "1",
			"max_execution_time": strconv.FormatFloat(s.Within.Seconds(), 'f', -1, 64), "timeout_overflow_mode": "throw",
			"max_memory_usage": strconv.FormatInt(s.Memory, 10), "max_result_rows": strconv.Itoa(s.Rows), "result_overflow_mode": "throw",
		} {
			v.Set(name, value)
		}
		for name, value := range s.Parameters {
			v.Set("param_"+name, value)
		}
	}
}

// selected asks for the rows.
func (w *Warehouse) selected(ctx context.Context, sql string, s Selection) (out Selected, err error) {
	res, err := w.post(ctx, sql, Query{User: "auditor"}, w.bounds(s))
	if err != nil {
		return out, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return out, refusedSelection(res, s)
	}
	dec := json.NewDecoder(res.Body)
	dec.UseNumber()
	var names, types []string
	if err := errors.Join(dec.Decode(&names), dec.Decode(&types)); err != nil || len(names) != len(types) {
		return out, fmt.Errorf("warehouse: query result: the server's answer is not understood: %w", err)
	}
	for i := range names {
		out.Columns = append(out.Columns, ViewColumn{Name: names[i], Type: types[i]})
	}
	for {
		var row []any
		err := dec.Decode(&row)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil || len(row) != len(names) {
			return Selected{}, fmt.Errorf("warehouse: query result: row %d is not understood: %w", len(out.Rows)+1, err)
		}
		out.Rows = append(out.Rows, row)
	}
}

// refusedSelection says which bound a query has run into.
func refusedSelection(res *http.Response, s Selection) error {
	switch res.Header.Get("X-ClickHouse-Exception-Code") {
	case "159", "160":
		return fmt.Errorf("the query takes longer than %s; ask for less: %w", s.Within, ErrQuery)
	case "241":
		return fmt.Errorf("the query needs more than %d MiB of memory; ask for less: %w", s.Memory>>20, ErrQuery)
	case "396":
		return fmt.Errorf("the query gives more than %d rows; ask for less: %w", s.Rows, ErrQuery)
	}
	return refusal(res)
}

// onlyReads has the server parse a statement, which runs nothing of it, and
// looks at what it would read.
func (w *Warehouse) onlyReads(ctx context.Context, sql string, s Selection) error {
	closed, err := w.closed(ctx)
	if err != nil {
		return err
	}
	s.Rows = 1_000_000 // lines of the tree
	tree, err := w.selected(ctx, "EXPLAIN AST\n"+sql, s)
	if err != nil {
		return err
	}
	lines := make([]string, len(tree.Rows))
	for i, row := range tree.Rows {
		lines[i], _ = row[0].(string)
	}
	if why := closed.forbidden(lines); why != "" {
		return fmt.Errorf("%s: %w", why, ErrQuery)
	}
	return nil
}

// closed is what a selection must not reach, whoever the user of the server is.
type closed struct {
	db        string
	databases []string // all others
	tables    []string // of db, which are no public views
}

func (w *Warehouse) closed(ctx context.Context) (closed, error) {
	c := closed{db: w.db, databases: []string{"system", "information_schema", "INFORMATION_SCHEMA"}}
	names := func(what, sql string, into *[]string, leave []string) error {
		return w.each(ctx, what, sql, func(scan func(...any) error) error {
			var name string
			err := scan(&name)
			if !slices.Contains(leave, name) {
				*into = append(*into, name)
			}
			return err
		})
	}
	err := names("list databases", "SELECT name FROM system.databases", &c.databases, []string{w.db})
	if err == nil {
		err = names("list its tables", "SELECT name FROM system.tables WHERE database = "+literal(w.db), &c.tables, embedded.Views)
	}
	return c, err
}

var (
	// harmless are table functions that read nothing.
	harmless = []string{"numbers", "values"}
	// reaching are functions that read what is no view, by how their names begin.
	reaching = []string{"dict", "joinget", "file", "getserver", "getmacro", "executable", "catboost"}
)

// node is the kind and the name of one line of a tree, without its alias and
// the number of its children.
func node(line string) (kind, name string) {
	kind, name, _ = strings.Cut(strings.TrimLeft(line, " "), " ")
	name, _, _ = strings.Cut(name, " (alias ")
	name, _, _ = strings.Cut(name, " (children ")
	return kind, name
}

// forbidden says what a statement does that a reader of views does not; "" for
// nothing. It gets the lines of the parsed tree. Whoever writes line breaks into
// names can add lines to it and remove none, so a bad line is bad wherever it
// stands, and what is allowed is recognised where no name can come between.
func (c closed) forbidden(lines []string) string {
	if len(lines) == 0 || lines[0] != "SelectWithUnionQuery (children 1)" {
		return "a query that plans is one SELECT, without FORMAT and INTO OUTFILE"
	}
	for i, line := range lines {
		why := ""
		switch kind, name := node(line); {
		case kind == "Set":
			why = "a query that plans has no SETTINGS"
		case strings.HasPrefix(kind, "ColumnsApply"):
			why = "a query that plans has no APPLY"
		case kind == "TableExpression" && i+1 < len(lines):
			why = c.table(lines[i+1])
		case kind == "Function" && slices.ContainsFunc(reaching, func(p string) bool { return strings.HasPrefix(strings.ToLower(name), p) }):
			why = fmt.Sprintf("the function %s() is not for readers", name)
		case strings.HasSuffix(kind, "Identifier") && c.beyond(name):
			why = noView(name)
		}
		if why != "" {
			return why
		}
	}
	return ""
}

func noView(name string) string {
	return fmt.Sprintf("%s is no view of the warehouse; readers see the views of contracts.md §4 and nothing else", name)
}

// beyond reports whether a name, of whatever it is one, is that of a closed
// table: IN takes names of tables, too.
func (c closed) beyond(name string) bool {
	return slices.Contains(c.tables, strings.TrimPrefix(name, c.db+".")) ||
		slices.ContainsFunc(c.databases, func(d string) bool { return strings.HasPrefix(name, d+".") })
}

// table judges what stands where rows come from: a subquery, a view, a name that
// WITH gives, or a table function.
func (c closed) table(line string) string {
	kind, name := node(line)
	switch plain := strings.TrimPrefix(name, c.db+"."); {
	case kind == "Subquery":
	case kind == "TableIdentifier" && (slices.Contains(embedded.Views, plain) || !strings.Contains(name, ".") && !c.beyond(name)):
	case kind == "TableIdentifier":
		return noView(name)
	case kind == "Function" && (slices.Contains(embedded.Views, plain) || slices.Contains(harmless, name)):
	default:
		return fmt.Sprintf("the function %s() is not for readers", name)
	}
	return ""
}
