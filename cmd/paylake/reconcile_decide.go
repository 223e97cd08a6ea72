package main

// What a reconciliation lets a person decide: hold a period back, accept a
// difference, sign a period off.

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/paylake/paylake/cmd/internal/decisions"
	"github.com/paylake/paylake/cmd/internal/reconcile"
	"github.com/paylake/paylake/sinks/clickhouse"
	"github.com/paylake/paylake/sinks/clickhouse/embedded"
)

// The words of a sign-off that nobody in particular gave.
const (
	signedByItself = "paylake reconcile"
	signedBecause  = "everything agrees with the expectations"
)

// check refuses flags that do not go together, and words that say nothing.
func (f *reconcileFlags) check() error {
	switch {
	case f.rows < 0:
		return usagef("--rows is how many rows to list, not %d", f.rows)
	case f.hold && (f.accept != "" || f.expect != "" || f.asJSON):
		return usagef("--hold goes with --period, --by and --reason alone")
	case f.accept != "" && !decisions.IsFinding(f.accept):
		return usagef("--accept takes the id of a finding, fnd_ and 16 hexadecimal digits as the comparison prints it, not %q", f.accept)
	case f.reason != "" && f.by == "":
		return usagef("--reason goes with --by NAME: a decision is kept with who took it")
	case f.explain != "" || f.confirm != "":
		return f.checkJudged()
	case f.accept == "" && !f.hold && f.by == "":
		return nil
	case f.accept == "" && !f.hold && f.expect == "":
		return usagef("--by signs a period off, which needs --expect FILE: there is nothing to sign without expectations")
	}
	reason := f.reason
	if reason == "" && f.accept == "" && !f.hold {
		reason = signedBecause
	}
	if err := decisions.CheckWords(f.by, reason); err != nil {
		return usagef("%w", err)
	}
	return nil
}

// holdPeriod keeps a period from analysts until it is signed off.
func (h *house) holdPeriod(ctx context.Context, f reconcileFlags) error {
	span, err := decisions.ParseSpan(f.period)
	if err != nil {
		return usagef("--period: %w", err)
	}
	if err := h.openExisting(ctx); err != nil {
		return err
	}
	if err := h.openState(ctx); err != nil {
		return err
	}
	made, err := h.decide(ctx, func(so *decisions.Ledger, head int64) ([]decisions.Decision, error) {
		if by, closed := so.Closed(span); closed {
			return nil, closedError("--hold", by)
		}
		return []decisions.Decision{{Kind: decisions.Hold, Period: span.Name(), By: f.by, Reason: f.reason, AsOf: head}}, nil
	})
	if err != nil {
		return err
	}
	for _, d := range append(made.Made, made.Standing...) {
		fmt.Fprintf(h.p.stdout, "%s is held back from publication (%s): analysts do not see it until it is signed off: paylake reconcile --period %s --expect FILE\n", d.Period, signed(d), span.Months()[0])
	}
	return nil
}

// signing is what a person wants of a reconciliation beside its answer.
type signing struct {
	flags    reconcileFlags
	period   decisions.Span
	evidence string
	foreign  *decisions.Decision // the acceptance of a finding that is no difference of it
}

// wanted is what is decided in view of what was decided before. It notes in the
// report what is accepted then.
func (s *signing) wanted(r *reconcile.Report, so *decisions.Ledger) (list []decisions.Decision, err error) {
	if by, closed := so.Closed(s.period); closed {
		if s.flags.accept != "" {
			return nil, closedError("--accept", by)
		}
		return nil, nil // it is as it was; nothing is signed any more
	}
	if s.foreign != nil {
		list = append(list, *s.foreign)
	}
	for _, d := range r.Open() {
		if d.Finding == s.flags.accept {
			list = append(list, d.Decision(r.Period, s.flags.by, s.flags.reason, r.Snapshot))
		}
	}
	r.Accept(so.With(list...))
	last, some := so.Hold(s.period)
	held := some && last.Kind == decisions.Hold
	if !r.Agrees || len(r.Unread) > 0 || s.flags.expect == "" || !held && s.flags.by == "" {
		return list, nil
	}
	by, reason := s.flags.by, s.flags.reason
	if by == "" {
		by, reason = signedByItself, signedBecause
	}
	if reason == "" {
		reason = signedBecause
	}
	return append(list, r.SignOff(by, reason, s.evidence)...), nil
}

// sign takes the decisions that follow from a comparison, if there are any, and
// says in the report how the period stands then.
func (h *house) sign(ctx context.Context, s *signing, r *reconcile.Report) error {
	so, err := decisions.Read(ctx, h.lake)
	if err != nil {
		return err
	}
	r.Accept(so)
	if s.flags.accept != "" {
		if err := h.findable(ctx, s, r); err != nil {
			return err
		}
	}
	list, err := s.wanted(r, so)
	if err != nil {
		return err
	}
	if len(list) > 0 {
		_, err := h.decide(ctx, func(so *decisions.Ledger, _ int64) ([]decisions.Decision, error) { return s.wanted(r, so) })
		if err != nil {
			return err
		}
		if so, err = decisions.Read(ctx, h.lake); err != nil {
			return err
		}
	}
	r.Accept(so)
	if d, ok := so.Hold(s.period); ok && d.Kind == decisions.Hold {
		r.Held = signed(d)
	}
	if d, ok := so.Closed(s.period); ok {
		r.Closed = signed(d)
	}
	return nil
}

// findable refuses a finding that nobody knows. One of the warehouse's view is
// accepted as it is there.
func (h *house) findable(ctx context.Context, s *signing, r *reconcile.Report) error {
	id := s.flags.accept
	known, why := r.Has(id)
	switch {
	case why != "":
		return usagef("--accept %s: %s", id, why)
	case known:
		return nil
	}
	d, ok, err := h.warehouseFinding(ctx, id)
	if err != nil {
		return err
	}
	if !ok {
		return usagef("--accept %s: neither this reconciliation nor the warehouse has a finding of that id; the comparison prints those that it has", id)
	}
	d.Kind, d.Period, d.Subject, d.By, d.Reason = decisions.Accept, r.Period, id, s.flags.by, s.flags.reason
	d.AsOf = r.WarehouseSnapshot
	s.foreign = &d
	return nil
}

// warehouseFinding looks a finding up in the view findings.
func (h *house) warehouseFinding(ctx context.Context, id string) (d decisions.Decision, ok bool, err error) {
	if !slices.Contains(embedded.Views, "findings") {
		return d, false, nil
	}
	ch, err := h.store.get(ctx)
	if err != nil {
		return d, false, err
	}
	side := &warehouseSide{ch: ch, query: clickhouse.Query{User: "auditor", Parameters: map[string]string{"finding": id}}}
	const sql = "SELECT toString(kind), ifNull(toString(currency), ''), ifNull(toString(amount_minor), ''), formatDateTime(business_date, '%Y-%m') FROM findings WHERE finding_id = {finding:String} LIMIT 1"
	err = side.texts(ctx, sql, func(v []string) error {
		ok, d.What, d.Currency, d.Period = true, v[0], v[1], v[3]
		if v[2] == "" || v[1] == "" {
			d.Currency = ""
			return nil
		}
		amount, err := strconv.ParseInt(v[2], 10, 64)
		d.Amount = &amount
		return err
	})
	return d, ok, err
}

// decidesMaybe reports whether a reconciliation may end in a commit, so that what
// records it must be open before the warehouse is.
func (h *house) decidesMaybe(ctx context.Context, s *signing) (bool, error) {
	so, err := decisions.Read(ctx, h.lake)
	if err != nil {
		return false, err
	}
	if by, closed := so.Closed(s.period); closed && s.flags.accept != "" {
		return false, closedError("--accept", by)
	}
	d, ok := so.Hold(s.period)
	return s.flags.by != "" || ok && d.Kind == decisions.Hold, nil
}
