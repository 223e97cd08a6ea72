package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// The page is made once, by the server, from the document: it needs no script,
// and nothing from anywhere else.
//
//go:embed docs.html
var docsPage string

type docsOperation struct {
	Method, Path, Summary, Description string
	Parameters                         []*huma.Param
	Columns                            []docsColumn
}

type docsColumn struct{ Name, Kind, Doc string }

// describe writes /openapi.json and /docs, when every operation is known.
func (a *API) describe() {
	document := a.huma.OpenAPI()
	spec, err := json.Marshal(document)
	if err != nil {
		panic(err) // the operations are the program's own
	}
	groups := map[string][]docsOperation{}
	for _, path := range slices.Sorted(maps.Keys(document.Paths)) {
		item := document.Paths[path]
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Delete} {
			if op != nil {
				groups[op.Tags[0]] = append(groups[op.Tags[0]], docsOperation{op.Method, path, op.Summary, strings.TrimSpace(op.Description), op.Parameters, columnsOf(document, op)})
			}
		}
	}
	var page bytes.Buffer
	if err := template.Must(template.New("docs").Parse(docsPage)).Execute(&page, map[string]any{"Version": a.Version, "Groups": groups, "Scopes": Scopes()}); err != nil {
		panic(err)
	}
	a.spec, a.docs = spec, page.Bytes()
	style := hashOf(page.String(), "<style>", "</style>")
	a.mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(a.spec) // the client went away
	})
	a.mux.HandleFunc("GET /docs", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src "+style+"; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		_, _ = w.Write(a.docs)
	})
}

// hashOf names a piece of the page for its policy: no other style is applied.
func hashOf(page, open, end string) string {
	_, rest, _ := strings.Cut(page, open)
	piece, _, _ := strings.Cut(rest, end)
	sum := sha256.Sum256([]byte(piece))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// columnsOf are the columns of an operation's rows.
func columnsOf(document *huma.OpenAPI, op *huma.Operation) (out []docsColumn) {
	ok := op.Responses["200"]
	if ok == nil || ok.Content["application/json"] == nil || ok.Content["application/json"].Schema == nil {
		return nil
	}
	data := ok.Content["application/json"].Schema.Properties["data"]
	if data == nil || data.Items == nil {
		return nil
	}
	row := data.Items
	if row.Ref != "" {
		row = document.Components.Schemas.SchemaFromRef(row.Ref)
	}
	for _, name := range slices.Sorted(maps.Keys(row.Properties)) {
		p := row.Properties[name]
		kind := p.Type
		if p.Format != "" {
			kind += ", " + p.Format
		}
		out = append(out, docsColumn{name, kind, p.Description})
	}
	return out
}

func joinedOr(words []string) string { return strings.Join(words, " or ") }
