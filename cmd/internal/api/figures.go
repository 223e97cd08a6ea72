package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paylake/paylake/sinks/clickhouse"
)

// figure is a small answer of its own: columns that a query gives.
type figure struct {
	path, doc string
	like      rowList // whose parameters it takes, without cursor and fields
	columns   []clickhouse.Column
	sql       []string
	tail      string
	unbound   bool // for keys of every wallet alone
}

func text(name string) clickhouse.Column   { return clickhouse.Column{Name: name, Type: "String"} }
func count(name string) clickhouse.Column  { return clickhouse.Column{Name: name, Type: "Int64"} }
func amount(name string) clickhouse.Column { return clickhouse.Column{Name: name, Type: "Int128"} }

func figures() []figure {
	operations := rowList{view: "operations"}
	return []figure{
		{path: "wallets", doc: "Wallets that the key may see, with the days of their lines", like: rowList{view: "ledger"},
			columns: []clickhouse.Column{text("source"), text("wallet_id"), {Name: "first_date", Type: "Date32"}, {Name: "last_date", Type: "Date32"}, count("entries")},
			sql:     []string{"source", "wallet_id", "min(business_date)", "max(business_date)", "toInt64(count())"}, tail: "GROUP BY source, wallet_id ORDER BY source, wallet_id"},
		{path: "psp/success", doc: "Attempts, successes and declines of payment platforms by day, method and currency", like: operations, unbound: true,
			columns: []clickhouse.Column{{Name: "day", Type: "Date32"}, text("method"), text("currency"), count("attempts"), count("successes"), count("declines")},
			sql:     []string{"business_date", "method", "currency", "toInt64(count())", "toInt64(countIf(status = 'success'))", "toInt64(countIf(status = 'decline'))"},
			tail:    "GROUP BY business_date, method, currency ORDER BY business_date, method, currency"},
		{path: "psp/declines", doc: "Codes of operations that did not succeed", like: operations, unbound: true,
			columns: []clickhouse.Column{text("code"), text("message"), text("currency"), count("count"), amount("amount_minor")},
			sql:     []string{"code", "any(message)", "currency", "toInt64(count())", "sum(toInt128(amount_minor))"}, tail: "GROUP BY code, currency ORDER BY count() DESC, code, currency"},
	}
}

// figuring registers the small answers.
func (a *API) figuring() {
	for _, f := range figures() {
		op := secured(huma.Operation{OperationID: strings.ReplaceAll(f.path, "/", "-"), Method: http.MethodGet, Path: "/v1/" + f.path, Summary: f.doc, Tags: []string{"figures"},
			Errors: []int{401, 403, 404, 422, 429, 503}, SkipValidateParams: true}, ScopeRead, ScopeAudit)
		op.Responses = map[string]*huma.Response{"200": {Description: "rows", Content: map[string]*huma.MediaType{"application/json": {Schema: a.pageSchema(strings.ReplaceAll(f.path, "/", "_")+"_row", f.columns)}}}}
		huma.Register(a.huma, op, func(ctx context.Context, in *listInput) (*rowsAnswer, error) {
			out, err := a.figure(ctx, f, in)
			return out, a.answered(ctx, err)
		})
		item := a.huma.OpenAPI().Paths[op.Path]
		parameters := slices.DeleteFunc(f.like.parameters(), func(p *huma.Param) bool {
			return p.Name == "fields" || p.Name == "cursor" || p.Name == "order"
		})
		item.Get.Parameters = append(parameters, item.Get.Parameters...)
	}
}

func (a *API) figure(ctx context.Context, f figure, in *listInput) (*rowsAnswer, error) {
	c := callerOf(ctx)
	if c.bound() && f.unbound {
		return nil, huma.Error403Forbidden("the key is bound to wallets, and these figures belong to none")
	}
	q, problems := readAsk(f.like, in.query)
	if in.bad || len(problems) > 0 || q.cursor != "" || q.fields != nil || q.desc {
		return nil, huma.Error422UnprocessableEntity("validation failed", problems...)
	}
	standing, at, err := a.asOf(ctx, q.snapshot)
	if err != nil {
		return nil, err
	}
	if !in.query.Has("limit") {
		q.limit = maxLimit
	}
	var s sqlOf
	sql := "SELECT " + strings.Join(f.sql, ", ") + " FROM " + f.like.source(at)
	if where := q.where(c, &s); len(where) > 0 {
		sql += " WHERE " + strings.Join(where, " AND ")
	}
	sql += fmt.Sprintf(" %s LIMIT %d", f.tail, q.limit)
	question := clickhouse.Question{SQL: sql, Snapshot: at, Parameters: s.parameters, Rows: q.limit}
	return a.rows(ctx, standing, c, question, in.IfNoneMatch, func(lines []byte) ([]byte, error) {
		q.list.order = nil
		return q.body(lines, f.columns, at, nil)
	})
}
