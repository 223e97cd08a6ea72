package main

// What could not be sent as limits stand is said before anybody approves it.

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/paylake/paylake/sinks/gate"
)

// above says which of some intents could not be sent as limits stand; they are
// looked at in the order in which they would be sent.
func (d *payDesk) above(ctx context.Context, list []gate.Intent) (text string, err error) {
	list = slices.SortedFunc(slices.Values(list), func(a, b gate.Intent) int { return cmp.Compare(a.PaymentID, b.PaymentID) })
	list = slices.DeleteFunc(list, func(it gate.Intent) bool { return it.Status.Committed() }) // counted already
	if len(list) == 0 {
		return "", nil
	}
	since := d.day(list[0].Order.Source, d.h.p.now())
	err = d.register.Decide(ctx, gate.Ask{Since: since}, func(v gate.View) ([]gate.Change, error) {
		text = gate.Above(list, d.limits, v.Used)
		return nil, nil
	})
	return text, err
}

// sayAbove warns before anybody approves what could not be sent.
func (p *program) sayAbove(text string, err error) error {
	if text != "" {
		fmt.Fprintf(p.stderr, "%s; see payments.limits\n", text)
	}
	return err
}
