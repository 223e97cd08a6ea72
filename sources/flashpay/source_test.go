package flashpay_test

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

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"go.uber.org/goleak"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
	"github.com/paylake/paylake/sources/flashpay"
	"github.com/paylake/paylake/sources/flashpay/flashpaytest"
	"github.com/paylake/paylake/sources/sourcetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	project = 210
	token   = "TOKENCANARY000000000000000abcd"
	secret  = "SECRETCANARY"
)

var (
	day   = time.Date(2026, 3, 1, 18, 0, 0, 0, time.UTC) // midnight in Bishkek
	clock = day.Add(48 * time.Hour)
)

func window() sources.Window { return sources.Window{From: day, To: day.Add(24 * time.Hour)} }

func id(i int) string { return fmt.Sprintf("op%05d", i) }

// rows are n operations of one day, updated every second from the first on.
func rows(n int) flashpaytest.Rows {
	out := make(flashpaytest.Rows, n)
	for i := range out {
		at := day.Add(time.Duration(i) * time.Second)
		out[i] = flashpaytest.Operation{
			ID: id(i), PaymentID: fmt.Sprint("p", i), Type: "sale", Status: "success", CreatedAt: at, CompletedAt: at, UpdatedAt: at,
			PaymentMethod: "mbank", PaymentTypeID: 3, PaymentStatus: "success", ProjectID: project, AmountMinor: int64(i), Currency: "KGS",
			CustomerID: "+996700123456", AccountNumber: "996700123456", Code: "0", Message: "Success",
		}
	}
	return out
}

type rig struct {
	fake *flashpaytest.Server
	up   *flashpay.Upstream
	mem  *memory.CheckedAllocator
	http *httptest.Server
}

func fakeOf(book flashpaytest.Book) *flashpaytest.Server {
	return flashpaytest.New(book, flashpaytest.Options{Projects: []int64{project}, Token: token, Secret: secret,
		Now: func() time.Time { return clock }, Slow: 50 * time.Millisecond})
}

func config(t testing.TB, url string) flashpay.Config {
	t.Helper()
	zone, err := time.LoadLocation("Asia/Bishkek")
	if err != nil {
		t.Fatal(err)
	}
	people, err := schemas.NewPseudonymizer(1, []byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	return flashpay.Config{Name: "psp", DataURL: url, ProjectID: project, Token: token, TokenSecret: secret, Zone: zone,
		Pseudonyms: people, PageSize: 10, Now: func() time.Time { return clock }}
}

// serve puts a handler behind real HTTP and a source in front of it.
func serve(t testing.TB, h http.Handler, change ...func(*flashpay.Config)) *rig {
	t.Helper()
	r := &rig{mem: memory.NewCheckedAllocator(memory.DefaultAllocator), http: httptest.NewServer(h)}
	t.Cleanup(r.http.Close)
	cfg := config(t, r.http.URL+"/flashpay/v1")
	cfg.Client = r.http.Client()
	for _, c := range change {
		c(&cfg)
	}
	var err error
	if r.up, err = flashpay.New(cfg); err != nil {
		t.Fatal(err)
	}
	flashpay.SetAllocator(r.up, r.mem)
	t.Cleanup(func() { r.mem.AssertSize(t, 0) })
	r.fake, _ = h.(*flashpaytest.Server)
	return r
}

func pageSize(n int) func(*flashpay.Config) { return func(c *flashpay.Config) { c.PageSize = n } }

// read returns the ids of a window in the order in which they came.
func read(ctx context.Context, src sources.Source, w sources.Window) (ids []string, err error) {
	for p, err := range src.Pages(ctx, w, "") {
		if err != nil {
			return ids, err
		}
		ids = append(ids, idsOf(p)...)
	}
	return ids, nil
}

func idsOf(p sources.Page) (ids []string) {
	defer p.Rows.Release()
	col := p.Rows.Column(schemas.Operations.Index("operation_id")).(*array.String)
	for i := range col.Len() {
		ids = append(ids, col.Value(i))
	}
	return ids
}

func unique(ids []string) []string { return slices.Compact(slices.Sorted(slices.Values(ids))) }

func wantAll(t *testing.T, ids []string, n int) {
	t.Helper()
	if got := unique(ids); len(got) != n {
		t.Errorf("%d operations of %d arrived", len(got), n)
	}
}

func TestContract(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) sourcetest.Subject {
		r := serve(t, fakeOf(rows(37)))
		return sourcetest.Subject{
			Source: r.up.Operations(), Window: window(), Allocator: r.mem,
			Requests: r.fake.Requests, InFlight: r.fake.InFlight, Idle: r.http.Client().CloseIdleConnections,
			Fail: func() {
				if err := r.fake.Inject(flashpaytest.BadSignature, flashpaytest.Plan{Every: 1}); err != nil {
					t.Error(err)
				}
			},
		}
	})
}

func TestReadsEverySize(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 9, 10, 11, 12, 19, 20, 21, 100, 250} {
		for _, size := range []int{2, 3, 10, 64, 1000} {
			r := serve(t, fakeOf(rows(n)), pageSize(size))
			ids, err := read(t.Context(), r.up.Operations(), window())
			if err != nil {
				t.Fatalf("%d rows by %d: %v", n, size, err)
			}
			if len(ids) != n || len(unique(ids)) != n {
				t.Errorf("%d rows by %d: %d arrived, %d of them different", n, size, len(ids), len(unique(ids)))
			}
		}
	}
}

// An upstream that serves less than the limit is not at its end.
func TestUpstreamServesLessThanTheLimit(t *testing.T) {
	fake := flashpaytest.New(rows(100), flashpaytest.Options{Token: token, Secret: secret, Now: func() time.Time { return clock }, MaxLimit: 7})
	r := serve(t, fake, pageSize(1000))
	ids, err := read(t.Context(), r.up.Operations(), window())
	if err != nil || len(ids) != 100 {
		t.Errorf("%d rows, %v", len(ids), err)
	}
}

// The platform's interval includes both ends to the second; a window does not
// include its end.
func TestWindowIsHalfOpen(t *testing.T) {
	book := rows(1)
	for _, d := range []time.Duration{-time.Second, 24*time.Hour - time.Second, 24 * time.Hour} {
		o := book[0]
		o.ID, o.UpdatedAt = fmt.Sprint(d), day.Add(d)
		book = append(book, o)
	}
	r := serve(t, fakeOf(book))
	ids, err := read(t.Context(), r.up.Operations(), window())
	if err != nil || !slices.Equal(ids, []string{id(0), (24*time.Hour - time.Second).String()}) {
		t.Errorf("%v, %v", ids, err)
	}
}

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

// One request at a time, whoever asks.
func TestOneRequestInFlight(t *testing.T) {
	r := serve(t, fakeOf(rows(30)))
	if err := r.fake.Inject(flashpaytest.Slow, flashpaytest.Plan{Every: 1, Times: 6}); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 3)
	for range cap(done) {
		go func() {
			_, err := read(context.Background(), r.up.Operations(), window())
			done <- err
		}()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if r.fake.Most() != 1 || r.fake.Fired(flashpaytest.Slow) == 0 {
		t.Errorf("%d requests at the same time", r.fake.Most())
	}
}

func TestPing(t *testing.T) {
	r := serve(t, fakeOf(rows(3)))
	if err := r.up.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*flashpay.Config){
		"token": func(c *flashpay.Config) { c.Token = "other" }, "secret": func(c *flashpay.Config) { c.TokenSecret = "other" },
		"project": func(c *flashpay.Config) { c.ProjectID = 1 },
	} {
		err := serve(t, fakeOf(rows(3)), change).up.Ping(t.Context())
		if !errors.Is(err, sources.ErrAuth) || !strings.Contains(err.Error(), "paylake check") {
			t.Errorf("wrong %s: %v", name, err)
		}
	}
	closed := serve(t, fakeOf(nil))
	closed.http.Close()
	if err := closed.up.Ping(t.Context()); !errors.Is(err, sources.ErrTransient) {
		t.Errorf("nobody there: %v", err)
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

type bookFunc func(project int64, from, to, now time.Time, skip, limit int) []flashpaytest.Operation

func (f bookFunc) Operations(project int64, from, to, now time.Time, skip, limit int) []flashpaytest.Operation {
	return f(project, from, to, now, skip, limit)
}

// A long window is asked for in spans of 31 days, and resumed in any of them.
func TestLongWindow(t *testing.T) {
	book := rows(30)
	for i := range book {
		book[i].UpdatedAt = day.Add(time.Duration(i*3) * 24 * time.Hour)
	}
	var longest time.Duration
	r := serve(t, fakeOf(bookFunc(func(p int64, from, to, now time.Time, skip, limit int) []flashpaytest.Operation {
		longest = max(longest, to.Sub(from))
		return book.Operations(p, from, to, now, skip, limit)
	})), pageSize(3))
	w := sources.Window{From: day, To: day.Add(90 * 24 * time.Hour)}
	ids, err := read(t.Context(), r.up.Operations(), w)
	if err != nil || len(ids) != 30 || longest >= 31*24*time.Hour {
		t.Fatalf("%d rows, %v, longest interval %s", len(ids), err, longest)
	}
	all, rest := 0, 30
	for p, err := range r.up.Operations().Pages(t.Context(), w, "") {
		if err != nil {
			t.Fatal(err)
		}
		n := len(idsOf(p))
		all, rest = all+n, rest-n
		left := 0
		for q, err := range r.up.Operations().Pages(t.Context(), w, p.Next) {
			if err != nil {
				t.Fatal(err)
			}
			left += len(idsOf(q))
		}
		if left != rest {
			t.Fatalf("%d rows after a cursor, want %d", left, rest)
		}
	}
	if all != 30 {
		t.Errorf("%d rows", all)
	}
}

func TestNoCanaryInRecords(t *testing.T) {
	r := serve(t, fakeOf(rows(12)), func(c *flashpay.Config) {
		c.Keep = map[string][]string{"operations": {"customer_id", "account_number"}}
	})
	for p, err := range r.up.Operations().Pages(t.Context(), window(), "") {
		if err != nil {
			t.Fatal(err)
		}
		for c := range int(p.Rows.NumCols()) {
			for i := range int(p.Rows.NumRows()) {
				for _, s := range []string{"700123456", "CANARY"} {
					if v := p.Rows.Column(c).ValueStr(i); strings.Contains(v, s) {
						t.Errorf("column %s shows %s", p.Rows.ColumnName(c), v)
					}
				}
			}
		}
		p.Rows.Release()
	}
}

func TestNewNamesEveryProblem(t *testing.T) {
	_, err := flashpay.New(flashpay.Config{DataURL: "https://user:" + secret + "@x/v1", PageSize: 1001, Zone: time.FixedZone("here", 3600),
		Fields: []string{"payment_id"}})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, s := range []string{"no name", "data_url", "project_id", "data_token", "data_secret", "IANA", "clock", "pseudonym", "page size", "operation_id"} {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("the error says nothing of %s: %v", s, err)
		}
	}
	if strings.Contains(err.Error(), secret) {
		t.Errorf("the error shows the URL's secret: %v", err)
	}
	for _, change := range []func(*flashpay.Config){
		func(c *flashpay.Config) { c.Zone = time.Local }, func(c *flashpay.Config) { c.Zone = nil },
		func(c *flashpay.Config) { c.DataURL = "data.example/v1" }, func(c *flashpay.Config) { c.PageSize = 1 },
		func(c *flashpay.Config) {
			c.Fields, c.Keep = []string{"operation_id", "operation_created_at", "sum_initial"}, map[string][]string{"operations": {"arn"}}
		},
	} {
		cfg := config(t, "https://data.example/v1")
		change(&cfg)
		if _, err := flashpay.New(cfg); err == nil {
			t.Errorf("accepted %+v", cfg.Fields)
		}
	}
}
