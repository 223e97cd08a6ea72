package webhook

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// An endpoint is reached up to the end of the handshake, and gets no message; why
// one cannot be reached is said without its token.
func TestReach(t *testing.T) {
	var asked atomic.Int64
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	secure, plain := httptest.NewTLSServer(handler), httptest.NewServer(handler)
	defer secure.Close()
	defer plain.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // connects, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	trusted := x509.NewCertPool()
	trusted.AddCert(secure.Certificate())
	ends := secure.Certificate().NotAfter.UTC().Format(time.DateOnly)
	open := SenderOptions{AllowHTTP: true, AllowNetworks: here, Within: 20 * time.Second, TLS: &tls.Config{RootCAs: trusted}}
	brief := open
	brief.Within = 300 * time.Millisecond
	strange := open
	strange.TLS = nil
	public := SenderOptions{AllowHTTP: true, TLS: open.TLS}
	for _, c := range []struct {
		name, url, note, err string
		o                    SenderOptions
	}{
		{"TLS", secure.URL, secure.Listener.Addr().String() + " can be reached, TLS 1.3, its certificate ends at " + ends, "", open},
		{"without TLS", plain.URL, plain.Listener.Addr().String() + " can be reached, without TLS", "", open},
		{"a certificate that nobody knows", secure.URL, "", "certificate", strange},
		{"no TLS there", "https://" + plain.Listener.Addr().String(), "", "no answer", open},
		{"silence", "https://" + silent.Addr().String(), "", "no answer within 300ms", brief},
		{"nobody", "https://127.0.0.1:1", "", "127.0.0.1:1: no answer", open},
		{"this machine", secure.URL, "", "not a public address", public},
		{"no such name", "https://receiver.invalid", "", "receiver.invalid:443: no answer", open},
		{"no URL", "receiver", "", "not a URL", open},
	} {
		s := NewSender(c.o)
		note, err := s.Reach(t.Context(), c.url+"/hooks?token=canary")
		s.Close()
		said := ""
		if err != nil {
			said = err.Error()
		}
		if note != c.note || (err == nil) != (c.err == "") || !strings.Contains(said, c.err) || c.name != "no URL" && strings.Contains(said, "canary") || strings.Contains(said, "\n") {
			t.Errorf("%s: %q, %v", c.name, note, err)
		}
	}
	if asked.Load() != 0 {
		t.Errorf("%d requests were made", asked.Load())
	}
}

// A name that is public when it is judged, and this machine when it is dialled,
// is not connected to.
func TestReachDialsWhatIsJudged(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var connected atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			connected.Add(1)
			_ = c.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	s := NewSender(SenderOptions{Resolver: fakeDNS(t, func(n int) netip.Addr {
		if n == 0 {
			return netip.MustParseAddr("93.184.216.34")
		}
		return netip.MustParseAddr("127.0.0.1")
	})})
	note, err := s.Reach(t.Context(), "https://rebind.example:"+port+"/")
	_ = l.Close()
	<-done
	if err == nil || !strings.Contains(err.Error(), "not a public address") || connected.Load() != 0 {
		t.Errorf("%q %v, connected %d times", note, err, connected.Load())
	}
}
