package mpay

import (
	"context"
	"net/http"

	"github.com/paylake/paylake/sources"
)

// access asks a question with a session that may read the answer, renewing it
// in the middle of a window: the question, its cursor included, stays the same.
type access interface {
	ask(ctx context.Context, r request) (*response, error)
}

// oneWallet reads what belongs to one wallet.
type oneWallet struct{ s *session }

// A page that is refused again after a renewal was refused to a fresh session:
// then only the OTP chain is left, and after it a person. Taking over what
// another process has renewed meanwhile is not a renewal of our own.
func (o *oneWallet) ask(ctx context.Context, r request) (*response, error) {
	how := byAll
	for range 4 {
		resp, refused, err := o.s.try(ctx, r)
		if err != nil || resp != nil {
			return resp, err
		}
		if how > byOTP {
			break
		}
		own, err := o.s.renew(ctx, refused, how)
		if err != nil {
			return nil, err
		}
		if own {
			how++
		}
	}
	return nil, sources.Errorf(sources.ErrAuth, "%s: the upstream refuses sessions that it has just opened; type: paylake login --wallet %s", o.s, o.s.wallet.ID)
}

// try asks once. A nil response without an error means that the session is
// missing or refused.
func (s *session) try(ctx context.Context, r request) (resp *response, refused string, err error) {
	if err := s.allowed(ctx); err != nil {
		return nil, "", err
	}
	token, err := s.token(ctx)
	if err != nil || token == "" {
		return nil, "", err
	}
	r.bearer = token
	resp, err = s.u.send(ctx, r)
	switch {
	case err != nil:
		return nil, "", err
	case resp.status == http.StatusUnauthorized:
		return nil, token, nil
	case resp.status == http.StatusForbidden:
		return nil, "", sources.Errorf(sources.ErrAuth, "%s: the upstream forbids it (403); check the wallet's rights, then type: paylake login --wallet %s", s, s.wallet.ID)
	}
	return resp, "", nil
}

// anyWallet reads catalogues, which belong to no wallet: with the first
// session, in the order of the configuration, that can be used.
type anyWallet struct {
	u    *Upstream
	used *session // the one that worked last
}

func (a *anyWallet) ask(ctx context.Context, r request) (*response, error) {
	var problems []error
	if a.used != nil {
		if resp, err := a.with(ctx, a.used, r, byRefresh); err == nil || !unusable(err) {
			return resp, err
		}
	}
	// Sessions that are there come first; only when none is good does somebody
	// get an OTP for the sake of a catalogue.
	for _, how := range []renewal{byRefresh, byAll} {
		for _, w := range a.u.cfg.Wallets {
			if how == byAll && w.OTP == nil {
				continue
			}
			resp, err := a.with(ctx, a.u.wallets[w.ID], r, how)
			if err == nil {
				return resp, nil
			}
			if !unusable(err) {
				return nil, err
			}
			problems = append(problems, err)
		}
	}
	if len(problems) == 0 {
		return nil, sources.Errorf(sources.ErrAuth, "no wallet is configured whose session could read it")
	}
	return nil, problems[len(problems)-1] // the nearest to a usable one
}

func (a *anyWallet) with(ctx context.Context, s *session, r request, how renewal) (*response, error) {
	resp, refused, err := s.try(ctx, r)
	if err == nil && resp == nil {
		if refused == "" && how == byRefresh {
			return nil, sources.Errorf(sources.ErrAuth, "%s has no session; type: paylake login --wallet %s", s, s.wallet.ID)
		}
		own := false
		for range 2 { // the second time when another process's session was no better
			if own, err = s.renew(ctx, refused, how); err != nil {
				return nil, err
			}
			if resp, refused, err = s.try(ctx, r); own || err != nil || resp != nil {
				break
			}
		}
	}
	if err == nil && resp == nil {
		err = sources.Errorf(sources.ErrAuth, "%s: the upstream refuses a session that it has just renewed; type: paylake login --wallet %s", s, s.wallet.ID)
	}
	if err == nil {
		a.used = s
	}
	return resp, err
}
