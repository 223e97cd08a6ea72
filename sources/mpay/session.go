package mpay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	json "github.com/go-json-experiment/json"

	"github.com/paylake/paylake/fault"
	"github.com/paylake/paylake/sources"
)

// tokens is one session as it is kept, sealed by Sessions.
type tokens struct {
	Access    string `json:"access_token"`
	Refresh   string `json:"refresh_token"`
	Assurance string `json:"assurance_level"`
}

// session is one wallet's session in this process.
type session struct {
	u      *Upstream
	wallet Wallet
	turn   chan struct{} // holds one token: who has it may renew

	mu       sync.Mutex
	current  tokens
	otpAfter time.Time // the OTP may be asked for again
}

func newSession(u *Upstream, w Wallet) *session {
	s := &session{u: u, wallet: w, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	return s
}

// how far a renewal may go.
type renewal int

const (
	byRefresh renewal = iota // refresh only: a catalogue has other wallets to ask
	byAll                    // refresh, else the OTP chain
	byOTP                    // the OTP chain: the upstream refused a fresh session
)

func (s *session) get() tokens {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

func (s *session) set(t tokens) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = t
}

// token returns the access token in use, read from Sessions at first; empty
// when the wallet never logged in.
func (s *session) token(ctx context.Context) (string, error) {
	if t := s.get(); t.Access != "" {
		return t.Access, nil
	}
	t, err := s.load(ctx)
	if err != nil {
		return "", err
	}
	if t.Access != "" {
		s.set(t)
	}
	return t.Access, nil
}

func (s *session) load(ctx context.Context) (t tokens, err error) {
	b, err := s.u.cfg.Sessions.Load(ctx, s.u.cfg.Name, s.wallet.ID)
	if err != nil {
		return t, fmt.Errorf("session of %s: %w", s, err)
	}
	if b == nil {
		return t, nil
	}
	return kept(b), nil
}

// kept reads what was saved; what another version kept is as good as none.
func kept(b []byte) (t tokens) {
	if json.Unmarshal(b, &t) != nil {
		return tokens{}
	}
	return t
}

func (s *session) String() string { return "wallet " + s.wallet.ID + " of source " + s.u.cfg.Name }

// renew replaces a token that the upstream refused (empty: there was none).
// One renewal per wallet runs at a time, in this process and beside others:
// who waited finds the new token and uses it.
// own is false then.
func (s *session) renew(ctx context.Context, refused string, how renewal) (own bool, err error) {
	if err := s.allowed(ctx); err != nil {
		return false, err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return false, err
	}
	defer unlock()
	stored, err := s.load(ctx)
	if err != nil {
		return false, err
	}
	if stored.Access != "" && stored.Access != refused {
		s.set(stored)
		return false, nil
	}
	if how != byOTP && stored.Refresh != "" {
		err := s.refresh(ctx, stored.Refresh)
		if err == nil || !errors.Is(err, errRefused) {
			return true, err
		}
		if how == byRefresh {
			return true, sources.Errorf(sources.ErrAuth, "%s: the session has expired and its refresh was refused; type: paylake login --wallet %s", s, s.wallet.ID)
		}
	}
	return true, s.chain(ctx)
}

func (s *session) login(ctx context.Context) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return s.chain(ctx)
}

func (s *session) lock(ctx context.Context) (unlock func(), err error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.turn:
	}
	release, err := s.u.cfg.Sessions.Lock(ctx, s.u.cfg.Name, s.wallet.ID)
	if err != nil {
		s.turn <- struct{}{}
		return nil, fmt.Errorf("session of %s: %w", s, err)
	}
	return func() {
		release()
		s.turn <- struct{}{}
	}, nil
}

// errRefused: the refresh token is no longer good.
var errRefused = errors.New("refresh refused")

func (s *session) refresh(ctx context.Context, refresh string) error {
	body, err := json.Marshal(map[string]string{"refresh_token": refresh})
	if err != nil {
		return fmt.Errorf("refresh: %w", err)
	}
	what := s.String() + ": refreshing the session"
	resp, err := s.u.send(ctx, request{method: http.MethodPost, path: "/auth/refresh", body: body, what: what})
	if err != nil {
		return err
	}
	switch resp.status {
	case http.StatusOK, http.StatusCreated:
		return s.keep(ctx, resp, refresh, "refresh")
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone:
		return errRefused // 404 and 405: this façade has no such path
	}
	return s.u.refusal(resp, what)
}

// keep reads {session} out of an answer and saves it before anybody uses it: a
// refresh token that was used once may be the last one that works.
func (s *session) keep(ctx context.Context, resp *response, oldRefresh, how string) error {
	var answer struct {
		Session tokens `json:"session"`
		Error   string `json:"error"`
	}
	if err := json.Unmarshal(resp.body, &answer); err != nil {
		return sources.Errorf(sources.ErrShape, "%s: the answer to the %s is not the session that was expected", s, how)
	}
	if answer.Session.Access == "" {
		if answer.Error != "" {
			return &sources.Transient{Err: fmt.Errorf("%s: the %s was answered with error %s", s, how, label([]byte(answer.Error)))}
		}
		return sources.Errorf(sources.ErrShape, "%s: the answer to the %s has no access_token", s, how)
	}
	if answer.Session.Refresh == "" {
		answer.Session.Refresh = oldRefresh
	}
	b, err := json.Marshal(answer.Session)
	if err != nil {
		return fmt.Errorf("session of %s: %w", s, err)
	}
	s.set(answer.Session)
	fault.Point("session.opened")
	if err := s.u.cfg.Sessions.Save(ctx, s.u.cfg.Name, s.wallet.ID, b); err != nil {
		return fmt.Errorf("session of %s: %w", s, err)
	}
	fault.Point("session.saved")
	s.u.cfg.Log.Info("session renewed", "source", s.u.cfg.Name, "wallet", s.wallet.ID, "by", how)
	return nil
}

// memorySessions keeps sessions for the life of the process.
type memorySessions struct {
	mu sync.Mutex
	m  map[[2]string][]byte
}

func (m *memorySessions) Load(_ context.Context, source, wallet string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.m[[2]string{source, wallet}], nil
}

func (m *memorySessions) Save(_ context.Context, source, wallet string, b []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.m == nil {
		m.m = map[[2]string][]byte{}
	}
	m.m[[2]string{source, wallet}] = b
	return nil
}

func (m *memorySessions) Lock(context.Context, string, string) (func(), error) {
	return func() {}, nil // the wallet's own turn is enough within one process
}
