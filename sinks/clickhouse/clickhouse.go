// Package clickhouse is the warehouse: a follower that loads the lake's objects
// into ClickHouse, embedded or a server, and shows them through views.
//
// Every object is loaded under a fence: a load_id that is durable before its
// one INSERT, verified against the manifest after it, and seen by readers only
// when it is published. A crash or a lost answer anywhere leaves rows that
// nobody sees; calling Follow again is the repair.
package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/clickhouse/embedded"
	"github.com/paylake/paylake/sinks/lake"
)

// Options say which ClickHouse follows which lake.
type Options struct {
	Lake *lake.Lake
	// Embedded is a warehouse of this machine; or else DSN names a server:
	// clickhouse://user@host:9440/paylake?secure=true. Parameters of our own:
	// http_port, where the server answers queries in text formats (8443 when
	// secure, else 8123).
	Embedded *embedded.Server
	DSN      string
	Password string // instead of the DSN's
	Database string // default: the DSN's, else paylake
	Now      func() time.Time
	// Lease keeps it to one follower per warehouse: sinks.ErrBusy when there is
	// another. It makes following cheap; it is not what makes it right. May be nil.
	Lease    func(ctx context.Context) (release func(), err error)
	Parallel int // loads at a time; 0: 2
	// Checks are what alarms and flags are made of; nil: schemas.Checks.
	Checks []schemas.Check
	// Findings are the thresholds of the view findings; nil: schemas.DefaultFindings.
	Findings *schemas.Findings
	Within   Deadlines
	Log      *slog.Logger
}

// Warehouse is a ClickHouse that follows a lake. Safe for concurrent use.
type Warehouse struct {
	lake     *lake.Lake
	embedded *embedded.Server
	server   server // of a DSN
	db       string
	now      func() time.Time
	lease    func(ctx context.Context) (func(), error)
	parallel int
	checks   []schemas.Check
	found    *schemas.Findings
	within   Deadlines
	log      *slog.Logger

	following sync.Mutex // held by whoever changes the warehouse
	settled   bool       // under following: recovered, checked and at applied
	applied   int64      // under following
	merges    mergeIndex // under following
	lastLoad  uint64     // under following

	mu    sync.Mutex // guards the connection
	conn  driver.Conn
	at    server // where conn goes
	made  bool   // schema is there
	sends bool   // the server cannot read the lake's bucket

	fault func(what string, after bool) error // tests break writes before or after they happen
}

var _ sinks.Follower = (*Warehouse)(nil)

// server is where a ClickHouse is and who we are there.
type server struct {
	opts     driver.Options
	key      string // changes when the connection must be made anew
	addr     string // for people
	httpURL  string
	owner    string            // of the views
	readers  map[string]string // passwords; nil: roles of the same user
	password string
}

// Open prepares a warehouse. It makes no connection: a ClickHouse that is down
// is reported by Follow and Query, and stops nothing else.
func Open(_ context.Context, o Options) (*Warehouse, error) {
	if o.Now == nil || (o.Embedded == nil) == (o.DSN == "") {
		return nil, errors.New("warehouse: Now, and either Embedded or DSN, are required")
	}
	w := &Warehouse{lake: o.Lake, embedded: o.Embedded, db: o.Database, now: o.Now, lease: o.Lease, parallel: o.Parallel, checks: o.Checks, found: o.Findings, within: o.Within.withDefaults(), log: o.Log}
	if w.parallel <= 0 {
		w.parallel = 2
	}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	if o.Embedded != nil {
		if w.db != "" && w.db != embedded.Database {
			return nil, fmt.Errorf("warehouse: the embedded database is called %s", embedded.Database)
		}
		w.db = embedded.Database
		return w, nil
	}
	s, database, err := parseDSN(o.DSN, o.Password)
	if err != nil {
		return nil, err
	}
	w.server = s
	if w.db == "" {
		w.db = database
	}
	if !identifier(w.db) {
		return nil, fmt.Errorf("warehouse: %q is not a database name (letters, digits and underscores)", w.db)
	}
	return w, nil
}

func parseDSN(dsn, password string) (server, string, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return server{}, "", errors.New("warehouse: the address is not a URL like clickhouse://user@host:9440/paylake?secure=true")
	}
	q := u.Query()
	httpPort := q.Get("http_port")
	q.Del("http_port")
	u.RawQuery = q.Encode()
	opts, err := driver.ParseDSN(u.String())
	if err != nil {
		return server{}, "", fmt.Errorf("warehouse %s: %s", u.Host, strings.ReplaceAll(err.Error(), dsn, u.Redacted()))
	}
	if password != "" {
		opts.Auth.Password = password
	}
	database := opts.Auth.Database
	if database == "" || database == "default" {
		database = embedded.Database
	}
	opts.Auth.Database = "default" // ours is made on the first use
	s := server{opts: *opts, key: u.String(), addr: u.Host, owner: opts.Auth.Username, password: opts.Auth.Password}
	s.httpURL = httpAddress(u, opts, httpPort)
	return s, database, nil
}

func httpAddress(u *url.URL, opts *driver.Options, port string) string {
	scheme, usual := "http", "8123"
	if opts.TLS != nil {
		scheme, usual = "https", "8443"
	}
	if opts.Protocol == driver.HTTP {
		return scheme + "://" + u.Host + "/"
	}
	if port == "" {
		port = usual
	}
	return scheme + "://" + u.Hostname() + ":" + port + "/"
}

// Name implements sinks.Follower.
func (w *Warehouse) Name() string { return "clickhouse" }

// Close closes the connection, not an embedded server.
func (w *Warehouse) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn == nil {
		return nil
	}
	err := w.conn.Close()
	w.conn = nil
	return err
}

func identifier(s string) bool {
	ok := s != ""
	for i, r := range s {
		ok = ok && (r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || i > 0 && r >= '0' && r <= '9')
	}
	return ok
}
