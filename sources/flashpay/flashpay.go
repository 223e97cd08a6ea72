package flashpay

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
)

const (
	maxPage = 1000                // rows the platform serves at once
	maxBody = 64 << 20            // bytes of one answer
	patient = 5 * time.Minute     // the platform may take that long for an answer
	maxSpan = 31 * 24 * time.Hour // longest interval that is asked for at once
)

// Config is one project of the platform's Data API.
type Config struct {
	Name        string              // of the source
	DataURL     string              // Data API up to and including /v1
	ProjectID   int64               // 1 to 4294967295
	Token       string              // data_token, from the platform's dashboard
	TokenSecret string              // data_secret, the token's own secret
	Zone        *time.Location      // IANA zone: of intervals, of times without an offset, of business dates
	Client      *http.Client        // http.DefaultClient's transport when nil; redirects are never followed
	Fields      []string            // asked for by name; empty: the platform's default set
	Keep        map[string][]string // by table: upstream fields that become text columns
	Pseudonyms  *schemas.Pseudonymizer
	PageSize    int // rows asked for at once, 2 to 1000; 0: 1000
	// Now is the clock of observations: balances and rates come without a time.
	Now  func() time.Time
	Wait time.Duration // for one whole answer; 0: 5 minutes, which the platform may take
	// Turn is shared by the upstreams of one token; nil: nobody else has it.
	Turn Turn
}

// Turn holds the one request that a token may have in flight.
type Turn chan struct{}

// NewTurn returns a Turn for one token.
func NewTurn() Turn { return make(Turn, 1) }

// Upstream is the Data API of one project. Safe for concurrent use; all that is
// read of it shares one request in flight, because the platform wants no more
// per token.
type Upstream struct {
	cfg     Config
	base    string // of the endpoints
	zone    string // IANA name
	client  *http.Client
	turn    Turn
	mem     memory.Allocator
	maxBody int64
	patient time.Duration
}

// New checks the configuration and returns every problem of it at once. It
// sends nothing.
func New(cfg Config) (*Upstream, error) {
	if cfg.PageSize == 0 {
		cfg.PageSize = maxPage
	}
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("flashpay %s: %w", cfg.Name, err)
	}
	if cfg.Turn == nil {
		cfg.Turn = NewTurn()
	}
	client := http.Client{}
	if cfg.Client != nil {
		client = *cfg.Client
	}
	// A redirected POST would carry the token to wherever it points.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Upstream{
		cfg: cfg, client: &client, zone: cfg.Zone.String(),
		base: strings.TrimRight(cfg.DataURL, "/") + "/", turn: cfg.Turn,
		mem: memory.NewGoAllocator(), maxBody: maxBody, patient: cmp.Or(cfg.Wait, patient),
	}, nil
}

func (c *Config) validate() error {
	var errs []error
	refuse := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	refuse(c.Name == "", "the source has no name")
	errs = append(errs, checkURL(c.DataURL))
	refuse(c.ProjectID < 1 || c.ProjectID > 1<<32-1, "project_id %d: it is a number from 1 to 4294967295", c.ProjectID)
	refuse(c.Token == "", "data_token is empty")
	refuse(c.TokenSecret == "", "data_secret is empty")
	errs = append(errs, checkZone(c.Zone))
	refuse(c.Now == nil, "no clock: balances and rates come without a time")
	refuse(c.Pseudonyms == nil, "no pseudonym key: customers' telephone numbers need one")
	refuse(c.PageSize < 2 || c.PageSize > maxPage, "page size %d: it is a number from 2 to %d", c.PageSize, maxPage)
	if len(c.Fields) > 0 {
		for _, f := range append([]string{"operation_id", "operation_created_at", "sum_initial"}, c.Keep["operations"]...) {
			refuse(!slices.Contains(c.Fields, f), "fields: %s is missing, and rows cannot do without it", f)
		}
	}
	return errors.Join(errs...)
}

// checkURL never quotes the URL: people paste secrets into it.
func checkURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "":
		return errors.New("data_url: it must be an http or https URL of the Data API, up to and including /v1")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("data_url: no user, query or fragment belongs in it; secrets go into data_token and data_secret")
	}
	return nil
}

// checkZone insists on an IANA name, since the platform is told it.
func checkZone(z *time.Location) error {
	if z == nil {
		return errors.New("time_zone is missing, for example Asia/Bishkek")
	}
	if _, err := time.LoadLocation(z.String()); err != nil || z == time.Local || z.String() == "" {
		return fmt.Errorf("time_zone %q: it must be an IANA name, for example Asia/Bishkek", z)
	}
	return nil
}
