package chaos

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/lake"
	"github.com/paylake/paylake/sources"
)

// Histories are drawn 60 times for each upstream, or PAYLAKE_TEST_CASES times.
func TestMain(m *testing.M) {
	cases := os.Getenv("PAYLAKE_TEST_CASES")
	if cases == "" {
		cases = "60"
	}
	for name, value := range map[string]string{"rapid.checks": cases, "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			fmt.Println("PAYLAKE_TEST_CASES:", err)
			os.Exit(1)
		}
	}
	flag.Parse()
	goleak.VerifyTestMain(m)
}

// dice draws a number from 0 to n-1; so histories can be drawn, and shrunk, by
// rapid, and made from a seed where one that fails is looked for.
type dice func(label string, n int) int

func drawn(t *rapid.T) dice {
	return func(label string, n int) int { return rapid.IntRange(0, n-1).Draw(t, label) }
}

func seeded(seed uint64) dice {
	r := rand.New(rand.NewPCG(seed, 1))
	return func(_ string, n int) int { return r.IntN(n) }
}

// clock is a time that moves when somebody sleeps.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.move(d)
	return ctx.Err()
}

// wire carries requests to a handler without sockets. before sees each request;
// it may answer, or break the connection. after may change what was answered.
type wire struct {
	handler http.Handler
	before  func(r *http.Request) (*http.Response, error)
	after   func(r *http.Request, body []byte) []byte
}

func (w *wire) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	defer func() {
		if p := recover(); p != nil {
			if cause, ok := p.(error); !ok || !errors.Is(cause, http.ErrAbortHandler) {
				panic(p)
			}
			resp, err = nil, io.ErrUnexpectedEOF
		}
	}()
	if resp, err := w.before(r); resp != nil || err != nil {
		return resp, err
	}
	rec := httptest.NewRecorder()
	if w.after == nil {
		w.handler.ServeHTTP(rec, r)
		return rec.Result(), nil
	}
	asked, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(asked))
	w.handler.ServeHTTP(rec, r)
	r.Body = io.NopCloser(bytes.NewReader(asked))
	changed := bytes.NewBuffer(w.after(r, rec.Body.Bytes()))
	rec.Body = changed
	return rec.Result(), nil
}

func answer(status int, header http.Header, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(bytes.NewBufferString(body)), ContentLength: int64(len(body))}
}

// rig is a pipeline over one upstream.
type rig struct {
	clock *clock
	lake  *lake.Lake
	job   pipeline.Job
	seen  map[string]int // anomalies that were met

	ownClock, theirClock func() time.Time // when they differ from the true one
}

// now and upstreamNow are what the two sides take the time to be.
func (r *rig) now() time.Time         { return told(r.ownClock, r.clock) }
func (r *rig) upstreamNow() time.Time { return told(r.theirClock, r.clock) }

func told(by func() time.Time, c *clock) time.Time {
	if by == nil {
		return c.Now()
	}
	return by()
}

func newRig(start time.Time, spec pipeline.Spec, seen map[string]int) (*rig, error) {
	r := &rig{clock: &clock{now: start}, seen: seen}
	var err error
	r.lake, err = lake.Open(context.Background(), lake.Options{URL: "mem://", Now: r.now, Create: true, Parallel: 1})
	r.job = pipeline.Job{Spec: spec, Sink: r.lake, Now: r.now, Limits: pipeline.Limits{Parallel: 1, BatchWait: time.Hour}}
	return r, err
}

func (r *rig) read(src sources.Source) {
	r.job.Streams = append(r.job.Streams, sources.Retry(src, sources.RetryPolicy{Sleep: r.clock.Sleep, Jitter: func() float64 { return 0.5 }}))
}

// run runs the pipeline. Whatever goes wrong is one of the errors that a caller
// can act on, and is said.
func (r *rig) run() (pipeline.Verdict, error) {
	report, err := pipeline.Run(context.Background(), r.job)
	v := report.Verdict()
	if err != nil {
		return v, fmt.Errorf("the run as a whole: %w", err)
	}
	for _, s := range report.Streams {
		if s.Err == nil {
			continue
		}
		if !errors.Is(s.Err, sources.ErrTransient) && !errors.Is(s.Err, sources.ErrAuth) && !errors.Is(s.Err, sources.ErrShape) {
			return v, fmt.Errorf("an error that nobody can act on: %w", s.Err)
		}
		if v.Code == pipeline.CodeDone {
			return v, fmt.Errorf("an error that the verdict does not show: %w", s.Err)
		}
	}
	if v.Code != pipeline.CodeDone {
		r.seen["reported"]++
		if len(v.Why) == 0 {
			return v, fmt.Errorf("code %d and no reason", v.Code)
		}
	}
	return v, nil
}

// row is a row of the lake as the oracle compares it.
type row struct {
	Entry     string `parquet:"entry_id,optional"`
	Operation string `parquet:"operation_id,optional"`
	Amount    int64  `parquet:"amount_minor"`
	Status    string `parquet:"status"`
	Code      string `parquet:"code,optional"`
	Sign      int32  `parquet:"sign"`
	Revision  int32  `parquet:"revision"`
}

// held is what the lake shows: by id, the row whose signs add up to one. A key
// that is shown twice is an error.
func (r *rig) held() (map[string]row, error) {
	type version struct {
		id       string
		revision int32
	}
	sum, last := map[version]int32{}, map[version]row{}
	for e, err := range r.lake.Manifests(context.Background(), 1) {
		if err != nil {
			return nil, err
		}
		for _, o := range e.Objects {
			data, err := r.lake.ReadObject(context.Background(), o.Path)
			if err != nil {
				return nil, err
			}
			rows, err := parquet.Read[row](bytes.NewReader(data), int64(len(data)))
			if err != nil {
				return nil, err
			}
			for _, one := range rows {
				v := version{one.Entry + one.Operation, one.Revision}
				sum[v] += one.Sign
				if one.Sign > 0 {
					last[v] = one
				}
			}
		}
	}
	out := map[string]row{}
	for v, n := range sum {
		if _, twice := out[v.id]; n > 1 || n < 0 || n == 1 && twice {
			return nil, fmt.Errorf("row %s is shown %d times, or in two revisions", v.id, n)
		}
		if n == 1 {
			out[v.id] = last[v]
		}
	}
	return out, nil
}

// planned reports whether the next run reads the time t of a stream.
func planned(spec pipeline.Spec, done sinks.Done, now, t time.Time) bool {
	for _, o := range pipeline.Plan(spec, done, now) {
		if o.Window.Contains(t) {
			return true
		}
	}
	return false
}

// forgetful is a sink that does not remember all: a guard less.
type forgetful struct {
	sinks.Sink
	forget func(*sinks.Done)
}

func (f forgetful) Done(ctx context.Context, s schemas.Stream) (sinks.Done, error) {
	d, err := f.Sink.Done(ctx, s)
	f.forget(&d)
	return d, err
}

// met fails the test unless every anomaly was met: one that never happened
// proves nothing.
func allMet(seen map[string]int, names []string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { return seen[n] == 0 })
}

func met(t *testing.T, seen map[string]int, names ...string) {
	t.Helper()
	for _, n := range names {
		if seen[n] == 0 {
			t.Errorf("%s never happened", n)
		}
	}
	t.Logf("met: %v", seen)
}
