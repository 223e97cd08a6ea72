package mpay

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/paylake/paylake/sources"
)

var _ sources.Redriver = (*reader)(nil)

// ever is the window of rows whose window nobody asks for.
var ever = sources.Window{From: time.Unix(0, 0).AddDate(-1000, 0, 0), To: time.Unix(0, 0).AddDate(8000, 0, 0)}

// Redrive implements sources.Redriver. A page's currency goes with its rows.
func (r *reader) Redrive(_ context.Context, rows []sources.Refused) []sources.Decoded {
	out := make([]sources.Decoded, len(rows))
	for i, row := range rows {
		out[i] = r.redrive(row)
	}
	return out
}

func (r *reader) redrive(row sources.Refused) sources.Decoded {
	var body bytes.Buffer
	body.WriteByte('{')
	if row.Currency != "" {
		body.WriteString(`"currency":"` + row.Currency + `",`) // was read as a currency: three letters
	}
	body.WriteString(`"rows":[`)
	body.Write(row.Raw)
	body.WriteString(`]}`)
	dec := r.u.decoder(r.stream, ever, "")
	defer r.u.giveBack(r.stream, dec)
	a, err := dec.page(body.Bytes())
	if err != nil {
		return sources.Decoded{Err: sources.Errorf(sources.ErrShape, "its raw text is not one row: %s", strings.TrimPrefix(err.Error(), "page: "))}
	}
	return sources.Decoded{Page: sources.Page{Rows: a.rows, Rejects: a.rejects, Unknown: a.unknown, Outside: a.outside, Next: sources.End}}
}
