// Package flashpaytest is a working fake of the platform's Data API: it checks
// token and signature, filters by last update, pages by limit and offset, signs
// its answers, and fails in the ways that the platform is known to fail in.
//
//	server.go  requests and answers      list.go     the list behind the offsets
//	faults.go  failures by name          book.go     what is served
//	                                     finance.go  fees, chargebacks, balances, rates
package flashpaytest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/paylake/paylake/sources/flashpay"
)

// Options say who may ask and how the fake behaves.
type Options struct {
	Projects []int64 // whom the token may see; empty: every project
	Token    string
	Secret   string
	// Now is the fake's clock: the book is asked as of it, moved rows are
	// updated at it.
	Now func() time.Time
	// Sleep waits before a slow answer; by default it really does.
	Sleep func(context.Context, time.Duration) error
	// Slow is how long a slow answer takes; 300 ms when 0.
	Slow time.Duration
	// Late is how old an update must be to be shown while the fault late is on;
	// an hour when 0.
	Late time.Duration
	// MaxLimit is the most rows served at once, whatever is asked for; 1000 when 0.
	MaxLimit int
	// Zone is of the times in rows; the request's tz when nil.
	Zone *time.Location
}

// Server is the fake. It serves POST …/operations/get under any mount, and the
// other lists if the book is a Finance too. Safe for concurrent use.
type Server struct {
	book Book
	opts Options

	mu       sync.Mutex
	requests int
	inFlight int
	most     int
	last     []Operation // what the previous answer showed,
	lastKey  string      // and of which interval
	moved    map[string]Operation
	faults   faults
}

// New returns a fake that serves book.
func New(book Book, opts Options) *Server {
	if opts.Slow == 0 {
		opts.Slow = 300 * time.Millisecond
	}
	if opts.Late == 0 {
		opts.Late = time.Hour
	}
	if opts.MaxLimit == 0 {
		opts.MaxLimit = 1000
	}
	if opts.Sleep == nil {
		opts.Sleep = sleep
	}
	return &Server{book: book, opts: opts, moved: map[string]Operation{}, faults: newFaults()}
}

// Requests counts the requests received.
func (s *Server) Requests() int { s.mu.Lock(); defer s.mu.Unlock(); return s.requests }

// InFlight counts the requests that are being answered.
func (s *Server) InFlight() int { s.mu.Lock(); defer s.mu.Unlock(); return s.inFlight }

// Most counts the most requests that were ever being answered at the same time.
func (s *Server) Most() int { s.mu.Lock(); defer s.mu.Unlock(); return s.most }

// request is a body of any endpoint; balances and rates have token and signature
// alone.
type request struct {
	Token     string  `json:"token"`
	ProjectID []int64 `json:"project_id"`
	Interval  struct {
		From string `json:"from"`
		To   string `json:"to"`
	} `json:"interval"`
	TZ     string `json:"tz"`
	Limit  *int   `json:"limit"`
	Offset int    `json:"offset"`

	endpoint string
	from, to time.Time
	zone     *time.Location
	limit    int
	number   int // of this request since the fake was made, from 1
}

func (r *request) key() string { return r.Interval.From + "/" + r.Interval.To + "/" + r.TZ }

func (s *Server) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	n := s.enter()
	defer s.leave()
	if w.Header().Get("Date") == "" {
		w.Header().Set("Date", s.opts.Now().UTC().Format(http.TimeFormat))
	}
	name, ok := s.endpoint(hr.URL.Path)
	if !ok {
		fail(w, http.StatusNotFound, 404, "Not found", "there is no such endpoint")
		return
	}
	if hr.Method != http.MethodPost {
		fail(w, http.StatusMethodNotAllowed, 405, "Method not allowed", "use POST")
		return
	}
	body, err := io.ReadAll(io.LimitReader(hr.Body, 1<<20))
	if err != nil {
		fail(w, http.StatusBadRequest, 400, "Bad Request", "the body cannot be read")
		return
	}
	q, err := s.read(name, body)
	var r *refusal
	switch {
	case errors.As(err, &r):
		fail(w, r.status, r.code, r.name, r.message)
		return
	case err != nil:
		fail(w, http.StatusBadRequest, 400, "Bad Request", err.Error())
		return
	}
	q.number, q.endpoint = n, name
	s.answer(w, hr, q)
}

func (s *Server) enter() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	s.inFlight++
	s.most = max(s.most, s.inFlight)
	return s.requests
}

func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight--
}

type refusal struct {
	status, code  int
	name, message string
}

func (r *refusal) Error() string { return r.message }

// read checks who asks before it looks at what is asked for.
func (s *Server) read(endpoint string, body []byte) (*request, error) {
	q := &request{}
	if err := json.Unmarshal(body, q); err != nil {
		return nil, errors.New("the body is not JSON of the right types")
	}
	if q.Token != s.opts.Token {
		return nil, &refusal{http.StatusUnauthorized, 1001, "Unauthorized", "Invalid token"}
	}
	if _, err := flashpay.Verify(body, [][]byte{[]byte(s.opts.Secret)}); err != nil {
		return nil, &refusal{http.StatusForbidden, 1002, "Forbidden", "Invalid signature"}
	}
	for _, p := range q.ProjectID {
		if len(s.opts.Projects) > 0 && !has(s.opts.Projects, p) {
			return nil, &refusal{http.StatusForbidden, 1003, "Forbidden", "The token may not see this project"}
		}
	}
	if endpoint == balanceGet || endpoint == ratesGet {
		return q, nil
	}
	return q, q.check(s.opts.MaxLimit)
}

func (r *request) check(maxLimit int) (err error) {
	if r.zone, err = time.LoadLocation(r.TZ); err != nil || r.TZ == "" || r.TZ == "Local" {
		return errors.New("tz is not an IANA name")
	}
	var err1, err2 error
	r.from, err1 = time.ParseInLocation(time.DateTime, r.Interval.From, r.zone)
	r.to, err2 = time.ParseInLocation(time.DateTime, r.Interval.To, r.zone)
	r.limit = maxLimit
	if r.Limit != nil {
		r.limit = min(*r.Limit, maxLimit)
	}
	switch {
	case err1 != nil || err2 != nil || r.to.Before(r.from):
		return errors.New("interval is not two times YYYY-MM-DD hh:mm:ss")
	case len(r.ProjectID) == 0:
		return errors.New("project_id is missing")
	case r.limit < 1 || (r.Limit != nil && *r.Limit > 1000) || r.Offset < 0:
		return errors.New("limit is 1 to 1000 and offset not negative")
	}
	return nil
}

func fail(w http.ResponseWriter, status, code int, name, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"name": name, "message": message, "code": code, "status": status})
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func has(list []int64, n int64) bool {
	for _, l := range list {
		if l == n {
			return true
		}
	}
	return false
}
