package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/paylake/paylake/schemas"
)

// Webhooks is what the configuration says about them. Who is told lies in the
// state database: see `paylake webhook`.
type Webhooks struct {
	BalanceLow    map[string]Sum // by wallet: below it a balance is low
	ConsentEnding time.Duration  // how long before its end a consent is told of
	// For tests: plain HTTP, and networks that are not public.
	AllowHTTP     bool
	AllowNetworks []netip.Prefix

	paths map[string]string // where BalanceLow stands, for messages
}

// Sum is an amount of money.
type Sum struct {
	Minor    int64
	Currency string
}

const consentEnding = 7 * 24 * time.Hour

// webhooks reads the section.
func (r *reader) webhooks(m *mapping) Webhooks {
	n, path := m.take("webhooks")
	s := r.mapping(path, n)
	defer s.done()
	w := Webhooks{ConsentEnding: s.duration("consent_ending", consentEnding), AllowHTTP: s.flag("allow_http"), BalanceLow: map[string]Sum{}, paths: map[string]string{}}
	limits, at := s.take("balance_low")
	low := r.mapping(at, limits)
	for _, wallet := range low.keys {
		w.BalanceLow[wallet] = parsed(low, wallet, parseSum)
		w.paths[wallet] = join(at, wallet)
	}
	low.done()
	nodes, paths := s.list("allow_networks", true)
	for i, one := range nodes {
		text := r.scalar(paths[i], one)
		p, err := netip.ParsePrefix(text)
		if err != nil {
			r.at(paths[i], "%s: %q is not a network; write it as 10.20.0.0/16", paths[i], text)
			continue
		}
		w.AllowNetworks = append(w.AllowNetworks, p.Masked())
	}
	return w
}

// parseSum reads an amount and its currency, such as 50.00 AZN.
func parseSum(text string) (Sum, error) {
	amount, currency, _ := strings.Cut(text, " ")
	exponent, err := schemas.Exponent(currency)
	if err != nil {
		return Sum{}, errors.New("is not an amount with its currency; write it as 50.00 AZN")
	}
	minor, err := schemas.ParseMinor([]byte(amount), exponent)
	if err != nil {
		return Sum{}, fmt.Errorf("is not an amount of %s: %w; write it as 50.00 AZN", currency, err)
	}
	return Sum{minor, currency}, nil
}

// validateWebhooks reports thresholds of wallets that there are none of.
func (c *Config) validateWebhooks(p *problems) {
	if len(c.Webhooks.BalanceLow) == 0 {
		return
	}
	known := map[string]bool{}
	var names []string
	for _, s := range c.Sources {
		for _, w := range s.Wallets {
			known[w.ID] = true
			names = append(names, w.ID)
		}
	}
	for wallet := range c.Webhooks.BalanceLow {
		if known[wallet] {
			continue
		}
		key := c.Webhooks.paths[wallet]
		near := ""
		if len(names) < 10_000 { // a list of all of them would help nobody
			near = "; " + didYouMean(wallet, slices.Clone(names))
		}
		p.at(key, "webhooks.balance_low: no source has a wallet %q%s", wallet, near)
	}
}
