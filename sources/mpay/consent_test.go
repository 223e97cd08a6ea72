package mpay

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/paylake/paylake/sources"
	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

// counting counts requests.
type counting struct{ n atomic.Int64 }

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return http.DefaultTransport.RoundTrip(r)
}

// Without a consent nothing is sent for a wallet: no OTP, no refresh, no page,
// no catalogue; and nothing more once it has gone.
func TestConsentBeforeEveryRequest(t *testing.T) {
	refuse := func(wallet string) error {
		return sources.Errorf(sources.ErrConsent, "wallet %s has no consent", wallet)
	}
	var after atomic.Int64 // requests after which no wallet may be asked
	sent := &counting{}
	w := newWorld(t, mpaytest.Options{}, func(c *Config) {
		c.Client = &http.Client{Transport: sent}
		c.Consent = func(_ context.Context, wallet string) error {
			if sent.n.Load() >= after.Load() {
				return refuse(wallet)
			}
			return nil
		}
	})
	read := func(s sources.Source) (pages int, err error) {
		for p, err := range s.Pages(t.Context(), aDay, "") {
			if err != nil {
				return pages, err
			}
			p.Rows.Release()
			pages++
		}
		return pages, nil
	}
	ledger := w.up.Ledger(w.cfg.Wallets[0].ID)
	for _, s := range []sources.Source{ledger, w.up.Providers()} {
		if pages, err := read(s); pages != 0 || !errors.Is(err, sources.ErrConsent) || sent.n.Load() != 0 {
			t.Errorf("%s: %d pages, %d requests, %v", s.Stream(), pages, sent.n.Load(), err)
		}
	}
	after.Store(4) // start, verify, two pages
	if pages, err := read(ledger); pages != 2 || !errors.Is(err, sources.ErrConsent) || sent.n.Load() != 4 {
		t.Errorf("%d pages, %d requests, %v", pages, sent.n.Load(), err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

// A catalogue is read with the session of a wallet that consents.
func TestCatalogueNeedsOneConsent(t *testing.T) {
	w := newWorld(t, mpaytest.Options{}, func(c *Config) {
		c.Consent = func(_ context.Context, wallet string) error {
			if wallet == c.Wallets[0].ID {
				return sources.Errorf(sources.ErrConsent, "wallet %s has no consent", wallet)
			}
			return nil
		}
	})
	for p, err := range w.up.Providers().Pages(t.Context(), sources.Window{}, "") {
		if err != nil {
			t.Fatal(err)
		}
		p.Rows.Release()
	}
	if w.up.wallets[w.cfg.Wallets[0].ID].get().Access != "" || w.up.wallets[w.cfg.Wallets[1].ID].get().Access == "" {
		t.Error("the catalogue was not read with the wallet that consents")
	}
}
