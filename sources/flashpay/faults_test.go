package flashpay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/sources"
	"github.com/paylake/paylake/sources/flashpay"
	"github.com/paylake/paylake/sources/flashpay/flashpaytest"
)

// plain walks by offset until a short page, as one would at first.
func plain(fake *flashpaytest.Server, size int) []string {
	var ids []string
	for offset := 0; ; offset += size {
		page := fake.Page(project, window().From, window().To.Add(-time.Second), offset, size)
		for _, o := range page {
			ids = append(ids, o.ID)
		}
		if len(page) < size {
			return ids
		}
	}
}

// Rows that leave the window while it is read shift the rest: nothing that
// stays may be lost. The plain walk over the same fake loses rows.
func TestShiftingOffsetsLoseNothing(t *testing.T) {
	for _, moved := range []int{1, 2, 5, 9, 25} {
		t.Run(fmt.Sprint(moved), func(t *testing.T) {
			const n = 200
			plan := flashpaytest.Plan{Every: 2, Rows: moved}
			r := serve(t, fakeOf(rows(n)))
			if err := r.fake.Inject(flashpaytest.Moving, plan); err != nil {
				t.Fatal(err)
			}
			ids, err := read(t.Context(), r.up.Operations(), window())
			if err != nil {
				t.Fatal(err)
			}
			if r.fake.Fired(flashpaytest.Moving) == 0 {
				t.Fatal("nothing moved")
			}
			assertStayersArrived(t, ids, r.fake.Moved(), n)

			control := fakeOf(rows(n))
			if err := control.Inject(flashpaytest.Moving, plan); err != nil {
				t.Fatal(err)
			}
			if lost := missing(plain(control, 10), control.Moved(), n); lost == 0 {
				t.Error("the plain walk lost nothing: the test proves nothing")
			}
		})
	}
}

func missing(ids, moved []string, n int) (lost int) {
	for i := range n {
		if !slices.Contains(ids, id(i)) && !slices.Contains(moved, id(i)) {
			lost++
		}
	}
	return lost
}

func assertStayersArrived(t *testing.T, ids, moved []string, n int) {
	t.Helper()
	if lost := missing(ids, moved, n); lost > 0 {
		t.Errorf("%d rows that stayed in the window are lost", lost)
	}
}

// Everything that fails for a while, behind one retry, loses nothing.
func TestFaultsAreAbsorbed(t *testing.T) {
	for _, fault := range []flashpaytest.Fault{flashpaytest.Throttle, flashpaytest.ServerError, flashpaytest.Slow,
		flashpaytest.Error200, flashpaytest.DuplicatePage, flashpaytest.SkippedRow} {
		for _, plan := range []flashpaytest.Plan{{First: 1}, {First: 2}, {First: 3, Every: 4, Times: 5}} {
			t.Run(fmt.Sprintf("%s from %d", fault, plan.First), func(t *testing.T) {
				r := serve(t, fakeOf(rows(57)))
				if err := r.fake.Inject(fault, plan); err != nil {
					t.Fatal(err)
				}
				src := sources.Retry(r.up.Operations(), sources.RetryPolicy{Sleep: func(context.Context, time.Duration) error { return nil }})
				ids, err := read(t.Context(), src, window())
				if err != nil {
					t.Fatal(err)
				}
				if r.fake.Fired(fault) == 0 {
					t.Fatal("the fault never fired")
				}
				wantAll(t, ids, 57)
			})
		}
	}
}

// A late row is not there yet; the next read brings it.
func TestLateRowsComeWithTheNextRead(t *testing.T) {
	r := serve(t, flashpaytest.New(rows(30), flashpaytest.Options{Token: token, Secret: secret,
		Now: func() time.Time { return day.Add(25 * time.Second) }, Late: 10 * time.Second}))
	if err := r.fake.Inject(flashpaytest.Late, flashpaytest.Plan{}); err != nil {
		t.Fatal(err)
	}
	ids, err := read(t.Context(), r.up.Operations(), window())
	if err != nil || len(ids) != 16 || r.fake.Fired(flashpaytest.Late) == 0 {
		t.Fatalf("%d rows, %v, fired %d", len(ids), err, r.fake.Fired(flashpaytest.Late))
	}
	r.fake.Heal()
	ids, err = read(t.Context(), r.up.Operations(), window())
	if err != nil {
		t.Fatal(err)
	}
	wantAll(t, ids, 30)
}

func TestBadSignatureAcceptsNothing(t *testing.T) {
	r := serve(t, fakeOf(rows(30)))
	if err := r.fake.Inject(flashpaytest.BadSignature, flashpaytest.Plan{First: 2, Every: 1}); err != nil {
		t.Fatal(err)
	}
	ids, err := read(t.Context(), r.up.Operations(), window())
	if !errors.Is(err, sources.ErrShape) || len(ids) != 10 || !strings.Contains(err.Error(), "signature") {
		t.Errorf("%d rows, %v", len(ids), err)
	}
}

// handler answers everything alike.
func handler(status int, body string, header ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

func TestErrorsByKind(t *testing.T) {
	report := func(message string) string {
		return fmt.Sprintf(`{"name":"Error","message":%q,"code":7,"status":400}`, message)
	}
	canaries := report(token + " " + secret + " of +996 700-123-456 account 4242424242424242 and 996700123456 refused")
	for name, c := range map[string]struct {
		status int
		body   string
		kind   error
	}{
		"400":                {400, report("bad interval"), sources.ErrShape},
		"400 about a token":  {400, report("Invalid token"), sources.ErrAuth},
		"400 with canaries":  {400, canaries, sources.ErrShape},
		"401":                {401, canaries, sources.ErrAuth},
		"403":                {403, `nonsense`, sources.ErrAuth},
		"404":                {404, ``, sources.ErrShape},
		"302":                {302, ``, sources.ErrShape},
		"408":                {408, ``, sources.ErrTransient},
		"425":                {425, ``, sources.ErrTransient},
		"429":                {429, ``, sources.ErrTransient},
		"500":                {500, canaries, sources.ErrTransient},
		"503":                {503, `<html>`, sources.ErrTransient},
		"200, error":         {200, canaries, sources.ErrTransient},
		"200, HTML":          {200, `<html>`, sources.ErrShape},
		"200, no signature":  {200, `{"operations":[]}`, sources.ErrShape},
		"200, cut off":       {200, `{"operations":[`, sources.ErrShape},
		"200, empty":         {200, ``, sources.ErrShape},
		"200, over the cap":  {200, `{"operations":[` + strings.Repeat(" ", 5000) + `]}`, sources.ErrShape},
		"200, a key twice":   {200, `{"operations":[],"operations":[],"signature":"x"}`, sources.ErrShape},
		"200, other content": {200, `{"balance":[],"signature":"x"}`, sources.ErrShape},
	} {
		t.Run(name, func(t *testing.T) {
			r := serve(t, handler(c.status, c.body, "Retry-After", "7", "Location", "http://127.0.0.1:1/"), func(c *flashpay.Config) { c.PageSize = 10 })
			flashpay.SetLimits(r.up, 4096, time.Minute)
			ids, err := read(t.Context(), r.up.Operations(), window())
			if len(ids) > 0 || !errors.Is(err, c.kind) {
				t.Fatalf("%d rows, %v", len(ids), err)
			}
			for _, s := range []string{token, secret, "CANARY", "4242", "996700", "700-123"} {
				if strings.Contains(err.Error(), s) {
					t.Errorf("the error shows %q: %v", s, err)
				}
			}
			var transient *sources.Transient
			if errors.As(err, &transient) && transient.After != 7*time.Second {
				t.Errorf("Retry-After %s", transient.After)
			}
		})
	}
}

func TestRetryAfterAsADate(t *testing.T) {
	r := serve(t, handler(429, ``, "Date", "Sun, 01 Mar 2026 18:00:00 GMT", "Retry-After", "Sun, 01 Mar 2026 18:00:09 GMT"))
	var transient *sources.Transient
	if err := r.up.Ping(t.Context()); !errors.As(err, &transient) || transient.After != 9*time.Second {
		t.Errorf("%v %+v", err, transient)
	}
}

func TestTooSlowIsTransient(t *testing.T) {
	r := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, hr *http.Request) {
		_, _ = io.Copy(io.Discard, hr.Body)
		<-hr.Context().Done()
	}))
	flashpay.SetLimits(r.up, 4096, 20*time.Millisecond)
	if err := r.up.Ping(t.Context()); !errors.Is(err, sources.ErrTransient) {
		t.Errorf("%v", err)
	}
}

func TestOffsetIgnored(t *testing.T) {
	book := rows(10)
	fake := fakeOf(bookFunc(func(_ int64, _, _, _ time.Time, _, limit int) []flashpaytest.Operation { return book[:min(limit, 10)] }))
	r := serve(t, fake)
	_, err := read(t.Context(), r.up.Operations(), window())
	if !errors.Is(err, sources.ErrShape) || !strings.Contains(err.Error(), "offset") || fake.Requests() > 30 {
		t.Errorf("%d requests, %v", fake.Requests(), err)
	}
}
