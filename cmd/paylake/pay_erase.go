package main

// A person who is erased is erased in payments, too.

import (
	"context"
	"errors"
	"fmt"

	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/sinks/gate"
)

// paymentsOf lists the payments whose payer has a number; what is under way is
// an error that a person must see first.
func (d *payDesk) paymentsOf(ctx context.Context, e164 string) (ids []string, err error) {
	rows, err := d.payments.List(ctx, state.PaymentFilter{})
	if err != nil {
		return nil, err
	}
	var underWay []error
	for _, r := range rows {
		it, err := intentOf(r)
		if err != nil {
			return nil, err
		}
		if "+"+it.Order.Account != e164 {
			continue
		}
		if _, _, err := it.Erase("", d.h.p.now()); err != nil {
			underWay = append(underWay, err)
		}
		ids = append(ids, it.PaymentID)
	}
	if err := errors.Join(underWay...); err != nil {
		return nil, personMust(fmt.Errorf("nobody was erased, because a payment of this person is under way; see: paylake pay status: %w", err))
	}
	return ids, nil
}

// erase takes the payer's number out of payments.
func (d *payDesk) erase(ctx context.Context, ids []string, by string) error {
	return d.register.Decide(ctx, gate.Ask{IDs: ids}, func(v gate.View) (changes []gate.Change, err error) {
		for _, id := range ids {
			it, line, err := v.Intents[id].Erase(by, d.h.p.now())
			if err != nil {
				return nil, err
			}
			changes = append(changes, gate.Change{Intent: it, Line: line})
		}
		return changes, nil
	})
}
