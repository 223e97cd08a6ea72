package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paylake/paylake/cmd/internal/doors"
	"github.com/paylake/paylake/pipeline/state"
)

// caller is who asks.
type caller struct {
	state.APIKey
	token string // of the session; empty: the key itself was sent
}

func (c caller) may(scopes ...string) bool {
	return slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(c.Scopes, s) })
}

// bound reports whether the caller reaches some wallets alone.
func (c caller) bound() bool { return len(c.Wallets) > 0 }

func (c caller) reaches(source, wallet string) bool {
	return !c.bound() || slices.Contains(c.Wallets, [2]string{source, wallet})
}

// csrf is what a page of the session sends along, and no other page can know. It
// is a function of the token, which a page cannot read.
func (c caller) csrf() string {
	if c.token == "" {
		return ""
	}
	mac := hmac.New(sha256.New, []byte(c.token))
	mac.Write([]byte("csrf"))
	return hex.EncodeToString(mac.Sum(nil))
}

type callerKey struct{}

func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// identify finds out who asks; state.ErrAbsent for nobody who is known.
func (a *API) identify(r *http.Request) (c caller, err error) {
	if bearer := r.Header.Get("Authorization"); bearer != "" {
		scheme, secret, _ := strings.Cut(bearer, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return c, state.ErrAbsent
		}
		c.APIKey, err = a.Keys.Find(r.Context(), strings.TrimSpace(secret))
		return c, err
	}
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return c, state.ErrAbsent
	}
	c.token = cookie.Value
	c.APIKey, err = a.Keys.Session(r.Context(), c.token)
	return c, err
}

// public are addresses that anybody may read, or knocks at.
func public(r *http.Request) bool {
	return r.URL.Path == "/openapi.json" || r.URL.Path == "/docs" || r.URL.Path == "/session" && r.Method == http.MethodPost
}

// guarded lets in who is known, as often as their key may ask.
func (a *API) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if public(r) {
			if !a.enter(w, "at "+doors.Host(r.RemoteAddr)) {
				return
			}
			next.ServeHTTP(w, r)
			return
		}
		c, err := a.identify(r)
		if errors.Is(err, state.ErrAbsent) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="paylake"`)
			refuse(w, http.StatusUnauthorized, "a live API key is needed: Authorization: Bearer plk_… (paylake key add makes one)")
			return
		}
		if err != nil {
			a.fail(w, r, err)
			return
		}
		if !a.enter(w, c.ID) {
			return
		}
		if c.token != "" && !safe(r.Method) && !hmac.Equal([]byte(r.Header.Get("X-CSRF-Token")), []byte(c.csrf())) {
			refuse(w, http.StatusForbidden, "the header X-CSRF-Token is missing or not of this session; GET /session tells it")
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, c)))
	})
}

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

const scopesOf = "scopes"

// allowed keeps to the scopes of an operation: any one of them opens it.
func (a *API) allowed(ctx huma.Context, next func(huma.Context)) {
	needed, _ := ctx.Operation().Metadata[scopesOf].([]string)
	if len(needed) > 0 && !callerOf(ctx.Context()).may(needed...) {
		_ = huma.WriteErr(a.huma, ctx, http.StatusForbidden, "the key has not the scope "+strings.Join(needed, " or "))
		return
	}
	next(ctx)
}
