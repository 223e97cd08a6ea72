package mpay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paylake/paylake/sources"
	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

// TestFaultsAreAbsorbed: every fault that a reader can absorb leaves the whole
// window, read through Retry; and each of them fired.
func TestFaultsAreAbsorbed(t *testing.T) {
	for _, fault := range []string{"expiry", "throttle", "5xx", "slow", "duplicate-page", "error-200", "skew"} {
		t.Run(fault, func(t *testing.T) {
			w := newWorld(t, mpaytest.Options{PageSize: 5, SlowBy: time.Millisecond, Faults: []string{fault}})
			src := w.retried(w.up.Ledger("wlt_0000"))
			ids, _, err := w.ids(src, aDay)
			if err != nil {
				t.Fatal(err)
			}
			w.complete(ids, "wlt_0000", aDay)
			doubled := 0
			for _, n := range ids {
				doubled += n - 1
			}
			if (doubled > 0) != (fault == "duplicate-page") {
				t.Errorf("%d rows came twice", doubled)
			}
			if w.fake.Fired(fault) == 0 {
				t.Error("the fault did not fire")
			}
		})
	}
}

func TestAllFaultsTogether(t *testing.T) {
	faults := []string{"expiry", "throttle", "5xx", "slow", "duplicate-page", "error-200", "skew"}
	w := newWorld(t, mpaytest.Options{PageSize: 5, SlowBy: time.Millisecond, Faults: faults})
	for _, wallet := range []string{"wlt_0000", "wlt_0001"} {
		ids, _, err := w.ids(w.retried(w.up.Ledger(wallet)), aDay)
		if err != nil {
			t.Fatal(err)
		}
		w.complete(ids, wallet, aDay)
	}
	for _, f := range faults {
		if w.fake.Fired(f) == 0 {
			t.Errorf("%s did not fire", f)
		}
	}
}

// A skipped or late row cannot be seen by one reading; the next one brings it.
func TestRowsThatComeLaterAreFoundByTheNextReading(t *testing.T) {
	w := newWorld(t, mpaytest.Options{Faults: []string{"skipped-row"}})
	first, _, err := w.ids(w.up.Ledger("wlt_0000"), aDay)
	if err != nil {
		t.Fatal(err)
	}
	if len(first) == len(w.want("wlt_0000", aDay)) || w.fake.Fired("skipped-row") == 0 {
		t.Fatal("no row was skipped")
	}
	again, _, err := w.ids(w.up.Ledger("wlt_0000"), aDay)
	if err != nil {
		t.Fatal(err)
	}
	w.complete(again, "wlt_0000", aDay)

	w = newWorld(t, mpaytest.Options{Faults: []string{"late"}, Lag: time.Hour})
	late := w.want("wlt_0000", aDay)[7]
	w.sheet.Hidden = map[string]time.Time{late: w.clock.Now()}
	w.clock.now = day("2026-03-11")
	w.sheet.Hidden[late] = w.clock.now
	first, _, err = w.ids(w.up.Ledger("wlt_0000"), aDay)
	if err != nil || first[late] != 0 || w.fake.Fired("late") == 0 {
		t.Fatalf("late row: %v, seen %d, fired %d", err, first[late], w.fake.Fired("late"))
	}
	_ = w.clock.Sleep(t.Context(), 2*time.Hour)
	again, _, err = w.ids(w.up.Ledger("wlt_0000"), aDay)
	if err != nil || again[late] != 1 {
		t.Fatalf("late row: %v, seen %d", err, again[late])
	}
}

func TestCursorLoopIsReported(t *testing.T) {
	w := newWorld(t, mpaytest.Options{Faults: []string{"cursor-loop"}})
	_, _, err := w.ids(w.retried(w.up.Ledger("wlt_0000")), aDay)
	if !errors.Is(err, sources.ErrShape) || !strings.Contains(err.Error(), "repeated a cursor") || w.fake.Fired("cursor-loop") == 0 {
		t.Errorf("%v", err)
	}
	for _, part := range []string{"mpay", "wlt_0000", "2026-03-09T20:00:00Z"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %v", part, err)
		}
	}
}

// answering returns an upstream whose statement is what answer says; its one
// wallet has a session.
func answering(t *testing.T, answer http.HandlerFunc) (*Upstream, *clock) {
	t.Helper()
	srv := httptest.NewServer(answer)
	t.Cleanup(srv.Close)
	c := &clock{now: day("2026-04-17")}
	kept := &memorySessions{}
	_ = kept.Save(t.Context(), "mpay", "w", []byte(`{"access_token":"CANARY-at","refresh_token":"CANARY-rt"}`))
	client := srv.Client()
	t.Cleanup(client.CloseIdleConnections)
	return must(New(Config{Name: "mpay", URL: srv.URL, Zone: baku, Pseudonyms: pseudonyms(), Now: c.Now, Sleep: c.Sleep,
		Client: client, Sessions: kept, Wallets: []Wallet{{ID: "w"}}})), c
}

// readOnce counts pages and rows up to the end or the first error.
func readOnce(ctx context.Context, src sources.Source) (pages, rows int, err error) {
	for p, err := range src.Pages(ctx, march, "") {
		if err != nil {
			return pages, rows, err
		}
		pages++
		rows += int(p.Rows.NumRows())
		p.Rows.Release()
	}
	return pages, rows, nil
}

func TestPagesWithoutProgressEnd(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		most int64
	}{
		"same rows":      {`{"currency":"AZN","rows":[` + goodRow + `],"next_cursor":"c%d"}`, maxStale + 1},
		"rejects":        {`{"currency":"AZN","rows":[{"id":"x"}],"next_cursor":"c%d"}`, maxStale + 1},
		"outside":        {`{"currency":"AZN","rows":[{"id":"x","posted_at":"2020-01-01T00:00:00Z"}],"next_cursor":"c%d"}`, maxStale + 1},
		"empty for ever": {`{"currency":"AZN","rows":[],"next_cursor":"c%d"}`, maxEmpty},
	} {
		var n atomic.Int64
		up, _ := answering(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, c.body, n.Add(1)) })
		_, _, err := readOnce(t.Context(), up.Ledger("w"))
		if !errors.Is(err, sources.ErrShape) || !strings.Contains(err.Error(), "no progress") || n.Load() > c.most {
			t.Errorf("%s: %d requests, %v", name, n.Load(), err)
		}
	}
}

func TestEveryEndIsAnEnd(t *testing.T) {
	for _, end := range []string{`,"next_cursor":null`, ``, `,"next_cursor":""`} {
		n := 0
		up, _ := answering(t, func(w http.ResponseWriter, r *http.Request) {
			switch n++; r.URL.Query().Get("cursor") {
			case "":
				fmt.Fprint(w, `{"currency":"AZN","rows":[],"next_cursor":"a b&c=+/"}`) // empty, yet not the end
			case "a b&c=+/":
				fmt.Fprint(w, `{"currency":"AZN","rows":[`+goodRow+`]`+end+`}`)
			}
		})
		pages, rows, err := readOnce(t.Context(), up.Ledger("w"))
		if err != nil || pages != 2 || rows != 1 || n != 2 {
			t.Errorf("%q: %d pages, %d rows, %d requests, %v", end, pages, rows, n, err)
		}
	}
}

func TestAnswersThatAreNoPage(t *testing.T) {
	cases := map[string]struct {
		answer func(http.ResponseWriter)
		kind   error
		words  string
	}{
		"html":         {func(w http.ResponseWriter) { fmt.Fprint(w, "<html>CANARY</html>") }, sources.ErrShape, "not JSON"},
		"duplicate":    {func(w http.ResponseWriter) { fmt.Fprint(w, `{"rows":[],"currency":"AZN","currency":"AZN"}`) }, sources.ErrShape, `"currency" comes twice`},
		"too large":    {func(w http.ResponseWriter) { _, _ = io.CopyN(w, zeros{}, maxBody+10) }, sources.ErrShape, "larger than 32 MiB"},
		"204":          {func(w http.ResponseWriter) { w.WriteHeader(204) }, sources.ErrShape, "204"},
		"302":          {func(w http.ResponseWriter) { w.Header().Set("Location", "/x"); w.WriteHeader(302) }, sources.ErrShape, "302"},
		"400":          {func(w http.ResponseWriter) { w.WriteHeader(400) }, sources.ErrShape, "400"},
		"403":          {func(w http.ResponseWriter) { w.WriteHeader(403) }, sources.ErrAuth, "paylake login --wallet w"},
		"404":          {func(w http.ResponseWriter) { w.WriteHeader(404) }, sources.ErrShape, "check the source's url"},
		"408":          {func(w http.ResponseWriter) { w.WriteHeader(408) }, sources.ErrTransient, "408"},
		"425":          {func(w http.ResponseWriter) { w.WriteHeader(425) }, sources.ErrTransient, "425"},
		"429":          {func(w http.ResponseWriter) { w.WriteHeader(429) }, sources.ErrTransient, "429"},
		"500":          {func(w http.ResponseWriter) { w.WriteHeader(500) }, sources.ErrTransient, "500"},
		"503":          {func(w http.ResponseWriter) { w.WriteHeader(503) }, sources.ErrTransient, "503"},
		"error in 200": {func(w http.ResponseWriter) { fmt.Fprint(w, `{"error":"CAPTCHA"}`) }, sources.ErrTransient, "200 with error CAPTCHA"},
		"cut off": {func(w http.ResponseWriter) { w.Header().Set("Content-Length", "900"); fmt.Fprint(w, `{"rows"`) },
			sources.ErrTransient, "out of reach"},
		"401": {func(w http.ResponseWriter) { w.WriteHeader(401) }, ErrNoOTP, "paylake login --wallet w"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			up, _ := answering(t, func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/auth/refresh") {
					w.WriteHeader(404)
					return
				}
				c.answer(w)
			})
			_, _, err := readOnce(t.Context(), up.Ledger("w"))
			if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.words) || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("%v", err)
			}
			if err != nil && (!strings.Contains(err.Error(), "source mpay") || strings.Contains(err.Error(), "\n")) {
				t.Errorf("not one sentence with its place: %v", err)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestRetryAfterIsRead(t *testing.T) {
	now := day("2026-04-17")
	for header, want := range map[string]time.Duration{
		"7": 7 * time.Second, "0": 0, "": 0, "soon": 0, "-5": 0,
		now.Add(90 * time.Second).UTC().Format(http.TimeFormat): 90 * time.Second,
		now.Add(-time.Hour).UTC().Format(http.TimeFormat):       0,
	} {
		up, _ := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
			w.Header().Set("Retry-After", header)
			w.WriteHeader(503)
		})
		_, _, err := readOnce(t.Context(), up.Ledger("w"))
		var tr *sources.Transient
		if !errors.As(err, &tr) || tr.After != want {
			t.Errorf("Retry-After %q: %v", header, err)
		}
	}
}

func TestUnreachable(t *testing.T) {
	up, _ := answering(t, func(http.ResponseWriter, *http.Request) {})
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	up.base = gone.URL
	_, _, err := readOnce(t.Context(), up.Ledger("w"))
	if !errors.Is(err, sources.ErrTransient) || !strings.Contains(err.Error(), "out of reach") || strings.Contains(err.Error(), "statement?") {
		t.Errorf("%v", err)
	}
}

func TestRedirectsDoNotCarryTokens(t *testing.T) {
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("followed with %q", r.Header.Get("Authorization"))
	}))
	defer thief.Close()
	up, _ := answering(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, thief.URL, http.StatusFound) })
	if _, _, err := readOnce(t.Context(), up.Ledger("w")); !errors.Is(err, sources.ErrShape) {
		t.Error(err)
	}
}

func TestForeignCursorAndWallet(t *testing.T) {
	up, _ := answering(t, func(http.ResponseWriter, *http.Request) { t.Error("asked") })
	for _, err := range up.Ledger("w").Pages(t.Context(), march, "rubbish") {
		if !errors.Is(err, sources.ErrShape) {
			t.Error(err)
		}
	}
	for _, err := range up.Ledger("stranger").Pages(t.Context(), march, "") {
		if !errors.Is(err, sources.ErrAuth) {
			t.Error(err)
		}
	}
}

func TestDatesAreTheZones(t *testing.T) {
	var asked []string
	up, _ := answering(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Query().Get("from")+" "+r.URL.Query().Get("to"))
		fmt.Fprint(w, `{"currency":"AZN","rows":[`+strings.Replace(goodRow, "2026-03-18T11", "2026-04-01T16", 1)+`]}`)
	})
	for range 2 {
		if _, rows, err := readOnce(t.Context(), up.Ledger("w")); err != nil || rows != 0 {
			t.Fatal(rows, err)
		}
	}
	// The first answer holds a row late on the day `to`: the day is included.
	if got := strings.Join(asked, "; "); got != "2026-03-01 2026-04-01; 2026-03-01 2026-03-31" {
		t.Error(got)
	}
}
