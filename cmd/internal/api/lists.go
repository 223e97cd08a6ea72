package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paylake/paylake/sinks/clickhouse"
)

// raw takes the query as it was sent: which parameters there are depends on the
// list, and is checked by readAsk.
type raw struct {
	query url.Values
	bad   bool
}

// Resolve implements huma.Resolver.
func (r *raw) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	var err error
	r.query, err = url.ParseQuery(u.RawQuery)
	r.bad = err != nil
	return nil
}

// listInput is a request to a list.
type listInput struct {
	raw
	IfNoneMatch string `header:"If-None-Match" maxLength:"1024" doc:"the ETag of an answer that is there already: 304 when it still holds"`
}

// rowsAnswer is a page, or nothing where the asker has it already.
type rowsAnswer struct {
	Status      int
	ContentType string `header:"Content-Type"`
	ETag        string `header:"ETag" doc:"changes with the snapshot and everything else that decides the answer"`
	Body        []byte
}

// lists registers every list.
func (a *API) lists() {
	for _, l := range rowLists() {
		op := huma.Operation{OperationID: "list-" + l.name(), Method: http.MethodGet, Path: "/v1/" + l.name(), Summary: l.doc, Tags: []string{"rows"}}
		scopes := l.scopes
		if scopes == nil {
			scopes = []string{ScopeRead, ScopeAudit}
		}
		op = secured(op, scopes...)
		op.Responses = map[string]*huma.Response{"200": {Description: "a page of rows", Content: map[string]*huma.MediaType{"application/json": {Schema: a.pageSchema(l.view, l.columns())}}},
			"304": {Description: "the answer that is there already still holds"}}
		op.Errors = []int{401, 403, 404, 422, 429, 503}
		op.SkipValidateParams = true // which parameters there are is the list's to say
		huma.Register(a.huma, op, func(ctx context.Context, in *listInput) (*rowsAnswer, error) {
			out, err := a.page(ctx, l, in)
			return out, a.answered(ctx, err)
		})
		item := a.huma.OpenAPI().Paths[op.Path]
		item.Get.Parameters = append(l.parameters(), item.Get.Parameters...)
	}
}

// pageSchema is an answer with rows of a view.
func (a *API) pageSchema(name string, columns []clickhouse.Column) *huma.Schema {
	row := a.schema(name, rowSchema(columns))
	one := 1.0
	return &huma.Schema{Type: huma.TypeObject, Required: []string{"data", "snapshot"}, Properties: map[string]*huma.Schema{
		"data":        {Type: huma.TypeArray, Items: row},
		"snapshot":    {Type: huma.TypeInteger, Minimum: &one, Description: "the manifest that the rows are as of"},
		"next_cursor": {Type: huma.TypeString, Description: "for the parameter cursor; absent on the last page"},
	}}
}

// schema gives a schema a name in the document.
func (a *API) schema(view string, s *huma.Schema) *huma.Schema {
	name := ""
	for word := range strings.SplitSeq(view, "_") {
		name += strings.ToUpper(word[:1]) + word[1:]
	}
	a.huma.OpenAPI().Components.Schemas.Map()[name] = s
	return &huma.Schema{Ref: "#/components/schemas/" + name}
}

// page answers one request to a list.
func (a *API) page(ctx context.Context, l rowList, in *listInput) (*rowsAnswer, error) {
	if in.bad {
		return nil, huma.Error422UnprocessableEntity("the parameters cannot be read: a percent sign or a semicolon is where it should not be")
	}
	c := callerOf(ctx)
	if c.bound() && !l.wallets && !l.catalogue {
		return nil, huma.Error403Forbidden("the key is bound to wallets, and these rows do not belong to wallets, or say something about others")
	}
	q, problems := readAsk(l, in.query)
	if len(problems) > 0 {
		return nil, huma.Error422UnprocessableEntity("validation failed", problems...)
	}
	standing, err := a.desk.stand(ctx)
	if err != nil {
		return nil, err
	}
	var after *cursor
	if q.cursor != "" {
		at, err := readCursor(q, q.question())
		if err != nil {
			return nil, err
		}
		after, q.snapshot = &at, at.Snapshot
	}
	at, err := snapshotOf(standing, q.snapshot)
	if err != nil {
		return nil, err
	}
	question, shown := q.query(c, at, after)
	question.Volatile = l.view == "alarms" // whether a row is late depends on the hour
	return a.rows(ctx, standing, c, question, in.IfNoneMatch, func(lines []byte) ([]byte, error) {
		return q.body(lines, shown, at, after)
	})
}

// asOf is where the warehouse stands, and the snapshot that is asked for.
func (a *API) asOf(ctx context.Context, asked int64) (clickhouse.Standing, int64, error) {
	standing, err := a.desk.stand(ctx)
	if err != nil {
		return standing, 0, err
	}
	at, err := snapshotOf(standing, asked)
	return standing, at, err
}

// snapshotOf makes the newest snapshot explicit, and refuses one that there is not.
func snapshotOf(s clickhouse.Standing, asked int64) (int64, error) {
	switch {
	case asked > s.Snapshot:
		return 0, huma.Error404NotFound(fmt.Sprintf("there is no snapshot %d; the newest is %d", asked, s.Snapshot))
	case s.Snapshot == 0:
		return 0, huma.Error404NotFound("there is no snapshot yet: nothing has been read and loaded")
	case asked == 0:
		return s.Snapshot, nil
	}
	return asked, nil
}

// rows answers a question, or says that its asker has the answer already.
func (a *API) rows(ctx context.Context, s clickhouse.Standing, c caller, q clickhouse.Question, has string, body func([]byte) ([]byte, error)) (*rowsAnswer, error) {
	user := reader(c.Scopes)
	q.User = user
	tag := fmt.Sprintf(`W/"%d-%s"`, q.Snapshot, nameOf(s, q)[:24])
	if !q.Volatile && matches(has, tag) {
		return &rowsAnswer{Status: http.StatusNotModified, ETag: tag}, nil
	}
	lines, err := a.desk.answer(ctx, s, user, q)
	if err != nil {
		return nil, err
	}
	out := &rowsAnswer{Status: http.StatusOK, ContentType: "application/json", ETag: tag}
	if q.Volatile {
		out.ETag = ""
	}
	out.Body, err = body(lines)
	return out, err
}

// matches compares weakly, as If-None-Match does.
func matches(has, tag string) bool {
	for one := range strings.SplitSeq(has, ",") {
		one = strings.TrimSpace(one)
		if one == "*" || strings.TrimPrefix(one, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// body makes a page of the server's lines.
func (a ask) body(lines []byte, shown []clickhouse.Column, at int64, after *cursor) ([]byte, error) {
	rows, err := readLines(lines)
	if err != nil {
		return nil, err
	}
	more := len(rows) > a.limit
	if more {
		rows = rows[:a.limit]
	}
	var b bytes.Buffer
	b.WriteString(`{"data":`)
	writeRows(&b, shown, rows)
	fmt.Fprintf(&b, `,"snapshot":%d`, at)
	if more {
		fmt.Fprintf(&b, `,"next_cursor":%q`, a.next(rows, len(shown), at, after).text())
	}
	b.WriteString("}\n")
	return b.Bytes(), nil
}

// next is where a page ends: the place of its last row, and how many rows of that
// place were given.
func (a ask) next(rows [][]json.RawMessage, shown int, at int64, before *cursor) cursor {
	place := func(row []json.RawMessage) []string {
		out := make([]string, len(a.list.order))
		for i, v := range row[shown:] {
			if json.Unmarshal(v, &out[i]) != nil {
				out[i] = string(v) // a number
			}
		}
		return out
	}
	c := cursor{Snapshot: at, Of: a.question(), After: place(rows[len(rows)-1])}
	for i := len(rows) - 1; i >= 0 && alike(place(rows[i]), c.After); i-- {
		c.Skip++
	}
	if before != nil && c.Skip == len(rows) && alike(before.After, c.After) {
		c.Skip += before.Skip
	}
	return c
}
