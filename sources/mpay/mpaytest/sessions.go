package mpaytest

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"strconv"
	"time"
)

// sessions is who may ask, and what they were sent.
type sessions struct {
	challenges map[string]*challenge
	access     map[string]access // access token → session
	refresh    map[string]string // refresh token → wallet
	lastStart  map[string]time.Time
	refuse     bool // refreshes are refused
	counts     SessionCounts
}

type challenge struct {
	wallet, otp string
	expires     time.Time
	tries       int
}

type access struct {
	wallet  string
	expires time.Time
	used    bool // it has let a request through
}

// SessionCounts is what happened at the door.
type SessionCounts struct {
	Starts, CoolingDown, Verified, Refused, Refreshed, RefreshRefused int
}

func newSessions() sessions {
	return sessions{challenges: map[string]*challenge{}, access: map[string]access{},
		refresh: map[string]string{}, lastStart: map[string]time.Time{}}
}

// Sessions returns what happened so far.
func (s *Server) Sessions() SessionCounts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions.counts
}

// RefuseRefresh makes every refresh fail, so that only the OTP chain is left.
func (s *Server) RefuseRefresh(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions.refuse = on
}

// Expire ends every access token of a wallet.
func (s *Server) Expire(wallet string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for token, a := range s.sessions.access {
		if a.wallet == wallet {
			delete(s.sessions.access, token)
		}
	}
}

// OTP returns the code that the wallet's owner got for a challenge.
func (s *Server) OTP(challengeID string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.sessions.challenges[challengeID]
	if !ok {
		return "", false
	}
	return c.otp, true
}

func (s *Server) showOTP(w http.ResponseWriter, r *http.Request) {
	otp, ok := s.OTP(r.URL.Query().Get("challenge_id"))
	if !ok {
		problem(w, http.StatusNotFound, `{"error":"challenge_unknown"}`)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	fmt.Fprintln(w, otp)
}

// wallet is whose token it is, if it is live, and whether it was used before.
func (s *Server) wallet(token string) (wallet string, used, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.sessions.access[token]
	if !ok || !s.opts.Now().Before(a.expires) {
		return "", false, false
	}
	used, a.used = a.used, true
	s.sessions.access[token] = a
	return a.wallet, used, true
}

func (s *Server) walletOf(msisdn string) (string, bool) {
	for _, w := range s.book.Wallets() {
		if w.MSISDN == msisdn {
			return w.ID, true
		}
	}
	return "", false
}

func (s *Server) otpStart(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		MSISDN string `json:"msisdn"`
	}
	if json.NewDecoder(r.Body).Decode(&ask) != nil {
		problem(w, http.StatusBadRequest, `{"error":"bad_request"}`)
		return
	}
	wallet, ok := s.walletOf(ask.MSISDN)
	if !ok {
		problem(w, http.StatusNotFound, `{"error":"wallet_unknown"}`)
		return
	}
	if s.faults.throttlesOTP() {
		w.Header().Set("Retry-After", "1")
		problem(w, http.StatusTooManyRequests, `{"error":"otp_throttled"}`)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now()
	if wait := s.sessions.lastStart[wallet].Add(s.opts.Cooldown).Sub(now); wait > 0 && !s.sessions.lastStart[wallet].IsZero() {
		s.sessions.counts.CoolingDown++
		w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
		problem(w, http.StatusTooManyRequests, `{"error":"otp_cooldown"}`)
		return
	}
	s.sessions.counts.Starts++
	s.sessions.lastStart[wallet] = now
	id := random("ch_")
	s.sessions.challenges[id] = &challenge{wallet: wallet, otp: newOTP(), expires: now.Add(s.opts.ChallengeLife)}
	skew := s.faults.skew()
	w.Header().Set("Date", now.Add(skew).UTC().Format(http.TimeFormat))
	problem(w, http.StatusCreated, fmt.Sprintf(`{"challenge_id":%q,"expires_at":%q,"cooldown_seconds":%d}`,
		id, now.Add(skew+s.opts.ChallengeLife).UTC().Format(time.RFC3339), max(0, int(s.opts.Cooldown/time.Second))))
}

func newOTP() string {
	n, err := rand.Int(rand.Reader, big.NewInt(1000000))
	if err != nil {
		return "000000"
	}
	return fmt.Sprintf("%06d", n)
}

func (s *Server) otpVerify(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+s.opts.ServerKey {
		problem(w, http.StatusUnauthorized, `{"error":"server_key_invalid"}`)
		return
	}
	var ask struct {
		ID  string `json:"challenge_id"`
		OTP string `json:"otp"`
	}
	if json.NewDecoder(r.Body).Decode(&ask) != nil {
		problem(w, http.StatusBadRequest, `{"error":"bad_request"}`)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.sessions.challenges[ask.ID]
	switch {
	case !ok:
		problem(w, http.StatusBadRequest, `{"error":"challenge_unknown"}`)
	case !s.opts.Now().Before(c.expires):
		problem(w, http.StatusBadRequest, `{"error":"challenge_expired"}`)
	case c.otp != ask.OTP:
		c.tries++
		s.sessions.counts.Refused++
		problem(w, http.StatusBadRequest, fmt.Sprintf(`{"error":"otp_invalid","retry_allowed":%t,"retry_after":%d}`,
			c.tries < s.opts.OTPTries, max(0, s.opts.OTPRetryAfter)))
	default:
		delete(s.sessions.challenges, ask.ID)
		s.sessions.counts.Verified++
		s.open(w, c.wallet)
	}
}

// open answers with a new session; s.mu is held.
func (s *Server) open(w http.ResponseWriter, wallet string) {
	at, rt := random("mpay_at_"), random("mpay_rt_")
	s.sessions.access[at] = access{wallet: wallet, expires: s.opts.Now().Add(s.opts.TokenLife)}
	s.sessions.refresh[rt] = wallet
	problem(w, http.StatusOK, fmt.Sprintf(`{"session":{"access_token":%q,"refresh_token":%q,"assurance_level":"A2"}}`, at, rt))
}

// refresh answers a refresh token once: it is spent by its use.
func (s *Server) refresh(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Token string `json:"refresh_token"`
	}
	if json.NewDecoder(r.Body).Decode(&ask) != nil {
		problem(w, http.StatusBadRequest, `{"error":"bad_request"}`)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	wallet, ok := s.sessions.refresh[ask.Token]
	if !ok || s.sessions.refuse {
		s.sessions.counts.RefreshRefused++
		problem(w, http.StatusUnauthorized, `{"error":"refresh_invalid"}`)
		return
	}
	delete(s.sessions.refresh, ask.Token)
	s.sessions.counts.Refreshed++
	s.open(w, wallet)
}
