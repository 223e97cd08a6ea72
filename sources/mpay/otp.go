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

// The OTP chain's patience.
const (
	maxOTPs  = 3               // refused codes before a person must act
	maxWait  = 5 * time.Minute // longest pause that the upstream may ask for
	minWait  = 200 * time.Millisecond
	maxStart = 3 // refusals of otp/start because it cools down
)

// chain opens a session by OTP: start, read the code, verify. A refused code
// that may be tried again is asked for again after the upstream's pause. The
// code lives in this function's frame and nowhere else.
func (s *session) chain(ctx context.Context) error {
	if s.wallet.OTP == nil {
		return fmt.Errorf("%s has no usable session; type: paylake login --wallet %s: %w", s, s.wallet.ID, ErrNoOTP)
	}
	var c *Challenge
	for range maxOTPs {
		if c == nil {
			fresh, err := s.start(ctx)
			if err != nil {
				return err
			}
			c = &fresh
		}
		code, err := s.wallet.OTP(ctx, *c)
		if err != nil {
			return s.noCode(ctx, err)
		}
		verdict, err := s.verify(ctx, c.ID, strings.TrimSpace(code))
		if err != nil || verdict.ok {
			return err
		}
		if verdict.gone {
			c = nil
		} else if !verdict.RetryAllowed {
			return sources.Errorf(sources.ErrAuth, "%s: the OTP was refused and may not be tried again; type: paylake login --wallet %s", s, s.wallet.ID)
		}
		if err := s.pause(ctx, seconds(verdict.RetryAfter)); err != nil {
			return err
		}
	}
	return sources.Errorf(sources.ErrAuth, "%s: the OTP was refused %d times; type: paylake login --wallet %s", s, maxOTPs, s.wallet.ID)
}

func (s *session) noCode(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, sources.ErrAuth) {
		return fmt.Errorf("%s: no OTP; type: paylake login --wallet %s: %w", s, s.wallet.ID, err)
	}
	return fmt.Errorf("%s: the OTP could not be read; type: paylake login --wallet %s: %w (%w)",
		s, s.wallet.ID, err, sources.ErrAuth)
}

func seconds(n float64) time.Duration {
	return time.Duration(min(max(n, 0), 86400) * float64(time.Second))
}

// pause waits for what the upstream asked, with a floor. A pause beyond
// maxWait is left to a later run.
func (s *session) pause(ctx context.Context, d time.Duration) error {
	if d > maxWait {
		return &sources.Transient{After: d, Err: fmt.Errorf("%s: the upstream wants %s of quiet before the next OTP", s, d)}
	}
	return s.u.cfg.Sleep(ctx, max(d, minWait))
}

// start asks for a challenge. The cooldown of the last one is waited for, and
// a 429 is asked again after its Retry-After.
func (s *session) start(ctx context.Context) (c Challenge, err error) {
	if err := s.coolDown(ctx); err != nil {
		return c, err
	}
	body, err := json.Marshal(map[string]string{"msisdn": s.wallet.MSISDN, "locale": "az-AZ"})
	if err != nil {
		return c, fmt.Errorf("otp/start: %w", err)
	}
	what := s.String() + ": asking for an OTP"
	for try := 1; ; try++ {
		resp, err := s.u.send(ctx, request{method: http.MethodPost, path: "/auth/otp/start", body: body, what: what})
		if err != nil {
			return c, err
		}
		switch {
		case resp.status == http.StatusCreated || resp.status == http.StatusOK:
			return s.challenge(resp)
		case resp.status != http.StatusTooManyRequests || try >= maxStart:
			return c, s.u.refusal(resp, what)
		}
		if err := s.pause(ctx, s.u.retryAfter(resp)); err != nil {
			return c, err
		}
	}
}

func (s *session) coolDown(ctx context.Context) error {
	s.mu.Lock()
	wait := s.otpAfter.Sub(s.u.cfg.Now())
	s.mu.Unlock()
	if wait <= 0 {
		return nil
	}
	return s.pause(ctx, wait)
}

func (s *session) challenge(resp *response) (c Challenge, err error) {
	var answer struct {
		ID        string  `json:"challenge_id"`
		ExpiresAt string  `json:"expires_at"`
		Cooldown  float64 `json:"cooldown_seconds"`
		Error     string  `json:"error"`
	}
	if err := json.Unmarshal(resp.body, &answer); err != nil || answer.ID == "" {
		if answer.Error != "" {
			return c, &sources.Transient{Err: fmt.Errorf("%s: otp/start answered with error %s", s, label([]byte(answer.Error)))}
		}
		return c, sources.Errorf(sources.ErrShape, "%s: the answer to otp/start has no challenge_id", s)
	}
	now := s.u.cfg.Now()
	s.mu.Lock()
	s.otpAfter = now.Add(seconds(answer.Cooldown))
	s.mu.Unlock()
	c = Challenge{Wallet: s.wallet.ID, MSISDN: s.wallet.MSISDN, ID: answer.ID}
	if at, err := time.Parse(time.RFC3339, answer.ExpiresAt); err == nil {
		// The upstream's clock may be hours off: only the span counts.
		c.ExpiresAt = now.Add(at.Sub(s.u.serverNow(resp)))
	}
	return c, nil
}

// verdict is the upstream's word on a code.
type verdict struct {
	ok   bool
	gone bool // the challenge is no longer known or has expired: begin again

	Error        string  `json:"error"`
	RetryAllowed bool    `json:"retry_allowed"`
	RetryAfter   float64 `json:"retry_after"`
}

func (s *session) verify(ctx context.Context, challenge, code string) (v verdict, err error) {
	body, err := json.Marshal(map[string]string{"challenge_id": challenge, "otp": code})
	if err != nil {
		return v, fmt.Errorf("%s: the OTP is not text", s)
	}
	what := s.String() + ": verifying the OTP"
	resp, err := s.u.send(ctx, request{method: http.MethodPost, path: "/auth/otp/verify",
		bearer: s.u.cfg.ServerKey, body: body, what: what})
	if err != nil {
		return v, err
	}
	switch resp.status {
	case http.StatusOK, http.StatusCreated:
		v.ok = true
		return v, s.keep(ctx, resp, "", "otp")
	case http.StatusUnauthorized, http.StatusForbidden:
		return v, sources.Errorf(sources.ErrAuth, "%s: the upstream refused the server key (%d); check server_key of source %s and type: paylake check", s, resp.status, s.u.cfg.Name)
	case http.StatusNotFound, http.StatusGone:
		return verdict{gone: true}, nil
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return s.refused(resp)
	}
	return v, s.u.refusal(resp, what)
}

func (s *session) refused(resp *response) (v verdict, err error) {
	if err := json.Unmarshal(resp.body, &v); err != nil {
		return v, sources.Errorf(sources.ErrShape, "%s: the answer to otp/verify (400) is not readable", s)
	}
	switch v.Error {
	case "otp_invalid":
	case "otp_expired", "challenge_expired", "challenge_not_found", "challenge_unknown":
		v.gone = true
	default:
		return v, sources.Errorf(sources.ErrAuth, "%s: the OTP was answered with error %s; type: paylake login --wallet %s", s, label([]byte(v.Error)), s.wallet.ID)
	}
	return v, nil
}
