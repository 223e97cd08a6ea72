package flashpay_test

import (
	"context"
	"errors"
	"fmt"
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
