package main

// The wiring, top to bottom: configuration → state → sources → lake →
// warehouse → jobs. Each step opens one thing and says how to close it.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"gocloud.dev/secrets"
	"gocloud.dev/secrets/localsecrets"
	"golang.org/x/time/rate"

	"github.com/paylake/paylake/cmd/internal/meters"
	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/clickhouse"
	"github.com/paylake/paylake/sinks/lake"
	"github.com/paylake/paylake/sources"
	"github.com/paylake/paylake/sources/csv"
	"github.com/paylake/paylake/sources/flashpay"
	"github.com/paylake/paylake/sources/mpay"
)

// house is what is open. Fields are nil until their step has been taken.
type house struct {
	p     *program
	cfg   *config.Config
	state *state.DB
	mpay  map[string]*mpay.Upstream
	psp   map[string]*flashpay.Upstream
	turns map[[2]string]flashpay.Turn // by address and token
	files map[string]*csv.Shelf
	lake  *lake.Lake
	log   sinks.Follower // the transparency log; nil where its key is not here
	store *warehouse

	limits  map[string]*rate.Limiter // by source, for all its pipelines
	pseudo  *schemas.Pseudonymizer
	permits *permits       // who may be read; with state
	meters  *meters.Meters // of `up`; nil elsewhere
	checked checkBook
	persons *persons
	temp    string // this process's own folder, once it may write
	closers []func() error
}

// waits are how long others may take to answer. Zero fields mean the usual.
type waits struct {
	wallet    time.Duration // one whole answer of a wallet façade [1 min]
	platform  time.Duration // one whole answer of a payment platform [5 min]
	store     time.Duration // a standstill of an object store [1 min]
	warehouse clickhouse.Deadlines
}

// configPath is where the configuration lies.
func (p *program) configPath() string {
	for _, path := range []string{p.configFile, p.getenv("PAYLAKE_CONFIG")} {
		if path != "" {
			return path
		}
	}
	return "paylake.yaml"
}

// open reads the configuration; everything else is opened step by step.
func (p *program) open() (*house, error) {
	cfg, err := config.Load(p.configPath(), p.getenv)
	if err != nil {
		return nil, misconfigured(err)
	}
	return &house{p: p, cfg: cfg}, nil
}

// close closes everything in reverse order.
func (h *house) close() error {
	var errs []error
	for _, c := range slices.Backward(h.closers) {
		errs = append(errs, c())
	}
	h.closers = nil
	return errors.Join(errs...)
}

func (h *house) onClose(f func() error) { h.closers = append(h.closers, f) }

// openState opens the operational database with the keeper that seals it.
func (h *house) openState(ctx context.Context) error {
	keeper, err := h.openKeeper(ctx)
	if err != nil {
		return err
	}
	place, err := h.cfg.StateURL(ctx)
	if err != nil {
		return misconfigured(err)
	}
	h.state, err = state.Open(ctx, state.Options{URL: place, Keeper: keeper, Now: h.p.now})
	if err != nil {
		return err
	}
	h.onClose(h.state.Close)
	h.permits = newPermits(h)
	return nil
}

// openKeeper opens `secrets`; nil when the configuration has none.
func (h *house) openKeeper(ctx context.Context) (*secrets.Keeper, error) {
	if h.cfg.Keeper.IsZero() {
		return nil, nil
	}
	text, err := h.cfg.Keeper.Text(ctx)
	if err != nil {
		return nil, misconfigured(err)
	}
	key, local, err := config.KeeperKey(text)
	if err != nil {
		return nil, misconfigured(fmt.Errorf("secrets: %w", err))
	}
	var keeper *secrets.Keeper
	if local {
		keeper = localsecrets.NewKeeper(key)
	} else if keeper, err = keeperOf(ctx, text); err != nil {
		return nil, misconfigured(err)
	}
	h.onClose(keeper.Close)
	return keeper, nil
}

// openSources makes the upstreams that the named sources need; it sends
// nothing. State must be open.
func (h *house) openSources(ctx context.Context, names []string) error {
	err := h.openPseudonyms(ctx)
	if err != nil {
		return err
	}
	h.mpay, h.psp = map[string]*mpay.Upstream{}, map[string]*flashpay.Upstream{}
	h.limits, h.files = map[string]*rate.Limiter{}, map[string]*csv.Shelf{}
	for _, s := range h.cfg.Sources {
		if !slices.Contains(names, s.Name) {
			continue
		}
		if !s.Rate.IsZero() {
			// A burst of one: no second ever sees more than it should.
			h.limits[s.Name] = rate.NewLimiter(rate.Limit(s.Rate.PerSecond()), 1)
		}
		switch s.Type {
		case config.MPAY:
			err = h.openMPAY(ctx, s)
		case config.Flashpay:
			err = h.openFlashpay(ctx, s)
		case config.CSV:
			err = h.openFiles(s)
		}
		if err != nil {
			return misconfigured(err)
		}
	}
	return nil
}

func (h *house) openMPAY(ctx context.Context, s config.Source) error {
	serverKey, err := s.ServerKey.Text(ctx)
	if err != nil {
		return err
	}
	c := mpay.Config{
		Name: s.Name, URL: s.URL, ServerKey: serverKey, Zone: s.Zone, Keep: h.keep(s.Name, "ledger"),
		Client: h.httpClient(cmp.Or(h.p.waits.wallet, time.Minute)), Pseudonyms: h.pseudo, Sessions: sealedSessions{h.state.Sessions()},
		Consent: h.permits.of(s.Name), Now: h.p.now, Limiter: h.limits[s.Name], Log: h.p.log,
	}
	for _, w := range s.Wallets {
		c.Wallets = append(c.Wallets, mpay.Wallet{ID: w.ID, MSISDN: w.MSISDN, OTP: h.p.otpOf(h.cfg.Dir, w)})
	}
	h.mpay[s.Name], err = mpay.New(c)
	return err
}

// keep lists the upstream fields that become columns of a source's table.
func (h *house) keep(source, table string) []string {
	for _, p := range h.cfg.Pipelines {
		if p.Source == source && p.Table == table {
			return p.Keep
		}
	}
	return nil
}

// httpClient has room for many requests to one host. The timeout covers one
// whole answer; 0 leaves it to the source.
func (h *house) httpClient(timeout time.Duration) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 32
	h.onClose(func() error { t.CloseIdleConnections(); return nil })
	return &http.Client{Transport: t, Timeout: timeout}
}

// openLake opens the lake to write in it, and creates a folder for it.
func (h *house) openLake(ctx context.Context) (err error) {
	h.openTemp()
	h.lake, err = lake.Open(ctx, lake.Options{URL: h.cfg.Lake, TempDir: h.tempDir(), Now: h.p.now, Create: true, StoreWait: h.p.waits.store,
		Retention: h.lakeRetention(), Former: h.former})
	if err != nil {
		return err
	}
	h.onClose(h.lake.Close)
	return h.lake.CheckLogged(ctx)
}

// lakeRetention is what is asked of the lake's storage with every file.
func (h *house) lakeRetention() *lake.Retention {
	if l := h.cfg.LakeLock; l != nil {
		return &lake.Retention{Mode: l.Mode, Until: l.For.After}
	}
	return nil
}

// readLake opens the lake for reading. A lake that is not there yet stays nil:
// there is nothing in it.
func (h *house) readLake(ctx context.Context) (err error) {
	if path, ok := strings.CutPrefix(h.cfg.Lake, "file://"); ok {
		path, _, _ = strings.Cut(path, "?")
		if plain, err := url.PathUnescape(path); err == nil {
			path = plain
		}
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return nil
		}
	}
	h.lake, err = lake.Open(ctx, lake.Options{URL: h.cfg.Lake, TempDir: h.tempDir(), Now: h.p.now, StoreWait: h.p.waits.store, SkipProbe: true})
	if err != nil {
		return err
	}
	h.onClose(h.lake.Close)
	return nil
}

// job wires one pipeline. Sources, state and lake must be open.
func (h *house) job(q config.Pipeline, followers *pipeline.Followers) pipeline.Job {
	return pipeline.Job{
		Spec: h.spec(q), Streams: h.readers(q), Sink: h.lake, Followers: followers,
		Consents: h.permits, Subjects: h.persons, Vault: h.persons, Lease: h.state.Lease, Turn: h.state.Turn, Now: h.p.now, Log: h.p.log, TempDir: h.tempDir(),
		Limits: pipeline.Limits{RowsInFlight: rowsInFlight}, Checks: rejecting(q), NameReject: h.pseudo.NameReject,
	}
}

// rowsInFlight bounds the rows in memory, half of them in the commit under way:
// with it a run stays within its memory at any volume.
const rowsInFlight = 400_000

// readers are the pipeline's sources with what wraps them: the rate limit
// inside, one retry outermost. An mpay upstream limits every request itself,
// its logins included.
func (h *house) readers(q config.Pipeline) []sources.Source {
	var out []sources.Source
	if shelf := h.files[q.Source]; shelf != nil {
		return []sources.Source{shelf} // each of its files is retried by itself
	}
	if u := h.psp[q.Source]; u != nil {
		src := pspSource(u, q.Table)
		if l := h.limits[q.Source]; l != nil {
			src = sources.Limit(src, l)
		}
		if q.Table == schemas.Operations.Name {
			src = noting{src, h.state.Payments().Listed}
		}
		out = append(out, src)
	}
	if u := h.mpay[q.Source]; u != nil {
		for _, s := range h.streams(q) {
			if src, ok := u.Source(s.Table.Name, s.Wallet); ok {
				out = append(out, src)
			}
		}
	}
	for i := range out {
		out[i] = sources.Retry(out[i], h.retries(q.Source))
	}
	return out
}

// retries is how a source is asked again, and counted.
func (h *house) retries(source string) sources.RetryPolicy {
	policy := h.p.patience
	if h.meters == nil {
		return policy
	}
	sleep := policy.Sleep
	if sleep == nil {
		sleep = sources.Sleep
	}
	policy.Sleep = func(ctx context.Context, d time.Duration) error {
		h.meters.Retried(source)
		return sleep(ctx, d)
	}
	return policy
}

// sourcesOf names the sources of pipelines.
func sourcesOf(pipelines []config.Pipeline) []string {
	var out []string
	for _, q := range pipelines {
		out = append(out, q.Source)
	}
	return out
}

// boundMemory keeps a process that moves data small: the target is 256 MiB
// resident, of which the binary itself takes its part. GOMEMLIMIT and GOGC win.
func (p *program) boundMemory() {
	if p.getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(176 << 20)
	}
	if p.getenv("GOGC") == "" {
		debug.SetGCPercent(75)
	}
}
