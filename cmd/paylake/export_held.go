package main

import (
	"context"
	"fmt"

	"github.com/paylake/paylake/cmd/internal/decisions"
	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/sinks/clickhouse"
)

// sayHeld says on stderr which periods of an export are held back from
// publication. A server decides by its own user what is seen, and ours sees
// everything: there an export for analysts is refused.
func (h *house) sayHeld(ctx context.Context, f exportFlags) error {
	if f.days.from == "" && f.view != "" && !clickhouse.OfPeriods(f.view) {
		return nil // a catalogue: none of its rows belongs to a period
	}
	held, err := h.heldBetween(ctx, f.days.from, f.days.to)
	if err != nil {
		return err
	}
	for _, s := range held {
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

// heldBetween are the periods that are held back from publication and have days
// from a day on and before another; an empty day bounds nothing.
func (h *house) heldBetween(ctx context.Context, from, to string) (list []decisions.Span, err error) {
	if h.lake == nil {
		return nil, nil
	}
	so, err := decisions.Read(ctx, h.lake)
	if err != nil {
		return nil, err
	}
	for _, s := range so.Held() {
		first, after := s.Days()
		if (from == "" || after > from) && (to == "" || first < to) {
			list = append(list, s)
		}
	}
	return list, nil
}
