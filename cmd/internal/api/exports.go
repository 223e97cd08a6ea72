package api

import (
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// Dataset is what can be exported.
type Dataset struct {
	Name    string   `json:"name"`
	Doc     string   `json:"doc"`
	Formats []string `json:"formats"`
	Days    bool     `json:"days" doc:"from and to, or period, choose"`
}

// ExportAsk is what is to be exported, for whom.
type ExportAsk struct {
	Dataset, Format, From, To, Period string
	Snapshot                          int64
	Reader                            string // accountant, or auditor
}

// Exports writes files.
type Exports interface {
	Datasets() []Dataset
	// Open checks what is asked and fixes its snapshot. The file is written by
	// write, while rows are read; a Refusal says what cannot be had.
	Open(ctx context.Context, ask ExportAsk) (e Export, err error)
}

// Export is a file to be written.
type Export struct {
	Snapshot int64
	Type     string // media type
	Name     string // of the file
	Write    func(ctx context.Context, out io.Writer) error
}

type exportInput struct {
	Dataset     string `path:"dataset" maxLength:"64"`
	Format      string `query:"format" maxLength:"32" doc:"the dataset's first when absent; GET /v1/exports lists them"`
	From        string `query:"from" maxLength:"10" doc:"first day"`
	To          string `query:"to" maxLength:"10" doc:"first day after"`
	Period      string `query:"period" maxLength:"7" doc:"a month, 2026-03"`
	Snapshot    int64  `query:"snapshot" minimum:"1" doc:"as of this manifest; the newest when absent"`
	IfNoneMatch string `header:"If-None-Match" maxLength:"1024"`
}

type datasetsAnswer struct {
	Body struct {
		Data []Dataset `json:"data"`
	}
}

// exporting registers files.
func (a *API) exporting() {
	huma.Register(a.huma, secured(huma.Operation{OperationID: "datasets", Method: http.MethodGet, Path: "/v1/exports", Summary: "What can be exported", Tags: []string{"exports"}}, ScopeExport),
		func(context.Context, *nothing) (*datasetsAnswer, error) {
			out := &datasetsAnswer{}
			out.Body.Data = a.Exports.Datasets()
			return out, nil
		})
	op := secured(huma.Operation{OperationID: "export", Method: http.MethodGet, Path: "/v1/exports/{dataset}", Summary: "A dataset as a file, as of one snapshot", Tags: []string{"exports"},
		Description: "The bytes that paylake export writes. A connection that ends early is a file that is not whole.", Errors: []int{401, 403, 404, 422, 429, 503}}, ScopeExport)
	huma.Register(a.huma, op, func(ctx context.Context, in *exportInput) (*huma.StreamResponse, error) {
		out, err := a.export(ctx, in)
		return out, a.answered(ctx, err)
	})
}

func (a *API) export(ctx context.Context, in *exportInput) (*huma.StreamResponse, error) {
	if err := unbound(ctx); err != nil {
		return nil, err
	}
	if a.Warehouse.OneUser() && !callerOf(ctx).may(ScopeAudit) {
		return nil, huma.Error503ServiceUnavailable(oneUser)
	}
	standing, at, err := a.asOf(ctx, in.Snapshot)
	if err != nil {
		return nil, err
	}
	ask := ExportAsk{in.Dataset, in.Format, in.From, in.To, in.Period, at, reader(callerOf(ctx).Scopes)}
	tag := tagOf(standing, at, ask)
	if matches(in.IfNoneMatch, tag) {
		return &huma.StreamResponse{Body: func(w huma.Context) { w.SetHeader("ETag", tag); w.SetStatus(http.StatusNotModified) }}, nil
	}
	e, err := a.Exports.Open(ctx, ask)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(w huma.Context) {
		w.SetHeader("ETag", tag)
		w.SetHeader("Content-Type", e.Type)
		w.SetHeader("Content-Disposition", `attachment; filename="`+e.Name+`"`)
		out := &late{w: w}
		err := e.Write(ctx, out)
		switch {
		case err == nil:
			out.begin()
		case out.begun: // a whole answer would be a lie: the connection is cut
			a.Log.Error("export cut short", "request", requestID(ctx), "err", err)
			panic(http.ErrAbortHandler)
		default:
			w.SetHeader("Content-Disposition", "inline")
			a.problem(w, err)
		}
	}}, nil
}

// late sends the status with the first bytes, so that what fails before them is a
// problem.
type late struct {
	w     huma.Context
	begun bool
}

func (l *late) begin() {
	if !l.begun {
		l.begun = true
		l.w.SetStatus(http.StatusOK)
	}
}

func (l *late) Write(p []byte) (int, error) {
	l.begin()
	return l.w.BodyWriter().Write(p)
}
