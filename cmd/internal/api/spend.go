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

// groupings are what spend can be summed by, as columns of an answer.
var groupings = []struct {
	name    string
	columns []clickhouse.Column
	sql     []string
}{
	{"day", []clickhouse.Column{{Name: "business_date", Type: "Date32"}}, []string{"business_date"}},
	{"month", []clickhouse.Column{{Name: "month", Type: "String"}}, []string{"formatDateTime(business_date, '%Y-%m')"}},
	{"source", []clickhouse.Column{{Name: "source", Type: "String"}}, []string{"source"}},
	{"wallet", []clickhouse.Column{{Name: "source", Type: "String"}, {Name: "wallet_id", Type: "String"}}, []string{"source", "wallet_id"}},
	{"category", []clickhouse.Column{{Name: "category", Type: "String"}}, []string{"category"}},
	{"provider", []clickhouse.Column{{Name: "provider_code", Type: "String"}, {Name: "provider_name", Type: "String"}}, []string{"provider_code", "provider_name"}},
}

// sums are the figures of every group.
var sums = []struct {
	clickhouse.Column
	sql string
}{
	{clickhouse.Column{Name: "entries", Type: "Int64"}, "toInt64(sum(entries))"},
	{clickhouse.Column{Name: "spend_minor", Type: "Int128"}, "sum(spend_minor)"},
	{clickhouse.Column{Name: "refunds_minor", Type: "Int128"}, "sum(refunds_minor)"},
	{clickhouse.Column{Name: "net_minor", Type: "Int128"}, "sum(net_minor)"},
	{clickhouse.Column{Name: "spend", Type: "Decimal(38, 4)"}, "sum(spend)"},
	{clickhouse.Column{Name: "refunds", Type: "Decimal(38, 4)"}, "sum(refunds)"},
	{clickhouse.Column{Name: "net", Type: "Decimal(38, 4)"}, "sum(net)"},
}

// spendRows stands for the parameters that spend takes like a list.
var spendRows = rowList{path: "spend", view: "spend_by_provider", doc: "Spend, refunds and net, one line per currency"}

func groupNames() (out []string) {
	for _, g := range groupings {
		out = append(out, g.name)
	}
	return out
}

// spending registers /v1/spend.
func (a *API) spending() {
	op := secured(huma.Operation{OperationID: "spend", Method: http.MethodGet, Path: "/v1/spend", Summary: spendRows.doc, Tags: []string{"figures"},
		Description: "Rows of type bill_pay and fee, and sales of payment platforms; transfers and top-ups never. With wallet, or a key bound to wallets, the lines of wallets alone.",
		Errors:      []int{401, 403, 404, 422, 429, 503}, SkipValidateParams: true}, ScopeRead, ScopeAudit)
	columns := []clickhouse.Column{{Name: "currency", Type: "String"}}
	for _, g := range groupings {
		columns = append(columns, g.columns...)
	}
	for _, s := range sums {
		columns = append(columns, s.Column)
	}
	op.Responses = map[string]*huma.Response{"200": {Description: "sums", Content: map[string]*huma.MediaType{"application/json": {Schema: a.pageSchema("spend", columns)}}},
		"304": {Description: "the answer that is there already still holds"}}
	huma.Register(a.huma, op, func(ctx context.Context, in *listInput) (*rowsAnswer, error) {
		out, err := a.spend(ctx, in)
		return out, a.answered(ctx, err)
	})
	item := a.huma.OpenAPI().Paths[op.Path]
	parameters := slices.DeleteFunc(spendRows.parameters(), func(p *huma.Param) bool { return p.Name == "fields" || p.Name == "cursor" })
	text := maxText
	parameters = append(parameters, &huma.Param{Name: "wallet_id", In: "query", Description: "only lines of this wallet; may be repeated", Schema: &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString, MaxLength: &text}}},
		&huma.Param{Name: "group_by", In: "query", Description: "any of " + strings.Join(groupNames(), ", ") + ", comma separated (provider)", Schema: &huma.Schema{Type: huma.TypeString}})
	item.Get.Parameters = append(parameters, item.Get.Parameters...)
}

func (a *API) spend(ctx context.Context, in *listInput) (*rowsAnswer, error) {
	c := callerOf(ctx)
	groups, wallets, problems := readGroups(in)
	q, more := readAsk(spendRows, in.query)
	if problems = append(problems, more...); q.cursor != "" || q.fields != nil {
		problems = append(problems, &huma.ErrorDetail{Location: "query", Message: "sums have neither cursor nor fields"})
	}
	if in.bad || len(problems) > 0 {
		return nil, huma.Error422UnprocessableEntity("validation failed", problems...)
	}
	standing, at, err := a.asOf(ctx, q.snapshot)
	if err != nil {
		return nil, err
	}
	if !in.query.Has("limit") {
		q.limit = maxLimit
	}
	question, shown := q.sums(c, at, groups, wallets)
	return a.rows(ctx, standing, c, question, in.IfNoneMatch, func(lines []byte) ([]byte, error) {
		rows, err := readLines(lines)
		if err == nil && len(rows) > q.limit {
			err = huma.Error422UnprocessableEntity("there are more groups than limit; group by less, choose fewer days, or raise limit (at most 1000)")
		}
		if err != nil {
			return nil, err
		}
		q.list.order = nil
		return q.body(lines, shown, at, nil)
	})
}

// readGroups takes what only sums have out of the query.
func readGroups(in *listInput) (groups, wallets []string, problems []error) {
	groups = []string{"provider"}
	if in.query.Has("group_by") {
		groups = strings.Split(in.query.Get("group_by"), ",")
	}
	for _, g := range groups {
		if !slices.Contains(groupNames(), g) {
			problems = append(problems, &huma.ErrorDetail{Location: "query.group_by", Message: "is any of " + strings.Join(groupNames(), ", ") + ", comma separated"})
		}
	}
	wallets = in.query["wallet_id"]
	if why := badValues(wallets); why != "" {
		problems = append(problems, &huma.ErrorDetail{Location: "query.wallet_id", Message: why})
	}
	in.query.Del("group_by")
	in.query.Del("wallet_id")
	return groups, wallets, problems
}

// sums is the question: from the rollups, or from lines where wallets matter.
func (a ask) sums(c caller, at int64, groups, wallets []string) (clickhouse.Question, []clickhouse.Column) {
	var shown []clickhouse.Column
	var by []string
	add := func(col clickhouse.Column, sql string) {
		if !slices.Contains(names(shown), col.Name) {
			shown, by = append(shown, col), append(by, sql)
		}
	}
	for _, g := range groupings {
		if slices.Contains(groups, g.name) {
			for i, col := range g.columns {
				add(col, g.sql[i])
			}
		}
	}
	add(clickhouse.Column{Name: "currency", Type: "String"}, "currency")
	var s sqlOf
	from, where := fmt.Sprintf("spend_by_provider_at(snapshot = %d)", at), a.where(caller{}, &s)
	if c.bound() || len(wallets) > 0 || slices.Contains(groups, "wallet") {
		from = clickhouse.WalletSpend(at)
		if c.bound() {
			where = append(where, onlyWallets(c, &s))
		}
		if len(wallets) > 0 {
			where = append(where, "wallet_id IN "+s.bindAll(wallets, "String"))
		}
	}
	text := "SELECT " + strings.Join(by, ", ")
	for _, sum := range sums {
		shown = append(shown, sum.Column)
		text += ", " + sum.sql
	}
	text += " FROM " + from
	if len(where) > 0 {
		text += " WHERE " + strings.Join(where, " AND ")
	}
	order := strings.Join(by, ", ")
	if a.desc {
		order = strings.Join(by, " DESC, ") + " DESC"
	}
	text += fmt.Sprintf(" GROUP BY %s ORDER BY %s LIMIT %d", strings.Join(by, ", "), order, a.limit+1)
	return clickhouse.Question{SQL: text, Snapshot: at, Parameters: s.parameters, Rows: a.limit + 1}, shown
}
