package callbacks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/paylake/paylake/pipeline/state"
)

func TestMain(m *testing.M) {
	code := m.Run()
	http.DefaultClient.CloseIdleConnections()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// shop is a receiver on a real socket with a store of its own.
type shop struct {
	url   string
	mu    sync.Mutex
	known map[string]bool
	kept  []state.Delivery
	calls int
	fail  atomic.Bool
	hold  chan struct{} // when set, storing waits for it
	woken atomic.Int32
}

func (s *shop) store(_ context.Context, list []state.Delivery) ([]bool, error) {
	if s.hold != nil {
		<-s.hold
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.fail.Load() {
		return nil, errors.New("disk full")
	}
	fresh := make([]bool, len(list))
	for i, d := range list {
		fresh[i] = !s.known[string(d.Body)]
		s.known[string(d.Body)] = true
		s.kept = append(s.kept, d)
	}
	return fresh, nil
}

func judgeTest(_ http.Header, body []byte) (Verdict, error) {
	switch {
	case bytes.HasPrefix(body, []byte("forged")):
		return Verdict{}, fmt.Errorf("the signature does not hold: %w", ErrMalformed)
	case bytes.HasPrefix(body, []byte("foreign")):
		return Verdict{}, fmt.Errorf("another project: %w", ErrContent)
	}
	return Verdict{Kind: "operation", Variant: "natural"}, nil
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{known: map[string]bool{}}
	h := New(Options{Judges: map[string]Judge{"flashpay/psp": judgeTest}, Store: s.store, Wake: func() { s.woken.Add(1) },
		Now: time.Now, Log: slog.New(slog.DiscardHandler), MaxBody: 1000})
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { h.Run(ctx) })
	server := httptest.NewServer(h)
	t.Cleanup(func() { server.Close(); cancel(); done.Wait() })
	s.url = server.URL
	return s
}

func (s *shop) post(t *testing.T, path, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text)
}

func TestAnswers(t *testing.T) {
	s := newShop(t)
	for _, c := range []struct {
		path, body string
		header     []string
		want       int
	}{
		{"/callbacks/flashpay/psp", "one", nil, 200},
		{"/callbacks/flashpay/psp", "one", nil, 200}, // a repetition
		{"/callbacks/flashpay/psp", "forged", nil, 400},
		{"/callbacks/flashpay/psp", "foreign", nil, 422},
		{"/callbacks/flashpay/psp", strings.Repeat("x", 1001), nil, 413},
		{"/callbacks/flashpay/psp", "zip", []string{"Content-Encoding", "gzip"}, 415},
		{"/callbacks/flashpay/other", "one", nil, 404},
		{"/callbacks/mpay/psp", "one", nil, 404},
		{"/callbacks/", "one", nil, 404},
	} {
		got, text := s.post(t, c.path, c.body, c.header...)
		if got != c.want {
			t.Errorf("%s %.20q: %d %s", c.path, c.body, got, text)
		}
		if got != 200 && !strings.Contains(text, `"detail"`) {
			t.Errorf("%s: no problem in %q", c.path, text)
		}
	}
	res, err := http.Get(s.url + "/callbacks/flashpay/psp")
	if err != nil || res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %v %v", res, err)
	}
	res.Body.Close()
	if len(s.kept) != 2 || s.woken.Load() != 1 || s.kept[0].Variant != "natural" || s.kept[0].Source != "psp" {
		t.Errorf("kept %+v, woken %d", s.kept, s.woken.Load())
	}
}

// No 200 without a durable row: a store that fails is a 500, and a sender that
// is told nothing else sends again.
func TestNothingIsAnsweredBeforeItIsStored(t *testing.T) {
	s := newShop(t)
	s.fail.Store(true)
	if got, text := s.post(t, "/callbacks/flashpay/psp", "one"); got != 500 || strings.Contains(text, "disk") {
		t.Errorf("%d %s", got, text)
	}
	s.fail.Store(false)
	if got, _ := s.post(t, "/callbacks/flashpay/psp", "one"); got != 200 || len(s.kept) != 1 {
		t.Errorf("%d, kept %d", got, len(s.kept))
	}
}

// What arrives while a commit is under way shares the next.
func TestDeliveriesShareCommits(t *testing.T) {
	s := newShop(t)
	s.hold = make(chan struct{})
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			if got, text := s.post(t, "/callbacks/flashpay/psp", fmt.Sprint(i)); got != 200 {
				t.Errorf("%d %s", got, text)
			}
		})
	}
	time.Sleep(300 * time.Millisecond)
	close(s.hold)
	all.Wait()
	if s.calls > 10 || len(s.kept) != 50 {
		t.Errorf("%d commits for %d deliveries", s.calls, len(s.kept))
	}
}

// A sender that drips its body is let go.
func TestSlowBody(t *testing.T) {
	s := newShop(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /callbacks/flashpay/psp HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	text := make([]byte, 512)
	n, err := conn.Read(text)
	if err != nil || !strings.Contains(string(text[:n]), "400") {
		t.Errorf("%q %v", text[:n], err)
	}
}
