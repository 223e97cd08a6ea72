package main

// The cost centres of a statement: which they are, and what they leave open.

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/paylake/paylake/cmd/internal/account"
	"github.com/paylake/paylake/config"
)

// costCentres are those of the flag's file, else of the configuration.
func (h *house) costCentres(d dataset, f exportFlags) (out []account.Centre, err error) {
	if !d.statement {
		return nil, nil
	}
	list := h.cfg.CostCentres
	if f.centres != "" {
		path, err := filepath.Abs(f.centres)
		if err != nil {
			return nil, fmt.Errorf("find the current folder: %w", err)
		}
		if list, err = config.ReadCostCentres(path); err != nil {
			return nil, err
		}
	}
	for _, c := range list {
		out = append(out, account.Centre{ProviderCode: c.ProviderCode, CostCentre: c.CostCentre})
	}
	return out, nil
}

// sayCentres lists, for stderr, providers of the file that nobody knows and
// providers of the rows that have no cost centre.
func (h *house) sayCentres(ctx context.Context, s *shop) error {
	if len(s.centres) == 0 {
		return nil
	}
	var answer []struct{ Codes []string }
	known := map[string]bool{}
	if err := s.ask(ctx, "SELECT groupUniqArray(toString(provider_code)) AS codes FROM (SELECT provider_code FROM providers UNION DISTINCT SELECT provider_code FROM ledger)", &answer); err != nil {
		return err
	}
	for _, code := range answer[0].Codes {
		known[code] = true
	}
	var unknown []string
	for _, c := range s.centres {
		if !known[c.ProviderCode] {
			unknown = append(unknown, c.ProviderCode)
		}
	}
	if len(unknown) > 0 {
		fmt.Fprintf(h.p.stderr, "cost centres: no catalogue and no row has %s\n", shortList(unknown))
	}
	if err := s.ask(ctx, account.Unbooked(account.Selection{From: s.from, To: s.to, Centres: s.centres}), &answer); err != nil {
		return err
	}
	if open := answer[0].Codes; len(open) > 0 {
		fmt.Fprintf(h.p.stderr, "cost centres: none is named for %s\n", shortList(open))
	}
	return nil
}

// shortList names the first twenty.
func shortList(list []string) string {
	more := ""
	if len(list) > 20 {
		list, more = list[:20], fmt.Sprintf(" and %d more", len(list)-20)
	}
	return strings.Join(list, ", ") + more
}
