package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// SenderOptions say what may be reached, and how.
type SenderOptions struct {
	// AllowHTTP and AllowNetworks are for tests: plain HTTP, and networks that
	// are not public.
	AllowHTTP     bool
	AllowNetworks []netip.Prefix
	Within        time.Duration // for one attempt, the answer included [10 s]
	Agent         string        // User-Agent
	Resolver      *net.Resolver // nil: the system's
	TLS           *tls.Config   // nil: the system's
}

const (
	sendWithin = 10 * time.Second
	maxAnswer  = 16 << 10 // of a body that nobody reads; the rest is not waited for
	maxHeaders = 32 << 10
)

// Sender sends messages over HTTP: to public addresses, without proxies,
// without following redirects.
type Sender struct {
	o      SenderOptions
	guard  guard
	dialer *net.Dialer
	client *http.Client
}

// NewSender makes one. Close it when nothing is sent any more.
func NewSender(o SenderOptions) *Sender {
	if o.Within <= 0 {
		o.Within = sendWithin
	}
	s := &Sender{o: o, guard: guard{o.AllowNetworks}}
	s.dialer = &net.Dialer{Timeout: o.Within, Resolver: o.Resolver, Control: s.guard.control}
	s.client = &http.Client{
		Timeout:       o.Within,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			// A proxy would connect for us, where nothing checks the address.
			Proxy: nil, DialContext: s.dialer.DialContext, TLSClientConfig: o.TLS, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: o.Within, MaxResponseHeaderBytes: maxHeaders, DisableCompression: true,
			MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second,
		},
	}
	return s
}

// Close ends connections that are kept.
func (s *Sender) Close() { s.client.CloseIdleConnections() }

// Send implements Transport: one signed POST.
func (s *Sender) Send(ctx context.Context, e Endpoint, id string, body []byte, now time.Time) Answer {
	headers, err := Sign(e.Form, Live(e.Secrets, now), id, now, body)
	if err != nil {
		return Answer{Err: err.Error()}
	}
	if !s.o.AllowHTTP && !strings.HasPrefix(strings.ToLower(e.URL), "https://") {
		return Answer{Err: "the endpoint's URL is not https://"}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(body))
	if err != nil {
		return Answer{Err: "the endpoint's URL cannot be used"}
	}
	req.Header = headers
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", s.o.Agent)
	res, err := s.client.Do(req)
	if err != nil {
		return Answer{Err: s.explain(err)}
	}
	defer res.Body.Close()
	// A little is read so that the connection can be used again; a receiver that
	// answers without end has its connection closed.
	_, _ = io.CopyN(io.Discard, res.Body, maxAnswer)
	a := Answer{Code: res.StatusCode, After: retryAfter(res.Header.Get("Retry-After"), now)}
	if a.Code >= 300 && a.Code < 400 {
		a.Err = fmt.Sprintf("answered %d: redirects are not followed", a.Code)
	}
	return a
}

// explain says what went wrong without the URL, which may hold a token.
func (s *Sender) explain(err error) string {
	var ne net.Error
	switch {
	case errors.Is(err, ErrAddress):
		for e := err; e != nil; e = errors.Unwrap(e) {
			if text := e.Error(); strings.HasSuffix(text, ErrAddress.Error()) && !strings.Contains(text, "Post ") && !strings.Contains(text, "dial ") {
				return text
			}
		}
		return ErrAddress.Error()
	case errors.As(err, &ne) && ne.Timeout():
		return fmt.Sprintf("no answer within %s", s.o.Within)
	}
	for e := errors.Unwrap(err); e != nil; e = errors.Unwrap(e) {
		err = e
	}
	return fmt.Sprintf("no answer: %.200s", err)
}

func retryAfter(text string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}
