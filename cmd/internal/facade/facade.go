// Package facade serves the wallet façade /integrations/mpay/v1/: the shape in
// which wallets are read everywhere, answered from the warehouse. A client with
// an API key sends a wallet's owner a one-time password, hands it over, and holds
// a session of that one wallet; the owner's consent is recorded with it.
package facade

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/paylake/paylake/cmd/internal/doors"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/sinks/clickhouse"
	"github.com/paylake/paylake/sources/mpay"
)

// Prefix is where the façade lives.
const Prefix = "/integrations/mpay/v1/"

// How long a client's tokens hold. A session ends with its key, and serves nothing
// while the wallet's owner does not consent.
const (
	accessTerm    = 30 * time.Minute
	sessionTerm   = 30 * 24 * time.Hour
	challengeTerm = 10 * time.Minute
)

// Keys find API keys by their secret; state.ErrAbsent for one that opens nothing.
type Keys interface {
	Find(ctx context.Context, secret string) (state.APIKey, error)
}

// Sessions keep the façade's sessions and challenges.
type Sessions interface {
	Open(ctx context.Context, s state.FacadeSession, terms state.Terms) (state.Tokens, error)
	Find(ctx context.Context, access string) (state.FacadeSession, error)
	Renew(ctx context.Context, refresh string, until time.Time) (state.Tokens, state.FacadeSession, error)
	Challenges
}

// Challenges remember whose password was sent.
type Challenges interface {
	KeepChallenge(ctx context.Context, id, source, wallet string, until time.Time) error
	Challenge(ctx context.Context, id string) (source, wallet string, err error)
}

// Wallets are those of the configuration, at their upstreams.
type Wallets interface {
	// Of finds the wallet of a telephone number.
	Of(msisdn string) (source, wallet string, ok bool)
	StartOTP(ctx context.Context, source, wallet, locale string) (mpay.Challenge, time.Duration, error)
	VerifyOTP(ctx context.Context, source, wallet, challenge, code string) (mpay.Verdict, error)
}

// Consents say what a wallet's owner allows.
type Consents interface {
	// Grant records the consent that a password stands for, given through a client.
	Grant(ctx context.Context, source, wallet, client string) error
	// Live reports whether the wallet may be shown now.
	Live(ctx context.Context, source, wallet string) (bool, error)
}

// Warehouse answers questions.
type Warehouse interface {
	Standing(ctx context.Context) (clickhouse.Standing, error)
	Answer(ctx context.Context, q clickhouse.Question) ([]byte, error)
}

// Options are what the façade is made of.
type Options struct {
	Keys      Keys
	Sessions  Sessions
	Wallets   Wallets
	Consents  Consents
	Warehouse Warehouse
	Now       func() time.Time
	Log       *slog.Logger
}

type server struct {
	Options
	addresses *doors.Doors // who asks for passwords
	strangers *doors.Doors // numbers that are nobody's here
}

// New returns the handler of everything below Prefix.
func New(o Options) http.Handler {
	s := &server{Options: o, addresses: doors.New(1.0/6, 10), strangers: doors.New(1/usualCooldown.Seconds(), 1)}
	mux := http.NewServeMux()
	for path, h := range map[string]http.HandlerFunc{
		"POST auth/otp/start": s.start, "POST auth/otp/verify": s.verify, "POST auth/refresh": s.refresh,
		"GET wallet/balance": s.forWallet(s.balance), "GET wallet/statement": s.forWallet(s.statement),
		"GET catalog/providers": s.forClient(s.providers), "GET catalog/nfc-workflows": s.forClient(s.workflows),
	} {
		method, rest, _ := strings.Cut(path, " ")
		mux.HandleFunc(method+" "+Prefix+rest, h)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		trouble{status: http.StatusNotFound, word: "not_found", detail: "the façade has nothing at this address"}.write(w)
	})
	return http.MaxBytesHandler(mux, maxBody)
}

// maxBody is the largest request.
const maxBody = 16 << 10

// bearer is the secret that a request carries.
func bearer(r *http.Request) string {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(secret)
}

// forWallet lets a live session in whose wallet may be shown.
func (s *server) forWallet(next func(http.ResponseWriter, *http.Request, state.FacadeSession) error) http.HandlerFunc {
	return s.forClient(func(w http.ResponseWriter, r *http.Request, f state.FacadeSession) error {
		live, err := s.Consents.Live(r.Context(), f.Source, f.Wallet)
		if err != nil {
			return err
		}
		if !live {
			return trouble{status: http.StatusForbidden, word: "consent_required", detail: "the wallet's owner does not consent any more; begin with auth/otp/start"}
		}
		return next(w, r, f)
	})
}

// forClient lets a live session in.
func (s *server) forClient(next func(http.ResponseWriter, *http.Request, state.FacadeSession) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f, err := s.Sessions.Find(r.Context(), bearer(r))
		if errors.Is(err, state.ErrAbsent) {
			err = trouble{status: http.StatusUnauthorized, word: "session_expired", detail: "no live session", more: map[string]any{"hint": "refresh_or_reauth"}}
		}
		if err == nil {
			err = next(w, r, f)
		}
		if err != nil {
			s.fail(w, r, err)
		}
	}
}
