package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/paylake/paylake/cmd/internal/facade"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources/mpay"
)

// newFacade serves wallets to clients in the façade's shape.
func (h *house) newFacade() http.Handler {
	return facade.New(facade.Options{Keys: h.state.APIKeys(), Sessions: h.state.Facade(), Wallets: ownWallets{h}, Consents: facadeConsents{h},
		Warehouse: answering{h.store}, Now: h.p.now, Log: h.p.log})
}

// ownWallets are the wallets of the sources that this process reads.
type ownWallets struct{ h *house }

// Of implements facade.Wallets: numbers are compared by their digits.
func (o ownWallets) Of(msisdn string) (source, wallet string, ok bool) {
	for _, s := range o.h.cfg.Sources {
		if o.h.mpay[s.Name] == nil {
			continue
		}
		for _, w := range s.Wallets {
			if digits(w.MSISDN) == digits(msisdn) {
				return s.Name, w.ID, true
			}
		}
	}
	return "", "", false
}

func digits(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
}

// StartOTP implements facade.Wallets.
func (o ownWallets) StartOTP(ctx context.Context, source, wallet, locale string) (mpay.Challenge, time.Duration, error) {
	return o.h.mpay[source].StartOTP(ctx, wallet, locale)
}

// VerifyOTP implements facade.Wallets.
func (o ownWallets) VerifyOTP(ctx context.Context, source, wallet, challenge, code string) (mpay.Verdict, error) {
	return o.h.mpay[source].VerifyOTP(ctx, wallet, challenge, code)
}

// facadeConsents records what a password stands for: the consent that
// `paylake consent grant --wallet W` records, given through a client.
type facadeConsents struct{ h *house }

// Grant implements facade.Consents. A consent that stands under other terms, such
// as one that a person has recorded, stays what it is.
func (c facadeConsents) Grant(ctx context.Context, source, wallet, client string) error {
	for _, s := range c.h.cfg.Sources {
		for _, w := range s.Wallets {
			if s.Name != source || w.ID != wallet {
				continue
			}
			_, err := c.h.state.Consents().Grant(ctx, []state.Consent{{Source: source, Wallet: wallet, Subject: c.h.pseudo.Subject(w.MSISDN),
				Purposes: []string{schemas.PurposeAnalytics}, Until: c.h.p.now().Add(maxConsent), GrantedBy: "the wallet's owner, by OTP through " + client}})
			if errors.Is(err, state.ErrOverlap) {
				return nil
			}
			return err
		}
	}
	return errors.New("the wallet is not in the configuration any more")
}

// Live implements facade.Consents.
func (c facadeConsents) Live(ctx context.Context, source, wallet string) (bool, error) {
	standing, err := c.h.permits.Standing(ctx, source)
	return standing[wallet].Live(c.h.p.now()), err
}
