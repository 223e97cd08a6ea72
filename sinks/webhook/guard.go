package webhook

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
)

// ErrAddress is returned for an address that no webhook may reach.
var ErrAddress = errors.New("webhooks go to public addresses only")

// reserved are the ranges that are nobody's public address, beyond those that
// netip knows: this machine, private networks, links, metadata services, and
// the IPv6 forms that carry an IPv4 address inside.
var reserved = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16",
)

// public6 is where public IPv6 addresses are; everything else (loopback, unique
// local, link-local, site-local, translated, mapped) is not.
var public6 = netip.MustParsePrefix("2000::/3")

func prefixes(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// guard decides which addresses may be reached.
type guard struct{ allowed []netip.Prefix }

// check judges one address as it is dialled: after names were resolved, so that
// a name that changes its mind gains nothing.
func (g guard) check(a netip.Addr) error {
	a = a.Unmap().WithZone("") // ::ffff:10.0.0.1 is 10.0.0.1
	for _, p := range g.allowed {
		if p.Contains(a) {
			return nil
		}
	}
	bad := !a.IsValid() || a.Is6() && !public6.Contains(a)
	for _, p := range reserved {
		bad = bad || p.Contains(a)
	}
	if bad {
		return fmt.Errorf("%s is not a public address: %w", a, ErrAddress)
	}
	return nil
}

// control is a net.Dialer's Control: it sees the address of every connection
// before it is made.
func (g guard) control(network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return fmt.Errorf("%s %s: %w", network, address, ErrAddress)
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%s: %w", address, ErrAddress)
	}
	return g.check(at.Addr())
}

// CheckURL says what is wrong with the URL of an endpoint, in one sentence. It
// asks for the addresses of the host, so that a mistake is noticed when it is
// made; what counts is checked again at every connection. A name that cannot be
// resolved now is no error: it may be, later.
func (s *Sender) CheckURL(ctx context.Context, text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return fmt.Errorf("%q is not a URL; write https://host/path", text)
	case u.Scheme == "http" && !s.o.AllowHTTP:
		return errors.New("webhooks go to https:// only, so that nobody on the way reads them; for tests set webhooks: {allow_http: true}")
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%q is not a URL of a receiver; write https://host/path", text)
	case u.User != nil:
		return errors.New("the URL holds a user or a password; take it out: messages are signed instead")
	case u.Fragment != "":
		return errors.New("the URL has a fragment (#…); remove it")
	}
	addrs, err := s.addresses(ctx, u.Hostname())
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	for _, a := range addrs {
		if err := s.guard.check(a); err != nil {
			return fmt.Errorf("the host %s: %w; for tests name the network under webhooks: {allow_networks: […]}", u.Hostname(), err)
		}
	}
	return nil
}

func (s *Sender) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return []netip.Addr{a}, nil
	}
	r := s.o.Resolver
	if r == nil {
		r = net.DefaultResolver
	}
	return r.LookupNetIP(ctx, "ip", host)
}
