package mpay

import (
	"context"
	"errors"

	"github.com/paylake/paylake/sources"
)

// allowed asks, before every request for the sake of a wallet, whether its owner
// still allows it. A login that a person asks for is not one of them: it reads
// nothing.
func (s *session) allowed(ctx context.Context) error {
	if s.u.cfg.Consent == nil {
		return nil
	}
	return s.u.cfg.Consent(ctx, s.wallet.ID)
}

// unusable reports whether another wallet may be tried instead.
func unusable(err error) bool {
	return errors.Is(err, sources.ErrAuth) || errors.Is(err, sources.ErrConsent)
}
