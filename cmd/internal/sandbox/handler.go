// All fake upstreams under one origin, and the sandbox's own pages.

package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/paylake/paylake/sources/flashpay/flashpaytest"
	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

// HandlerOptions are how the upstreams serve a world. The zero value is right
// for a demonstration.
type HandlerOptions struct {
	// PageSize is the number of statement rows of a page; 0 is 1,000, or few
	// enough that a small world has pages when a fault is about them.
	PageSize int
	// Cooldown is how long a wallet waits between two OTPs; 0 is 5 s.
	Cooldown time.Duration
	// GateBook is the file that remembers the payments initiated here.
	GateBook string
	// Config is what /sandbox/paylake.yaml depends on.
	Config ConfigOptions
}

// desk serves the sandbox's own pages.
type desk struct {
	world    *World
	mpay     *mpaytest.Server
	flashpay *flashpaytest.Server
	config   ConfigOptions
}

// Handler serves a world: the wallet façade under /integrations/mpay/v1/, the
// platform's Data API under /flashpay/v1/ and its Gate under /flashpay/v2/, and
// under /sandbox/ the truth, the
// inbox of one-time passwords, the faults and a configuration. The keys are
// those of Credentials.
func Handler(w *World, o HandlerOptions) (http.Handler, error) {
	d := &desk{world: w, config: o.Config, mpay: newMPAY(w, o), flashpay: newFlashpay(w)}
	gate, err := newGateDesk(w, o.GateBook)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	gate.routes(mux)
	mux.Handle(mpaytest.Prefix+"/", d.mpay)
	mux.Handle("/flashpay/v1/", stamped(w, d.flashpay))
	mux.Handle("GET /sandbox/otp", d.mpay)
	mux.HandleFunc("GET /sandbox/truth", d.truth)
	mux.HandleFunc("GET /sandbox/planted", d.planted)
	mux.HandleFunc("GET /sandbox/faults", d.faults)
	mux.HandleFunc("POST /sandbox/callbacks", d.tell)
	mux.HandleFunc("GET /sandbox/paylake.yaml", d.yaml)
	(&hooks{now: time.Now}).routes(mux) // a receiver has a clock of its own
	mux.HandleFunc("GET /{$}", d.index)
	return mux, nil
}

// stamped dates the answers of a world that stands still with the instant that
// they show: looked at twice, it is the same observation.
func stamped(w *World, next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if now := w.now(); !w.seen(now).Equal(now) {
			rw.Header().Set("Date", w.seen(now).UTC().Format(http.TimeFormat))
		}
		next.ServeHTTP(rw, r)
	})
}

const (
	smallPage  = 8
	smallWorld = 200_000
)

func newMPAY(w *World, o HandlerOptions) *mpaytest.Server {
	page := o.PageSize
	if page == 0 && w.rows < smallWorld && (w.chaos["duplicate-page"] || w.chaos["cursor-loop"]) {
		page = smallPage
	}
	cooldown := o.Cooldown
	if cooldown == 0 {
		cooldown = 5 * time.Second
	}
	return mpaytest.New(w, mpaytest.Options{
		ServerKey: ServerKey, Zone: w.cal.zone, PageSize: page, Cooldown: cooldown, OTPRetryAfter: 5,
		Now: w.now, Faults: w.chaos.on(mpayFaults),
	})
}

func newFlashpay(w *World) *flashpaytest.Server {
	s := flashpaytest.New(w, flashpaytest.Options{
		Projects: []int64{ProjectID}, Token: FlashpayToken, Secret: FlashpayTokenSecret, Now: w.now, Zone: w.ops.cal.zone,
	})
	for name, plan := range flashpayFaults {
		if w.chaos[string(name)] {
			_ = s.Inject(name, plan) // a test injects every name of the table
		}
	}
	return s
}

func (d *desk) truth(w http.ResponseWriter, r *http.Request) {
	until := d.world.now()
	if text := r.URL.Query().Get("until"); text != "" {
		var err error
		if until, err = time.Parse(time.RFC3339, text); err != nil {
			http.Error(w, "until is not an instant; write it as 2026-01-31T12:00:00%2B04:00", http.StatusBadRequest)
			return
		}
	}
	writeJSON(w, d.world.Truth(until))
}

// FaultCount is how often a fault that is switched on has fired at an upstream.
type FaultCount struct {
	Fault  string `json:"fault"`
	Source string `json:"source"`
	Fired  int64  `json:"fired"`
}

func (d *desk) faults(w http.ResponseWriter, _ *http.Request) {
	counts := []FaultCount{}
	for _, name := range d.world.chaos.on(ChaosNames()) {
		fired := d.mpay.Fired(name)
		if name == "late" {
			fired = d.world.late.Load()
		}
		counts = append(counts, FaultCount{name, SourceMPAY, fired})
		if _, ok := flashpayFaults[flashpaytest.Fault(name)]; ok {
			counts = append(counts, FaultCount{name, SourceFlashpay, int64(d.flashpay.Fired(flashpaytest.Fault(name)))})
		}
	}
	writeJSON(w, counts)
}

func (d *desk) yaml(w http.ResponseWriter, r *http.Request) {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	w.Header().Set("Content-Type", "application/yaml; charset=utf-8")
	fmt.Fprint(w, d.world.Config(scheme+"://"+r.Host, d.config))
}

func (d *desk) index(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, `paylake sandbox: seed %d, %d ledger rows from %s on, %d wallets, project %d

  %s/      the wallet façade
  /flashpay/v1/operations/get   the platform's Data API (POST, signed); also financial-reporting/operations,
                                chargeback/list, balance/get and currency-rates/get
  /flashpay/v2/payment/…        the platform's Gate: payments that you initiate
  /sandbox/gate                 GET them, PUT how it behaves and where it tells what becomes of them
  /sandbox/code?payment_id=…    the payer's SMS with the approval code
  /sandbox/paylake.yaml         a configuration for this sandbox
  /sandbox/truth?until=…        the totals that a reader must arrive at
  /sandbox/planted              which discrepancies --flaws has put into the last whole month
  /sandbox/otp?challenge_id=…   the wallets' SMS inbox
  /sandbox/hooks/NAME           a receiver of webhooks: GET what it got, PUT how it behaves
  /sandbox/faults               which faults fired how often
  /sandbox/callbacks?to=…       (POST) deliver the callbacks of both upstreams to the paylake at an address
`, d.world.seed, d.world.rows, d.world.Start().Format(time.DateOnly), len(d.world.wallets), ProjectID, mpaytest.Prefix)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(v) // a reader that has gone needs no answer
}
