package mpaytest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"
)

// appendEntry writes one statement row by hand: the fake must be able to serve
// far faster than anybody reads.
func (s *Server) appendEntry(b []byte, e *Entry) []byte {
	b = append(b, `{"id":`...)
	b = appendText(b, e.ID)
	b = append(b, `,"posted_at":"`...)
	b = appendTime(b, e.PostedAt.In(s.opts.Zone))
	b = append(b, `","type":`...)
	b = appendText(b, e.Type)
	b = append(b, `,"amount":`...)
	b = appendMinor(b, e.AmountMinor)
	b = appendField(b, `,"provider_code":`, e.ProviderCode)
	b = appendField(b, `,"service_code":`, e.ServiceCode)
	b = appendField(b, `,"category":`, e.Category)
	b = appendField(b, `,"channel":`, e.Channel)
	b = appendField(b, `,"subscriber_ref":`, e.SubscriberRef)
	b = appendField(b, `,"counterparty_msisdn":`, e.Counterparty)
	if e.BalanceAfterMinor != nil {
		b = appendMinor(append(b, `,"balance_after":`...), *e.BalanceAfterMinor)
	}
	if e.FeeMinor != 0 {
		b = appendMinor(append(b, `,"fee":`...), e.FeeMinor)
	}
	b = appendField(b, `,"vat_receipt":`, e.VATReceipt)
	b = appendField(b, `,"external_reference":`, e.ExternalReference)
	b = appendField(b, `,"status":`, e.Status)
	b = appendField(b, `,"reversal_of":`, e.ReversalOf)
	b = appendField(b, `,"reversal_code":`, e.ReversalCode)
	b = appendField(b, `,"session_id":`, e.SessionID)
	return append(b, '}')
}

func appendField(b []byte, name, text string) []byte {
	if text == "" {
		return b
	}
	return appendText(append(b, name...), text)
}

// appendText quotes text; what needs more than quotes goes the long way.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			q, err := json.Marshal(s)
			if err != nil {
				return append(b, `""`...) // text always marshals
			}
			return append(b, q...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// appendMinor writes minor units of two digits as a decimal: -3740 is -37.40.
func appendMinor(b []byte, v int64) []byte {
	u := uint64(v)
	if v < 0 {
		b, u = append(b, '-'), -u
	}
	b = strconv.AppendUint(b, u/100, 10)
	return append(b, '.', byte('0'+u/10%10), byte('0'+u%10))
}

func appendTime(b []byte, t time.Time) []byte {
	if t.Nanosecond() == 0 {
		return t.AppendFormat(b, time.RFC3339)
	}
	return t.AppendFormat(b, "2006-01-02T15:04:05.999999Z07:00")
}

// providerRow is one catalogue row on the wire.
type providerRow struct {
	Code        string            `json:"provider_code"`
	DisplayName map[string]string `json:"display_name"`
	Category    string            `json:"category"`
	Service     string            `json:"service_code,omitempty"`
	Status      string            `json:"status"`
	UpdatedAt   string            `json:"updated_at"`
}

func (s *Server) providers(w http.ResponseWriter, r *http.Request, _ string) {
	p, err := readPlace(r.URL.Query().Get("cursor"), s.opts.Now())
	if err != nil {
		problem(w, http.StatusBadRequest, `{"error":"bad_request"}`)
		return
	}
	s.delay(r)
	if s.answer(w) {
		return
	}
	version, all := s.book.Providers(time.UnixMicro(p.AsOf))
	end := min(p.Skip+s.opts.PageSize, len(all))
	page := struct {
		Version string        `json:"version"`
		Rows    []providerRow `json:"rows"`
		Next    *string       `json:"next_cursor"`
	}{Version: version, Rows: []providerRow{}}
	for _, row := range all[min(p.Skip, end):end] {
		page.Rows = append(page.Rows, providerRow{Code: row.Code, Category: row.Category, Service: row.ServiceCode,
			Status: row.Status, UpdatedAt: string(appendTime(nil, row.UpdatedAt.In(s.opts.Zone))),
			DisplayName: map[string]string{"az": row.NameAZ, "en": row.NameEN, "ru": row.NameRU}})
	}
	if end < len(all) {
		next := place{Skip: end, AsOf: p.AsOf}.String()
		page.Next = &next
	}
	_ = json.NewEncoder(w).Encode(page) // a reader that has gone needs no answer
}
