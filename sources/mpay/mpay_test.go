package mpay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"go.uber.org/goleak"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
	"github.com/paylake/paylake/sources/mpay/mpaytest"
	"github.com/paylake/paylake/sources/sourcetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a time that moves when somebody sleeps.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.slept = c.now.Add(d), append(c.slept, d)
	return ctx.Err()
}

func (c *clock) total() (sum time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.slept {
		sum += d
	}
	return sum
}

// world is a fake upstream on loopback with a reader in front of it.
type world struct {
	t     *testing.T
	clock *clock
	fake  *mpaytest.Server
	sheet *mpaytest.Sheet
	http  *httptest.Server
	cfg   Config
	alloc *memory.CheckedAllocator
	up    *Upstream
}

// aDay is the window that the worlds' rows lie around: they reach into both
// neighbours.
var aDay = schemas.Window{From: day("2026-03-10"), To: day("2026-03-11")}

func newWorld(t *testing.T, opts mpaytest.Options, change ...func(*Config)) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{now: day("2026-03-20")},
		sheet: mpaytest.Generate(2, 300, day("2026-03-09").Add(12*time.Hour), day("2026-03-11").Add(20*time.Hour)),
		alloc: memory.NewCheckedAllocator(memory.DefaultAllocator)}
	w.sheet.AddActivity(day("2026-03-01"))
	opts.Now, opts.ServerKey = w.clock.Now, "CANARY-server-key"
	if opts.PageSize == 0 {
		opts.PageSize = 40
	}
	w.fake = mpaytest.New(w.sheet, opts)
	mux := http.NewServeMux()
	mux.Handle(mpaytest.Prefix+"/", w.fake)
	w.http = httptest.NewServer(mux)
	t.Cleanup(w.http.Close)
	w.cfg = Config{Name: "mpay", URL: w.http.URL + "/", ServerKey: opts.ServerKey, Zone: baku, Client: &http.Client{Transport: &http.Transport{}},
		Pseudonyms: pseudonyms(), Now: w.clock.Now, Sleep: w.clock.Sleep, Allocator: w.alloc}
	t.Cleanup(w.cfg.Client.CloseIdleConnections)
	for _, c := range w.sheet.Cards {
		w.cfg.Wallets = append(w.cfg.Wallets, Wallet{ID: c.ID, MSISDN: c.MSISDN, OTP: w.otp})
	}
	for _, f := range change {
		f(&w.cfg)
	}
	up, err := New(w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.up = up
	t.Cleanup(func() { w.alloc.AssertSize(t, 0) })
	return w
}

func (w *world) otp(_ context.Context, c Challenge) (string, error) {
	code, ok := w.fake.OTP(c.ID)
	if !ok {
		return "", errors.New("no such challenge")
	}
	return code + "\n", nil
}

func (w *world) retried(src sources.Source) sources.Source {
	return sources.Retry(src, sources.RetryPolicy{Sleep: w.clock.Sleep})
}

// ids reads a window to its end and returns how often each row came.
func (w *world) ids(src sources.Source, win schemas.Window) (map[string]int, []sources.Page, error) {
	w.t.Helper()
	ids := map[string]int{}
	var pages []sources.Page
	for p, err := range src.Pages(w.t.Context(), win, "") {
		if err != nil {
			return ids, pages, err
		}
		col := p.Rows.Column(p.Rows.Schema().FieldIndices("entry_id")[0]).(*array.String)
		for i := range col.Len() {
			ids[strings.Clone(col.Value(i))]++ // the record goes; its bytes with it
		}
		p.Rows.Release()
		pages = append(pages, p)
	}
	return ids, pages, nil
}

// want is what the book says lies in the window.
func (w *world) want(wallet string, win schemas.Window) []string {
	var ids []string
	for _, e := range w.sheet.Lines[wallet] {
		if win.Contains(e.PostedAt) {
			ids = append(ids, e.ID)
		}
	}
	return ids
}

func (w *world) complete(ids map[string]int, wallet string, win schemas.Window) {
	w.t.Helper()
	want := w.want(wallet, win)
	if len(want) == 0 || len(ids) != len(want) {
		w.t.Errorf("%d different rows, want %d", len(ids), len(want))
	}
	for _, id := range want {
		if ids[id] == 0 {
			w.t.Errorf("row %s is lost", id)
		}
	}
}

func TestContractLedger(t *testing.T) {
	for name, exclusive := range map[string]bool{"inclusive": false, "exclusive": true} {
		t.Run(name, func(t *testing.T) {
			sourcetest.Run(t, func(t *testing.T) sourcetest.Subject {
				w := newWorld(t, mpaytest.Options{ExclusiveTo: exclusive})
				return w.subject(w.up.Ledger("wlt_0000"), aDay)
			})
		})
	}
}

func TestContractRetriedLedger(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) sourcetest.Subject {
		w := newWorld(t, mpaytest.Options{})
		return w.subject(w.retried(w.up.Ledger("wlt_0001")), aDay)
	})
}

func TestContractProviders(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) sourcetest.Subject {
		w := newWorld(t, mpaytest.Options{PageSize: 1})
		return w.subject(w.up.Providers(), schemas.Window{})
	})
}

func (w *world) subject(src sources.Source, win schemas.Window) sourcetest.Subject {
	return sourcetest.Subject{Source: src, Window: win, Allocator: w.alloc, Requests: w.fake.Requests, InFlight: w.fake.InFlight,
		Idle: func() { w.cfg.Client.CloseIdleConnections(); w.http.CloseClientConnections() },
		Fail: w.http.Close}
}

func TestNothingIsMissedUnderEitherReadingOfTo(t *testing.T) {
	for _, exclusive := range []bool{false, true} {
		w := newWorld(t, mpaytest.Options{ExclusiveTo: exclusive})
		// Several windows: the first one may teach how `to` is read.
		for range 2 {
			for _, win := range []schemas.Window{aDay, {From: day("2026-03-09"), To: day("2026-03-10")}, {From: day("2026-03-11"), To: day("2026-03-12")},
				{From: day("2026-03-10").Add(5 * time.Hour), To: day("2026-03-10").Add(9 * time.Hour)}} {
				ids, _, err := w.ids(w.up.Ledger("wlt_0000"), win)
				if err != nil {
					t.Fatal(err)
				}
				w.complete(ids, "wlt_0000", win)
			}
		}
		if got := w.up.inclusive.Load(); got == exclusive {
			t.Errorf("exclusive %t: taken for inclusive %t", exclusive, got)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	good := func() Config {
		return Config{Name: "m", URL: "https://wallet.example/", Zone: baku, Pseudonyms: pseudonyms(), Now: time.Now, Wallets: []Wallet{{ID: "a"}}}
	}
	if _, err := New(good()); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"url": func(c *Config) { c.URL = "wallet.example" }, "scheme": func(c *Config) { c.URL = "ftp://x" },
		"zone": func(c *Config) { c.Zone = nil }, "key": func(c *Config) { c.Pseudonyms = nil }, "clock": func(c *Config) { c.Now = nil },
		"name": func(c *Config) { c.Name = "" }, "twice": func(c *Config) { c.Wallets = []Wallet{{ID: "a"}, {ID: "a"}} },
		"keep": func(c *Config) { c.Keep = []string{"counterparty_msisdn"} },
		"many": func(c *Config) {
			for i := range 60 {
				c.Keep = append(c.Keep, fmt.Sprint("f", i))
			}
		},
	} {
		c := good()
		change(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestPing(t *testing.T) {
	w := newWorld(t, mpaytest.Options{})
	if err := w.up.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	w.http.Close()
	if err := w.up.Ping(t.Context()); !errors.Is(err, sources.ErrTransient) {
		t.Errorf("nobody there: %v", err)
	}
}
