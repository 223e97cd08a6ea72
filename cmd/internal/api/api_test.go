package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/sinks/clickhouse"
)

// keyring is one key in memory.
type keyring struct{ key state.APIKey }

func (k keyring) Find(_ context.Context, secret string) (state.APIKey, error) {
	if secret != "plk_test" {
		return state.APIKey{}, state.ErrAbsent
	}
	return k.key, nil
}

func (k keyring) OpenSession(context.Context, string, time.Time) (string, error) { return "token", nil }

func (k keyring) Session(_ context.Context, token string) (state.APIKey, error) {
	if token != "token" {
		return state.APIKey{}, state.ErrAbsent
	}
	return k.key, nil
}

func (k keyring) CloseSession(context.Context, string) error { return nil }

// asked is a warehouse that answers every question alike and remembers it.
type asked struct {
	answers  atomic.Int64
	last     atomic.Pointer[clickhouse.Question]
	standing atomic.Pointer[clickhouse.Standing]
	lines    string
	wait     time.Duration
}

func (a *asked) Standing(context.Context) (clickhouse.Standing, error) {
	if s := a.standing.Load(); s != nil {
		return *s, nil
	}
	return clickhouse.Standing{Snapshot: 7, Digest: "x"}, nil
}

func (a *asked) Answer(_ context.Context, q clickhouse.Question) ([]byte, error) {
	a.answers.Add(1)
	a.last.Store(&q)
	time.Sleep(a.wait)
	return []byte(a.lines), nil
}

func (a *asked) OneUser() bool { return false }

func testAPI(t testing.TB, w *asked, k state.APIKey, rate float64) *API {
	t.Helper()
	if k.Scopes == nil {
		k.Scopes = ScopeNames()
	}
	a := New(Options{Version: "test", Keys: keyring{k}, Warehouse: w, Now: time.Now, Log: slog.New(slog.DiscardHandler), Rate: rate, Limits: Limits{Cache: 1 << 20}})
	t.Cleanup(a.Close)
	return a
}

func get(t testing.TB, a *API, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer plk_test")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

var hostile = []string{"", "'", `\`, `'); DROP TABLE ledger; --`, "-1", "99999999999999999999", "0x1", "{p7:UInt64}", "%", "\x00", "\xff", "ə", "9223372036854775807", "1e9", strings.Repeat("a", 5000), "[]", "null", "2026-03", "2299-12-31", "0000-00-00"}

// Every parameter of the document takes whatever is sent: an answer or a problem,
// and no value is ever written into a question.
func TestEveryParameterTakesEverything(t *testing.T) {
	w := &asked{}
	a := testAPI(t, w, state.APIKey{ID: "k"}, 1e9)
	var document struct {
		Paths map[string]map[string]struct {
			Parameters []struct{ Name, In string }
		}
	}
	if err := json.Unmarshal(a.spec, &document); err != nil {
		t.Fatal(err)
	}
	tried := 0
	for path, methods := range document.Paths {
		for _, p := range methods["get"].Parameters {
			for _, value := range hostile {
				at, headers := path, []string{}
				for _, q := range methods["get"].Parameters {
					if q.In == "path" && q.Name != p.Name {
						at = strings.ReplaceAll(at, "{"+q.Name+"}", "1")
					}
				}
				switch p.In {
				case "path":
					at = strings.ReplaceAll(at, "{"+p.Name+"}", url.PathEscape(value))
				case "query":
					at += "?" + url.QueryEscape(p.Name) + "=" + url.QueryEscape(value)
				case "header":
					headers = []string{p.Name, value}
				}
				w.last.Store(nil)
				r := get(t, a, at, headers...)
				tried++
				if r.Code >= 500 || r.Code >= 400 && r.Header().Get("Content-Type") != "application/problem+json" {
					t.Errorf("%s: %d %s", at, r.Code, r.Body)
				}
				if q := w.last.Load(); q != nil && len(value) > 7 && p.In == "query" && p.Name != "snapshot" && strings.Contains(q.SQL, value) {
					t.Errorf("%s: written into the question", at)
				}
			}
		}
	}
	if tried < 5000 {
		t.Errorf("%d tried", tried)
	}
}

// An answer is given again only while nothing has changed that it depends on,
// and never to a key that sees other rows.
func TestAnswersAreKeptAsLongAsTheyHold(t *testing.T) {
	w := &asked{}
	read := testAPI(t, w, state.APIKey{ID: "k", Scopes: []string{ScopeRead}}, 1e9)
	first := get(t, read, "/v1/ledger")
	if r := get(t, read, "/v1/ledger"); r.Code != 200 || w.answers.Load() != 1 {
		t.Errorf("%d, asked %d times", r.Code, w.answers.Load())
	}
	for i, s := range []clickhouse.Standing{{Snapshot: 7, Digest: "a wallet is hidden"}, {Snapshot: 8, Digest: "a wallet is hidden"}} {
		w.standing.Store(&s)
		r := get(t, read, "/v1/ledger", "If-None-Match", first.Header().Get("ETag"))
		if r.Code != 200 || w.answers.Load() != int64(i)+2 {
			t.Errorf("%+v: %d, asked %d times", s, r.Code, w.answers.Load())
		}
	}
	for _, path := range []string{"/v1/ledger?limit=2", "/v1/ledger?snapshot=3", "/v1/ledger?type=fee", "/v1/ledger?order=desc"} {
		before := w.answers.Load()
		if get(t, read, path); w.answers.Load() != before+1 {
			t.Errorf("%s: answered from another question", path)
		}
	}
}

// The wallets of a key are part of every question.
func TestABoundKeyIsInTheQuestion(t *testing.T) {
	w := &asked{}
	a := testAPI(t, w, state.APIKey{ID: "k", Scopes: ScopeNames(), Wallets: [][2]string{{"mpay", "w1"}}}, 1e9)
	for _, l := range rowLists() {
		w.last.Store(nil)
		r := get(t, a, "/v1/"+l.name())
		q := w.last.Load()
		switch {
		case l.catalogue && r.Code == 200:
		case l.wallets && r.Code == 200 && strings.Contains(q.SQL, "(source, wallet_id) IN (({p0:String}, {p1:String}))") && q.Parameters["p0"] == "mpay" && q.Parameters["p1"] == "w1":
		case !l.wallets && !l.catalogue && r.Code == 403 && q == nil:
		default:
			t.Errorf("%s: %d %+v", l.view, r.Code, q)
		}
	}
}

func TestRateIsKept(t *testing.T) {
	a := testAPI(t, &asked{}, state.APIKey{ID: "k"}, 1)
	codes := map[int]int{}
	var last *httptest.ResponseRecorder
	for range 5 {
		last = get(t, a, "/v1/me")
		codes[last.Code]++
	}
	if codes[200] != 2 || codes[429] != 3 || last.Header().Get("Retry-After") == "" {
		t.Errorf("%v %v", codes, last.Header())
	}
}

// Equal questions at once are asked once.
func TestEqualQuestionsAreAskedOnce(t *testing.T) {
	w := &asked{wait: 200 * time.Millisecond}
	a := testAPI(t, w, state.APIKey{ID: "k"}, 1e9)
	done := make(chan int)
	for range 8 {
		go func() { done <- get(t, a, "/v1/ledger").Code }()
	}
	for range 8 {
		if code := <-done; code != 200 {
			t.Errorf("%d", code)
		}
	}
	if n := w.answers.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// What is kept stays within its room.
func TestKeptIsBounded(t *testing.T) {
	k := newKept(10_000)
	for i := range 100 {
		k.put(strings.Repeat("n", i+1), make([]byte, 500))
	}
	if _, ok := k.get("n"); ok || k.used > k.room || len(k.all) != k.order.Len() || len(k.all) < 10 {
		t.Errorf("%d bytes, %d answers", k.used, len(k.all))
	}
	if k.put("large", make([]byte, 9000)); len(k.all) < 10 {
		t.Error("one large answer drives out all others")
	}
}

// Amounts beyond what numbers hold arrive digit for digit.
func TestAmountsAreExact(t *testing.T) {
	w := &asked{lines: `["9007199254740993","0.0001","12","2026-03-01","2026-03-01T00:00:00.000000Z","mpay","w","e"]` + "\n"}
	a := testAPI(t, w, state.APIKey{ID: "k"}, 1e9)
	r := get(t, a, "/v1/ledger?fields=amount_minor,amount,snapshot")
	body, _ := io.ReadAll(r.Body)
	if string(body) != `{"data":[{"amount_minor":"9007199254740993","amount":"0.0001","snapshot":12}],"snapshot":7}`+"\n" {
		t.Errorf("%s", body)
	}
}

// breaking writes half of a file.
type breaking struct{}

func (breaking) Datasets() []Dataset { return nil }

func (breaking) Open(context.Context, ExportAsk) (Export, error) {
	return Export{Type: "text/csv", Name: "x.csv", Write: func(_ context.Context, out io.Writer) error {
		_, err := out.Write([]byte(strings.Repeat("half of a file\n", 10_000)))
		return errors.Join(err, io.ErrUnexpectedEOF)
	}}, nil
}

// A file that cannot be written to its end does not look whole.
func TestHalfAFileIsNotWhole(t *testing.T) {
	a := New(Options{Keys: keyring{state.APIKey{ID: "k", Scopes: ScopeNames()}}, Warehouse: &asked{}, Exports: breaking{}, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(a.Close)
	server := httptest.NewUnstartedServer(a)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	for _, packing := range []string{"identity", "gzip", "zstd"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/v1/exports/ledger", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer plk_test")
		req.Header.Set("Accept-Encoding", packing)
		res, err := server.Client().Do(req)
		if err == nil {
			_, err = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: half a file came as a whole one", packing)
		}
	}
}
