package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paylake/paylake/pipeline/state"
)

const (
	cookieName  = "paylake_session"
	sessionTime = 12 * time.Hour
)

type signIn struct {
	Body struct {
		Key string `json:"key" maxLength:"128" doc:"an API key, plk_…"`
	}
}

type withCookie struct {
	SetCookie string `header:"Set-Cookie"`
}

// Me is who asks, as their key says it.
type Me struct {
	Name    string     `json:"name"`
	Scopes  []string   `json:"scopes"`
	Wallets []string   `json:"wallets" nullable:"true" doc:"source/wallet_id; null: every wallet"`
	Expires *time.Time `json:"expires_at" nullable:"true"`
	CSRF    string     `json:"csrf,omitempty" doc:"for the header X-CSRF-Token; a session has one"`
}

type meAnswer struct{ Body Me }

// sessions lets a browser in: the key is sent once, and a cookie from then on.
func (a *API) sessions() {
	huma.Register(a.huma, huma.Operation{OperationID: "open-session", Method: http.MethodPost, Path: "/session", Summary: "Open a session with a key", Tags: []string{"session"},
		DefaultStatus: http.StatusNoContent, MaxBodyBytes: 4096}, a.openSession)
	huma.Register(a.huma, secured(huma.Operation{OperationID: "show-session", Method: http.MethodGet, Path: "/session", Summary: "Who asks", Tags: []string{"session"}}), a.me)
	huma.Register(a.huma, secured(huma.Operation{OperationID: "me", Method: http.MethodGet, Path: "/v1/me", Summary: "Who asks", Tags: []string{"session"}}), a.me)
	huma.Register(a.huma, secured(huma.Operation{OperationID: "close-session", Method: http.MethodDelete, Path: "/session", Summary: "End the session", Tags: []string{"session"},
		DefaultStatus: http.StatusNoContent}), a.closeSession)
}

// secured says in the document which keys open an operation, and has it checked.
func secured(op huma.Operation, scopes ...string) huma.Operation {
	op.Security = []map[string][]string{{"key": {}}, {"session": {}}}
	op.Metadata = map[string]any{scopesOf: scopes}
	if len(scopes) > 0 {
		op.Description += "\n\nScope: " + joinedOr(scopes) + "."
	}
	return op
}

func (a *API) openSession(ctx context.Context, in *signIn) (*withCookie, error) {
	k, err := a.Keys.Find(ctx, in.Body.Key)
	if errors.Is(err, state.ErrAbsent) {
		return nil, huma.Error401Unauthorized("this key opens nothing: it is unknown, revoked or over")
	}
	if err != nil {
		return nil, a.answered(ctx, err)
	}
	until := a.Now().Add(sessionTime)
	if !k.Expires.IsZero() && k.Expires.Before(until) {
		until = k.Expires
	}
	token, err := a.Keys.OpenSession(ctx, k.ID, until)
	if err != nil {
		return nil, a.answered(ctx, err)
	}
	return &withCookie{a.cookie(token, until)}, nil
}

func (a *API) cookie(token string, until time.Time) string {
	c := http.Cookie{Name: cookieName, Value: token, Path: "/", HttpOnly: true, Secure: a.TLS, SameSite: http.SameSiteStrictMode, Expires: until}
	if token == "" {
		c.MaxAge = -1
	}
	return c.String()
}

func (a *API) me(ctx context.Context, _ *struct{}) (*meAnswer, error) {
	c := callerOf(ctx)
	m := Me{Name: c.Name, Scopes: c.Scopes, CSRF: c.csrf()}
	for _, w := range c.Wallets {
		m.Wallets = append(m.Wallets, w[0]+"/"+w[1])
	}
	if !c.Expires.IsZero() {
		m.Expires = &c.Expires
	}
	return &meAnswer{m}, nil
}

func (a *API) closeSession(ctx context.Context, _ *struct{}) (*withCookie, error) {
	if c := callerOf(ctx); c.token != "" {
		if err := a.Keys.CloseSession(ctx, c.token); err != nil {
			return nil, a.answered(ctx, err)
		}
	}
	return &withCookie{a.cookie("", time.Time{})}, nil
}
