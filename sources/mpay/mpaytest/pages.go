package mpaytest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// place is what a cursor holds: how many rows have been served, as of which
// instant (so that rows which appear meanwhile do not shift the pages), and
// whether the page is a repetition.
type place struct {
	Skip  int   `json:"i"`
	AsOf  int64 `json:"t,omitempty"` // microseconds
	Twice bool  `json:"d,omitempty"`
}

func (p place) String() string {
	b, err := json.Marshal(p)
	if err != nil {
		return "" // a struct of numbers always marshals
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func readPlace(cursor string, now time.Time) (place, error) {
	p := place{AsOf: now.UnixMicro()}
	if cursor == "" {
		return p, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil || p.Skip < 0 {
		return p, fmt.Errorf("cursor %q is not ours", cursor)
	}
	return p, nil
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 400<<10); return &b }}

func (s *Server) statement(w http.ResponseWriter, r *http.Request, wallet string) {
	q := r.URL.Query()
	from, err1 := time.ParseInLocation(time.DateOnly, q.Get("from"), s.opts.Zone)
	to, err2 := time.ParseInLocation(time.DateOnly, q.Get("to"), s.opts.Zone)
	p, err3 := readPlace(q.Get("cursor"), s.visible())
	if err1 != nil || err2 != nil || err3 != nil {
		problem(w, http.StatusBadRequest, `{"error":"bad_request"}`)
		return
	}
	s.delay(r)
	if s.answer(w) {
		return
	}
	if !s.opts.ExclusiveTo {
		to = to.AddDate(0, 0, 1)
	}
	asOf := time.UnixMicro(p.AsOf)
	entries := s.book.Entries(wallet, from, to, asOf, p.Skip, s.opts.PageSize+1)
	s.notice(wallet, from, to)
	next := ""
	if len(entries) > s.opts.PageSize {
		entries = entries[:s.opts.PageSize]
		next = s.follow(wallet, from, to, p).String()
		if p.Skip > 0 && s.faults.is("cursor-loop") {
			s.faults.fire("cursor-loop")
			next = q.Get("cursor")
		}
	}
	s.writeStatement(w, entries, next)
}

// visible is the instant whose rows the upstream shows.
func (s *Server) visible() time.Time {
	now := s.opts.Now()
	if s.faults.is("late") {
		now = now.Add(-s.opts.Lag)
	}
	return now
}

// notice counts the fault late when it hides rows of the span asked for.
func (s *Server) notice(wallet string, from, to time.Time) {
	if !s.faults.is("late") {
		return
	}
	now := s.opts.Now()
	if since := now.Add(-s.opts.Lag); since.After(from) {
		from = since
	}
	if now.Before(to) {
		to = now
	}
	if from.Before(to) && len(s.book.Entries(wallet, from, to, now, 0, 1)) > 0 {
		s.faults.fire("late")
	}
}

func (s *Server) follow(wallet string, from, to time.Time, p place) place {
	page := fmt.Sprint(wallet, from.Unix(), to.Unix(), p.Skip)
	if !p.Twice && s.faults.duplicates(page) {
		return place{Skip: p.Skip, AsOf: p.AsOf, Twice: true}
	}
	return place{Skip: p.Skip + s.opts.PageSize, AsOf: p.AsOf}
}

func (s *Server) writeStatement(w http.ResponseWriter, entries []Entry, next string) {
	pooled := buffers.Get().(*[]byte)
	defer buffers.Put(pooled)
	b := append((*pooled)[:0], `{"currency":"`...)
	b = append(append(b, s.opts.Currency...), `","rows":[`...)
	skipping, rows := s.faults.is("skipped-row"), 0
	for i := range entries {
		if skipping && s.faults.hides(entries[i].ID) {
			continue
		}
		if rows > 0 {
			b = append(b, ',')
		}
		b = s.appendEntry(b, &entries[i])
		rows++
	}
	b = append(b, `],"next_cursor":`...)
	if next == "" {
		b = append(b, "null}\n"...)
	} else {
		b = append(append(append(b, '"'), next...), "\"}\n"...)
	}
	s.rows.Add(int64(rows))
	s.statements.Add(1)
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = w.Write(b) // a reader that has gone needs no answer
	*pooled = b
}

// newestBalance is the last of the statement's rows, found by doubling and
// halving.
func (s *Server) newestBalance(wallet string, now time.Time) int64 {
	epoch := time.Unix(0, 0)
	lo, hi := 0, 1
	for len(s.book.Entries(wallet, epoch, now, now, hi, 1)) > 0 {
		lo, hi = hi, hi*2
	}
	for lo+1 < hi {
		if mid := (lo + hi) / 2; len(s.book.Entries(wallet, epoch, now, now, mid, 1)) > 0 {
			lo = mid
		} else {
			hi = mid
		}
	}
	if e := s.book.Entries(wallet, epoch, now, now, lo, 1); len(e) > 0 && e[0].BalanceAfterMinor != nil {
		return *e[0].BalanceAfterMinor
	}
	return 0
}
