// Package mpay reads the MPAY façade: wallet statements, balances, funding and
// assurance events, templates, and the catalogues of bill providers and NFC
// workflows. The thin edge is here, in client.go, session.go and otp.go; the
// decoder (decode.go and its neighbours) is pure.
package mpay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"golang.org/x/time/rate"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

// ErrNoOTP is returned when a login is needed and no way is configured to read
// an OTP without a person.
var ErrNoOTP = fmt.Errorf("no way to read an OTP without a person: %w", sources.ErrAuth)

// Config says where the façade is and who may be read.
type Config struct {
	Name      string // the source's name in the configuration
	URL       string // the façade's origin, without /integrations/mpay/v1
	ServerKey string // authorises OTP verification
	Zone      *time.Location
	Client    *http.Client // http.DefaultClient when nil; redirects are never followed
	Wallets   []Wallet     // in the order of the configuration
	Keep      []string     // upstream fields of statement rows that become columns

	// Consent says whether a wallet may be asked for anything now: nil, or an
	// error that wraps sources.ErrConsent. It is asked before every request of a
	// wallet's session, catalogues included. Nil: every wallet may.
	Consent    func(ctx context.Context, wallet string) error
	Pseudonyms *schemas.Pseudonymizer
	Sessions   Sessions // in memory when nil
	Now        func() time.Time
	Sleep      func(context.Context, time.Duration) error // sources.Sleep when nil
	Limiter    *rate.Limiter                              // one token per request; nil: no limit
	Log        *slog.Logger                               // nil: silent
	Allocator  memory.Allocator                           // of records; nil: Arrow's default
}

// Wallet is one wallet whose statement is read.
type Wallet struct {
	ID     string
	MSISDN string // E.164
	// OTP reads the code that the wallet's owner got; nil: nobody can be asked.
	OTP func(ctx context.Context, c Challenge) (string, error)
}

// Challenge is what an OTP answers.
type Challenge struct {
	Wallet, MSISDN, ID string
	ExpiresAt          time.Time // by this machine's clock; zero when the upstream does not say
}

// Sessions keeps a wallet's tokens, sealed.
type Sessions interface {
	// Load returns nil, nil when there are none.
	Load(ctx context.Context, source, wallet string) ([]byte, error)
	Save(ctx context.Context, source, wallet string, tokens []byte) error
	// Lock keeps other processes from renewing the same session meanwhile.
	Lock(ctx context.Context, source, wallet string) (unlock func(), err error)
}

// Upstream is one façade with its wallets. Safe for concurrent use.
type Upstream struct {
	cfg       Config
	base      string
	client    *http.Client
	ledger    *schemas.Table
	wallets   map[string]*session
	decoders  sync.Map // poolKey → *sync.Pool of *decoder
	inclusive atomic.Bool
}

// New checks the configuration; it sends nothing.
func New(cfg Config) (*Upstream, error) {
	base, err := url.Parse(cfg.URL)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fmt.Errorf("mpay source %s: url %q is not an http or https origin", cfg.Name, cfg.URL)
	}
	if err := checkConfig(cfg); err != nil {
		return nil, fmt.Errorf("mpay source %s: %w", cfg.Name, err)
	}
	u := &Upstream{cfg: cfg.withDefaults(), wallets: map[string]*session{},
		ledger: schemas.Ledger.Keep(cfg.Keep...),
		base:   strings.TrimRight(cfg.URL, "/") + "/integrations/mpay/v1"}
	client := *u.cfg.Client // a copy: a redirect must not carry tokens elsewhere
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	u.client = &client
	for _, w := range cfg.Wallets {
		u.wallets[w.ID] = newSession(u, w)
	}
	return u, nil
}

func checkConfig(cfg Config) error {
	switch {
	case cfg.Name == "":
		return errors.New("it has no name")
	case cfg.Zone == nil:
		return errors.New("it has no time zone")
	case cfg.Pseudonyms == nil:
		return errors.New("it has no pseudonym key; set keys.pseudonym")
	case cfg.Now == nil:
		return errors.New("it has no clock")
	case len(cfg.Keep) > 64-fKept:
		return fmt.Errorf("keep: at most %d fields can be kept", 64-fKept)
	}
	for _, k := range cfg.Keep {
		if f := fieldOf([]byte(k)); f >= 0 {
			return fmt.Errorf("keep: %s is read already", k)
		}
	}
	ids := map[string]bool{}
	for _, w := range cfg.Wallets {
		if w.ID == "" || ids[w.ID] {
			return fmt.Errorf("wallet_id %q is empty or comes twice", w.ID)
		}
		ids[w.ID] = true
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.Client == nil {
		c.Client = http.DefaultClient
	}
	if c.Sessions == nil {
		c.Sessions = &memorySessions{}
	}
	if c.Sleep == nil {
		c.Sleep = sources.Sleep
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Allocator == nil {
		c.Allocator = memory.DefaultAllocator
	}
	c.Wallets, c.Keep = slices.Clone(c.Wallets), slices.Clone(c.Keep)
	return c
}

// Login opens a new session for a wallet, whether or not it has one.
func (u *Upstream) Login(ctx context.Context, wallet string) error {
	s, ok := u.wallets[wallet]
	if !ok {
		return fmt.Errorf("mpay source %s has no wallet %q", u.cfg.Name, wallet)
	}
	return s.login(ctx)
}

// Ping reports whether the façade can be reached and speaks the protocol; it
// needs no session and moves no data.
func (u *Upstream) Ping(ctx context.Context) error {
	resp, err := u.send(ctx, request{method: http.MethodGet, path: "/catalog/providers", what: "ping"})
	if err != nil {
		return fmt.Errorf("mpay source %s at %s: %w", u.cfg.Name, u.cfg.URL, err)
	}
	defer resp.close()
	switch resp.status {
	case http.StatusOK, http.StatusUnauthorized, http.StatusForbidden:
		return nil
	}
	return fmt.Errorf("mpay source %s at %s: %w", u.cfg.Name, u.cfg.URL, u.refusal(resp, "ping"))
}
