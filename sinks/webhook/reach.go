package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"
)

// Reach connects to an endpoint as a message would, by the same rules, and sends
// none: up to the end of the TLS handshake. It says what it met. Errors hold the
// host and nothing else of the URL, which may hold a token.
func (s *Sender) Reach(ctx context.Context, text string) (note string, err error) {
	if err := s.CheckURL(ctx, text); err != nil {
		return "", err
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", errors.New("the endpoint's URL cannot be used")
	}
	at := u.Host
	if u.Port() == "" {
		at = net.JoinHostPort(u.Hostname(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Within)
	defer cancel()
	conn, err := s.dialer.DialContext(ctx, "tcp", at)
	if err != nil {
		return "", fmt.Errorf("%s: %s", at, s.explain(err))
	}
	defer conn.Close()
	if u.Scheme == "http" {
		return at + " can be reached, without TLS", nil
	}
	state, err := s.handshake(ctx, conn, u.Hostname())
	if err != nil {
		return "", fmt.Errorf("%s: %s", at, s.explain(err))
	}
	note = fmt.Sprintf("%s can be reached, %s", at, tls.VersionName(state.Version))
	if len(state.PeerCertificates) > 0 {
		note += ", its certificate ends at " + state.PeerCertificates[0].NotAfter.UTC().Format(time.DateOnly)
	}
	return note, nil
}

func (s *Sender) handshake(ctx context.Context, conn net.Conn, host string) (tls.ConnectionState, error) {
	c := &tls.Config{}
	if s.o.TLS != nil {
		c = s.o.TLS.Clone()
	}
	if c.ServerName == "" {
		c.ServerName = host
	}
	shake := tls.Client(conn, c)
	err := shake.HandshakeContext(ctx)
	return shake.ConnectionState(), err
}
