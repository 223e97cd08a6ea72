// Package api is the HTTP API: what the warehouse, the lake and the state
// database say, in JSON, to who holds a key. Every rule about who sees what is
// enforced here or below, never by who asks.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/paylake/paylake/cmd/internal/doors"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/sinks/clickhouse"
)

// Keys are the API's keys and the sessions that they open.
type Keys interface {
	// Find returns the live key of a secret; state.ErrAbsent.
	Find(ctx context.Context, secret string) (state.APIKey, error)
	OpenSession(ctx context.Context, keyID string, until time.Time) (token string, err error)
	// Session returns the live key of a live session; state.ErrAbsent.
	Session(ctx context.Context, token string) (state.APIKey, error)
	CloseSession(ctx context.Context, token string) error
}

// Warehouse is what answers questions.
type Warehouse interface {
	// Standing is what answers depend on. When it returns, the warehouse knows
	// of every consent that was withdrawn before it was called.
	Standing(ctx context.Context) (clickhouse.Standing, error)
	Answer(ctx context.Context, q clickhouse.Question) (lines []byte, err error)
	// OneUser reports whether every question is asked by a user who sees
	// everything.
	OneUser() bool
}

// Options are what an API is made of.
type Options struct {
	Version   string
	Keys      Keys
	Warehouse Warehouse
	Now       func() time.Time
	Log       *slog.Logger
	TLS       bool    // cookies are for TLS alone
	Rate      float64 // requests a second of one key [50]
	Limits    Limits

	Currencies []Currency
	Lake       Lake     // nil: its operations are not there
	Works      Works    // nil: likewise
	Consents   Consents // nil: likewise
	Exports    Exports  // nil: likewise
	Payments   Payments // nil: likewise
}

// Limits are what one question may cost. Zero fields take the value in brackets.
type Limits struct {
	Within time.Duration // [25 s]
	Memory int64         // bytes [512 MiB]
	AtOnce int           // questions [8]
	Cache  int           // bytes of answers that are kept [32 MiB]
}

func (l Limits) withDefaults() Limits {
	if l.Within <= 0 {
		l.Within = 25 * time.Second
	}
	if l.Memory <= 0 {
		l.Memory = 512 << 20
	}
	if l.AtOnce <= 0 {
		l.AtOnce = 8
	}
	if l.Cache <= 0 {
		l.Cache = 32 << 20
	}
	return l
}

// API serves everything under /v1/, /session, /docs and /openapi.json.
type API struct {
	Options
	huma    huma.API
	mux     *http.ServeMux
	doors   *doors.Doors
	desk    *desk
	spec    []byte
	docs    []byte
	handler http.Handler

	verifying sync.Mutex
	status    recent
}

// Paths are what the handler answers; a house mounts it there.
func (a *API) Paths() []string { return []string{"/v1/", "/session", "/openapi.json", "/docs"} }

// New makes the API.
func New(o Options) *API {
	o.Limits = o.Limits.withDefaults()
	if o.Rate <= 0 {
		o.Rate = 50
	}
	a := &API{Options: o, mux: http.NewServeMux(), doors: newDoors(o.Rate), desk: newDesk(o)}
	c := huma.DefaultConfig("paylake", o.Version)
	// Our own pages: huma's read assets from a CDN, and make the document anew
	// under every first reader.
	c.OpenAPIPath, c.DocsPath, c.SchemasPath, c.CreateHooks = "", "", "", nil
	c.Transformers = []huma.Transformer{withoutValues}
	c.RejectUnknownQueryParameters = true
	c.Info.Description = "What was paid, to whom and with what proof. docs/api.md says how to begin."
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"key":     {Type: "http", Scheme: "bearer", BearerFormat: "plk_…", Description: "An API key: paylake key add NAME --scope read"},
		"session": {Type: "apiKey", In: "cookie", Name: cookieName, Description: "The dashboard's session; requests that change something carry X-CSRF-Token"},
	}
	a.huma = humago.New(a.mux, c)
	a.huma.UseMiddleware(a.allowed)
	a.sessions()
	a.lists()
	a.register()
	a.describe()
	a.handler = a.wrapped()
	return a
}

// Close ends the questions that are under way. Call it when nobody is served any
// more, and before what the API asks is closed.
func (a *API) Close() {
	a.desk.close()
	a.desk.under.Wait()
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }
