// Package mpaytest is a wallet upstream that works: OTP chain, sessions that
// expire, statement pages and catalogue in the façade's own shape, and faults
// that can be switched on by name and prove that they fired.
package mpaytest

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Prefix is where the façade lies under an origin.
const Prefix = "/integrations/mpay/v1"

// Options sets up a Server. The zero value serves 1,000-row pages in Baku time
// with sessions of 15 minutes.
type Options struct {
	ServerKey     string         // what otp/verify asks for; "sandbox-server-key" when empty
	Zone          *time.Location // of dates and offsets; Asia/Baku when nil
	Currency      string         // AZN when empty; two digits
	PageSize      int            // 1,000 when 0
	ExclusiveTo   bool           // `to` is left out; by default it is included
	TokenLife     time.Duration  // of an access token; 15 minutes when 0
	ChallengeLife time.Duration  // 3 minutes when 0
	Cooldown      time.Duration  // between two OTPs of one wallet; 45 s when 0, none when negative
	Lag           time.Duration  // fault late: how long a row stays hidden; 2 minutes when 0
	SlowBy        time.Duration  // fault slow: 200 ms when 0
	OTPTries      int            // answers per challenge; 3 when 0
	OTPRetryAfter int            // retry_after of a refused OTP in seconds; 32 when 0, none when negative
	Now           func() time.Time
	Faults        []string // switched on from the start
}

func (o Options) withDefaults() Options {
	if o.ServerKey == "" {
		o.ServerKey = "sandbox-server-key"
	}
	if o.Zone == nil {
		o.Zone = time.FixedZone("+04", 4*3600)
		if baku, err := time.LoadLocation("Asia/Baku"); err == nil {
			o.Zone = baku
		}
	}
	if o.Currency == "" {
		o.Currency = "AZN"
	}
	if o.PageSize <= 0 {
		o.PageSize = 1000
	}
	o.TokenLife = orElse(o.TokenLife, 15*time.Minute)
	o.ChallengeLife = orElse(o.ChallengeLife, 3*time.Minute)
	o.Cooldown = orElse(o.Cooldown, 45*time.Second)
	o.Lag = orElse(o.Lag, 2*time.Minute)
	o.SlowBy = orElse(o.SlowBy, 200*time.Millisecond)
	if o.OTPTries <= 0 {
		o.OTPTries = 3
	}
	if o.OTPRetryAfter == 0 {
		o.OTPRetryAfter = 32
	}
	return o
}

func orElse(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// Server is the fake upstream. Safe for concurrent use.
type Server struct {
	book   Book
	opts   Options
	faults faults

	mu       sync.Mutex
	sessions sessions

	requests, inFlight, rows, statements atomic.Int64
}

// New returns a Server of a book. opts.Now must be set.
func New(book Book, opts Options) *Server {
	s := &Server{book: book, opts: opts.withDefaults(), sessions: newSessions()}
	for _, name := range opts.Faults {
		if err := s.SetFault(name, true); err != nil {
			panic(err) // a fault that nobody injects would prove nothing
		}
	}
	return s
}

// Requests is the number of requests received; InFlight of those not answered
// yet; Rows of statement rows served; Statements of statement pages served.
func (s *Server) Requests() int     { return int(s.requests.Load()) }
func (s *Server) InFlight() int     { return int(s.inFlight.Load()) }
func (s *Server) Rows() int64       { return s.rows.Load() }
func (s *Server) Statements() int64 { return s.statements.Load() }

// ServeHTTP answers under Prefix, with or without it, and GET /sandbox/otp.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	s.inFlight.Add(1)
	defer s.inFlight.Add(-1)
	w.Header().Set("Content-Type", "application/json")
	path := strings.TrimPrefix(r.URL.Path, Prefix)
	switch r.Method + " " + path {
	case "POST /auth/otp/start":
		s.otpStart(w, r)
	case "POST /auth/otp/verify":
		s.otpVerify(w, r)
	case "POST /auth/refresh":
		s.refresh(w, r)
	case "GET /wallet/statement":
		s.withSession(w, r, s.statement)
	case "GET /wallet/balance":
		s.withSession(w, r, s.balance)
	case "GET /wallet/funding-events":
		s.withSession(w, r, s.windowed(s.fundingRows))
	case "GET /wallet/assurance-events":
		s.withSession(w, r, s.windowed(s.assuranceRows))
	case "GET /wallet/templates":
		s.withSession(w, r, s.templates)
	case "GET /catalog/nfc-workflows":
		s.withSession(w, r, s.workflows)
	case "GET /catalog/providers":
		s.withSession(w, r, s.providers)
	case "GET /sandbox/otp":
		s.showOTP(w, r)
	default:
		problem(w, http.StatusNotFound, `{"error":"not_found"}`)
	}
}

func problem(w http.ResponseWriter, status int, body string) {
	w.WriteHeader(status)
	fmt.Fprintln(w, body)
}

// withSession lets a request through that carries a live access token.
func (s *Server) withSession(w http.ResponseWriter, r *http.Request, next func(http.ResponseWriter, *http.Request, string)) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	wallet, used, ok := s.wallet(token)
	if used && s.faults.expires() { // a session that never worked would be another fault
		s.Expire(wallet)
		ok = false
	}
	if !ok {
		problem(w, http.StatusUnauthorized, `{"error":"session_expired","hint":"refresh_or_reauth"}`)
		return
	}
	next(w, r, wallet)
}

func random(prefix string) string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return prefix + hex.EncodeToString(b[:])
}
