package mpay

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

// A refused row is decoded again as in an answer of its own: with its page's
// currency, whatever day it is of, and with the same reason where it is still
// bad.
func TestRedriveOfRows(t *testing.T) {
	w := newWorld(t, mpaytest.Options{})
	var rows []sources.Refused
	var want []string // id and amount of good rows, reason of bad ones
	for _, c := range []struct{ currency, raw, want string }{
		{"AZN", `{"id":"good","posted_at":"2019-01-01T00:00:00+04:00","type":"fee","amount":-1.00}`, "good -100 AZN"},
		{"KGS", `{"id":"page","posted_at":"2026-03-10T00:00:00+04:00","type":"fee","amount":"-1.05"}`, "page -105 KGS"},
		{"KGS", `{"id":"own","posted_at":"2026-03-10T00:00:00+04:00","type":"fee","amount":-1.05,"currency":"AZN"}`, "own -105 AZN"},
		{"", `{"id":"none","posted_at":"2026-03-10T00:00:00+04:00","type":"fee","amount":-1.05}`, string(schemas.ReasonMissing)},
		{"AZN", `{"id":"bad","posted_at":"2026-03-10T00:00:00+04:00","type":"fee","amount":"1,05"}`, string(schemas.ReasonAmount)},
		{"AZN", `{"id":"nan","posted_at":"2026-03-10T00:00:00+04:00","type":"fee","amount":NaN}`, string(schemas.ReasonAmount)},
		{"AZN", `{"id":"twice","id":"x","posted_at":"2026-03-10T00:00:00+04:00","type":"fee","amount":1}`, string(schemas.ReasonDuplicate)},
	} {
		rows, want = append(rows, sources.Refused{RowID: "x", Currency: c.currency, Raw: []byte(c.raw)}), append(want, c.want)
	}
	src, _ := w.up.Source("ledger", w.cfg.Wallets[0].ID)
	for i, one := range src.(sources.Redriver).Redrive(t.Context(), rows) {
		if one.Err != nil {
			t.Errorf("%s: %v", rows[i].Raw, one.Err)
			continue
		}
		got := ""
		rec := one.Page.Rows
		if rec.NumRows() == 1 && one.Page.Outside == 0 {
			text := func(name string) string { return rec.Column(schemas.Ledger.Index(name)).ValueStr(0) }
			got = text("entry_id") + " " + text("amount_minor") + " " + text("currency")
			if rec.Column(schemas.Ledger.Index("wallet_id")).(*array.String).Value(0) != w.cfg.Wallets[0].ID {
				t.Error("it has lost its wallet")
			}
		} else if len(one.Page.Rejects) == 1 {
			got = string(one.Page.Rejects[0].Reason)
		}
		rec.Release()
		if got != want[i] {
			t.Errorf("%s: %q, want %q", rows[i].Raw, got, want[i])
		}
	}
	for _, raw := range []string{``, `{"id":"a"},`, `]`, `{"id":"1"`} {
		one := src.(sources.Redriver).Redrive(t.Context(), []sources.Refused{{Currency: "AZN", Raw: []byte(raw)}})[0]
		if one.Page.Rows != nil {
			if one.Page.Rows.NumRows() > 0 {
				t.Errorf("%q has become a row", raw)
			}
			one.Page.Rows.Release()
		}
	}
}
