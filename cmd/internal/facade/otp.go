package facade

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/paylake/paylake/cmd/internal/doors"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/sources"
)

// telephone is what a number may look like.
var telephone = regexp.MustCompile(`^\+?[0-9][0-9 ()-]{6,22}$`)

var noDigit = regexp.MustCompile(`[^0-9]`)

func msisdnDigits(number string) string { return noDigit.ReplaceAllString(number, "") }

func read(r *http.Request, into any) error {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		return bad("the body is not the JSON that is expected here")
	}
	return nil
}

// start sends a one-time password to a wallet's owner. No key is needed, as in
// the façade that this one has the shape of: whoever asks learns nothing, and a
// number that is nobody's here gets an answer that looks like any other.
func (s *server) start(w http.ResponseWriter, r *http.Request) {
	if wait := s.addresses.Wait(doors.Host(r.RemoteAddr), s.Now()); wait > 0 {
		trouble{status: http.StatusTooManyRequests, word: "too_many_requests", detail: "too many requests from this address", after: wait}.write(w)
		return
	}
	if err := s.started(w, r); err != nil {
		s.fail(w, r, err)
	}
}

func (s *server) started(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		MSISDN string `json:"msisdn"`
		Locale string `json:"locale"`
	}
	if err := read(r, &in); err != nil {
		return err
	}
	if !telephone.MatchString(in.MSISDN) {
		return bad("msisdn is not a telephone number in the form +994501234567")
	}
	if !slices.Contains([]string{"", "az-AZ", "ru-RU", "en-US", "az", "ru", "en"}, in.Locale) {
		return bad("locale is none of az-AZ, ru-RU, en-US")
	}
	if in.Locale == "" {
		in.Locale = "az-AZ"
	}
	id, expires, cooldown, err := s.challenge(r.Context(), in.MSISDN, in.Locale)
	if err != nil {
		return err
	}
	return answer(w, http.StatusCreated, map[string]any{"challenge_id": id, "expires_at": expires.UTC().Format(time.RFC3339), "cooldown_seconds": int(cooldown.Seconds())})
}

// usualCooldown is what a number that is nobody's is told.
const usualCooldown = 45 * time.Second

func (s *server) challenge(ctx context.Context, number, locale string) (id string, expires time.Time, cooldown time.Duration, err error) {
	source, wallet, ok := s.Wallets.Of(number)
	if !ok {
		if wait := s.strangers.Wait(msisdnDigits(number), s.Now()); wait > 0 { // else the second request would tell who is nobody's
			return "", expires, 0, trouble{status: http.StatusTooManyRequests, word: "cooling_down", detail: "not now; try again later", after: wait}
		}
		return "ch_" + rand.Text(), s.Now().Add(challengeTerm), usualCooldown, nil
	}
	c, cooldown, err := s.Wallets.StartOTP(ctx, source, wallet, locale)
	if err != nil {
		return "", expires, 0, err
	}
	if expires = c.ExpiresAt; expires.IsZero() || expires.Sub(s.Now()) > challengeTerm {
		expires = s.Now().Add(challengeTerm)
	}
	return c.ID, expires, cooldown, s.Sessions.KeepChallenge(ctx, c.ID, source, wallet, expires)
}

// verify hands the password over: the wallet's session at its upstream is opened
// or renewed, the owner's consent is recorded, and the client gets a session.
func (s *server) verify(w http.ResponseWriter, r *http.Request) {
	if err := s.verified(w, r); err != nil {
		s.fail(w, r, err)
	}
}

func (s *server) verified(w http.ResponseWriter, r *http.Request) error {
	key, err := s.client(r)
	if err != nil {
		return err
	}
	var in struct {
		Challenge string `json:"challenge_id"`
		OTP       string `json:"otp"`
	}
	if err := read(r, &in); err != nil {
		return err
	}
	source, wallet, err := s.Sessions.Challenge(r.Context(), in.Challenge)
	if errors.Is(err, state.ErrAbsent) {
		return invalid(false, 0) // a number that is nobody's here, or a challenge that is over
	}
	if err != nil {
		return err
	}
	if len(key.Wallets) > 0 && !slices.Contains(key.Wallets, [2]string{source, wallet}) {
		return trouble{status: http.StatusForbidden, word: "forbidden", detail: "the key is bound to other wallets"}
	}
	v, err := s.Wallets.VerifyOTP(r.Context(), source, wallet, in.Challenge, in.OTP)
	switch {
	case errors.Is(err, sources.ErrAuth):
		s.Log.Warn("the upstream refused a password in its own words", "wallet", wallet, "err", err)
		return invalid(false, 0)
	case err != nil:
		return err
	case !v.OK:
		return invalid(v.RetryAllowed, v.RetryAfter)
	}
	if err := s.Consents.Grant(r.Context(), source, wallet, key.Name); err != nil {
		return err
	}
	now := s.Now()
	t, err := s.Sessions.Open(r.Context(), state.FacadeSession{Key: key, Source: source, Wallet: wallet, Assurance: v.Assurance},
		state.Terms{Access: now.Add(accessTerm), End: now.Add(sessionTerm)})
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, session(t, v.Assurance))
}

// client is the live API key of a request; it needs the scope read.
func (s *server) client(r *http.Request) (state.APIKey, error) {
	key, err := s.Keys.Find(r.Context(), bearer(r))
	if errors.Is(err, state.ErrAbsent) {
		return key, trouble{status: http.StatusUnauthorized, word: "unauthorized", detail: "a live API key is needed: Authorization: Bearer plk_…"}
	}
	if err == nil && !slices.Contains(key.Scopes, "read") {
		return key, trouble{status: http.StatusForbidden, word: "forbidden", detail: "the key has not the scope read"}
	}
	return key, err
}

func invalid(again bool, after time.Duration) trouble {
	return trouble{status: http.StatusBadRequest, word: "otp_invalid", detail: "the password was refused",
		more: map[string]any{"retry_allowed": again, "retry_after": int(after.Seconds())}}
}

func session(t state.Tokens, assurance string) map[string]any {
	return map[string]any{"session": map[string]string{"access_token": t.Access, "refresh_token": t.Refresh, "assurance_level": assurance}}
}

// refresh renews a session: both tokens are new, and the old ones open nothing.
func (s *server) refresh(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Token string `json:"refresh_token"`
	}
	err := read(r, &in)
	if err == nil {
		var t state.Tokens
		var f state.FacadeSession
		t, f, err = s.Sessions.Renew(r.Context(), in.Token, s.Now().Add(accessTerm))
		if err == nil {
			err = answer(w, http.StatusOK, session(t, f.Assurance))
		}
	}
	if errors.Is(err, state.ErrAbsent) {
		err = trouble{status: http.StatusUnauthorized, word: "session_expired", detail: "the session is over", more: map[string]any{"hint": "reauth"}}
	}
	if err != nil {
		s.fail(w, r, err)
	}
}
