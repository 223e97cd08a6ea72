package main

// Decisions of persons: committed in the lake, recorded in the audit log.

import (
	"context"
	"errors"
	"fmt"

	"github.com/paylake/paylake/cmd/internal/decisions"
	"github.com/paylake/paylake/pipeline/state"
)

// decide commits what plan decides, records it in the audit log, and brings the
// transparency log and the warehouse up to it. State must be open. A crash after
// the commit leaves the audit log behind: who says the same again mends that.
func (h *house) decide(ctx context.Context, plan func(so *decisions.Ledger, head int64) ([]decisions.Decision, error)) (decisions.Recorded, error) {
	if err := h.openLake(ctx); err != nil {
		return decisions.Recorded{}, err
	}
	r, err := decisions.Record(ctx, h.lake, h.p.now, plan)
	if err != nil {
		return r, err
	}
	const stands = "the decision stands"
	if err := h.auditDecisions(ctx, r); err != nil {
		return r, fmt.Errorf("%s, and is not in the audit log yet; type the same again: %w", stands, err)
	}
	if r.Manifest == 0 {
		return r, nil
	}
	return r, errors.Join(h.logCommitted(ctx, stands), h.changeOver(ctx, stands))
}

// auditDecisions records every decision once. What a sign-off compared is in the
// lake with it, and no act of its own.
func (h *house) auditDecisions(ctx context.Context, r decisions.Recorded) error {
	known := map[string]bool{}
	if len(r.Standing) > 0 {
		acts, err := h.state.Acts(ctx)
		if err != nil {
			return err
		}
		for _, a := range acts {
			known[a.Subject] = true
		}
	}
	for _, d := range append(r.Made, r.Standing...) {
		subject := d.ID + " " + d.Period
		if d.Subject != "" {
			subject += " " + d.Subject
		}
		if d.Kind == decisions.Compare || known[subject] {
			continue
		}
		if err := h.state.Audit(ctx, state.Act{Actor: d.By, Action: string(d.Kind), Subject: subject, Reason: d.Reason}); err != nil {
			return err
		}
	}
	return nil
}

// closedError says that a period is closed, and what comes instead.
func closedError(what string, by decisions.Decision) error {
	return usagef("%s: %s was closed by %s at %s; what came later is in its restatement: paylake restatements %s", what, by.Period, by.By, instant(by.At), by.Period)
}

// signed says who decided, when and why, in words.
func signed(d decisions.Decision) string {
	return fmt.Sprintf("%s, %s: %s", d.By, instant(d.At), d.Reason)
}
