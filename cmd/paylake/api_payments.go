package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/paylake/paylake/cmd/internal/api"
	"github.com/paylake/paylake/sinks/gate"
)

// approving takes approvals that were signed somewhere else.
type approving struct{ desk *payDesk }

// Approve implements api.Payments: what `paylake pay approve` does with one
// payment, whose approval comes signed. The register checks it as it checks the
// command's: the signature, that the approver is known and not the maker, that
// the draft is the one that was signed, and the limits.
func (a approving) Approve(ctx context.Context, id string, signed api.Approval) error {
	d := a.desk
	now := d.h.p.now()
	ap := gate.Approval{By: signed.By, Batch: signed.Batch, At: now, Note: signed.Note}
	ids := []string{id}
	err := d.register.Decide(ctx, gate.Ask{IDs: ids}, gate.ApproveBatch(ids, ap, d.h.cfg.Payments.Approvers, now))
	var person *failure
	switch {
	case err == nil:
		return nil
	case errors.Is(err, gate.ErrAbsent):
		return &api.Refusal{Status: http.StatusNotFound, Detail: "there is no such payment here"}
	case errors.As(personMust(err), &person):
		return &api.Refusal{Status: http.StatusConflict, Detail: withoutFile(err.Error())}
	}
	return err
}
