package api

import (
	"bytes"
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paylake/paylake/sinks/clickhouse"
)

type entryInput struct {
	Source      string `path:"source" maxLength:"256"`
	Wallet      string `path:"wallet_id" maxLength:"256"`
	Entry       string `path:"entry_id" maxLength:"256"`
	Snapshot    int64  `query:"snapshot" minimum:"1" doc:"as of this manifest; the newest when absent"`
	IfNoneMatch string `header:"If-None-Match" maxLength:"1024"`
}

// entries registers one line of the ledger by its name.
func (a *API) entries() {
	op := secured(huma.Operation{OperationID: "ledger-entry", Method: http.MethodGet, Path: "/v1/ledger/{source}/{wallet_id}/{entry_id}", Summary: "One booked line", Tags: []string{"rows"},
		Errors: []int{401, 403, 404, 422, 429, 503}}, ScopeRead, ScopeAudit)
	op.Responses = map[string]*huma.Response{"200": {Description: "the line", Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Ref: "#/components/schemas/Ledger"}}}}}
	huma.Register(a.huma, op, func(ctx context.Context, in *entryInput) (*rowsAnswer, error) {
		out, err := a.entry(ctx, in)
		return out, a.answered(ctx, err)
	})
}

func (a *API) entry(ctx context.Context, in *entryInput) (*rowsAnswer, error) {
	absent := huma.Error404NotFound("there is no such line")
	c := callerOf(ctx)
	if !c.reaches(in.Source, in.Wallet) || badValues([]string{in.Source, in.Wallet, in.Entry}) != "" {
		return nil, absent // a neighbour's line and none are the same
	}
	standing, at, err := a.asOf(ctx, in.Snapshot)
	if err != nil {
		return nil, err
	}
	l := rowLists()[0]
	q := ask{list: l, limit: 1, filters: []filter{{"source", []string{in.Source}}, {"wallet_id", []string{in.Wallet}}, {"entry_id", []string{in.Entry}}}}
	question, shown := q.query(c, at, nil)
	return a.rows(ctx, standing, c, question, in.IfNoneMatch, func(lines []byte) ([]byte, error) {
		rows, err := readLines(lines)
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			return nil, absent
		}
		return oneRow(shown, rows), nil
	})
}

// oneRow is a row as an object.
func oneRow(columns []clickhouse.Column, rows [][]rawValue) []byte {
	var b bytes.Buffer
	writeRows(&b, columns, rows[:1])
	return append(bytes.TrimSuffix(bytes.TrimPrefix(b.Bytes(), []byte("[")), []byte("]")), '\n')
}
