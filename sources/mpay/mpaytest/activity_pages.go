package mpaytest

import (
	"encoding/json"
	"net/http"
	"time"
)

type amount int64

// MarshalJSON writes minor units of two digits as a decimal number.
func (a amount) MarshalJSON() ([]byte, error) { return appendMinor(nil, int64(a)), nil }

type fundingRow struct {
	ID       string `json:"id"`
	At       string `json:"occurred_at"`
	Method   string `json:"method"`
	Terminal string `json:"terminal_id,omitempty"`
	Network  string `json:"terminal_network,omitempty"`
	Card     string `json:"card_mask,omitempty"`
	Amount   amount `json:"amount"`
	Fee      amount `json:"fee"`
	Status   string `json:"status"`
	Ledger   string `json:"ledger_id,omitempty"`
}

type assuranceRow struct {
	ID      string  `json:"id"`
	At      string  `json:"occurred_at"`
	Session string  `json:"session_id,omitempty"`
	Event   string  `json:"event"`
	Method  string  `json:"method,omitempty"`
	Level   string  `json:"assurance_level,omitempty"`
	Ledger  string  `json:"ledger_id,omitempty"`
	Amount  *amount `json:"amount,omitempty"`
}

type templateRow struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Provider   string `json:"provider_code"`
	Subscriber string `json:"subscriber_ref,omitempty"`
	UpdatedAt  string `json:"updated_at"`
}

type stepRow struct {
	Seq  int    `json:"seq"`
	Name string `json:"name"`
}

type workflowRow struct {
	ID        string    `json:"workflow_id"`
	Provider  string    `json:"provider_code"`
	Platform  string    `json:"platform"`
	Family    string    `json:"card_family"`
	Steps     []stepRow `json:"steps"`
	UpdatedAt string    `json:"updated_at"`
}

// list is a page of rows on its way out.
type list struct {
	Currency string  `json:"currency,omitempty"`
	Rows     []any   `json:"rows"`
	Next     *string `json:"next_cursor"`
}

func (s *Server) text(t time.Time) string { return string(appendTime(nil, t.In(s.opts.Zone))) }

// windowed answers a list that is bounded by days, as the statement is.
func (s *Server) windowed(rows func(a Activity, wallet string, from, to, now time.Time, skip, limit int) []any) func(http.ResponseWriter, *http.Request, string) {
	return func(w http.ResponseWriter, r *http.Request, wallet string) {
		a, ok := s.book.(Activity)
		if !ok {
			problem(w, http.StatusNotFound, `{"error":"not_found"}`)
			return
		}
		q := r.URL.Query()
		from, err1 := time.ParseInLocation(time.DateOnly, q.Get("from"), s.opts.Zone)
		to, err2 := time.ParseInLocation(time.DateOnly, q.Get("to"), s.opts.Zone)
		if err1 != nil || err2 != nil {
			problem(w, http.StatusBadRequest, `{"error":"bad_request"}`)
			return
		}
		if !s.opts.ExclusiveTo {
			to = to.AddDate(0, 0, 1)
		}
		s.paged(w, r, wallet+r.URL.Path, from, to, func(now time.Time, skip, limit int) []any {
			return rows(a, wallet, from, to, now, skip, limit)
		})
	}
}

// paged answers one page, or a fault in its place.
func (s *Server) paged(w http.ResponseWriter, r *http.Request, what string, from, to time.Time, rows func(now time.Time, skip, limit int) []any) {
	cursor := r.URL.Query().Get("cursor")
	p, err := readPlace(cursor, s.visible())
	if err != nil {
		problem(w, http.StatusBadRequest, `{"error":"bad_request"}`)
		return
	}
	s.delay(r)
	if s.answer(w) {
		return
	}
	out := list{Currency: s.opts.Currency, Rows: append([]any{}, rows(time.UnixMicro(p.AsOf), p.Skip, s.opts.PageSize+1)...)}
	if len(out.Rows) > s.opts.PageSize {
		out.Rows = out.Rows[:s.opts.PageSize]
		next := s.follow(what, from, to, p).String()
		if p.Skip > 0 && s.faults.is("cursor-loop") {
			s.faults.fire("cursor-loop")
			next = cursor
		}
		out.Next = &next
	}
	_ = json.NewEncoder(w).Encode(out) // a reader that has gone needs no answer
}

func (s *Server) fundingRows(a Activity, wallet string, from, to, now time.Time, skip, limit int) (out []any) {
	for _, e := range a.FundingEvents(wallet, from, to, now, skip, limit) {
		out = append(out, fundingRow{e.ID, s.text(e.OccurredAt), e.Method, e.TerminalID, e.TerminalNetwork, e.CardMask,
			amount(e.AmountMinor), amount(e.FeeMinor), e.Status, e.LedgerID})
	}
	return out
}

func (s *Server) assuranceRows(a Activity, wallet string, from, to, now time.Time, skip, limit int) (out []any) {
	for _, e := range a.AssuranceEvents(wallet, from, to, now, skip, limit) {
		row := assuranceRow{ID: e.ID, At: s.text(e.OccurredAt), Session: e.SessionID, Event: e.Event, Method: e.Method,
			Level: e.AssuranceLevel, Ledger: e.LedgerID}
		if e.AmountMinor != 0 {
			v := amount(e.AmountMinor)
			row.Amount = &v
		}
		out = append(out, row)
	}
	return out
}

func (s *Server) templates(w http.ResponseWriter, r *http.Request, wallet string) {
	a, ok := s.book.(Activity)
	if !ok {
		problem(w, http.StatusNotFound, `{"error":"not_found"}`)
		return
	}
	s.paged(w, r, wallet+r.URL.Path, time.Time{}, time.Time{}, func(now time.Time, skip, limit int) (out []any) {
		for _, t := range a.Templates(wallet, now) {
			out = append(out, templateRow{t.ID, t.Name, t.ProviderCode, t.SubscriberRef, s.text(t.UpdatedAt)})
		}
		return cut(out, skip, limit)
	})
}

func (s *Server) workflows(w http.ResponseWriter, r *http.Request, _ string) {
	b, ok := s.book.(WorkflowBook)
	if !ok {
		problem(w, http.StatusNotFound, `{"error":"not_found"}`)
		return
	}
	s.paged(w, r, r.URL.Path, time.Time{}, time.Time{}, func(now time.Time, skip, limit int) (out []any) {
		for _, f := range b.Workflows(now) {
			row := workflowRow{ID: f.ID, Provider: f.ProviderCode, Platform: f.Platform, Family: f.CardFamily, Steps: []stepRow{}, UpdatedAt: s.text(f.UpdatedAt)}
			for i, name := range f.Steps {
				row.Steps = append(row.Steps, stepRow{i + 1, name})
			}
			out = append(out, row)
		}
		return cut(out, skip, limit)
	})
}

func cut(rows []any, skip, limit int) []any {
	rows = rows[min(skip, len(rows)):]
	return rows[:min(limit, len(rows))]
}

// balance answers from the Book, or from the newest row of its statement.
func (s *Server) balance(w http.ResponseWriter, r *http.Request, wallet string) {
	s.delay(r)
	if s.answer(w) {
		return
	}
	now := s.opts.Now()
	b := Balance{AsOf: now}
	if a, ok := s.book.(Activity); ok {
		b = a.Balance(wallet, now)
	} else {
		b.AvailableMinor = s.newestBalance(wallet, now)
	}
	_ = json.NewEncoder(w).Encode(struct { // a reader that has gone needs no answer
		Wallet    string `json:"wallet_id"`
		Currency  string `json:"currency"`
		AsOf      string `json:"as_of"`
		Available amount `json:"available"`
		Reserved  amount `json:"reserved"`
	}{wallet, s.opts.Currency, s.text(b.AsOf), amount(b.AvailableMinor), amount(b.ReservedMinor)})
}
