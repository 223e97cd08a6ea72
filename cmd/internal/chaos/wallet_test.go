package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sources/mpay"
	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

// walletWorld is the history of two wallets.
type walletWorld struct {
	*rig
	d       dice
	fake    *mpaytest.Server
	sheet   *mpaytest.Sheet
	balance map[string]int64
	changed time.Time // oldest row that changed and was not read since
	wrong   int       // codes that will be mistyped
	plans   map[int]string
	asked   int  // requests of this run
	mild    bool // no rows are left out, and nobody else asks for codes
}

const (
	walletLookback = 72 * time.Hour
	latest         = 11 * 24 * time.Hour // how late a row may be posted
	longestLag     = 20 * time.Hour      // of the fault late
)

var baku = time.FixedZone("+04", 4*3600)

func newWalletWorld(d dice, seen map[string]int) (*walletWorld, error) {
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, baku)
	spec := pipeline.Spec{Name: "ledger", Start: start, Step: pipeline.Step{Days: 1}, Lookback: walletLookback, Zone: baku}
	r, err := newRig(start.Add(30*time.Hour), spec, seen)
	if err != nil {
		return nil, err
	}
	w := &walletWorld{rig: r, d: d, balance: map[string]int64{}, plans: map[int]string{}}
	w.sheet = mpaytest.Generate(2, 0, start, start)
	w.sheet.Hidden = map[string]time.Time{}
	w.fake = mpaytest.New(w.sheet, mpaytest.Options{Zone: baku, PageSize: 2 + d("page", 6), ExclusiveTo: d("exclusive", 2) == 0, Now: r.upstreamNow,
		TokenLife: time.Duration(1+d("token", 40)) * time.Hour, Lag: longestLag - time.Duration(d("lag", 20))*time.Hour})
	for _, name := range lastingFaults {
		if d("begins with "+name, 5) == 1 {
			if err := w.setFault(name, true); err != nil {
				return nil, err
			}
		}
	}
	people, err := schemas.NewPseudonymizer(1, []byte(strings.Repeat("k", 32)))
	if err != nil {
		return nil, err
	}
	cfg := mpay.Config{Name: "mpay", URL: "http://wallets.test", ServerKey: "sandbox-server-key", Zone: baku, Pseudonyms: people,
		Now: r.now, Sleep: r.clock.Sleep, Client: &http.Client{Transport: &wire{handler: w.fake, before: w.before}}}
	for _, c := range w.sheet.Cards {
		cfg.Wallets = append(cfg.Wallets, mpay.Wallet{ID: c.ID, MSISDN: c.MSISDN, OTP: w.otp})
	}
	up, err := mpay.New(cfg)
	if err != nil {
		return nil, err
	}
	for _, c := range w.sheet.Cards {
		w.balance[c.ID] = 1_000_000_00
		w.post(c.ID, start.Add(time.Hour), 0) // so that there is a balance to follow from
		r.read(up.Ledger(c.ID))
	}
	return w, nil
}

func (w *walletWorld) otp(_ context.Context, c mpay.Challenge) (string, error) {
	code, ok := w.fake.OTP(c.ID)
	if !ok {
		return "", errors.New("no such challenge")
	}
	if w.wrong > 0 {
		w.wrong--
		w.seen["wrong code"]++
		return "none", nil
	}
	return code, nil
}

// before is what happens to single requests.
func (w *walletWorld) before(r *http.Request) (*http.Response, error) {
	w.asked++
	if !strings.HasSuffix(r.URL.Path, "/wallet/statement") {
		return nil, nil
	}
	plan, ok := w.plans[w.asked]
	if !ok {
		return nil, nil
	}
	w.seen[plan]++
	switch plan {
	case "429 without Retry-After":
		return answer(http.StatusTooManyRequests, http.Header{}, `{}`), nil
	case "429 with Retry-After":
		return answer(http.StatusTooManyRequests, http.Header{"Retry-After": {[]string{"0", "7", "3600", "soon"}[w.asked%4]}}, `{}`), nil
	case "error with 200":
		return answer(http.StatusOK, http.Header{}, []string{`{"error":"busy"}`, `{"rows":null,"error":"busy"}`, `<html>`, ``}[w.asked%4]), nil
	case "connection":
		return nil, io.ErrUnexpectedEOF
	default: // the session ends between two pages
		for _, c := range w.sheet.Cards {
			w.fake.Expire(c.ID)
		}
		return nil, nil
	}
}

var requestFaults = []string{"429 without Retry-After", "429 with Retry-After", "error with 200", "connection", "expiry in a page"}

var lastingFaults = []string{"expiry", "throttle", "5xx", "duplicate-page", "late", "cursor-loop", "error-200", "skew"}

// setFault switches a fault. Pages that come twice and rows that are left out go
// together: both are what paging does wrong.
func (w *walletWorld) setFault(name string, on bool) error {
	if name == "duplicate-page" && !w.mild {
		if err := w.fake.SetFault("skipped-row", on); err != nil {
			return err
		}
	}
	return w.fake.SetFault(name, on)
}

// askElsewhere lets the owners ask for codes by themselves, while sessions end:
// who logs in next meets the cooldown.
func (w *walletWorld) askElsewhere() error {
	for _, c := range w.sheet.Cards {
		w.fake.Expire(c.ID)
		r := httptest.NewRequest(http.MethodPost, "/auth/otp/start", strings.NewReader(fmt.Sprintf(`{"msisdn":%q}`, c.MSISDN)))
		w.fake.ServeHTTP(httptest.NewRecorder(), r)
	}
	return nil
}

// post writes a row at t; with a delay it is shown later.
func (w *walletWorld) post(wallet string, t time.Time, delay time.Duration) {
	lines := w.sheet.Lines[wallet]
	if len(lines) > 0 && !t.After(lines[len(lines)-1].PostedAt) {
		t = lines[len(lines)-1].PostedAt.Add(time.Second)
	}
	if now := w.clock.Now(); !t.Before(now) { // nothing is posted in the future
		w.clock.move(t.Sub(now) + time.Second)
	}
	amount := -int64(1 + w.d("amount", 900))
	if delay == 0 && w.d("credit", 5) == 0 {
		amount = -amount // hidden rows are debits: several of them never cancel each other
	}
	w.balance[wallet] += amount
	e := mpaytest.Entry{ID: fmt.Sprintf("%s-%d", wallet, len(lines)), PostedAt: t, Type: "bill_pay", AmountMinor: amount,
		BalanceAfterMinor: new(w.balance[wallet]), ProviderCode: "AZERSU_RES", Status: "posted"}
	w.sheet.Lines[wallet] = append(lines, e)
	if delay > 0 {
		w.sheet.Hidden[e.ID] = t.Add(delay)
	}
}

// step lets something happen.
func (w *walletWorld) step() error {
	wallet := w.sheet.Cards[w.d("wallet", len(w.sheet.Cards))].ID
	now := w.clock.Now()
	switch w.d("step", 10) {
	case 0, 1:
		for range 1 + w.d("rows", 25) {
			w.post(wallet, now.Add(-time.Duration(w.d("ago", 3600))*time.Second), 0)
		}
	case 2: // posted late, or skipped for a while
		w.post(wallet, now, time.Second+time.Duration(w.d("late", int(latest/time.Minute)))*time.Minute)
		w.seen["late posting"]++
	case 3:
		w.change(wallet, now)
	case 4:
		name := lastingFaults[w.d("fault", len(lastingFaults))]
		return w.setFault(name, w.d("on", 2) == 0)
	case 5:
		on := w.d("refuse", 2) == 0
		w.fake.RefuseRefresh(on)
		if w.wrong = w.d("wrong", 5); w.wrong%2 == 1 && !w.mild {
			return w.askElsewhere()
		}
	case 6, 7:
		d := time.Duration(1+w.d("hours", 40)) * time.Hour
		if w.changed.IsZero() || now.Add(d).Sub(w.changed) < walletLookback-4*time.Hour {
			w.clock.move(d)
		}
	default:
		return w.runOnce()
	}
	return nil
}

// change reverses a row that the look-back still reads.
func (w *walletWorld) change(wallet string, now time.Time) {
	lines := w.sheet.Lines[wallet]
	i := len(lines) - 1 - w.d("back", min(len(lines), 6))
	if e := &lines[i]; now.Sub(e.PostedAt) < walletLookback/2 {
		e.Status = "reversed"
		if w.changed.IsZero() || e.PostedAt.Before(w.changed) {
			w.changed = e.PostedAt
		}
	}
}

func (w *walletWorld) runOnce() error {
	clear(w.plans)
	w.asked = 0
	for range w.d("faults", 4) {
		w.plans[1+w.d("request", 40)] = requestFaults[w.d("kind", len(requestFaults))]
	}
	v, err := w.run()
	if err != nil {
		return err
	}
	if v.Code == pipeline.CodeDone && !w.lateIsOn() {
		w.changed = time.Time{}
	}
	return w.silent()
}

func (w *walletWorld) lateIsOn() bool {
	before := w.fake.Fired("late")
	return before > 0 // rows may be hidden: what changed may not have been read
}

// silent fails when a row that is missing will not be asked for again although
// the rows around it tell that it is there.
func (w *walletWorld) silent() error {
	held, err := w.held()
	if err != nil {
		return err
	}
	now := w.clock.Now()
	for _, src := range w.job.Streams {
		s := src.Stream()
		done, err := w.lake.Done(context.Background(), s)
		if err != nil {
			return err
		}
		told := false // a later row is in the lake
		for _, e := range slices.Backward(w.sheet.Lines[s.Wallet]) {
			got, there := held[e.ID]
			if there && got.Amount != e.AmountMinor {
				return fmt.Errorf("%s: %d is stored as %d", e.ID, e.AmountMinor, got.Amount)
			}
			shown := w.sheet.Hidden[e.ID]
			inTime := shown.Sub(e.PostedAt) < walletLookback-longestLag // the look-back meets it
			if !there && (inTime || told) && !planned(w.job.Spec, done, now, e.PostedAt) {
				return fmt.Errorf("%s of %s is missing at %s (shown from %s on), and nobody will ask for it", e.ID, e.PostedAt, now, shown)
			}
			told = told || there
		}
	}
	return nil
}

// finish lets the upstream recover: then the lake is its ledger.
func (w *walletWorld) finish() error {
	for _, name := range append([]string{"skipped-row"}, lastingFaults...) {
		if w.fake.Fired(name) > 0 {
			w.seen[name]++
		}
		if err := w.fake.SetFault(name, false); err != nil {
			return err
		}
	}
	c := w.fake.Sessions()
	w.seen["refresh refused"] += c.RefreshRefused
	w.seen["cooldown"] += c.CoolingDown
	w.seen["OTP throttled"] += w.fake.OTPThrottled()
	w.fake.RefuseRefresh(false)
	w.wrong = 0
	clear(w.plans)
	if _, err := w.run(); err != nil { // what changed lately is read while the look-back reaches it
		return err
	}
	w.clock.move(latest + time.Hour)
	for _, c := range w.sheet.Cards {
		w.post(c.ID, w.clock.Now().Add(-time.Minute), 0)
	}
	var v pipeline.Verdict
	for range 3 {
		var err error
		if v, err = w.run(); err != nil {
			return err
		}
	}
	if v.Code != pipeline.CodeDone {
		return fmt.Errorf("the upstream is well, and the run says %v", v)
	}
	return w.equal()
}

func (w *walletWorld) equal() error {
	held, err := w.held()
	if err != nil {
		return err
	}
	rows := 0
	for _, lines := range w.sheet.Lines {
		for _, e := range lines {
			rows++
			if got := held[e.ID]; got.Amount != e.AmountMinor || got.Status != e.Status {
				return fmt.Errorf("%s of %s: %d %s is stored as %d %q", e.ID, e.PostedAt, e.AmountMinor, e.Status, got.Amount, got.Status)
			}
		}
	}
	if rows != len(held) {
		return fmt.Errorf("%d rows of %d", len(held), rows)
	}
	for _, src := range w.job.Streams {
		if done, err := w.lake.Done(context.Background(), src.Stream()); err != nil || len(done.Owed) > 0 {
			return fmt.Errorf("still owed: %v %w", done.Owed, err)
		}
	}
	return nil
}

// walletHistory draws a history and reads it.
func walletHistory(d dice, seen map[string]int, change func(*walletWorld)) error {
	w, err := newWalletWorld(d, seen)
	if err != nil {
		return err
	}
	defer w.lake.Close()
	if change != nil {
		change(w)
	}
	for range 5 + d("steps", 35) {
		if err := w.step(); err != nil {
			return err
		}
	}
	return w.finish()
}

// Whatever a wallet's upstream does, no row is missing in silence, and when it
// is well again the lake is its ledger.
func TestWalletUpstreams(t *testing.T) {
	seen := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		if err := walletHistory(drawn(rt), seen, nil); err != nil {
			rt.Fatal(err)
		}
	})
	names := append(append([]string{"reported", "late posting", "refresh refused", "wrong code", "cooldown", "OTP throttled", "skipped-row"}, requestFaults...), lastingFaults...)
	for seed := uint64(1); seed <= 200 && !allMet(seen, names); seed++ { // as for platforms
		if err := walletHistory(seeded(seed), seen, nil); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	met(t, seen, names...)
}

// The same histories find out a pipeline that lacks a guard: one that forgets
// open balance chains, and one whose look-back counts from now alone, however
// long nobody has read.
func TestMissingMemoryIsFound(t *testing.T) {
	for name, forget := range map[string]func(*sinks.Done){
		"open chains":      func(d *sinks.Done) { d.Owed = nil },
		"the last reading": func(d *sinks.Done) { d.Reached = time.Time{} },
	} {
		var found error
		first := map[string]uint64{"open chains": 21, "the last reading": 120}[name] // seeds that failed
		for seed := first; found == nil && seed < first+1000; seed++ {
			err := walletHistory(seeded(seed), map[string]int{}, func(w *walletWorld) {
				w.job.Sink, w.mild = forgetful{w.lake, forget}, true
				_ = w.fake.SetFault("skipped-row", false)
			})
			if err != nil {
				found = fmt.Errorf("seed %d: %w", seed, err)
			}
		}
		if found == nil {
			t.Errorf("%s: nothing was found", name)
		}
		t.Logf("%s: %v", name, found)
	}
}
