package main

import (
	"context"
	"io"

	"github.com/paylake/paylake/cmd/internal/api"
)

// files shows exports to the API.
type files struct{ h *house }

// Datasets implements api.Exports.
func (s files) Datasets() (out []api.Dataset) {
	for _, d := range datasets() {
		out = append(out, api.Dataset{Name: d.name, Doc: d.short, Formats: d.formats, Days: d.days})
	}
	return out
}

// mediaTypes are those of formats; others are a file.
var mediaTypes = map[string]string{"csv": "text/csv; charset=utf-8", "json": "application/json", "jsonl": "application/jsonl",
	"parquet": "application/vnd.apache.parquet", camtFormat: "application/xml"}

// Open implements api.Exports: what paylake export does, to a connection.
func (s files) Open(ctx context.Context, ask api.ExportAsk) (e api.Export, err error) {
	f := exportFlags{format: ask.Format, period: ask.Period, reader: ask.Reader, days: span{from: ask.From, to: ask.To}, snapshot: ask.Snapshot}
	d, err := f.dataset(ask.Dataset, true)
	if err != nil {
		return e, refused(err)
	}
	ch, err := s.h.store.get(ctx)
	if err != nil {
		return e, err
	}
	if err := s.h.onlyConsented(ctx, ch, f.reader); err != nil {
		return e, err
	}
	at, err := ch.Newest(ctx, f.snapshot)
	if err != nil {
		return e, err
	}
	sh := &shop{warehouse: ch, reader: f.reader, snapshot: at.Sequence, sha256: at.SHA256, created: at.CreatedAt, from: f.days.from, to: f.days.to}
	if sh.centres, err = s.h.side().costCentres(d, f); err != nil {
		return e, refused(err)
	}
	e = api.Export{Snapshot: at.Sequence, Type: mediaTypes[f.format], Name: d.name + "." + f.format}
	if e.Type == "" {
		e.Type = "application/octet-stream"
	}
	e.Write = func(ctx context.Context, out io.Writer) error { return sh.write(ctx, d, f.format, out) }
	return e, nil
}
