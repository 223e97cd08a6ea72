package mpay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	json "github.com/go-json-experiment/json"

	"github.com/paylake/paylake/sources"
)

// The OTP chain in two steps, for a person who sits somewhere else: one call has
// the upstream send the password, another hands it over. Neither waits.

// StartOTP has the upstream send its wallet's owner a one-time password. cooldown
// is how long no other one can be asked for. *sources.Transient: not now, After
// says when.
func (u *Upstream) StartOTP(ctx context.Context, wallet, locale string) (c Challenge, cooldown time.Duration, err error) {
	s, ok := u.wallets[wallet]
	if !ok {
		return c, 0, fmt.Errorf("mpay source %s has no wallet %q", u.cfg.Name, wallet)
	}
	if wait := s.cooling(); wait > 0 {
		return c, 0, &sources.Transient{After: wait, Err: fmt.Errorf("%s: an OTP was sent a moment ago", s)}
	}
	body, err := json.Marshal(map[string]string{"msisdn": s.wallet.MSISDN, "locale": locale})
	if err != nil {
		return c, 0, fmt.Errorf("otp/start: %w", err)
	}
	what := s.String() + ": asking for an OTP"
	resp, err := u.send(ctx, request{method: http.MethodPost, path: "/auth/otp/start", body: body, what: what})
	if err != nil {
		return c, 0, err
	}
	if resp.status != http.StatusCreated && resp.status != http.StatusOK {
		return c, 0, u.refusal(resp, what)
	}
	c, err = s.challenge(resp)
	return c, s.cooling(), err
}

// cooling is how long no other password can be asked for.
func (s *session) cooling() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(s.otpAfter.Sub(s.u.cfg.Now()), 0)
}

// Verdict is an upstream's word on a one-time password.
type Verdict struct {
	OK           bool
	Assurance    string // level of the session that is open now
	RetryAllowed bool
	RetryAfter   time.Duration
}

// VerifyOTP hands a one-time password over. When it is right the wallet's session
// is the new one, kept like any other. The password is kept nowhere.
func (u *Upstream) VerifyOTP(ctx context.Context, wallet, challenge, code string) (Verdict, error) {
	s, ok := u.wallets[wallet]
	if !ok {
		return Verdict{}, fmt.Errorf("mpay source %s has no wallet %q", u.cfg.Name, wallet)
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return Verdict{}, err
	}
	defer unlock()
	v, err := s.verify(ctx, challenge, strings.TrimSpace(code))
	if err != nil {
		return Verdict{}, err
	}
	return Verdict{OK: v.ok, Assurance: s.get().Assurance, RetryAllowed: v.RetryAllowed && !v.gone, RetryAfter: seconds(v.RetryAfter)}, nil
}

// Cooling reports how long an error of StartOTP asks to wait; ok is false for
// any other error.
func Cooling(err error) (wait time.Duration, ok bool) {
	var t *sources.Transient
	if !errors.As(err, &t) {
		return 0, false
	}
	return t.After, true
}
