package main

import (
	"context"
	"fmt"

	"github.com/paylake/paylake/cmd/internal/decisions"
	"github.com/paylake/paylake/config"
)

// sayHeld says on stderr which periods of an export are held back from
// publication. A server decides by its own user what is seen, and ours sees
// everything: there an export for analysts is refused.
func (h *house) sayHeld(ctx context.Context, f exportFlags) error {
	if h.lake == nil {
		return nil
	}
	so, err := decisions.Read(ctx, h.lake)
	if err != nil {
		return err
	}
	for _, s := range so.Held() {
		from, to := s.Days()
		if f.days.from != "" && to <= f.days.from || f.days.to != "" && from >= f.days.to {
			continue
		}
		switch {
		case f.reader != "analyst":
			fmt.Fprintf(h.p.stderr, "paylake: %s is held back from publication; the %s sees it all the same\n", s.Name(), f.reader)
		case h.cfg.Warehouse == config.Embedded:
			fmt.Fprintf(h.p.stderr, "paylake: %s is held back from publication: rows of these days are left out\n", s.Name())
		default:
			return fmt.Errorf("%s is held back from publication, and the warehouse's user sees it; export other days, or --as accountant", s.Name())
		}
	}
	return nil
}
