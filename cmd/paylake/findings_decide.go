package main

// What a person says of a finding of the warehouse: that it has an innocent
// reason, or that it is what it looks like.

import (
	"context"
	"errors"
	"fmt"

	"github.com/paylake/paylake/cmd/internal/decisions"
)

// judged is the finding that --explain or --confirm is about; empty: none.
func (f reconcileFlags) judged() (id string, kind decisions.Kind) {
	if f.explain != "" {
		return f.explain, decisions.Explain
	}
	return f.confirm, decisions.Confirm
}

// checkJudged refuses what does not go with a word about a finding.
func (f reconcileFlags) checkJudged() error {
	id, kind := f.judged()
	switch {
	case id == "":
		return nil
	case f.explain != "" && f.confirm != "":
		return usagef("--explain and --confirm say opposite things; give one of them")
	case f.accept != "" || f.hold || f.expect != "" || f.repair || f.findings || f.period != "" || f.asJSON:
		return usagef("--%s goes with --by and --reason alone", kind)
	case !decisions.IsFinding(id):
		return usagef("--%s takes the id of a finding, fnd_ and 16 hexadecimal digits as `paylake reconcile --findings` prints it, not %q", kind, id)
	}
	if err := decisions.CheckWords(f.by, f.reason); err != nil {
		return usagef("%w", err)
	}
	return nil
}

// judge keeps what is said. It is about the month that the finding lies in; one
// that is closed does not matter, because no amount changes by it.
func (p *program) judge(ctx context.Context, f reconcileFlags) (err error) {
	id, kind := f.judged()
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if err := h.openExisting(ctx); err != nil {
		return err
	}
	if err := h.openState(ctx); err != nil {
		return err
	}
	h.store = h.newWarehouse()
	ch, err := h.store.get(ctx)
	if err != nil {
		return err
	}
	if err := h.holdsLake(ctx, ch, 0, nil); err != nil {
		return err
	}
	shown, err := ch.Newest(ctx, 0)
	if err != nil {
		return err
	}
	d, ok, err := h.warehouseFinding(ctx, id)
	if err != nil {
		return err
	}
	if !ok {
		return usagef("--%s %s: the warehouse has no finding of that id; `paylake reconcile --findings` lists those that it has", kind, id)
	}
	d.Kind, d.Subject, d.By, d.Reason, d.AsOf = kind, id, f.by, f.reason, shown.Sequence
	made, err := h.decide(ctx, func(*decisions.Ledger, int64) ([]decisions.Decision, error) { return []decisions.Decision{d}, nil })
	if err != nil {
		return err
	}
	for _, one := range append(made.Made, made.Standing...) {
		fmt.Fprintf(p.stdout, "%s (%s of %s) is %sed (%s)\n", id, one.What, one.Period, kind, signed(one))
	}
	return nil
}
