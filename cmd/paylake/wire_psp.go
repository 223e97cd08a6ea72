package main

import (
	"context"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/sources"
	"github.com/paylake/paylake/sources/flashpay"
)

// openFlashpay makes the upstream of one project. Sources that share a token
// share its one request.
func (h *house) openFlashpay(ctx context.Context, s config.Source) error {
	if s.DataURL == "" { // payment initiation only
		return nil
	}
	token, err := s.DataToken.Text(ctx)
	if err != nil {
		return err
	}
	secret, err := s.DataSecret.Text(ctx)
	if err != nil {
		return err
	}
	if h.turns == nil {
		h.turns = map[[2]string]flashpay.Turn{}
	}
	shared := [2]string{s.DataURL, token}
	if h.turns[shared] == nil {
		h.turns[shared] = flashpay.NewTurn()
	}
	keep := map[string][]string{}
	for _, q := range h.cfg.Pipelines {
		if q.Source == s.Name {
			keep[q.Table] = q.Keep
		}
	}
	h.psp[s.Name], err = flashpay.New(flashpay.Config{
		Name: s.Name, DataURL: s.DataURL, ProjectID: s.ProjectID, Token: token, TokenSecret: secret,
		Zone: s.Zone, Client: h.httpClient(0), Fields: s.Fields, Keep: keep, Pseudonyms: h.pseudo,
		Now: h.p.now, Turn: h.turns[shared], Wait: h.p.waits.platform,
	})
	return err
}

// pspSource is the list that fills a table. The configuration has refused every
// other table.
func pspSource(u *flashpay.Upstream, table string) sources.Source {
	switch table {
	case "operation_fees":
		return u.Fees()
	case "chargebacks":
		return u.Chargebacks()
	case "psp_balances":
		return u.Balances()
	case "currency_rates":
		return u.Rates()
	}
	return u.Operations()
}
