package webhook

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var here = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// local sends to this machine, as only tests may.
func local(t *testing.T, within time.Duration) *Sender {
	s := NewSender(SenderOptions{AllowHTTP: true, AllowNetworks: here, Within: within})
	t.Cleanup(s.Close)
	return s
}

func to(url string) Endpoint {
	return Endpoint{Name: "test", URL: url, Form: FormStandard, Secrets: []Secret{NewSecret()}}
}

// Addresses that are nobody's public one, in the spellings that got past others.
var private = []string{
	"169.254.169.254", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "0.0.0.0", "127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "172.31.255.255",
	"192.168.1.1", "100.64.0.1", "192.0.0.8", "198.18.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "::", "::1", "fe80::1", "fc00::1", "fd12:3456::1",
	"ff02::1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:a00:1::", "2001::1", "2001:db8::1", "fec0::1", "::10.0.0.1", "::ffff:0:10.0.0.1", "fe80::1%eth0",
}

func TestPrivateAddressesAreRefused(t *testing.T) {
	for _, a := range private {
		if err := (guard{}).check(netip.MustParseAddr(a)); !errors.Is(err, ErrAddress) {
			t.Errorf("%s may be reached: %v", a, err)
		}
	}
	for _, a := range []string{"8.8.8.8", "93.184.216.34", "172.32.0.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "100.128.0.1"} {
		if err := (guard{}).check(netip.MustParseAddr(a)); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
	if err := (guard{here}).check(netip.MustParseAddr("::ffff:127.0.0.1")); err != nil {
		t.Errorf("an address that tests may reach: %v", err)
	}
	if err := (guard{}).control("udp4", "8.8.8.8:443", nil); !errors.Is(err, ErrAddress) {
		t.Errorf("got %v", err)
	}
}

func TestURLsOfEndpoints(t *testing.T) {
	s := NewSender(SenderOptions{Resolver: fakeDNS(t, func(int) netip.Addr { return netip.MustParseAddr("10.0.0.7") })})
	for _, bad := range []string{
		"", "receiver", "ftp://example.com/", "http://example.com/", "https://user:secret@example.com/", "https://example.com/#part", "https:///path",
		"https://169.254.169.254/latest", "https://[::ffff:10.0.0.1]/", "https://0.0.0.0/", "https://localhost.example/", "https://[::1]:443/", "https://127.0.0.1/",
	} {
		err := s.CheckURL(t.Context(), bad)
		if err == nil || strings.Contains(err.Error(), "secret@") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	public := NewSender(SenderOptions{Resolver: fakeDNS(t, func(int) netip.Addr { return netip.MustParseAddr("93.184.216.34") })})
	for _, good := range []string{"https://receiver.example/hooks/paylake?tenant=1", "https://receiver.example:8443/"} {
		if err := public.CheckURL(t.Context(), good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
}

// fakeDNS resolves every name to what answer says; n counts the questions.
func fakeDNS(t *testing.T, answer func(n int) netip.Addr) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = conn.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for asked := 0; ; {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			q := buf[:n]
			end := 12 + strings.IndexByte(string(q[12:]), 0) + 5 // header, name, type and class
			reply := append([]byte{}, q[:end]...)
			reply[2], reply[3] = 0x81, 0x80                   // an answer, without error
			copy(reply[4:12], []byte{0, 1, 0, 0, 0, 0, 0, 0}) // one question
			if binary.BigEndian.Uint16(q[end-4:end-2]) == 1 { // A
				ip := answer(asked).As4()
				asked++
				reply[7] = 1
				reply = append(reply, 0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4) // the name again, A, IN, TTL 0
				reply = append(reply, ip[:]...)
			}
			_, _ = conn.WriteTo(reply, from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp4", conn.LocalAddr().String())
	}}
}

// A name that is public when the endpoint is added, and this machine when a
// message is sent, reaches nothing: what is checked is what is dialled.
func TestRebinding(t *testing.T) {
	var reached atomic.Int64
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer receiver.Close()
	_, port, _ := net.SplitHostPort(receiver.Listener.Addr().String())
	dns := fakeDNS(t, func(n int) netip.Addr {
		if n == 0 {
			return netip.MustParseAddr("93.184.216.34")
		}
		return netip.MustParseAddr("127.0.0.1")
	})
	s := NewSender(SenderOptions{AllowHTTP: true, Resolver: dns})
	defer s.Close()
	url := "http://rebind.example:" + port + "/"
	if err := s.CheckURL(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	a := s.Send(t.Context(), to(url), "evt_1", []byte("{}"), time.Now())
	if a.ok() || reached.Load() != 0 || !strings.Contains(a.Err, "not a public address") {
		t.Errorf("reached %d times: %+v", reached.Load(), a)
	}
	for _, direct := range []string{receiver.URL, "http://[::ffff:127.0.0.1]:" + port, "http://0.0.0.0:" + port, "http://localhost:" + port} {
		if a := NewSender(SenderOptions{AllowHTTP: true}).Send(t.Context(), to(direct), "evt_1", []byte("{}"), time.Now()); a.ok() || reached.Load() != 0 {
			t.Errorf("%s: reached %d times: %+v", direct, reached.Load(), a)
		}
	}
	t.Setenv("HTTP_PROXY", receiver.URL) // a proxy would connect for us
	if a := s.Send(t.Context(), to("http://8.8.8.8:1/"), "evt_1", []byte("{}"), time.Now()); reached.Load() != 0 {
		t.Errorf("went through a proxy: %+v", a)
	}
}

// Receivers that hang, answer without end, or send elsewhere cost one attempt
// and a little time; only 2xx counts as taken.
func TestBadReceivers(t *testing.T) {
	var followed atomic.Int64
	stop := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/hang", func(http.ResponseWriter, *http.Request) { <-stop })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/headers", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Big", strings.Repeat("x", maxHeaders+1))
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/landed", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/landed", func(http.ResponseWriter, *http.Request) { followed.Add(1) })
	mux.HandleFunc("/busy", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Retry-After", "120"); w.WriteHeader(429) })
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = c.Close()
		}
	})
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
	receiver := httptest.NewServer(mux)
	defer receiver.Close()
	defer close(stop)
	s := local(t, 300*time.Millisecond)
	for _, c := range []struct {
		path, why string
		code      int
	}{
		{"/hang", "no answer within 300ms", 0}, {"/endless", "", 500}, {"/headers", "no answer", 0}, {"/moved", "redirects are not followed", 307},
		{"/busy", "", 429}, {"/cut", "no answer", 0}, {"/ok", "", 202},
	} {
		a := s.Send(t.Context(), to(receiver.URL+c.path+"?token=canary"), "evt_1", []byte("{}"), time.Now())
		if a.Code != c.code || !strings.Contains(a.Err, c.why) || a.ok() != (c.path == "/ok") || strings.Contains(a.Err, "canary") {
			t.Errorf("%s: %+v", c.path, a)
		}
		if c.path == "/busy" && a.After != 2*time.Minute {
			t.Errorf("%+v", a)
		}
	}
	if followed.Load() != 0 {
		t.Error("a redirect was followed")
	}
	if a := NewSender(SenderOptions{AllowNetworks: here}).Send(t.Context(), to(receiver.URL+"/ok"), "evt_1", nil, time.Now()); a.ok() {
		t.Error("sent without TLS")
	}
}

// What a receiver gets: one POST whose signature holds.
func TestMessage(t *testing.T) {
	e := Event{ID: "evt_1", Type: PaymentSettled, At: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC), Data: Fields{}}
	e.Data.Text("wallet_id", "wlt_441b")
	e.Data.Money("amount", -1200, "AZN")
	e.Data.Text("currency", "AZN")
	e.Data.Text("external_reference", "")
	for form, want := range map[Form]string{
		FormStandard: `{"type":"payment.settled","timestamp":"2026-03-01T08:00:00Z","idempotency_key":"evt_1","data":{"amount":-12.00,"amount_minor":-1200,"currency":"AZN","wallet_id":"wlt_441b"}}`,
		FormMPAY:     `{"amount":-12.00,"amount_minor":-1200,"currency":"AZN","event":"payment.settled","idempotency_key":"evt_1","occurred_at":"2026-03-01T08:00:00Z","wallet_id":"wlt_441b"}`,
	} {
		end := to("")
		end.Form = form
		receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err == nil {
				err = Verify(form, r.Header, body, end.Secrets, time.Now())
			}
			if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || string(body) != want {
				t.Errorf("%s %v: %v\n%s\n%s", r.Method, r.Header, err, body, want)
			}
		}))
		end.URL = receiver.URL
		body, err := e.Body(form)
		if err != nil {
			t.Fatal(err)
		}
		if a := local(t, time.Second).Send(t.Context(), end, e.ID, body, time.Now()); !a.ok() {
			t.Errorf("%+v", a)
		}
		receiver.Close()
	}
	if fmt.Sprint(to("x")) == "" || strings.Contains(fmt.Sprintf("%+v", to("x")), "whsec_") {
		t.Error("an endpoint shows its secret")
	}
}
